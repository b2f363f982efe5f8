# Entries from a file: what is wrong is told with its line, and the rest is stored.

$ mkdir -p data
? 0
$ echo 'REDIS_URL=embedded:'$PWD/data'; export REDIS_URL' >env
? 0
$ printf '{"key":"a","value":"A"}\n{"key":"b","value":\n{"key":"c","value_base64":"Qw==","ttl":"10min"}\n' >list
? 0
$ . ./env; holdfast warm list
holdfast: list:2: broken JSON, column 19: unexpected token near end of file
2 stored, 1 failed
? 1
$ . ./env; holdfast get c; holdfast ttl c | grep -c '^59[0-9]'
C1
? 0
$ . ./env; printf '{"key":"a","value":"other"}\n{"key":"d","value":"D"}\n' | holdfast warm - --only-missing
1 stored, 1 there already
? 0
$ . ./env; holdfast get a
A
\ no newline
? 0
$ . ./env; holdfast warm list --skip 2 --rate 100 --concurrency 1 --ttl 1min --json
{"lines":3,"stored":1,"present":0,"failed":0,"bytes":1}
? 0
$ . ./env; holdfast warm list --json 2>/dev/null
{"lines":3,"stored":2,"present":0,"failed":1,"bytes":2}
? 1

# What is wrong is said, and nothing is done.

$ . ./env; holdfast warm nowhere
holdfast: nowhere: No such file or directory
? 2
$ . ./env; holdfast warm .
holdfast: .: line 1: Is a directory
? 2
$ . ./env; holdfast warm list --concurrency 17
holdfast: --concurrency: "17" is not a whole number from 1 to 16
? 2
$ . ./env; holdfast warm list --rate -1
holdfast: --rate: "-1" is not a whole number from 1 to 4294967295
? 2
$ . ./env; holdfast warm list --ttl never
holdfast: --ttl: "never" is no duration, such as 30, 250ms, 10min or 1.5h
? 2
$ holdfast warm list --url redis://127.0.0.1:1 >output 2>&1; echo $?; tail -1 output
3
holdfast: endpoint is down, next attempt is due later: cache warm: cache set_many: connect 127.0.0.1:1: Connection refused
? 0
