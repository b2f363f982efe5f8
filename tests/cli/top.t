# Statistics of a Redis, once and live; and exporters that are not there.

$ redis-server --port 0 --unixsocket $PWD/s --save '' --daemonize yes --pidfile $PWD/pid --logfile $PWD/log >/dev/null; wait_for test -S s
? 0
$ echo 'REDIS_URL=unix:'$PWD/s'; export REDIS_URL' >env
? 0
$ . ./env; holdfast set a 1; holdfast get a; holdfast get b; holdfast stats | grep -v '^endpoint' | sed 's/[0-9][0-9.]* \?\(ms\|s\|KB\|MB\|B\|us\)\?$/N/; s/Redis [0-9.]*/Redis V/; s/  */ /g' | sed '/more are/d; /^used_cpu/d; s/^memory .*/memory/'
stored
1Redis V, up: answers
memory
up for N

total_commands_processed N
total_connections_received N
keyspace_hits N
keyspace_misses N
total_net_input_bytes N
total_net_output_bytes N
connected_clients N
maxclients N
used_memory N
used_memory_rss N
keys N
keys_with_ttl N
round_trip_ms N
? 0
$ . ./env; holdfast stats --json | jq -c '[.status, (.name|startswith("Redis")), (.stats.total_commands_processed > 5), (.stats|has("evicted_keys")), .stats.keys, .hot_keys]'
["up",true,true,true,2,[]]
? 0

# One picture, into a pipe and with --once.

$ . ./env; holdfast top --interval 0.1 | sed -n '1s/unix:.*/unix:.../p; s/^    each s.*/titles/p; s/^ .* keyspace_hits$/keyspace_hits/p'
holdfast top  unix:...
titles
keyspace_hits
? 0
$ . ./env; holdfast top --once --interval 0.1 | grep -c '[^ ]'  | sed 's/[12][0-9]/many/'
many
? 0
$ . ./env; holdfast top --once --interval 0.1 | grep -c "$(printf '\033')"
0
? 1
$ . ./env; holdfast top --interval 0.1 --json | jq -c '[.status, .hit_rate, (.rates.total_commands_processed > 0), (.seconds >= 0.1)]'
["up",null,true,true]
? 0
$ . ./env; holdfast top --interval 0.1 | head -1 | cut -c 1-12
holdfast top
? 0

# Live: it draws, obeys keys, and gives the terminal back as it was.

