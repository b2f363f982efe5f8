# Tasks on a terminal: a bar for what runs, and a line for what has ended.

$ redis-server --port 0 --unixsocket $PWD/s --unixsocketperm 700 --save '' --daemonize yes --pidfile $PWD/pid --logfile $PWD/log >/dev/null; wait_for test -S s
? 0
$ echo 'REDIS_URL=unix:'$PWD/s'; export REDIS_URL' >env; . ./env; holdfast tasks create draw --id a
a
? 0
$ . ./env; script -qfec "holdfast tasks work --drain --exec 'echo 50% half way; until test -e enough; do sleep 0.02; done'" worked </dev/null >/dev/null & . ./env; wait_for grep -q '50% .* a half way' worked; script -qfec 'holdfast tasks watch a' watched </dev/null >/dev/null & wait_for grep -q 'running half way' watched; touch enough; wait
? 0
$ grep -o ' 50% \[##########..........\] a half way' worked | head -1
 50% [##########..........] a half way
? 0
$ grep -o 'success a' worked
success a
? 0
$ grep -o ' 50% \[##########..........\] running half way' watched | head -1
 50% [##########..........] running half way
? 0
$ grep -o '100% \[####################\] success half way' watched
100% [####################] success half way
? 0

# Worker and Redis: when it is gone that is told, once, and when it is back.

$ . ./env; kill $(cat pid); wait_for test ! -e pid; holdfast tasks work --exec true >out 2>&1 & . ./env; wait_for grep -q 'away' out; redis-server --port 0 --unixsocket $PWD/s --unixsocketperm 700 --save '' --daemonize yes --pidfile $PWD/pid --logfile $PWD/log >/dev/null; wait_for grep -q 'back' out; kill %1 2>/dev/null || kill $!; wait $!; sed 's/it: .*/it: WHY/' out
holdfast: Redis is away, waiting for it: WHY
holdfast: Redis is back
0 started
? 0
