# Why a key hits or misses.

$ redis-server --port 0 --unixsocket $PWD/s --save '' --daemonize yes --pidfile $PWD/pid --logfile $PWD/log >/dev/null; wait_for test -S s
? 0
$ echo 'REDIS_URL=unix:'$PWD/s'; export REDIS_URL; R="redis-cli -s '$PWD/s'"; no_times() { sed "s/[0-9.]* s /N s /g; s/[0-9.]* s$/N s/"; }' >env
? 0
$ . ./env; head -c 5000 /dev/zero | tr '\0' a | holdfast set user:42 - --ttl 10min; holdfast explain user:42 >out; status=$?; no_times <out; exit $status
stored
key       user:42
entry     fresh: a read finds it
tier      redis
kind      value
size      5000 bytes, 30 stored, 94 in Redis; compression lz4
age       N s
ttl       N s left of N s
kept      Redis removes it in N s
? 0
$ . ./env; holdfast explain user:42 --json | jq -c '[.key, .state, .tier, .kind, .codec, .size, .encrypted, .tags, (.ttl_seconds > 500), (.age_seconds < 60), .file]'
["user:42","fresh","redis","value","lz4",5000,false,[],true,true,false]
? 0
$ . ./env; holdfast explain nothing
key       nothing
entry     none: there is no entry
tier      none
? 1

# Somebody else's: under the name of the entry, and under the bare name.

$ . ./env; $R rpush holdfast@0:list a b >/dev/null; holdfast explain list
key       list
entry     foreign: somebody else's value stands under the key
tier      none
foreign   a list
kept      for ever, unless it is evicted
? 1
$ . ./env; $R set holdfast@0:text hello >/dev/null; holdfast explain text
key       text
entry     foreign: somebody else's value stands under the key
tier      none
foreign   a string
size      5 bytes in Redis
kept      for ever, unless it is evicted
? 1
$ . ./env; $R hset session:1 a b >/dev/null; holdfast explain session:1 | sed 's/[0-9]* bytes of/N bytes of/'
key       session:1
entry     none: there is no entry
tier      none
plain     Redis has a hash under this very name, which is not the cache's; N bytes of memory; it never expires
? 0
$ . ./env; holdfast explain "$(printf 'a\033[31mb\nc')"
key       a\x1b[31mb\x0ac
entry     none: there is no entry
tier      none
? 1

# Damaged, encrypted, large.

$ . ./env; holdfast set bad value; $R setrange holdfast@0:bad 66 X >/dev/null; holdfast explain bad | no_times
stored
key       bad
entry     damaged: cut short, or a checksum does not fit
tier      none
size      69 bytes in Redis
kept      Redis removes it in N s
? 0
$ . ./env; HOLDFAST_CACHE_KEYS=1:$(printf 42%.0s $(seq 32)); export HOLDFAST_CACHE_KEYS; holdfast set secret value; holdfast explain secret | no_times
stored
key       secret
entry     fresh: a read finds it
tier      redis
kind      value, encrypted
size      5 bytes, 49 stored, 113 in Redis; compression none
age       N s
ttl       N s left of N s
kept      Redis removes it in N s
? 0
$ . ./env; holdfast explain secret | head -2; HOLDFAST_CACHE_KEYS=2:$(printf 43%.0s $(seq 32)) holdfast explain secret | head -2; HOLDFAST_CACHE_KEYS=2:$(printf 43%.0s $(seq 32)) holdfast explain user:42 | head -2
key       secret
entry     encrypted: with a key that this cache does not have
key       secret
entry     encrypted: with a key that this cache does not have
key       user:42
entry     not encrypted: this cache believes only what is
? 0
$ . ./env; head -c 3000000 /dev/urandom >film; holdfast put film film --ttl 1h >/dev/null; holdfast explain film | no_times
key       film
entry     fresh: a read finds it
tier      redis
kind      large value
size      3000000 bytes in 3 chunks of 1048576, 112 in Redis; compression none
age       N s
ttl       N s left of N s
kept      Redis removes it in N s
? 0

# Without Redis, and without a key.

$ holdfast explain user:42 --url unix:/does/not/exist --socket-timeout 0.3
holdfast: endpoint is down, next attempt is due later: cache explain: connect /does/not/exist: No such file or directory
? 3
$ . ./env; holdfast explain ''
holdfast: invalid argument: cache explain: key of 0 bytes
? 2
