# An examination of a server: what is well, and what to do about what is not.

$ redis-server --port 0 --unixsocket $PWD/s --save '' --enable-debug-command yes --loading-process-events-interval-bytes 1024 --daemonize yes --pidfile $PWD/pid --logfile $PWD/log >/dev/null; wait_for test -S s
? 0
$ echo 'REDIS_URL=unix:'$PWD/s'; export REDIS_URL; R="redis-cli -s '$PWD/s'"' >env
? 0
$ . ./env; $R config set maxmemory 500mb maxmemory-policy allkeys-lfu
OK
? 0
$ . ./env; holdfast doctor >all; status=$?; sed "s,$PWD,HERE,"' ; s/[0-9][0-9.]* \(ms\|of\|s$\)/N \1/g; s/Redis [0-9.]*/Redis V/; s/^warning   latency.*/ok        latency/; s/latency .*/latency/; /^   *Something holds/d; s/behind/ahead/; s/[01] warnings*/N warnings/' all; exit $status
ok        url          unix:HERE/s
ok        socket       connected
ok        tls          not used; the server is on this machine
ok        login        as user default
ok        role         master
ok        version      Redis V, up N s
ok        memory       N of 500.0 MB used, allkeys-lfu
ok        persistence  append-only file off, snapshots off
ok        clients      N of 10000 connected; 0 were refused since it started; this pool may use 20
ok        latency
ok        clock        the server's is N ms ahead (give or take N ms)
ok        entry        stored, read and deleted in N ms
ok        keys         1: holdfast@0/ 100 %

0 problems, N warnings
? 0
$ . ./env; holdfast doctor --json | jq -c '[.endpoint|startswith("unix:")], .problems, [.checks[].check]'
[true]
0
["url","socket","tls","login","role","version","memory","persistence","clients","latency","clock","entry","keys"]
? 0

# Nothing of it stays but the token of the namespace, and nothing is asked with KEYS.

$ . ./env; $R keys '*'; $R info commandstats | grep -o 'cmdstat_keys:calls=[0-9]*'
holdfast@0/namespace
cmdstat_keys:calls=1
? 0

# Whose keys there are; theirs cannot do anything to a terminal.