$ . ./env; mkfifo keys; script -qfec 'stty rows 24 cols 80; stty -a >before; holdfast top --interval 0.1; echo "? $?"; stty -a >after' screen <keys >/dev/null & exec 3>keys; wait_for grep -q 'calls/s' screen; printf '/evict' >&3; wait_for grep -q 'nothing of that name\|evicted_keys' screen; printf '\r' >&3; wait_for grep -q 'esc: all' screen; printf '\033' >&3; wait_for sh -c 'tail -c 300 screen | grep -q "s by rate"'; printf 'p' >&3; wait_for grep -q PAUSED screen; printf 'ps\t' >&3; wait_for grep -q 'reads key' screen; printf q >&3; wait; cmp before after; grep -o '\[?1049[hl]\|\[?25[hl]\|? [0-9]' screen
[?1049h
[?25l
[?25h
[?1049l
? 0
? 0

# It follows the size of the terminal, down to 20 columns.

$ . ./env; rm -f screen; script -qfec 'stty rows 12 cols 20; tty >tty; exec holdfast top --interval 60' screen <keys >/dev/null & exec 3>keys; wait_for grep -q 'each s name' screen; ! grep -q 'total name' screen; stty rows 24 cols 80 <$(cat tty); wait_for grep -q 'each s     total name' screen; printf q >&3; wait
? 0

On 20 columns a gauge has its value where a counter has its rate.

$ . ./env; script -qfec 'stty rows 40 cols 20; exec holdfast top --once --interval 0.1' screen </dev/null >/dev/null; grep -c '  1 connected_cli' screen
1
? 0

# Signals end it, and it says nothing; ^C is one.

$ . ./env; for signal in INT TERM HUP QUIT; do rm -f screen; script -qfec 'echo $$ >top.pid; exec holdfast top --interval 0.1' screen <keys >/dev/null & exec 3>keys; wait_for grep -q 'calls/s' screen; kill -$signal $(cat top.pid); wait $!; exec 3>&-; grep -o '\[?1049[hl]' screen | tr '\n' ' '; tail -n 1 screen | grep -o 'EXIT_CODE="[0-9]*"'; done
[?1049h [?1049l EXIT_CODE="0"
[?1049h [?1049l EXIT_CODE="0"
[?1049h [?1049l EXIT_CODE="0"
[?1049h [?1049l EXIT_CODE="0"
? 0
$ . ./env; rm -f screen; script -qfec 'exec holdfast top --interval 0.1' screen <keys >/dev/null & exec 3>keys; wait_for grep -q 'calls/s' screen; printf '\003' >&3; wait $!; grep -o '\[?1049[hl]' screen | tr '\n' ' '
[?1049h [?1049l 
\ no newline
? 0

# The server goes away meanwhile: it says so, keeps the last picture, and goes on.

$ . ./env; rm -f screen; script -qfec 'exec holdfast top --interval 0.1 --socket-timeout 0.2' screen <keys >/dev/null & exec 3>keys; wait_for grep -q 'calls/s' screen; kill -STOP $(cat pid); wait_for grep -q 'no news for' screen; kill -CONT $(cat pid); printf q >&3; wait $!; grep -o '\[?1049[hl]' screen | tr '\n' ' '
[?1049h [?1049l 
\ no newline
? 0

# A question to a server that hangs: keys are obeyed meanwhile, and q ends it, not its timeout.

$ . ./env; rm -f screen; script -qfec 'exec holdfast top --interval 0.1 --socket-timeout 300' screen <keys >/dev/null & exec 3>keys; wait_for grep -q 'calls/s' screen; kill -STOP $(cat pid); wait_for grep -q 'no answer yet' screen; printf s >&3; wait_for grep -q 's by total' screen; printf q >&3; wait $!; kill -CONT $(cat pid); grep -o '\[?1049[hl]' screen | tr '\n' ' '; tail -n 1 screen | grep -o 'EXIT_CODE="[0-9]*"'
[?1049h [?1049l EXIT_CODE="0"
? 0

# Nobody there, nothing that is understood, no token, no terminal.

$ holdfast top --url unix:/does/not/exist --socket-timeout 0.3
holdfast: endpoint is down, next attempt is due later: connect /does/not/exist: No such file or directory
? 3
$ holdfast stats --from http://127.0.0.1:1
holdfast: http://127.0.0.1:1: Connection refused
? 3
$ holdfast top --from http://127.0.0.1:1
holdfast: http://127.0.0.1:1: Connection refused
? 3
$ holdfast stats --from http://127.0.0.1:1 --json
holdfast: http://127.0.0.1:1: Connection refused
{"error":"http://127.0.0.1:1: Connection refused"}
? 3
$ for url in https://h 127.0.0.1:80 http:// http://h:0 http://h:99999 http://h:x http://user@h http://h/path 'http://h:80:80' 'http://[::1'; do holdfast stats --from "$url"; done
holdfast: "https://h" is not understood; the URL of an exporter is http://HOST[:PORT]
holdfast: "127.0.0.1:80" is not understood; the URL of an exporter is http://HOST[:PORT]
holdfast: "http://" is not understood; the URL of an exporter is http://HOST[:PORT]
holdfast: "http://h:0" is not understood; the URL of an exporter is http://HOST[:PORT]
holdfast: "http://h:99999" is not understood; the URL of an exporter is http://HOST[:PORT]
holdfast: "http://h:x" is not understood; the URL of an exporter is http://HOST[:PORT]
holdfast: "***@h" is not understood; the URL of an exporter is http://HOST[:PORT]
holdfast: "http://h/path" is not understood; the URL of an exporter is http://HOST[:PORT]
holdfast: "http://h:80:80" is not understood; the URL of an exporter is http://HOST[:PORT]
holdfast: "http://[::1" is not understood; the URL of an exporter is http://HOST[:PORT]
? 2
$ . ./env; holdfast top --interval 0.01; holdfast top --interval x
holdfast: --interval: "0.01" is not a duration from 0.1 to 60 s
holdfast: --interval: "x" is not a duration from 0.1 to 60 s
? 2
$ holdfast stats --from http://127.0.0.1:1 --token-file missing
holdfast: --token-file missing: No such file or directory
? 2
$ printf 'a b\n' >token; chmod 600 token; holdfast stats --from http://127.0.0.1:1 --token-file token
holdfast: the exporter's token has a space or an unprintable character in it
? 2
$ holdfast breaker show
holdfast: breaker: --from is missing; a breaker is asked for through an exporter
? 2
$ holdfast breaker force --from http://127.0.0.1:1; holdfast breaker force shut --from http://127.0.0.1:1; holdfast breaker rest --from http://127.0.0.1:1; holdfast breaker reset now --from http://127.0.0.1:1; holdfast breaker
holdfast: breaker force: which state? forced_open, disabled or metrics_only
holdfast: breaker force: "shut" is no state; allowed: forced_open, disabled, metrics_only
holdfast: breaker: "rest" is not known; use show, reset or force STATE
holdfast: breaker reset: too many arguments
holdfast: breaker: too few arguments; usage: holdfast breaker show|reset|force STATE
? 2
$ holdfast breaker reset --from http://127.0.0.1:1
holdfast: http://127.0.0.1:1: Connection refused
? 3

# Something else than an exporter: a Redis.

$ kill $(cat pid); wait_for test ! -e pid; for try in 1 2 3; do shuf -i 20000-32000 -n 1 >port; redis-server --port $(cat port) --bind 127.0.0.1 --save '' --daemonize yes --pidfile $PWD/pid --logfile $PWD/log$try >/dev/null; wait_for grep -q 'Ready to accept\|Failed listening' log$try; grep -q Ready log$try && break; done
? 0
$ holdfast stats --from http://127.0.0.1:$(cat port) 2>&1 | sed "s/:$(cat port)/:PORT/"
holdfast: http://127.0.0.1:PORT: the answer is not HTTP
? 0
