# Entries with tags, and all that makes many of them miss at once. Each command starts the server
# anew, on the data that the one before left in the folder.

$ mkdir -p data
? 0
$ echo 'REDIS_URL=embedded:'$PWD/data'; export REDIS_URL' >env
? 0
$ . ./env; holdfast set page:1 one --tag prices,user:42
stored
? 0
$ . ./env; holdfast set page:2 two --tag user:42
stored
? 0
$ . ./env; echo three | holdfast put page:3 - --tag prices
stored
? 0
$ . ./env; holdfast get page:1
one
\ no newline
? 0
$ . ./env; holdfast invalidate --tag prices
invalidated
? 0
$ . ./env; holdfast get page:1
? 1
$ . ./env; holdfast get page:3
? 1
$ . ./env; holdfast get page:2
two
\ no newline
? 0
$ . ./env; holdfast invalidate --tag never,used --json
{"invalidated":true}
? 0
$ . ./env; holdfast invalidate --pattern 'page:[12]'
2 deleted
? 0
$ . ./env; holdfast invalidate --pattern 'nothing*' --json
{"deleted":0}
? 0
$ . ./env; holdfast set page:4 four
stored
? 0
$ . ./env; holdfast invalidate --all
cleared
? 0
$ . ./env; holdfast get page:4
? 1
$ holdfast invalidate
holdfast: invalidate: give one of --tag, --pattern and --all
? 2
$ holdfast invalidate --tag a --all
holdfast: invalidate: give one of --tag, --pattern and --all
? 2
$ holdfast invalidate --tag a,
holdfast: --tag: a name has 1 to 64 bytes
? 2
$ holdfast set k v --tag 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17
holdfast: --tag: at most 16 names
? 2
