# What was mistyped gets one line that names it, what is allowed, and what was perhaps meant.
# Nothing is started, and the status is 2.

$ holdfast
holdfast: no command was given; see holdfast help
? 2
$ holdfast gte key
holdfast: unknown command "gte"; did you mean "get"?
? 2
$ holdfast frobnicate
holdfast: unknown command "frobnicate"; see holdfast help
? 2
$ holdfast get
holdfast: get: too few arguments; usage: holdfast get KEY
? 2
$ holdfast get a b
holdfast: get: too many arguments; usage: holdfast get KEY
? 2
$ holdfast get key --sokcet-timeout 1
holdfast: unknown option "--sokcet-timeout"; did you mean --socket-timeout?
? 2
$ holdfast get key --frobnicate
holdfast: unknown option "--frobnicate"; see holdfast help options
? 2
$ holdfast ping --password=secret
holdfast: --password: others could read it there; give it by --password-file, --ask-password or REDIS_PASSWORD
? 2
$ holdfast GET key
holdfast: unknown command "GET"; did you mean "get"?
? 2
$ holdfast get -x
holdfast: unknown option "-x"; put -- in front of an argument that begins with -
? 2
$ holdfast get key --url
holdfast: --url needs a value
? 2
$ holdfast get key --json=yes
holdfast: --json takes no value
? 2
$ holdfast set key
holdfast: set: give the value once: as an argument, as - for standard input, or with --file
? 2
$ holdfast set key value --file x
holdfast: set: give the value once: as an argument, as - for standard input, or with --file
? 2
$ holdfast set key value --if-absent --if-present
holdfast: --if-absent and --if-present contradict each other
? 2
$ holdfast set key --file /does/not/exist
holdfast: /does/not/exist: No such file or directory
? 2
$ holdfast set key value --ttl 0
holdfast: --ttl: "0" is out of range; allowed: more than 0 to 10 years
? 2
$ holdfast set key value --ttl -5
holdfast: --ttl: "-5" is no duration, such as 30, 250ms, 10min or 1.5h
? 2
$ holdfast set key value --ttl soon
holdfast: --ttl: "soon" is no duration, such as 30, 250ms, 10min or 1.5h
? 2
$ holdfast set key value --ttl 11000d
holdfast: --ttl: "11000d" is out of range; allowed: more than 0 to 10 years
? 2
$ holdfast help optoins
holdfast: no help on "optoins"; did you mean "options"?
? 2
$ holdfast help frobnicate
holdfast: no help on "frobnicate"; see holdfast help
? 2
$ holdfast demo --url redis://127.0.0.1:6379/0
holdfast: demo: --url: it only hurts a Redis of its own; allowed: embedded:
? 2

# Options out of range, as flags and in the environment.

$ holdfast ping --max-connections 0
holdfast: --max-connections: "0" is out of range; allowed: 1 to 1000
? 2
$ holdfast ping --max-connections=1001
holdfast: --max-connections: "1001" is out of range; allowed: 1 to 1000
? 2
$ holdfast ping --socket-timeout 1e3
holdfast: --socket-timeout: "1e3" is not understood; allowed: 0.001 to 3600 s
? 2
$ holdfast ping --retry-on-timeout=maybe
holdfast: --retry-on-timeout: "maybe" is not understood; allowed: true or false
? 2
$ REDIS_SOCKET_TIMEOUT=99999 holdfast ping
holdfast: REDIS_SOCKET_TIMEOUT: "99999" is out of range; allowed: 0.001 to 3600 s
? 2
$ REDIS_CIRCUIT_BREAKER_THRESHOLD=0 holdfast ping
holdfast: REDIS_CIRCUIT_BREAKER_THRESHOLD: "0" is out of range; allowed: 1 to 1000000
? 2
$ REDIS_MAX_CONNECTIONS=many holdfast ping
holdfast: REDIS_MAX_CONNECTIONS: "many" is not understood; allowed: 1 to 1000
? 2
$ holdfast ping --attempt-timeout 6
holdfast: invalid argument: attempt_timeout (6 s) is above socket_timeout (5 s)
? 2

# Malformed URLs.

$ holdfast ping --url redis://h:0
holdfast: --url: "redis://h:0": the port is out of range, 1 to 65535
? 2
$ holdfast ping --url redis://h:70000/0
holdfast: --url: "redis://h:70000/0": the port is out of range, 1 to 65535
? 2
$ holdfast ping --url http://h
holdfast: --url: "http://h": a URL begins with redis://, rediss://, unix: or embedded:
? 2
$ holdfast ping --url redis://u:%zz@h
holdfast: --url: "redis://***@h": bad percent escape in the user or password
? 2
$ holdfast ping --url redis://h/10000
holdfast: --url: "redis://h/10000": the db is out of range, 0 to 9999
? 2
$ holdfast ping --url 'redis://h?max_conections=3'
holdfast: --url: "max_conections" is not a parameter of a URL
? 2
$ holdfast ping --url 'redis://h?max_connections=3000'
holdfast: --url: parameter max_connections: "3000" is out of range; allowed: 1 to 1000
? 2
$ REDIS_URL=redis://h:70000 holdfast ping
holdfast: REDIS_URL: "redis://h:70000": the port is out of range, 1 to 65535
? 2
$ REDIS_URL=localhost holdfast ping
holdfast: REDIS_URL: "localhost": a URL begins with redis://, rediss://, unix: or embedded:
? 2

# A password is never shown, whatever is wrong with the rest.

$ holdfast ping --url redis://:hunter2@h:70000
holdfast: --url: "redis://***@h:70000": the port is out of range, 1 to 65535
? 2
$ holdfast ping --url redis://:hunter2
holdfast: --url: no host; a URL is redis://[[user]:password@]host[:port][/db]
? 2
$ holdfast redis://:hunter2@h
holdfast: unknown command; a URL goes behind --url
? 2
$ REDIS_URL=redis://u:hunter2@h/x holdfast ping
holdfast: REDIS_URL: "redis://***@h/x": the db must be a number, 0 to 9999
? 2
$ REDIS_URL=redis://u:hunter2 holdfast ping
holdfast: REDIS_URL: the port, between host: and /db, must be a number, 1 to 65535
? 2
