#include "die.h"
#include "figures.h"
#include "ours.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KB = 1024, KEYS = 16 };

enum work { GETS, SETS, BOTH };

static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Records as an interface for programs gives them out: names that repeat, values that do
 * not. */
static struct hf_bytes json(size_t size)
{
    static char text[64 * KB];
    uint64_t    state = 42;
    for (size_t used = 0; used < size;) {
        char      row[256];
        const int length = snprintf(
            row, sizeof row,
            "{\"id\":%u,\"user\":\"u%08x\",\"email\":\"u%u@example.org\","
            "\"created\":\"2026-%02u-%02uT%02u:%02u:%02uZ\",\"amount\":%u.%02u,"
            "\"status\":\"%s\"},",
            (unsigned)(next(&state) % 10000000), (unsigned)next(&state),
            (unsigned)(next(&state) % 100000), (unsigned)(next(&state) % 12 + 1),
            (unsigned)(next(&state) % 28 + 1), (unsigned)(next(&state) % 24),
            (unsigned)(next(&state) % 60), (unsigned)(next(&state) % 60),
            (unsigned)(next(&state) % 1000), (unsigned)(next(&state) % 100),
            next(&state) % 3 ? "paid" : "pending");
        const size_t left = size - used;
        const size_t part = (size_t)length < left ? (size_t)length : left;
        memcpy(text + used, row, part);
        used += part;
    }
    return hf_bytes(text, size);
}

static struct hf_bytes noise(size_t size)
{
    static unsigned char bytes[KB * KB];
    uint64_t             state = 43;
    for (size_t i = 0; i < size; i++) bytes[i] = (unsigned char)(next(&state) >> 24);
    return hf_bytes(bytes, size);
}

static struct hf_bytes key_number(char text[32], size_t i)
{
    snprintf(text, 32, "packing:%zu", i % KEYS);
    return hf_str(text);
}

static void set_once(struct hf_cache *cache, size_t i, struct hf_bytes value)
{
    char            text[32];
    struct hf_error error;
    if (hf_cache_set(cache, NULL, key_number(text, i), value, NULL, &error)) {
        die("cache: %s", error.detail);
    }
}

static void get_once(struct hf_cache *cache, size_t i, struct hf_bytes value)
{
    char             text[32];
    struct hf_value *found;
    struct hf_error  error = { 0 };
    if (hf_cache_get(cache, NULL, key_number(text, i), &found, &error)) {
        die("cache: %s", error.detail);
    }
    if (!ours_is_cached(found, value)) die("cache: another value");
}

static void work_once(struct hf_cache *cache, enum work work, size_t i, struct hf_bytes value)
{
    if (work != GETS) set_once(cache, i, value);
    if (work != SETS) get_once(cache, i, value);
}

/* Microseconds for each time the work is done, in one thread. */
static double time_of(struct lab *lab, const struct hf_cache_options *how, enum work work,
                      struct hf_bytes value)
{
    struct hf_client *client = ours_open(&lab->server.unix_address, NULL, NULL);
    struct hf_cache  *cache;
    struct hf_error   error;
    size_t            rounds = 0;
    if (hf_cache_open(client, how, &cache, &error)) die("cache: %s", error.detail);
    for (size_t i = 0; i < KEYS; i++) set_once(cache, i, value);

    const hf_instant warm = hf_later(hf_now(), hf_ns(lab->slice.ns / 4));
    for (size_t i = 0; hf_before(hf_now(), warm); i++) work_once(cache, work, i, value);
    const hf_instant begun = hf_now();
    const hf_instant end = hf_later(begun, lab->slice);
    do work_once(cache, work, rounds++, value);
    while (hf_before(hf_now(), end));
    const double us = (double)hf_between(begun, hf_now()).ns / 1e3;

    hf_cache_close(cache);
    hf_client_close(client);
    return us / (double)rounds;
}

static double get_1k(struct lab *lab, const struct hf_cache_key *keys, size_t count)
{
    const struct hf_cache_options how = { .compression = HF_COMPRESSION_OFF,
                                          .keys = keys,
                                          .key_count = count };
    return 1e6 / time_of(lab, &how, GETS, noise(KB));
}

double get_1k_sealed(struct lab *lab, const struct load *load, const struct driver *driver)
{
    const struct hf_cache_key key = { .id = 1, .bytes = "for the benchmark alone" };
    (void)load;
    (void)driver;
    return get_1k(lab, &key, 1);
}

double get_1k_plain(struct lab *lab, const struct load *load, const struct driver *driver)
{
    (void)load;
    (void)driver;
    return get_1k(lab, NULL, 0);
}

double json_64k_stored(struct lab *lab, const struct load *load, const struct driver *driver)
{
    (void)load;
    (void)driver;
    const struct hf_bytes         value = json((size_t)64 * KB);
    struct hf_client             *client = ours_open(&lab->server.unix_address, NULL, NULL);
    struct hf_cache              *cache;
    struct hf_reply              *reply;
    struct hf_error               error;
    int64_t                       size;
    const struct hf_cache_options how = { .key_prefix = "packing" };
    if (hf_cache_open(client, &how, &cache, &error)) die("cache: %s", error.detail);
    set_once(cache, 0, value);
    get_once(cache, 0, value);

    const struct hf_bytes argv[] = { hf_str("STRLEN"), hf_str("packing@0:packing:0") };
    if (hf_client_command(client, NULL, argv, 2, &reply, &error)) die("%s", error.detail);
    if (hf_reply_int(reply, &size) || size == 0) die("STRLEN is not understood");
    hf_reply_free(reply);
    hf_cache_close(cache);
    hf_client_close(client);
    return (double)size / (double)value.size;
}

static const struct hf_cache_options off = { .compression = HF_COMPRESSION_OFF };

double set_1m_noise_us(struct lab *lab, const struct load *load, const struct driver *driver)
{
    (void)load;
    (void)driver;
    return time_of(lab, NULL, SETS, noise((size_t)KB * KB));
}

double set_1m_noise_raw_us(struct lab *lab, const struct load *load,
                           const struct driver *driver)
{
    (void)load;
    (void)driver;
    return time_of(lab, &off, SETS, noise((size_t)KB * KB));
}

double json_64k_us(struct lab *lab, const struct load *load, const struct driver *driver)
{
    (void)load;
    (void)driver;
    return time_of(lab, NULL, BOTH, json((size_t)64 * KB));
}

double json_64k_raw_us(struct lab *lab, const struct load *load, const struct driver *driver)
{
    (void)load;
    (void)driver;
    return time_of(lab, &off, BOTH, json((size_t)64 * KB));
}
