#include "die.h"
#include "driver.h"
#include "ours.h"

#include <holdfast/cache.h>
#include <stdlib.h>

enum { ROUND = 100 }; /* Entries stored at a time. */

static void store(struct hf_cache *cache, const struct dataset *data)
{
    struct hf_bytes values[ROUND];
    hf_err          errs[ROUND];
    struct hf_error error;
    for (size_t i = 0; i < ROUND; i++) values[i] = data->value;
    for (size_t i = 0; i + ROUND <= data->count; i += ROUND) {
        if (hf_cache_set_many(cache, NULL, data->keys + i, values, ROUND, NULL, errs,
                              &error)) {
            die("cache: %s", error.detail);
        }
    }
}

struct hf_cache *ours_open_cache(struct hf_client *client, const struct dataset *data)
{
    return ours_open_cache_with(client, data, NULL);
}

struct hf_cache *ours_open_cache_with(struct hf_client *client, const struct dataset *data,
                                      const struct hf_cache_options *how)
{
    struct hf_cache *cache;
    struct hf_error  error;
    if (hf_cache_open(client, how, &cache, &error)) die("cache: %s", error.detail);
    store(cache, data);
    return cache;
}

bool ours_is_cached(struct hf_value *value, struct hf_bytes expected)
{
    const struct hf_bytes data = hf_value_data(value);
    const size_t          last = expected.size - 1;
    const bool            good = data.size == expected.size &&
                      ((const char *)data.data)[last] == ((const char *)expected.data)[last];
    hf_value_release(value);
    return good;
}

struct shared {
    struct hf_client *client;
    struct hf_cache  *cache;
};

static void *cache_open(struct lab *lab, const struct address *address)
{
    struct shared *shared = calloc(1, sizeof *shared);
    if (!shared) die("out of memory");
    shared->client = ours_open(address, NULL, NULL);
    shared->cache = ours_open_cache(shared->client, lab_dataset(lab, SMALL_VALUE));
    return shared;
}

static void cache_close(void *ctx)
{
    struct shared *shared = ctx;
    hf_cache_close(shared->cache);
    hf_client_close(shared->client);
    free(shared);
}

static void *join(void *ctx)
{
    return ((struct shared *)ctx)->cache;
}

static void leave(void *caller)
{
    (void)caller;
}

static bool get(void *caller, struct hf_bytes key, struct hf_bytes expected)
{
    struct hf_value *value;
    if (hf_cache_get(caller, NULL, key, &value, NULL)) return false;
    return ours_is_cached(value, expected);
}

static bool set(void *caller, struct hf_bytes key, struct hf_bytes value)
{
    return hf_cache_set(caller, NULL, key, value, NULL, NULL) == HF_OK;
}

const struct driver cached = {
    "holdfast, a cache", cache_open, cache_close, join, leave, get, set,
};
