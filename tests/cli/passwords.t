# Passwords come from a file, the environment or a prompt, and leave no trace.

$ printf 'requirepass hunter2\n' >redis.conf
? 0
$ redis-server redis.conf --port 0 --unixsocket $PWD/s --save '' --daemonize yes --pidfile $PWD/pid --logfile $PWD/log >/dev/null
? 0
$ wait_for test -S s
? 0
$ echo 'REDIS_URL=unix:'$PWD/s'; export REDIS_URL' >env
? 0
$ printf 'hunter2\nsecond line\n' >secret; printf 'wrong\n' >wrong; : >empty; chmod 600 secret wrong empty
? 0
$ . ./env; holdfast exists key 2>&1 | grep -o NOAUTH
NOAUTH
? 0
$ . ./env; holdfast set key value --password-file secret
stored
? 0
$ . ./env; REDIS_PASSWORD=hunter2 holdfast get key
value
\ no newline
? 0
$ . ./env; REDIS_PASSWORD=wrong holdfast get key --password-file secret
value
\ no newline
? 0
$ holdfast get key --url unix://:hunter2@$PWD/s
value
\ no newline
? 0
$ . ./env; holdfast get key --password-file wrong 2>&1 | grep -o WRONGPASS
WRONGPASS
? 0
$ . ./env; holdfast get key --password-file empty
holdfast: --password-file empty: is empty
? 2
$ . ./env; holdfast get key --password-file missing
holdfast: --password-file missing: No such file or directory
? 2
$ . ./env; chmod 644 secret; holdfast get key --password-file secret
holdfast: warning: --password-file secret can be read by others (chmod 600 secret)
value
\ no newline
? 0
$ . ./env; setsid holdfast get key --ask-password
holdfast: --ask-password needs a terminal; use --password-file or REDIS_PASSWORD
? 2
$ mkfifo keys; sleep 60 >keys & echo $! >sleeper
? 0
$ . ./env; script -qfec 'holdfast get key --ask-password' screen <keys >/dev/null & wait_for grep -q password: screen; echo hunter2 >keys; wait $!; kill $(cat sleeper); tr -d '\r' <screen | grep -v ^Script
Redis password: 
value

? 0

# While it works, nobody can read it from the list of processes.

$ kill -STOP $(cat pid); holdfast ping --url unix://:hunter2@$PWD/s >/dev/null & wait_for grep -q '\*@' /proc/$!/cmdline; tr '\0' ' ' </proc/$!/cmdline | sed 's,@.*/s,@S,'; kill -CONT $(cat pid); wait
holdfast ping --url unix://********@S 
\ no newline
? 0
$ kill $(cat pid)
? 0
