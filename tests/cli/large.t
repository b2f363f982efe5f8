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
$ . ./env; holdfast fetch none out
? 1
$ cmp in out
? 0
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
keys seen      6 of 6 in the database: counted, not estimated
? 0
$ . ./env; holdfast del film
1 deleted
? 0
$ . ./env; holdfast usage | grep -E 'leftovers|keys seen'
leftovers      0
keys seen      2 of 2 in the database: counted, not estimated
? 0
