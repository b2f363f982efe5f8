# The most read keys: none here, since the tool itself does not count.

$ mkdir -p data
? 0
$ echo 'REDIS_URL=embedded:'$PWD/data'; export REDIS_URL' >env
? 0
$ . ./env; holdfast hot
holdfast: hot: no application has counted reads lately (access_sample)
? 1
$ . ./env; holdfast hot --count 0
holdfast: --count: "0" is not a number from 1 to 1000
? 2
