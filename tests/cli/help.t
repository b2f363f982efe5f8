# Help goes to standard output and is no mistake.

$ holdfast help
holdfast - a Redis cache that does not take you down with it

usage: holdfast COMMAND [ARGUMENT...] [OPTION...]

  get KEY                 print the value of an entry
  set KEY [VALUE|-]       store a value
  put KEY FILE|-          store a file of any size, without holding it in
                          memory
  fetch KEY FILE|-        write the value of an entry to a file
  del KEY...              delete entries
  invalidate              make all entries of a tag, or of a pattern, miss
  exists KEY              tell whether there is an entry
  ttl KEY                 print how long an entry will be kept
  ping                    ask Redis whether it is there
  health                  say how Redis is: up, degraded or down, and why
  doctor                  examine a server, and say what to do about what is
                          wrong
  explain KEY             say why a key hits or misses
  fingerprint NAME[:TYPE]=VALUE...
                          print the key for parameters, in any order
  warm FILE               store the entries of a file
  usage                   say how many entries there are, how large and how
                          old
  backup FILE             write all entries to a file, while others use them
  restore FILE            put the entries of a backup back
  verify FILE             check a backup from end to end
  tasks COMMAND           create, watch and work off tasks
  hot                     list the keys that are read most
  stats                   print the statistics of an application, or of a
                          Redis
  top                     watch an application, or a Redis, live
  breaker show|reset|force STATE
                          show or set an application's circuit breaker
  export                  serve health, metrics and a dashboard over HTTP
  demo                    see an application survive its Redis, in 25 seconds
  help [COMMAND|options]  explain a command, or all options

options of every command
  --url URL               redis://, rediss://, unix: or embedded:; default
                          REDIS_URL, else redis://127.0.0.1:6379/0
  --json                  one JSON object on one line
  --password-file FILE    log in with the first line of FILE
  --ask-password          log in with a password typed on the terminal
  --help                  help on the command
  --version               which version this is

exit status: 0 ok, 1 no such entry, 2 wrong usage, 3 Redis unavailable

Start with:           holdfast demo
All about settings:   holdfast help options
? 0
$ holdfast --help >a; holdfast help | cmp a
? 0
$ holdfast set --help
usage: holdfast set KEY [VALUE|-] [OPTION...]

Stores the argument, or standard input when it is -, or a file. Exits with 1
when a condition was not met and nothing was stored.

  holdfast set user:42 '{"name":"Ada"}' --ttl 10min
  pg_dump mydb | holdfast set dump - --ttl 1h
  holdfast set report.pdf --file report.pdf

options
  --ttl DURATION          how long it is kept: 30, 250ms, 10min, 1.5h; default
                          1h
  --file PATH             take the value from this file
  --if-absent             only when there is no such entry yet
  --if-present            only when there is one
  --tag NAME[,NAME...]    tags to invalidate it by, later

--url, --json and more work with every command: holdfast help options
? 0
$ holdfast help demo
usage: holdfast demo [OPTION...]

Runs an application of 16 threads on a Redis of its own and hurts that Redis
while the application works: hangs it, kills it, takes its memory, cuts its
connections, makes it wait. Every answer is checked, every call is timed.

On a terminal it draws; into a pipe it prints one line a second. It ends with
a table. Exits with 1 when a request was not served, an answer was wrong, a
call outlived its deadline by more than 20 ms, or the breaker was not closed
at the end.

options
  --plain                 one line a second, also on a terminal
  --ascii                 draw without block characters
  --http [HOST:]PORT      serve the dashboard meanwhile; port 0: any free one

--url, --json and more work with every command: holdfast help options
? 0
$ holdfast --version | tr 0-9 N
holdfast N.N.N
? 0
$ holdfast help options
OPTIONS
  Each can be given in four places; the first one found counts:

  1. a flag                     holdfast get KEY --socket-timeout 0.25
  2. a parameter of --url       redis://cache/0?socket_timeout=0.25
  3. the environment            REDIS_SOCKET_TIMEOUT=0.25
  4. the default

  A duration is in seconds or has a unit: 0.25, 250ms, 2min, 1.5h.
  A size is in bytes or has a unit of 1024: 512, 64kb, 1.5mb, 2gb.
  A switch is true or false, or --retry-on-timeout, --no-retry-on-timeout.

URL
  redis://[[user]:password@]host[:port][/db][?option=value&...]
  rediss://...                         the same over TLS
  unix:/path/to/socket[?db=2]          a unix socket
  embedded:                            a private server, gone with the command
  embedded:/folder                     a private server with its data there

  User, password and path may hold percent escapes: @ is %40, / is %2F.
  An IPv6 address stands in brackets: redis://[::1]:6379/0

