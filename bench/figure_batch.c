#include "die.h"
#include "figures.h"
#include "ours.h"

#include <holdfast/cache.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 100 };

static void batch_once(struct hf_client *client, struct hf_batch *batch,
                       const struct dataset *data, size_t first)
{
    const struct hf_reply *reply;
    struct hf_error        error;

    hf_batch_clear(batch);
    for (size_t i = 0; i < BATCH; i++) {
        const struct hf_bytes argv[] = { hf_bytes("GET", 3),
                                         data->keys[(first + i * 97) % data->count] };
        if (hf_batch_add(batch, argv, 2)) die("a batch takes no more commands");
    }
    if (hf_client_batch(client, NULL, batch, &error)) die("batch: %s", error.detail);
    for (size_t i = 0; i < BATCH; i++) {
        if (hf_batch_result(batch, i, &reply, NULL) || !ours_is_value(reply, data->value)) {
            die("batch: command %zu was answered wrongly", i);
        }
    }
}

double batch100_holdfast(struct lab *lab, const struct load *load,
                         const struct driver *driver)
{
    (void)driver;
    const struct dataset *data = lab_dataset(lab, load->value_size);
    struct hf_client     *client = ours_open(&lab->server.unix_address, NULL, NULL);
    struct hf_batch      *batch;
    size_t                rounds = 0;
    if (hf_batch_open(client, &batch)) die("out of memory");

    const hf_instant warm = hf_later(hf_now(), hf_ns(lab->slice.ns / 4));
    while (hf_before(hf_now(), warm)) batch_once(client, batch, data, rounds++);

    const hf_instant begun = hf_now();
    const hf_instant end = hf_later(begun, lab->slice);
    rounds = 0;
    do batch_once(client, batch, data, rounds++);
    while (hf_before(hf_now(), end));
    const double seconds = (double)hf_between(begun, hf_now()).ns / 1e9;

    hf_batch_close(batch);
    hf_client_close(client);
    return (double)(rounds * BATCH) / seconds;
}

/* Its random part has twelve digits, as our keys have; it says itself how fast it was. */
double batch100_redis_benchmark(struct lab *lab, const struct load *load,
                                const struct driver *driver)
{
    (void)driver;
    const struct dataset *data = lab_dataset(lab, load->value_size);
    char                  command[512];
    char                  line[512];
    double                rate = 0;

    snprintf(command, sizeof command,
             "redis-benchmark -s %s -P %d -c 1 -n %.0f -r %zu --csv "
             "GET bench:%zu:__rand_int__",
             lab->server.path, BATCH, (double)lab->slice.ns / 1e3, data->count,
             data->value.size);
    FILE *output = popen(command, "re");
    if (!output) die("redis-benchmark cannot be run");
    while (fgets(line, sizeof line, output)) {
        const char *comma = strstr(line, "\",\"");
        if (comma) rate = strtod(comma + 3, NULL);
    }
    if (pclose(output) || rate <= 0) die("redis-benchmark failed");
    return rate;
}

static void many_once(struct hf_cache *cache, const struct dataset *data, size_t first)
{
    struct hf_bytes  keys[BATCH];
    struct hf_value *values[BATCH];
    hf_err           errs[BATCH];
    struct hf_error  error;
    for (size_t i = 0; i < BATCH; i++) keys[i] = data->keys[(first + i * 97) % data->count];
    if (hf_cache_get_many(cache, NULL, keys, BATCH, values, errs, &error)) {
        die("cache: %s", error.detail);
    }
    for (size_t i = 0; i < BATCH; i++) {
        if (errs[i] || !ours_is_cached(values[i], data->value)) {
            die("cache: entry %zu is not what was stored", i);
        }
    }
}

double get_many_100(struct lab *lab, const struct load *load, const struct driver *driver)
{
    (void)driver;
    const struct dataset *data = lab_dataset(lab, load->value_size);
    struct hf_client     *client = ours_open(&lab->server.unix_address, NULL, NULL);
    struct hf_cache      *cache = ours_open_cache(client, data);
    size_t                rounds = 0;

    const hf_instant warm = hf_later(hf_now(), hf_ns(lab->slice.ns / 4));
    while (hf_before(hf_now(), warm)) many_once(cache, data, rounds++);

    const hf_instant begun = hf_now();
    const hf_instant end = hf_later(begun, lab->slice);
    rounds = 0;
    do many_once(cache, data, rounds++);
    while (hf_before(hf_now(), end));
    const double seconds = (double)hf_between(begun, hf_now()).ns / 1e9;

    hf_cache_close(cache);
    hf_client_close(client);
    return (double)(rounds * BATCH) / seconds;
}
