#include "support/cache_fixture.h"
#include "support/test.h"

#include <hiredis/hiredis.h>
#include <holdfast/usage.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { N = 6000, SIZE = 100 };
enum { THIRD = N / 3 };

static void fill(struct cache_fixture *f, struct hf_cache *cache, int count)
{
    static char            names[N][24], text[SIZE];
    static struct hf_bytes keys[N], values[N];
    static hf_err          errs[N];
    for (int i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "key:%d", i);
        keys[i] = hf_str(names[i]);
        values[i] = hf_bytes(text, sizeof text);
    }
    assert_int_equal(
        hf_cache_set_many(cache, NULL, keys, values, (size_t)count, NULL, errs, &f->error),
        HF_OK);
}

static long commands(struct cache_fixture *f, const char *name)
{
    char        field[64];
    redisReply *reply = redis_server_command(f->server, "INFO commandstats");
    snprintf(field, sizeof field, "cmdstat_%s:calls=", name);
    const char *at = strstr(reply->str, field);
    const long  calls = at ? strtol(at + strlen(field), NULL, 10) : 0;
    freeReplyObject(reply);
    return calls;
}

static void a_small_database_is_counted(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct hf_usage      u;
    cache_fixture_open(&f, NULL);
    assert_int_equal(hf_cache_usage(f.cache, NULL, 0, &u, &f.error), HF_OK);
    assert_true(u.is_exact && u.entries.value == 0);

    fill(&f, f.cache, 50);
    redis_server_do(f.server, "SET somebody else");
    redis_server_do(f.server, "SET t@0:foreign text");
    redis_server_do(f.server, "HSET t@0:hash a b");
    assert_int_equal(hf_cache_usage(f.cache, NULL, 0, &u, &f.error), HF_OK);
    assert_true(u.is_exact);
    assert_int_equal(u.keys, 54); /* With the namespace token. */
    assert_int_equal(u.keys_seen, 54);
    assert_true(u.entries.value == 50 && u.entries.low == 50 && u.entries.high == 50);
    assert_true(u.leftovers.value == 2);
    assert_true(u.value_bytes.value == 50 * SIZE);
    assert_true(u.stored_bytes.value <= 50 * SIZE && u.stored_bytes.value > 0);
    assert_true(u.memory_bytes.value > 50 * 64);
    assert_int_equal(u.entries_seen, 50);
    assert_int_equal(u.value_size_max, SIZE);
    assert_true(u.age_oldest.ns >= u.age_mean.ns && u.age_mean.ns >= u.age_newest.ns);
    assert_true(u.age_oldest.ns < hf_seconds(60).ns);
    assert_true(u.ttl_mean.ns > hf_seconds(3500).ns && u.ttl_mean.ns <= hf_seconds(3600).ns);

    assert_int_equal(hf_cache_clear(f.cache, NULL, &f.error), HF_OK);
    assert_int_equal(hf_cache_usage(f.cache, NULL, 0, &u, &f.error), HF_OK);
    assert_true(u.entries.value == 0 && u.leftovers.value == 52);
    assert_int_equal(u.entries_seen, 0);
    assert_int_equal(u.age_oldest.ns, 0);
    cache_fixture_close(&f);
}

/* The bounds hold in 19 cases of 20, and bounds of three times the width as good as always.
 */
static bool is_near(const struct hf_estimate *e, double truth)
{
    return fabs(e->value - truth) <= 3 * (e->high - e->value);
}

static void a_large_one_is_estimated_at_a_bounded_cost_within_its_bounds(void **state)
{
    (void)state;
    struct cache_fixture          f;
    struct hf_cache              *other;
    struct hf_usage               u;
    const struct hf_cache_options prefix = { .key_prefix = "other" };
    cache_fixture_open(&f, NULL);
    assert_int_equal(hf_cache_open(f.client, &prefix, &other, NULL), HF_OK);
    fill(&f, f.cache, N / 3);
    fill(&f, other, N);

    assert_int_equal(hf_cache_usage(f.cache, NULL, 1500, &u, &f.error), HF_OK);
    assert_false(u.is_exact);
    assert_in_range(u.keys_seen, 1500, 2100);
    assert_int_equal(u.keys, N + N / 3 + 2);
    assert_true(u.entries.low < u.entries.high);
    assert_in_range((uint64_t)u.entries.value, N / 4, N / 2);
    assert_true(fabs(u.value_bytes.value - u.entries.value * SIZE) < 1);
    assert_true(is_near(&u.entries, THIRD));
    assert_int_equal(hf_cache_usage(other, NULL, 1500, &u, &f.error), HF_OK);
    assert_true(is_near(&u.entries, N));

    assert_int_equal(commands(&f, "keys"), 0);
    assert_true(commands(&f, "scan") < 12);
    assert_int_equal(hf_cache_usage(f.cache, NULL, UINT64_MAX, &u, &f.error), HF_OK);
    assert_true(u.is_exact);
    assert_true(u.entries.value >= THIRD && u.entries.value < THIRD + 100);
    hf_cache_close(other);
    cache_fixture_close(&f);
}