PASSWORDS
  Give them in REDIS_URL, REDIS_PASSWORD, a --password-file that only you can
  read, or type them with --ask-password. One in --url is overwritten in the
  process list as soon as it was read, but your shell may remember it. None is
  ever printed.

ALL OPTIONS
  --url url
      Where the server is, and as whom to log in.
      redis://, rediss://, unix: or embedded:; default
      redis://127.0.0.1:6379/0; REDIS_URL

  --user text
      ACL user to log in as; wins over the one in the URL.
      0 to 128 bytes; default none; REDIS_USER

  password: --password-file FILE, --ask-password
      Password to log in with; wins over the one in the URL. Never shown.
      0 to 4096 bytes; default none; REDIS_PASSWORD

  --key-prefix text
      In front of every key of the cache, so that applications can share a
      server.
      0 to 128 bytes; default holdfast; REDIS_KEY_PREFIX

  --client-name text
      How the connections are called in the server's CLIENT LIST.
      0 to 128 bytes; default holdfast; REDIS_CLIENT_NAME

  --tls-ca-file path
      Certificates (PEM) that a rediss:// server's must lead to; the system's
      if empty.
      0 to 4095 bytes; default none; REDIS_TLS_CA_FILE

  --tls-cert-file path
      This client's certificate (PEM, with its chain), for servers that ask
      for one.
      0 to 4095 bytes; default none; REDIS_TLS_CERT_FILE

  --tls-key-file path
      The private key (PEM) of that certificate.
      0 to 4095 bytes; default none; REDIS_TLS_KEY_FILE

  --tls-crl-file path
      Certificates (PEM) that were revoked; none is looked for if empty.
      0 to 4095 bytes; default none; REDIS_TLS_CRL_FILE

  --tls-server-name text
      Name the server's certificate must bear; the URL's host if empty.
      0 to 255 bytes; default none; REDIS_TLS_SERVER_NAME

  --tls-ciphers text
      Cipher list for TLS 1.2, as OpenSSL writes it; its own default if empty.
      0 to 1023 bytes; default none; REDIS_TLS_CIPHERS

  --tls-verify switch
      Check the server's certificate and name; turning it off is logged each
      time.
      true or false; default true; REDIS_TLS_VERIFY

  --max-connections count
      Most connections to one server.
      1 to 1000; default 20; REDIS_MAX_CONNECTIONS; also in the URL

  --connection-lifetime duration
      Age at which a connection is replaced, less up to a tenth by chance.
      1 to 604800 s, or 0: no limit; default 3600; REDIS_CONNECTION_LIFETIME;
      also in the URL

  --socket-timeout duration
      Total bound on a call: connecting, waiting, sending, receiving and all
      retries.
      0.001 to 3600 s; default 5; REDIS_SOCKET_TIMEOUT; also in the URL

  --socket-connect-timeout duration
      Bound on making one connection: DNS, connect, TLS and log-in.
      0.001 to 3600 s; default 5; REDIS_SOCKET_CONNECT_TIMEOUT; also in the
      URL

  --attempt-timeout duration
      Bound on one attempt within a call, so that time is left to try again.
      0.001 to 3600 s, or 0: derived; default 0; REDIS_ATTEMPT_TIMEOUT; also
      in the URL

  --retry-on-timeout switch
      Try again after a timeout where that is safe, within the call's bound.
      true or false; default true; REDIS_RETRY_ON_TIMEOUT; also in the URL

  --health-check-interval duration
      How often a healthy server is checked; one that is down is probed more
      often.
      0.01 to 86400 s; default 30; REDIS_HEALTH_CHECK_INTERVAL; also in the
      URL

  --breaker-threshold count
      Failures in a row that open the circuit breaker.
      1 to 1000000; default 5; REDIS_CIRCUIT_BREAKER_THRESHOLD; also in the
      URL

  --breaker-timeout duration
      How long the breaker stays open at most; a good health check ends it
      sooner.
      0.001 to 86400 s; default 60; REDIS_CIRCUIT_BREAKER_TIMEOUT; also in the
      URL

  --compression-threshold size
      Values larger than this are compressed when that makes them smaller.
      0 to 512mb; default 512; REDIS_COMPRESSION_THRESHOLD; also in the URL

  --value-size-max size
      Largest value the cache stores or accepts.
      1 to 512mb; default 64mb; REDIS_VALUE_SIZE_MAX; also in the URL

  --large-size-max size
      Largest value the cache streams, in chunks of at most 1 MB.
      1 to 16gb; default 512mb; REDIS_LARGE_SIZE_MAX; also in the URL

  --reply-size-max size
      Largest reply accepted; a larger one closes the connection.
      64kb to 16gb; default 512mb; REDIS_REPLY_SIZE_MAX; also in the URL

  --calls-max count
      Most commands queued or under way at once; more fail at once as
      overload.
      1 to 1000000; default 10000; REDIS_CALLS_MAX; also in the URL

  --adaptive-limit switch
      Allow fewer calls at once while the server is slow: more fail early,
      fewer queue.
      true or false; default false; REDIS_ADAPTIVE_LIMIT; also in the URL

  --bytes-in-flight-max size
      Most bytes of commands queued or under way at once.
      64kb to 16gb; default 256mb; REDIS_BYTES_IN_FLIGHT_MAX; also in the URL

  --log-level level
      What is worth a log record; the command line tool is silent unless
      asked.
      debug, info, warn, error or silent; default warn; REDIS_LOG_LEVEL

  --log-format format
      How records are written; auto: natively to systemd's journal, or else
      logfmt.
      auto, logfmt or json; default auto; REDIS_LOG_FORMAT

