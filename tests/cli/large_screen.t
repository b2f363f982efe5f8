# Files that go in and out on a terminal: a bar, which is wiped at the end.

$ mkdir -p data
? 0
$ echo 'REDIS_URL=embedded:'$PWD/data'; export REDIS_URL' >env
? 0
$ head -c 3000000 /dev/zero | tr '\0' 'x' >in
? 0
$ . ./env; script -qfec 'holdfast put film in' screen </dev/null >/dev/null; tr '\r' '\n' <screen >lines; grep -oE ' *(50|100) % \[.*\]' lines
 50 % [####################                    ]
100 % [########################################]
? 0
$ tr -d '\033' <lines | grep stored
[Kstored
? 0
$ . ./env; script -qfec 'holdfast fetch film out' screen </dev/null >/dev/null; tr '\r' '\n' <screen | grep -o ' *[0-9]* % \[.*\]'; cmp in out
 34 % [##############                          ]
 69 % [############################            ]
100 % [########################################]
? 0
$ . ./env; script -qfec 'cat in | holdfast put film - 2>&1' screen </dev/null >/dev/null; grep -c '%' screen
0
? 1
$ . ./env; holdfast put film in 2>errors; cat errors
stored
? 0
