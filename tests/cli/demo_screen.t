# The demo on a terminal: it draws on the second screen, and gives the first one back even
# when it is interrupted; then it mends what it broke, and says what it saw.

$ mkfifo keys; sleep 60 >keys & echo $! >sleeper
? 0
$ script -qfec 'stty rows 24 cols 80; echo $$ >demo.pid; exec holdfast demo' screen <keys >/dev/null & wait_for grep -q 'SIGSTOP:' screen; kill -INT $(cat demo.pid); wait $!; kill $(cat sleeper)
? 0
$ grep -o '\[?1049[hl]' screen
[?1049h
[?1049l
? 0
$ grep -o '\[?25[hl]' screen
[?25l
[?25h
? 0
$ grep -o 'ended early' screen
ended early
? 0
$ grep -o '^SIGSTOP' screen
SIGSTOP
? 0
$ grep -o '▬▬▬' screen | head -1
▬▬▬
? 0
$ kill -0 $(cat demo.pid) 2>/dev/null
? 1
