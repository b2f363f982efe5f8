# When Redis is not there every command says so, soon, and ends with 3.

$ holdfast get key --url unix:/does/not/exist --socket-timeout 0.3
holdfast: endpoint is down, next attempt is due later: cache get: connect /does/not/exist: No such file or directory
? 3
$ holdfast set key value --url unix:/does/not/exist --socket-timeout 0.3
holdfast: endpoint is down, next attempt is due later: cache set: connect /does/not/exist: No such file or directory
? 3
$ holdfast ping --url redis://127.0.0.1:1 --socket-timeout 0.3
holdfast: endpoint is down, next attempt is due later: connect 127.0.0.1:1: Connection refused
? 3
$ holdfast health --url redis://127.0.0.1:1 --socket-timeout 0.3
status    down: no connection: connect 127.0.0.1:1: Connection refused
endpoint  redis://127.0.0.1:1/0
breaker   closed
? 3
$ holdfast get key --url unix:/does/not/exist --socket-timeout 0.3 --json 2>/dev/null
{"error":"HF_E_UNAVAILABLE","category":"rejected","message":"endpoint is down, next attempt is due later","detail":"cache get: connect /does/not/exist: No such file or directory"}
? 3
