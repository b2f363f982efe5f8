# Statistics and breakers of an application, through its exporter.

$ exporter_stand_in port >/dev/null 2>&1 & echo $! >pid; wait_for test -s port; echo "U=http://127.0.0.1:$(cat port); hide() { sed s/:$(cat port)/:PORT/; }" >env
? 0
$ . ./env; holdfast stats --from $U --client default
default, up: answers\x1b[31m
endpoint  redis://127.0.0.1:6379/0
breaker   closed, 1 of 5 failures
pool      4 open, 3 idle, 1 leased of 20; 1 of 1000 calls under way
up for    12.5 s

calls                                  1100
cache_hits                             3300
cache_misses                           1100
calls_in_flight                           1
1 more is 0

latency             count       p50       p90       p99       max
call                 1100    500 us   1.00 ms   1.00 ms   2.00 ms

most read keys
        12  a\x1b[2Jb
         1  /w==

slow calls
    100 ms  3 s ago, GET HF_E_TIMEOUT: no answer in time

tasks
tasks: 1 pending, 0 running, 5 success, 0 failure, 0 cancelled
? 0
$ . ./env; holdfast stats --from $U --json | jq -c '[.holdfast, .clients[].name, .clients[0].stats.cache_hits > 0]'
["0.1.0","default","other",true]
? 0
$ . ./env; holdfast stats --from $U | grep -c '^breaker'
2
? 0
$ . ./env; holdfast stats --from $U --client nobody 2>&1 | hide
holdfast: http://127.0.0.1:PORT: it has no client "nobody"
? 0

# The difference of two looks.

$ . ./env; holdfast top --from $U --once --interval 0.1 | hide | sed 's/calls.s [0-9.]* /calls.s N /; s/^ *[0-9.]* *[0-9]* calls$/calls/; /▁\|█\|^ *[0-9]/d'
holdfast top  http://127.0.0.1:PORT
default up answers\x1b[31m
breaker closed, 1 of 5 failures
calls.s N  hits 75.0 %  errors/s 0  p50 500 us  p99 990 us
    each s     total name
calls
? 0
$ . ./env; holdfast top --from $U --json --interval 0.1 | jq -c '[.name, .status, .breaker, .hit_rate, .rates.calls > 0, .rates.errors_timeout]'
["default","up","closed",0.75,true,0]
? 0

# Breakers: to look is free, to change wants the token.

$ . ./env; holdfast breaker show --from $U; holdfast breaker show --from $U --client other --json
default          closed, 1 of 5 failures
other            closed, 1 of 5 failures
{"client":"other","state":"closed","text":"closed, 1 of 5 failures","endpoint":"redis://127.0.0.1:6379/0"}
? 0
$ . ./env; holdfast breaker reset --from $U 2>&1 | hide
holdfast: http://127.0.0.1:PORT: the token is missing (HTTP 401); give it by --token-file
? 0
$ . ./env; HOLDFAST_EXPORTER_TOKEN=wrong holdfast breaker force forced_open --from $U 2>&1 | hide; test ! -e posted
holdfast: http://127.0.0.1:PORT: the token is wrong (HTTP 401); give it by --token-file
? 0
$ . ./env; printf 'secret\n' >token; chmod 600 token; holdfast breaker force forced_open --from $U --token-file token; HOLDFAST_EXPORTER_TOKEN=secret holdfast breaker reset --from $U --client 'a b&c=d' 2>&1 | hide; cat posted
default          closed, 1 of 5 failures
other            closed, 1 of 5 failures
holdfast: http://127.0.0.1:PORT: it has no client "a b&c=d"
/breaker/force?state=forced_open
/breaker/reset?client=a%20b%26c%3Dd
? 0

# Answers that are none.

$ . ./env; for raw in '' 'garbage' '{"clients"' '[1]' '{}' '{"clients":7}' '{"a":1,"a":2}'; do printf '%s' "$raw" >raw; holdfast stats --from $U 2>&1 | hide; done
holdfast: http://127.0.0.1:PORT: the answer is no JSON: '[' or '{' expected near end of file
holdfast: http://127.0.0.1:PORT: the answer is no JSON: '[' or '{' expected near 'garbage'
holdfast: http://127.0.0.1:PORT: the answer is no JSON: ':' expected near end of file
holdfast: http://127.0.0.1:PORT: the answer is no JSON object
holdfast: http://127.0.0.1:PORT: it tells of no client
holdfast: http://127.0.0.1:PORT: it tells of no client
holdfast: http://127.0.0.1:PORT: the answer is no JSON: duplicate object key near '"a"'
? 0
$ . ./env; head -c 17000000 /dev/zero >raw; holdfast stats --from $U 2>&1 | hide; rm raw
holdfast: http://127.0.0.1:PORT: the answer is too large
? 0

# A reader that goes early, and an exporter that goes meanwhile.

$ . ./env; holdfast stats --from $U | head -1
default, up: answers\x1b[31m
? 0
$ . ./env; mkfifo keys; script -qfec "stty rows 24 cols 80; exec holdfast top --from $U --interval 0.1" screen <keys >/dev/null & exec 3>keys; wait_for grep -q 'calls/s' screen; printf n >&3; wait_for grep -q 'other' screen; kill -KILL $(cat pid); wait_for grep -q 'no news for' screen; printf q >&3; wait; grep -o 'Connection refused' screen | head -1; grep -o '\[?1049[hl]' screen
Connection refused
[?1049h
[?1049l
? 0
