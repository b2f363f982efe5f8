# A cache goes into a file and comes back.

$ mkdir -p data other
? 0
$ echo 'REDIS_URL=embedded:'$PWD/data'; export REDIS_URL' >env
? 0
$ . ./env; for i in 1 2 3 4 5; do printf '{"key":"k%s","value":"value %s"}\n' $i $i; done >list; holdfast warm list
5 stored
? 0
$ . ./env; holdfast backup file
5 entries, 664 bytes
? 0
$ ls file*; stat -c %a file
file
600
? 0
$ holdfast verify file | sed 's/of .* UTC/of DATE/'
5 entries of DATE
? 0
$ . ./env; holdfast del k2 && holdfast restore file; holdfast get k2
1 deleted
5 entries, 1 restored, 4 there already
value 2
\ no newline
? 0
$ holdfast restore file --url embedded:$PWD/other
5 entries, 5 restored
? 0
$ holdfast get k3 --url embedded:$PWD/other
value 3
\ no newline
? 0
$ . ./env; holdfast restore file --overwrite --rate 1000 --json | sed 's/created_ms":[0-9]*/created_ms":N/'
{"whole":true,"damages":0,"created_ms":N,"size":664,"entries":5,"restored":5,"kept":0,"expired":0,"bound":0,"failed":0}
? 0
$ . ./env; holdfast backup file --resume --json
{"entries":5,"skipped":0,"bytes":664,"resumed":false}
? 0

# Of a damaged file the rest is restored, and the place is told.

$ cp file cut; truncate -s 300 cut; holdfast verify cut | sed 's/of .* UTC/of DATE/'
holdfast: cut: at byte 212, 88 bytes: cut off: the end is missing
1 entry of DATE, 1 place damaged
? 0
$ . ./env; holdfast restore cut
holdfast: cut: at byte 212, 88 bytes: cut off: the end is missing
1 entry, 0 restored, 1 there already, 1 place damaged
? 1
$ holdfast verify cut --json | sed 's/created_ms":[0-9]*/created_ms":N/'
holdfast: cut: at byte 212, 88 bytes: cut off: the end is missing
{"whole":false,"damages":1,"created_ms":N,"size":300,"entries":1}
? 0

# What is no backup is refused.

$ holdfast verify list
holdfast: invalid argument: backup verify: this is no backup
? 2
$ holdfast verify nowhere
holdfast: system call failed: backup verify: nowhere: No such file or directory
? 2
$ . ./env; holdfast restore file --from 665
holdfast: value out of range: cache restore: the file ends at byte 664
? 2
$ . ./env; mkfifo pipe; holdfast backup pipe; test -p pipe
holdfast: invalid argument: cache backup: pipe: is not a file
? 0
$ . ./env; holdfast backup -
holdfast: backup: - is no file; give it a name
? 2
$ . ./env; holdfast restore file --key-prefix another
holdfast: invalid argument: cache restore: a backup of "holdfast@0:", and this cache is "another@0:"
? 2
$ . ./env; holdfast restore file --key-prefix another --any-namespace; holdfast get k1 --key-prefix another
5 entries, 5 restored
value 1
\ no newline
? 0
$ . ./env; holdfast backup nowhere/file
holdfast: system call failed: cache backup: nowhere/file.partial: No such file or directory
? 2
$ holdfast backup file --url redis://127.0.0.1:1 >output 2>&1; echo $?; ls file*
3
file
? 0