$ . ./env; for i in 1 2 3 4 5 6; do $R set "session:$i" x >/dev/null; done; printf 'set "a\\x1b[31mb:1" x\n' | $R >/dev/null; holdfast doctor | grep '^[a-z]* *keys'
ok        keys         8: session: 75 %, a\x1b[31mb: 12 %, holdfast@0/ 12 %
? 0

# Memory: no limit, no eviction, nothing to evict.

$ . ./env; $R config set maxmemory 0; holdfast doctor | grep -A 2 ' memory'
OK
warning   memory       1.3 MB used, no limit
                       It may grow until the machine has none left: CONFIG SET
                       maxmemory 1gb and maxmemory-policy allkeys-lfu.
? 0
$ . ./env; $R config set maxmemory 500mb maxmemory-policy noeviction; holdfast doctor | grep -A 3 ' memory' | sed 's/[0-9.]* of/N of/'
OK
warning   memory       N of 500.0 MB used, noeviction: when it is full, writes are refused
                       For a cache: CONFIG SET maxmemory-policy allkeys-lfu
                       (volatile-lfu when it shares the server with data that
                       must stay).
? 0
$ . ./env; $R config set maxmemory 1mb maxmemory-policy volatile-lru; holdfast doctor | grep -A 2 ' \(memory\|entry\)' | sed 's/[0-9.]* of 1.0/N of 1.0/; /^ok/d'
OK
problem   memory       N of 1.0 MB used, volatile-lru: 8 of 8 keys never expire and so are never evicted
                       Raise maxmemory, move what must stay elsewhere, or use
                       allkeys-lfu.
--
problem   entry        storing one: server is out of memory: cache set: OOM command not allowed when used memory > 'maxmemory'.
                       It is full: raise maxmemory, or set a maxmemory-policy
                       that evicts.
? 0
$ . ./env; $R config set maxmemory 0 maxmemory-policy noeviction; $R config set maxclients 15; holdfast doctor | grep -A 1 ' clients' | sed 's/[0-9]* were/N were/'
OK
OK
warning   clients      1 of 15 connected; N were refused since it started; this pool may use 20
                       Raise maxclients, or lower --max-connections.
? 0

# A replica, and one that is being loaded.

$ . ./env; $R replicaof 127.0.0.1 1; holdfast doctor | grep -A 1 ' \(role\|entry\)'; $R replicaof no one
OK
problem   role         a replica whose link to its master is down: writes are refused
                       Give the URL of the master, or promote this one.
--
problem   entry        storing one: node is a read-only replica: cache set: READONLY You can't write against a read only replica.
                       Give the URL of the master.
OK
? 0
$ . ./env; $R debug populate 20000 load 10; $R config set key-load-delay 1000 >/dev/null; $R save; $R debug reload nosave >/dev/null 2>&1 & . ./env; wait_for sh -c "$R ping | grep LOADING" >/dev/null; holdfast doctor --socket-timeout 1 | tail -n +3; $R config set key-load-delay 0; wait; $R flushall
OK
OK
problem   loading      server is loading its data: handshake: LOADING Redis is loading the dataset in memory
                       It has just been started and reads its data: wait, and
                       see its log for how long.

1 problem, 0 warnings
OK
OK
? 0
OK
OK

# Passwords and rights.

$ . ./env; $R acl setuser app on '>secret' '~other*' +@connection +get >/dev/null; REDIS_PASSWORD=wrong holdfast doctor --user app | sed "s,$PWD,HERE,"
ok        url          unix:HERE/s
ok        socket       connected
problem   login        authentication failed: handshake: WRONGPASS invalid username-password pair or user is disabled.
                       Give the right password in REDIS_PASSWORD or by
                       --password-file, and the user by --user.

1 problem, 0 warnings
? 0
$ . ./env; REDIS_PASSWORD=secret holdfast doctor --user app | grep -v latency | sed "s,$PWD,HERE,"
ok        url          unix:HERE/s
ok        socket       connected
ok        tls          not used; the server is on this machine
ok        login        accepted
warning   rights       INFO: permission denied by the server's ACL
                       To see role, version, memory, persistence and clients:
                       ACL SETUSER NAME +info.
warning   rights       CONFIG GET: permission denied by the server's ACL
                       To see how snapshots are set: ACL SETUSER NAME
                       +config|get.
warning   clock        TIME: permission denied by the server's ACL
                       To compare clocks: ACL SETUSER NAME +time.
problem   entry        storing one: permission denied by the server's ACL: cache set: NOPERM this user has no permissions to access one of the keys used as arguments
                       Which rights a cache needs, docs/guide/security.md has
                       as an ACL SETUSER: ~PREFIX@* ~lease{PREFIX@* +@read
                       +@write and some more.
warning   keys         permission denied by the server's ACL: NOPERM this user has no permissions to run the 'scan' command
                       To see whose keys there are: ACL SETUSER NAME +scan
                       +dbsize.

1 problem, 4 warnings
? 0
$ . ./env; $R config set requirepass secret; holdfast doctor | grep -o 'problem   login .*NOAUTH'; $R -a secret --no-auth-warning config set requirepass ''
OK
problem   login        authentication failed: handshake: NOAUTH
OK
? 0

# One that hangs.

$ . ./env; kill -STOP $(cat pid); holdfast doctor --socket-timeout 0.5 | tail -n +3; kill -CONT $(cat pid)
problem   answer       deadline passed before the command was sent: no connection in time
                       It accepts connections and says nothing: a slow
                       command, swapping, SIGSTOP; or it does not speak TLS
                       where the URL says rediss://, or the other way round.

1 problem, 0 warnings
? 0

# Names, ports and sockets.

$ holdfast doctor --url redis://no-such-host.invalid | grep -o 'problem   name *no-such-host.invalid:'; holdfast doctor --url redis://127.0.0.1:1 | sed 's/[0-9.]* ms/N ms/'; holdfast doctor --url unix:/does/not/exist
problem   name         no-such-host.invalid:
ok        url          redis://127.0.0.1:1/0
ok        name         127.0.0.1, in N ms
problem   tcp          127.0.0.1 port 1: Connection refused
                       Nothing listens there: is redis-server running, and is
                       this its port? Its `bind` may leave this address out.

1 problem, 0 warnings
ok        url          unix:/does/not/exist
problem   socket       /does/not/exist: No such file or directory
                       There is no such socket: is redis-server running, with
                       `unixsocket`?

1 problem, 0 warnings
? 1
$ holdfast doctor --url redis://127.0.0.1:1 >/dev/null
? 1
$ holdfast doctor --url redis://127.0.0.1:1 --json | jq -c '.problems, .checks[-1].check, .checks[-1].level'
1
"tcp"
"problem"
? 0
$ holdfast doctor --url redis://:bad:port
holdfast: --url: no host; a URL is redis://[[user]:password@]host[:port][/db]
? 2
$ holdfast doctor --url redis://127.0.0.1:1 | head -1
ok        url          redis://127.0.0.1:1/0
? 0

# Refusals that have a reason of their own.

$ . ./env; holdfast doctor --url $REDIS_URL?db=99 | tail -n +3
problem   answer       server refused the command: handshake: ERR DB index is out of range
                       Has it the database that the URL ends with? See
                       `databases`; a cluster has only 0.

1 problem, 0 warnings
? 0
$ . ./env; $R config set min-replicas-to-write 2; holdfast doctor | grep -A 2 ' entry'; $R config set min-replicas-to-write 0
OK
problem   entry        storing one: too few replicas, writes are refused: cache set: NOREPLICAS Not enough good replicas to write.
                       Fewer replicas are connected than min-replicas-to-write
                       asks for.
OK
? 0

# TLS, and a certificate that nobody here has signed.

$ for name in server other; do openssl req -x509 -newkey rsa:2048 -nodes -keyout $name.key -out $name.pem -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 2>/dev/null; done
? 0
$ kill $(cat pid); wait_for test ! -e pid; for try in 1 2 3; do port=$(shuf -i 20000-32000 -n 1); redis-server --port 0 --tls-port $port --bind 127.0.0.1 --tls-cert-file server.pem --tls-key-file server.key --tls-ca-cert-file server.pem --tls-auth-clients no --save '' --daemonize yes --pidfile $PWD/pid --logfile $PWD/log$try >/dev/null; wait_for grep -q 'Ready to accept\|Failed listening' log$try; grep -q Ready log$try && break; done; echo $port >port
? 0
$ holdfast doctor --url rediss://127.0.0.1:$(cat port) --tls-ca-file server.pem | grep ' tls'
ok        tls          encrypted
? 0
$ holdfast doctor --url rediss://127.0.0.1:$(cat port) --tls-ca-file other.pem | tail -n +4
problem   tls          TLS handshake failed: tls: certificate of 127.0.0.1: self-signed certificate
                       Which certificate signed the server's? Name it with
                       --tls-ca-file, and the name in the server's with
                       --tls-server-name.

1 problem, 0 warnings
? 0

# One that wants a certificate from its clients too.

$ redis-cli --tls --cacert server.pem -p $(cat port) config set tls-auth-clients yes
OK
? 0
$ holdfast doctor --url rediss://127.0.0.1:$(cat port) --tls-ca-file server.pem | tail -n +5
                       It drops the connection once it is encrypted: perhaps
                       it wants a client certificate, --tls-cert-file and
                       --tls-key-file. See its log.

1 problem, 0 warnings
? 0
$ holdfast doctor --url rediss://127.0.0.1:$(cat port) --tls-ca-file server.pem --tls-cert-file server.pem --tls-key-file server.key | grep ' tls'
ok        tls          encrypted
? 0
