# With --json each answer is one object on one line.

$ mkdir -p data
? 0
$ echo 'REDIS_URL=embedded:'$PWD/data'; export REDIS_URL' >env
? 0
$ . ./env; holdfast set greeting 'a "quoted" \ word' --ttl 100 --json
{"key":"greeting","stored":true,"size":17,"ttl_seconds":100.000}
? 0
$ . ./env; holdfast get greeting --json | sed 's/\(age_seconds\|ttl_seconds\)":[0-9.]*/\1":N/g'
{"key":"greeting","found":true,"value":"a \"quoted\" \\ word","age_seconds":N,"ttl_seconds":N}
? 0
$ . ./env; printf '\377\001' | holdfast set bytes - --json
{"key":"bytes","stored":true,"size":2,"ttl_seconds":3600.000}
? 0
$ . ./env; holdfast get --json bytes | grep -o '"value_base64":"[^"]*"'
"value_base64":"/wE="
? 0
$ . ./env; holdfast get nothing --json
{"key":"nothing","found":false}
? 1
$ . ./env; holdfast exists greeting --json
{"key":"greeting","found":true}
? 0
$ . ./env; holdfast ttl nothing --json
{"key":"nothing","found":false}
? 1
$ . ./env; holdfast del greeting nothing --json
{"deleted":1,"asked":2}
? 0
$ . ./env; holdfast ping --json | sed 's/_ms":[0-9.]*/_ms":N/g'
{"pong":true,"latency_ms":N,"first_ms":N}
? 0
$ . ./env; holdfast health --json | sed 's/":[0-9][0-9.]*/":N/g; s/version":"[0-9.]*"/version":"V"/; s,:/.*/data,:/data,'
{"status":"up","reason":"answers","endpoint":"embedded:/data","breaker":"closed","latency_ms":N,"protocol":N,"redis_version":"V","role":"master","uptime_seconds":N,"clients":N,"memory_used":N,"memory_max":N,"memory_policy":"noeviction"}
? 0
