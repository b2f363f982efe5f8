# Tasks from creation to their end, on a server of their own.

$ redis-server --port 0 --unixsocket $PWD/s --unixsocketperm 700 --save '' --daemonize yes --pidfile $PWD/pid --logfile $PWD/log >/dev/null; wait_for test -S s
? 0
$ echo 'REDIS_URL=unix:'$PWD/s'; export REDIS_URL' >env
? 0
$ . ./env; holdfast tasks create render 'page 7' --id a --priority high --owner ada
a
? 0
$ . ./env; holdfast tasks create render 'page 8' --id a --json
{"id":"a","new":false}
? 0
$ . ./env; printf 'from a pipe' | holdfast tasks create report - --id b --unique report-2026
b
? 0
$ . ./env; holdfast tasks create report --unique report-2026
b
? 0
$ . ./env; holdfast tasks create report | grep -c '^[0-9a-f]\{32\}$'
1
? 0
$ . ./env; holdfast tasks get b --payload
from a pipe
\ no newline
? 0
$ . ./env; holdfast tasks get a | grep -v created
id        a
type      render
status    pending
priority  high
progress  0%
owner     ada
starts    0
failures  0 of 3
crashes   0 of 3
payload   6 bytes
result    0 bytes
? 0
$ . ./env; holdfast tasks list --type render
a                                 pending    high      0%  render
? 0
$ . ./env; holdfast tasks list --status running
? 0
$ . ./env; holdfast tasks list --limit 2 --json | wc -l
2
? 0
$ . ./env; holdfast tasks stats
pending   3
running   0
success   0
failure   0
cancelled 0
high      1
normal    2
low       0
recovered 0

render: 1 pending
report: 2 pending
? 0

# A command does the work: payload on standard input, progress on standard output, the result
# on descriptor 3.

$ . ./env; holdfast tasks work --type render --drain --exec 'echo "50% half way"; tr a-z A-Z >&3'
success a
1 started, 1 succeeded
? 0
$ . ./env; holdfast tasks get a --result
PAGE 7
\ no newline
? 0
$ . ./env; holdfast tasks watch a
success 100% half way
? 0

# A failure is tried again; 65 is one for good; what is cancelled does not begin.

$ . ./env; holdfast tasks create odd --id dead >/dev/null; holdfast tasks work --type odd --drain --exec 'exit 65'
dead dead: exited with 65
1 started, 1 failed
? 0
$ . ./env; holdfast tasks get dead --json | grep -o '"status":"failure"\|"last_error":"[^"]*"'
"status":"failure"
"last_error":"exited with 65"
? 0
$ . ./env; holdfast tasks watch dead
failure 0%
? 1
$ . ./env; holdfast tasks requeue dead
requeued dead
? 0
$ . ./env; holdfast tasks work --type odd --drain --exec 'test $HOLDFAST_TASK_STARTS = 2' --json
{"id":"dead","type":"odd","outcome":"success","why":""}
{"started":1,"succeeded":1,"failed":0,"released":0,"cancelled":0,"timed_out":0,"lost":0,"undelivered":0}
? 0
$ . ./env; holdfast tasks cancel b nowhere
holdfast: no such task: nowhere
cancelled b
? 1
$ . ./env; holdfast tasks watch b
cancelled 0%
? 1
$ . ./env; holdfast tasks pause slow; holdfast tasks create slow --id c >/dev/null; holdfast tasks stats | grep slow
paused slow
slow (paused): 1 pending
? 0
$ . ./env; holdfast tasks resume slow
resumed slow
? 0

# A task that takes too long is stopped and tried again; one that is cancelled is stopped.

$ . ./env; holdfast tasks create long --id d --retries 0 >/dev/null; holdfast tasks work --type long --drain --task-timeout 0.2 --exec 'exec sleep 60'
stopped d: took too long
1 started, 1 timed out
? 0
$ . ./env; holdfast tasks get d | grep 'status\|error'
status    failure
error     timed out
? 0
$ . ./env; holdfast tasks create long --id e >/dev/null; (wait_for sh -c 'holdfast tasks get e | grep -q running'; holdfast tasks cancel e >/dev/null) & . ./env; holdfast tasks work --type long --lease 1 --drain --exec 'exec sleep 60'; wait
stopped e: task was cancelled
1 started, 1 cancelled
? 0

# A worker that is told to end says how long it waits, and releases what it has.

$ . ./env; holdfast tasks create long --id g >/dev/null; holdfast tasks work --type long --grace 0.2 --exec 'exec sleep 60' >out 2>&1 & . ./env; wait_for sh -c 'holdfast tasks get g | grep -q running'; kill %1 2>/dev/null || kill $!; wait $!; cat out; holdfast tasks cancel g
holdfast: 1 task that runs has 200 ms to end; a second signal ends the work at once
stopped g: told to stop
1 started, 1 released
cancelled g
? 0

$ . ./env; holdfast tasks create long --id f >/dev/null; holdfast tasks work --type long --grace 0 --exec 'exec sleep 60' >out & . ./env; wait_for sh -c 'holdfast tasks get f | grep -q running'; kill %1 2>/dev/null || kill $!; wait $!; cat out; holdfast tasks get f | grep 'status\|failures'
stopped f: told to stop
1 started, 1 released
status    pending
failures  0 of 3
? 0

# Clean-up.

$ . ./env; holdfast tasks cleanup --keep 0
6 removed
? 0
$ . ./env; holdfast tasks list --status success
? 0

# What is wrong is said.

$ holdfast tasks
holdfast: tasks: no command was given; see holdfast help tasks
? 2
$ holdfast tasks craete render
holdfast: tasks: unknown command "craete"; did you mean "create"?
? 2
$ holdfast tasks create
holdfast: tasks create: too few arguments; usage: holdfast tasks create TYPE [PAYLOAD|-]
? 2
$ holdfast tasks create render --priority urgent
holdfast: --priority: "urgent" is not understood; allowed: high, normal or low
? 2
$ . ./env; holdfast tasks create 'odd type'
holdfast: invalid argument: create task: type: letters, digits and . _ : - only
? 2
$ . ./env; holdfast tasks get nowhere
holdfast: no such task: nowhere
? 1
$ . ./env; holdfast tasks requeue c
requeued c
? 0
$ holdfast tasks list --status done
holdfast: --status: "done" is not understood; allowed: pending, running, success, failure or cancelled
? 2
$ holdfast tasks list --limit 0
holdfast: --limit: "0" is not understood; allowed: 1 to 1000000
? 2
$ holdfast tasks work
holdfast: tasks work: say what to do with --exec; see holdfast help tasks work
? 2
$ holdfast tasks cleanup
holdfast: tasks cleanup: say --age or --keep; see holdfast help tasks cleanup
? 2
$ holdfast tasks cleanup --age yesterday
holdfast: --age: "yesterday" is not understood; allowed: a duration such as 30, 250ms, 10min or 1.5h
? 2
$ holdfast tasks get a --url unix:/does/not/exist --socket-timeout 0.3
holdfast: endpoint is down, next attempt is due later: get task: connect /does/not/exist: No such file or directory
? 3
