# Values that only who has the key can read. Keys come from the environment or a file.

$ mkdir -p data
? 0
$ printf '1:%064d\n' 7 >key; chmod 600 key; printf '2:%064d\n1:%064d\n' 8 7 >both; chmod 644 both
? 0
$ echo 'REDIS_URL=embedded:'$PWD/data'; export REDIS_URL HOLDFAST_CACHE_KEYS HOLDFAST_CACHE_KEYS_FILE' >env
? 0
$ . ./env; HOLDFAST_CACHE_KEYS_FILE=key; holdfast set secret 'hello world'
stored
? 0
$ . ./env; HOLDFAST_CACHE_KEYS=$(cat key); holdfast get secret
hello world
\ no newline
? 0
$ . ./env; HOLDFAST_CACHE_KEYS_FILE=both; holdfast get secret
holdfast: warning: HOLDFAST_CACHE_KEYS_FILE both can be read by others (chmod 600 both)
hello world
\ no newline
? 0
$ . ./env; holdfast get secret
? 1
$ . ./env; HOLDFAST_CACHE_KEYS=$(printf '2:%064d' 8); holdfast get secret
? 1
$ . ./env; holdfast set plain 'hello world'; HOLDFAST_CACHE_KEYS_FILE=key; holdfast get plain
stored
? 1
$ HOLDFAST_CACHE_KEYS=1:0123 holdfast get secret
holdfast: HOLDFAST_CACHE_KEYS: key 1 is not an id, a colon and 64 hexadecimal digits
? 2
$ HOLDFAST_CACHE_KEYS_FILE=none holdfast get secret
holdfast: HOLDFAST_CACHE_KEYS_FILE none: No such file or directory
? 2