EXIT STATUS
  0  ok
  1  there is no such entry
  2  the command line, the environment or the input is wrong; nothing was done
  3  Redis could not be asked in time, or refused
? 0
$ holdfast help options | head -c 1
O
\ no newline
? 0
$ holdfast help >/dev/full
holdfast: cannot write the output: No space left on device
? 3

# A group of commands explains itself and each of them.

$ holdfast help tasks
usage: holdfast tasks COMMAND [OPTION...]

Tasks are kept in Redis until they are done: none lost, none done twice
unawares.

  id=$(holdfast tasks create render --file page.svg)
  holdfast tasks work --exec 'convert svg:- png:fd:3'
  holdfast tasks watch "$id"

commands
  tasks create TYPE [PAYLOAD|-]
                          add a task
  tasks get ID            print a task
  tasks list              list tasks, the newest first
  tasks watch ID          follow a task to its end
  tasks cancel ID...      cancel tasks
  tasks requeue ID...     let dead or cancelled tasks run again
  tasks pause TYPE...     let no task of a type begin
  tasks resume TYPE...    let tasks of a type begin again
  tasks stats             count tasks by status, priority and type
  tasks cleanup           remove finished tasks
  tasks work              run a command for each task

--url, --json and more work with every command: holdfast help options
? 0
$ holdfast tasks --help >a; holdfast help tasks | cmp a
? 0
$ holdfast help tasks work
usage: holdfast tasks work [OPTION...]

The payload is its standard input. Lines on its standard output tell the
progress: "40% drawing", "0.4" or only a message. What it writes to descriptor
3 is the result. Exit status 0 is success, 65 a failure for good, any other a
failure that is tried again. HOLDFAST_TASK_ID, _TYPE, _TOKEN and _STARTS are
in its environment.

A task that is cancelled or takes too long gets SIGTERM, and SIGKILL 5 s
later. SIGINT or SIGTERM end the work: what runs may finish within --grace, or
is released; a second signal ends it at once.

  holdfast tasks work --type render --exec 'convert svg:- png:fd:3'

options
  --prefix PREFIX         which tasks: of this key prefix; default tasks
  --exec COMMAND          run by sh -c
  --type TYPE[,TYPE...]   only tasks of these types
  --threads N             tasks at a time; default 1
  --task-timeout DURATION
                          longest time for one; default: no limit
  --lease DURATION        recovered so long after a crash; default 30
  --grace DURATION        for what runs when the work ends; default 30
  --drain                 end when no task is pending or running

--url, --json and more work with every command: holdfast help options
? 0
$ holdfast tasks work --help >a; holdfast help tasks work | cmp a
? 0
$ holdfast help tasks wrok
holdfast: no help on "tasks wrok"; see holdfast help tasks
? 2
$ holdfast help get more
holdfast: no help on "get more"; see holdfast help get
? 2

# It keeps within a terminal that is narrower.

$ script -qfec 'stty rows 24 cols 40; exec holdfast help get' screen </dev/null >/dev/null; grep -v '^Script' screen | tr -d '\r'
usage: holdfast get KEY [OPTION...]

Prints the value as it is, on a
terminal with a line end behind it.
Exits with 1 when there is no such
entry.

  holdfast get user:42
  holdfast get report.pdf > report.pdf

--url, --json and more work with every
command: holdfast help options

? 0
$ for columns in 40 80; do script -qfec "stty rows 24 cols $columns; holdfast help; for c in get tasks breaker 'tasks work'; do holdfast help \$c; done" screen </dev/null >/dev/null; tr -d '\r' <screen | grep -v '^Script\|^exit status\|holdfast' | awk -v n=$columns 'length > n'; done
? 0
