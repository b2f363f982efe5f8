# What is in a cache, counted when there are few keys.

$ mkdir -p data
? 0
$ echo 'REDIS_URL=embedded:'$PWD/data'; export REDIS_URL' >env
? 0
$ . ./env; for i in 1 2 3; do printf '{"key":"k%s","value":"value"}\n' $i; done >list; holdfast warm list
3 stored
? 0
$ . ./env; holdfast usage | sed 's/^\(memory\|age\|still to live\) .*/\1/'
entries        3
values         15 B
stored         15 B
memory
leftovers      0
compressed     0 %
largest seen   5 B
age
still to live
keys seen      4 of 4 in the database: counted, not estimated
? 0
$ . ./env; holdfast usage --json --keys 5 | sed 's/\("\(memory_bytes\|age\|ttl\)[a-z_]*":\)[0-9.]*/\1N/g'
{"keys":4,"keys_seen":4,"exact":true,"entries":3.000,"entries_low":3.000,"entries_high":3.000,"leftovers":0.000,"leftovers_low":0.000,"leftovers_high":0.000,"value_bytes":15.000,"value_bytes_low":15.000,"value_bytes_high":15.000,"stored_bytes":15.000,"stored_bytes_low":15.000,"stored_bytes_high":15.000,"memory_bytes":N,"memory_bytes_low":N,"memory_bytes_high":N,"entries_seen":3,"compressed_seen":0,"value_size_max":5,"age_mean_seconds":N,"age_oldest_seconds":N,"age_newest_seconds":N,"ttl_mean_seconds":N,"counted_seen":0,"reads_mean":0.000,"reads_mean_low":0.000,"reads_mean_high":0.000}
? 0
$ . ./env; holdfast usage --keys 0
holdfast: --keys: "0" is not a whole number from 1 to 18446744073709551615
? 2
