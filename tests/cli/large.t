# A file of several chunks goes in and comes out, each command in a process of its own.

$ mkdir -p data
? 0
$ echo 'REDIS_URL=embedded:'$PWD/data'; export REDIS_URL' >env
? 0
$ head -c 3000000 /dev/zero | tr '\0' 'x' >in
? 0
$ . ./env; holdfast put film in --ttl 1h
stored
? 0
$ . ./env; holdfast fetch film out && cmp in out && ls out*
out
? 0
$ . ./env; holdfast fetch film - | cmp - in
? 0
$ . ./env; holdfast fetch film - | head -c 3 | sed 's/$/.../'
xxx...
\ no newline
? 0
$ . ./env; holdfast set large --file in >/dev/null; holdfast get large >/dev/full
holdfast: cannot write the output
? 3
$ . ./env; holdfast get film
holdfast: the reply is of another type: cache get: a large value, which is read as a stream
holdfast: get it with: holdfast fetch KEY FILE
? 2
$ . ./env; holdfast fetch none out
? 1
$ . ./env; holdfast fetch none out --json
{"key":"none","found":false}
? 1
$ . ./env; holdfast fetch film out --json; holdfast fetch film - --json | cmp - in
{"key":"film","found":true,"size":3000000}
? 0
$ cmp in out
? 0

A device, a pipe or a folder is not replaced.

$ . ./env; mkfifo pipe; holdfast fetch film pipe; test -p pipe
holdfast: pipe: is not a file; - is standard output
? 0
$ . ./env; holdfast fetch film .
holdfast: .: is not a file; - is standard output
? 2
$ . ./env; echo small | holdfast put note -
stored
? 0
$ . ./env; holdfast get note
small
? 0
$ . ./env; holdfast put film no-such-file
holdfast: no-such-file: No such file or directory
? 2

Deleted, none of the chunks stays behind.

$ . ./env; holdfast usage | grep -E 'leftovers|keys seen'
leftovers      0
keys seen      7 of 7 in the database: counted, not estimated
? 0
$ . ./env; holdfast del film
1 deleted
? 0
$ . ./env; holdfast usage | grep -E 'leftovers|keys seen'
leftovers      0
keys seen      3 of 3 in the database: counted, not estimated
? 0