static void read_often(struct cache_fixture *f, int i, int times)
{
    char name[24];
    snprintf(name, sizeof name, "key:%d", i);
    for (int k = 0; k < times; k++) {
        struct hf_value *value;
        assert_int_equal(hf_cache_get(f->cache, NULL, hf_str(name), &value, &f->error),
                         HF_OK);
        hf_value_release(value);
    }
}

static void it_tells_how_often_entries_are_read(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct hf_usage      u;
    cache_fixture_open(&f, &(struct hf_cache_options){ .access_sample = 1,
                                                       .access_interval = hf_seconds(60) });
    fill(&f, f.cache, 10);
    assert_int_equal(hf_cache_usage(f.cache, NULL, 0, &u, &f.error), HF_OK);
    assert_true(u.counted_seen == 0 && u.reads_mean.value == 0 && u.reads_mean.high == 0);

    for (int i = 0; i < 4; i++) read_often(&f, i, 5);
    assert_int_equal(hf_cache_access_flush(f.cache, NULL, &f.error), HF_OK);
    char long_name[300];
    memset(long_name, 'k', sizeof long_name); /* Such a key is not counted. */
    assert_int_equal(hf_cache_set(f.cache, NULL, hf_bytes(long_name, sizeof long_name),
                                  hf_str("v"), NULL, &f.error),
                     HF_OK);
    assert_int_equal(hf_cache_usage(f.cache, NULL, 0, &u, &f.error), HF_OK);
    assert_true(u.is_exact);
    assert_int_equal(u.entries_seen, 11);
    assert_int_equal(u.counted_seen, 4);
    assert_true(fabs(u.reads_mean.value - 20.0 / 11) < 1e-9);
    assert_true(u.reads_mean.low == u.reads_mean.value &&
                u.reads_mean.high == u.reads_mean.value);
    cache_fixture_close(&f);
}

static void the_mean_of_reads_is_estimated_within_its_bounds(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct hf_usage      u;
    cache_fixture_open(&f, &(struct hf_cache_options){ .access_sample = 1,
                                                       .access_interval = hf_seconds(60) });
    fill(&f, f.cache, N);
    for (int i = 0; i < N; i++) { /* Every third, from 1 to 5 times. */
        if (i % 3 == 0) read_often(&f, i, 1 + i / 3 % 5);
        if (i % 300 == 0) {
            assert_int_equal(hf_cache_access_flush(f.cache, NULL, &f.error), HF_OK);
        }
    }
    assert_int_equal(hf_cache_access_flush(f.cache, NULL, &f.error), HF_OK);
    assert_int_equal(hf_cache_usage(f.cache, NULL, 1000, &u, &f.error), HF_OK);
    assert_false(u.is_exact);
    assert_true(u.reads_mean.low < u.reads_mean.value);
    assert_true(u.reads_mean.value < u.reads_mean.high);
    assert_true(u.reads_mean.high - u.reads_mean.low < 0.6);
    assert_true(is_near(&u.reads_mean, 1));
    cache_fixture_close(&f);
}

static void without_a_server_it_says_why(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct hf_usage      u = { .keys = 42 };
    cache_fixture_open(&f, NULL);
    redis_server_kill(f.server);
    const struct hf_call call = { .timeout = hf_ms(300) };
    const hf_err         err = hf_cache_usage(f.cache, &call, 0, &u, &f.error);
    assert_true(err != HF_OK && err != HF_MISS);
    assert_int_equal(u.keys, 42);
    cache_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_database_is_counted),
        cmocka_unit_test(a_large_one_is_estimated_at_a_bounded_cost_within_its_bounds),
        cmocka_unit_test(it_tells_how_often_entries_are_read),
        cmocka_unit_test(the_mean_of_reads_is_estimated_within_its_bounds),
        cmocka_unit_test(without_a_server_it_says_why),
    };
    return RUN_TESTS(tests);
}
