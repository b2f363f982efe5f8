# What an exporter beside a Redis serves, asked by the tool itself.

$ printf 'a-token-of-enough-bytes\n' >token; chmod 600 token; echo 'hide() { sed "s/:[0-9][0-9]*/:PORT/; s/port [0-9]*/port PORT/; s/[0-9]* s ago/N s ago/"; }' >env
? 0
$ . ./env; holdfast export --url embedded:$PWD/data --listen 0 --token-file token --ready unless_down >said 2>&1 & echo $! >pid; wait_for grep -q exporting said; . ./env; hide <said
exporting on http://127.0.0.1:PORT/ until interrupted
? 0
$ echo "U=$(sed 's/.*\(http[^ ]*\)\/ .*/\1/' said)" >>env; . ./env; wait_for sh -c "holdfast stats --from $U | grep -q '^default, up'"; holdfast stats --from $U | grep -c '^connects '
1
? 0
$ . ./env; holdfast stats --from $U --json | jq -c '[.clients[0] | .name, .health.status, .health.breaker.state, (.latency.call.buckets | length)]'
["default","up","closed",20]
? 0
$ . ./env; holdfast breaker show --from $U
default          closed, 0 of 5 failures
? 0
$ . ./env; holdfast breaker force forced_open --from $U 2>&1 | hide
holdfast: http://127.0.0.1:PORT: the token is missing (HTTP 401); give it by --token-file
? 0
$ . ./env; holdfast breaker force forced_open --from $U --token-file token | hide; (holdfast breaker show --from $U; holdfast breaker reset --from $U --token-file token) | hide
default          forced_open (forced), 0 of 5 failures; closed to forced_open N s ago
default          forced_open (forced), 0 of 5 failures; closed to forced_open N s ago
default          closed, 0 of 5 failures; forced_open to closed N s ago
? 0
$ . ./env; holdfast breaker force open --from $U --token-file token 2>&1 | hide
holdfast: breaker force: "open" is no state; allowed: forced_open, disabled, metrics_only
? 0
$ . ./env; holdfast breaker reset --from $U --token-file token --client nobody 2>&1 | hide
holdfast: http://127.0.0.1:PORT: HTTP 404: there is no such client; see /stats
? 0
$ . ./env; holdfast top --from $U --once --interval 0.2 | hide | sed -n '1p;3p'
holdfast top  http://127.0.0.1:PORT
breaker closed, 0 of 5 failures; forced_open to closed N s ago
? 0

# The port is taken; and what else cannot be.

$ . ./env; holdfast export --url embedded:$PWD/other --listen ${U#http://} 2>&1 | hide
holdfast: --listen: exporter: cannot listen on 127.0.0.1 port PORT: Address already in use
? 0
$ for where in x 99999 127.0.0.1 host: '[::1' '' :80 1:2:3; do holdfast export --url embedded: --listen "$where"; done
holdfast: --listen: "x" is not understood; allowed: PORT, or HOST:PORT such as 127.0.0.1:9121 or [::1]:9121
holdfast: --listen: "99999" is not understood; allowed: PORT, or HOST:PORT such as 127.0.0.1:9121 or [::1]:9121
holdfast: --listen: "127.0.0.1" is not understood; allowed: PORT, or HOST:PORT such as 127.0.0.1:9121 or [::1]:9121
holdfast: --listen: "host:" is not understood; allowed: PORT, or HOST:PORT such as 127.0.0.1:9121 or [::1]:9121
holdfast: --listen: "[::1" is not understood; allowed: PORT, or HOST:PORT such as 127.0.0.1:9121 or [::1]:9121
holdfast: --listen: "" is not understood; allowed: PORT, or HOST:PORT such as 127.0.0.1:9121 or [::1]:9121
holdfast: --listen: ":80" is not understood; allowed: PORT, or HOST:PORT such as 127.0.0.1:9121 or [::1]:9121
holdfast: --listen: "1:2:3" is not understood; allowed: PORT, or HOST:PORT such as 127.0.0.1:9121 or [::1]:9121
? 2
$ holdfast export --url embedded: --listen 0 --private
holdfast: --private: it wants a token, by --token-file or HOLDFAST_EXPORTER_TOKEN
? 2
$ holdfast export --url embedded: --listen 0 --ready sometimes
holdfast: --ready: "sometimes" is no rule; allowed: always, once_connected, unless_down, while_up
? 2
$ HOLDFAST_EXPORTER_TOKEN=short holdfast export --url embedded: --listen 0
holdfast: the token has 5 bytes; it must have 16 to 256
? 2
$ holdfast export --url embedded: --listen 0 --name ''
holdfast: --name: a name has 1 to 64 bytes of UTF-8
? 2

# It ends when it is told to, and the port is free again.

$ kill -TERM $(cat pid); wait_for sh -c '! kill -0 $(cat pid) 2>/dev/null'; rm pid; . ./env; holdfast stats --from $U 2>&1 | hide
holdfast: http://127.0.0.1:PORT: Connection refused
? 0
