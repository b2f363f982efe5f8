# An entry from its first day to its last. Each command starts the server anew, on the data
# that the one before left in the folder.

$ mkdir -p data
? 0
$ echo 'REDIS_URL=embedded:'$PWD/data'; export REDIS_URL' >env
? 0
$ . ./env; holdfast get greeting
? 1
$ . ./env; holdfast set greeting 'hello world' --ttl 10min
stored
? 0
$ . ./env; holdfast get greeting
hello world
\ no newline
? 0
$ . ./env; holdfast exists greeting
yes
? 0
$ . ./env; holdfast ttl greeting | grep -c '^59[0-9]\.[0-9]*$'
1
? 0
$ . ./env; holdfast set greeting again --if-absent
not stored
? 1
$ . ./env; holdfast set other one --if-present
not stored
? 1
$ . ./env; holdfast del greeting other
1 deleted
? 0
$ . ./env; holdfast del greeting
0 deleted
? 1
$ . ./env; holdfast exists greeting
no
? 1
$ . ./env; holdfast ttl greeting
? 1

# Values are bytes: from standard input, from a file, and back.

$ head -c 200000 /dev/urandom >bytes
? 0
$ . ./env; holdfast set blob - <bytes
stored
? 0
$ . ./env; holdfast get blob | cmp - bytes
? 0
$ . ./env; holdfast set blob --file bytes --ttl 1h
stored
? 0
$ . ./env; holdfast get blob >back && cmp back bytes
? 0
$ . ./env; printf '' | holdfast set empty -
stored
? 0
$ . ./env; holdfast get empty
? 0
