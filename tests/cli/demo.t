# The demo into a pipe: one line a second, a table, and with --json one last line. A machine
# that is too busy may make calls late, which the demo then says; nothing else may be wrong.

$ holdfast demo --json >out 2>err; echo $? >status
? 0
$ grep -v 'a call outlived its deadline by over 20 ms' err
? 1
$ test "$(cat status)" = "$(grep -c . err)"
? 0
$ test "$(grep -c ' req/s ' out)" -ge 25
? 0
$ grep -o -e SIGSTOP -e SIGKILL -e maxmemory -e 'CLIENT KILL' -e 'CLIENT PAUSE' out | uniq
SIGSTOP
SIGKILL
maxmemory
CLIENT KILL
CLIENT PAUSE
SIGSTOP
SIGKILL
maxmemory
CLIENT KILL
CLIENT PAUSE
? 0
$ tail -1 out | sed 's/:[0-9.]*/:N/g'
{"requests":N,"served":N,"app_errors":N,"wrong_answers":N,"deadline_overruns":N,"max_latency_ms":N,"breaker_opened":N,"breaker_closed":N,"recovery_ms_max":N,"faults":N}
? 0
$ tail -1 out | grep -o '"app_errors":0,"wrong_answers":0,'
"app_errors":0,"wrong_answers":0,
? 0
$ tail -1 out | grep -o '"faults":5'
"faults":5
? 0
$ tail -1 out | sed 's/.*"requests":\([0-9]*\),"served":\([0-9]*\),.*/\1 = \2/' | xargs test
? 0
$ tail -1 out | sed 's/.*"breaker_opened":\([0-9]*\),"breaker_closed":\([0-9]*\),.*/\1 -ge \2/' | xargs test
? 0

# The dashboard is served while it runs, and says what happens.

$ holdfast demo --http 0 >/dev/null 2>said & echo $! >pid; wait_for grep -q dashboard said; sed 's/:[0-9]*\/$/:PORT/' said; U=$(sed 's/dashboard: //' said); wait_for sh -c "holdfast stats --from $U | grep -q ^cache_hits"; wait_for sh -c "holdfast breaker show --from $U | grep -q open"; kill -INT $(cat pid); wait_for sh -c '! kill -0 $(cat pid) 2>/dev/null'; rm pid
dashboard: http://127.0.0.1:PORT
? 0
$ holdfast demo --http nowhere
holdfast: --http: "nowhere" is not understood; allowed: PORT, or HOST:PORT such as 127.0.0.1:9121 or [::1]:9121
? 2
$ holdfast demo 2>/dev/null | head -1 | grep -c req/s
1
? 0
