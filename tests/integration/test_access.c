#include "core/wall_clock.h"
#include "support/cache_fixture.h"
#include "support/test.h"
#include "support/wait.h"

#include <pthread.h>
#include <stdio.h>

/* Each read is counted, and nothing is brought to Redis by itself. */
static struct hf_cache_options exact(void)
{
    return (struct hf_cache_options){ .access_sample = 1,
                                      .access_interval = hf_seconds(3600) };
}

static void read_times(struct cache_fixture *f, const char *key, int times)
{
    for (int i = 0; i < times; i++) {
        assert_int_equal(cache_fixture_expect(f, key, "v"), HF_OK);
    }
}

static void flush(struct cache_fixture *f)
{
    assert_int_equal(hf_cache_access_flush(f->cache, NULL, &f->error), HF_OK);
}

static uint64_t reads_of(struct cache_fixture *f, const char *key)
{
    struct hf_access access;
    const hf_err     err = hf_cache_access(f->cache, NULL, hf_str(key), &access, &f->error);
    if (err == HF_MISS) return 0;
    assert_int_equal(err, HF_OK);
    return access.reads;
}

static void reads_are_counted_and_the_last_is_known(void **state)
{
    (void)state;
    const struct hf_cache_options options = exact();
    struct cache_fixture          f;
    struct hf_access              access;
    cache_fixture_open(&f, &options);
    assert_int_equal(cache_fixture_set(&f, "k", "v"), HF_OK);
    const int64_t before = hf_unix_ms();
    read_times(&f, "k", 5);
    assert_int_equal(cache_fixture_expect(&f, "missing", "v"), HF_MISS);
    assert_int_equal(reads_of(&f, "k"), 0); /* Not told yet. */
    flush(&f);
    assert_int_equal(hf_cache_access(f.cache, NULL, hf_str("k"), &access, &f.error), HF_OK);
    assert_int_equal(access.reads, 5);
    assert_in_range(access.last_unix_ms, before, hf_unix_ms());
    assert_int_equal(reads_of(&f, "missing"), 0);

    read_times(&f, "k", 2);
    flush(&f);
    flush(&f);
    assert_int_equal(reads_of(&f, "k"), 7);
    cache_fixture_close(&f);
}

static hf_err load_v(struct hf_bytes key, struct hf_loaded *loaded, void *ctx)
{
    (void)key;
    (void)ctx;
    return hf_loaded_set(loaded, hf_str("v"));
}

static void all_ways_of_reading_count(void **state)
{
    (void)state;
    const struct hf_cache_options options = exact();
    struct cache_fixture          f;
    const struct hf_bytes         keys[] = { hf_str("k"), hf_str("none") };
    struct hf_value              *values[2], *value;
    struct hf_reader             *reader;
    hf_err                        errs[2];
    cache_fixture_open(&f, &options);
    assert_int_equal(hf_cache_load(f.cache, NULL, keys[0], NULL, load_v, NULL, &value, NULL),
                     HF_OK);
    hf_value_release(value);
    assert_int_equal(hf_cache_get_many(f.cache, NULL, keys, 2, values, errs, NULL), HF_OK);
    hf_value_release(values[0]);
    assert_int_equal(hf_cache_get_stale(f.cache, NULL, keys[0], &value, NULL), HF_OK);
    hf_value_release(value);
    assert_int_equal(hf_reader_open(f.cache, NULL, keys[0], &reader, NULL), HF_OK);
    hf_reader_close(reader);
    flush(&f);
    assert_int_equal(reads_of(&f, "k"), 4);
    assert_int_equal(reads_of(&f, "none"), 0);
    cache_fixture_close(&f);
}

static void an_entry_is_not_touched_by_counting(void **state)
{
    (void)state;
    const struct hf_cache_options options = exact();
    struct cache_fixture          f;
    hf_duration                   before, after;
    cache_fixture_open(&f, &options);
    assert_int_equal(cache_fixture_set(&f, "k", "v"), HF_OK);
    assert_int_equal(hf_cache_ttl(f.cache, NULL, hf_str("k"), &before, NULL), HF_OK);
    read_times(&f, "k", 3);
    flush(&f);
    assert_int_equal(hf_cache_ttl(f.cache, NULL, hf_str("k"), &after, NULL), HF_OK);
    assert_true(after.ns <= before.ns);
    assert_int_equal(cache_fixture_stats(&f).cache_sets, 1);
    cache_fixture_close(&f);
}

static void the_most_read_of_all_processes_come_first(void **state)
{
    (void)state;
    struct hf_cache_options options = exact();
    struct cache_fixture    f, other;
    struct hf_hot          *hot;
    cache_fixture_open(&f, &options);
    other = f;
    options.key_prefix = "t";
    assert_int_equal(hf_cache_open(f.client, &options, &other.cache, NULL), HF_OK);
    for (int i = 0; i < 3; i++) {
        const char key[] = { (char)('a' + i), 0 };
        assert_int_equal(cache_fixture_set(&f, key, "v"), HF_OK);
        read_times(&f, key, 10 * (i + 1));
        read_times(&other, key, i == 0 ? 25 : 1);
    }
    flush(&f);
    flush(&other);
    assert_int_equal(hf_cache_hot(f.cache, NULL, 2, &hot, &f.error), HF_OK);
    assert_int_equal(hf_hot_count(hot), 2);
    assert_memory_equal(hf_hot_at(hot, 0)->key.data, "a", 1);
    assert_int_equal(hf_hot_at(hot, 0)->reads, 35);
    assert_memory_equal(hf_hot_at(hot, 1)->key.data, "c", 1);
    assert_int_equal(hf_hot_at(hot, 1)->reads, 31);
    assert_null(hf_hot_at(hot, 2));
    hf_hot_free(hot);
    hf_hot_free(NULL);
    hf_cache_close(other.cache);
    cache_fixture_close(&f);
}

static void a_sample_is_right_on_average(void **state)
{
    (void)state;
    const struct hf_cache_options options = { .access_sample = 8,
                                              .access_interval = hf_seconds(3600),
                                              .near_bytes = 1024 * 1024 };
    struct cache_fixture          f;
    cache_fixture_open(&f, &options);
    assert_int_equal(cache_fixture_set(&f, "k", "v"), HF_OK);
    read_times(&f, "k", 20000);
    flush(&f);
    /* sqrt(8 * 20000) is 400; this is fifteen times that. */
    assert_in_range(reads_of(&f, "k"), 14000, 26000);
    cache_fixture_close(&f);
}

static void an_outage_loses_nothing_and_costs_no_memory(void **state)
{
    (void)state;
    const struct hf_cache_options options = exact();
    struct cache_fixture          f;
    const struct hf_call          call = { .timeout = hf_ms(200) };
    cache_fixture_open(&f, &options);
    assert_int_equal(cache_fixture_set(&f, "k", "v"), HF_OK);
    read_times(&f, "k", 5);
    redis_server_kill(f.server);
    for (int i = 0; i < 3; i++) {
        const hf_err err = hf_cache_access_flush(f.cache, &call, &f.error);
        assert_int_not_equal(err, HF_OK);
        assert_false(hf_err_outcome_unknown(err));
    }
    redis_server_spawn(f.server);
    redis_server_wait_ready(f.server);
    assert_int_equal(hf_client_wait_ready(f.client, hf_seconds(30), &f.error), HF_OK);
    assert_int_equal(cache_fixture_set(&f, "k", "v"), HF_OK);
    read_times(&f, "k", 2);
    flush(&f);
    flush(&f);
    assert_int_equal(reads_of(&f, "k"), 7);
    cache_fixture_close(&f);
}

enum { SHORT_LIVES = 50 };

static bool is_told(void *ctx)
{
    return reads_of(ctx, "k") == 3;
}

static void counts_are_told_by_themselves_and_at_the_end(void **state)
{
    (void)state;
    struct hf_cache_options options = exact();
    struct cache_fixture    f;
    options.access_interval = hf_ms(100);
    cache_fixture_open(&f, &options);
    assert_int_equal(cache_fixture_set(&f, "k", "v"), HF_OK);
    read_times(&f, "k", 3);
    assert_true(wait_until(is_told, &f, hf_seconds(20)));

    struct cache_fixture other = f;
    options = exact();
    options.key_prefix = "t";
    for (int round = 1; round <= SHORT_LIVES; round++) { /* The last word is never lost. */
        assert_int_equal(hf_cache_open(f.client, &options, &other.cache, NULL), HF_OK);
        read_times(&other, "k", 4);
        hf_cache_close(other.cache);
        assert_int_equal(reads_of(&f, "k"), 3 + 4 * round);
    }
    cache_fixture_close(&f);
}

enum { THREADS = 4, ROUNDS = 500 };

static void *read_on(void *ctx)
{
    struct cache_fixture *f = ctx;
    for (int i = 0; i < ROUNDS; i++) {
        struct hf_value *value;
        if (hf_cache_get(f->cache, NULL, hf_str("k"), &value, NULL) == HF_OK) {
            hf_value_release(value);
        }
        if (i % 100 == 0) (void)!hf_cache_access_flush(f->cache, NULL, NULL);
    }
    return NULL;
}

static void threads_that_read_and_tell_at_once_lose_nothing(void **state)
{
    (void)state;
    const struct hf_cache_options options = exact();
    struct cache_fixture          f;
    pthread_t                     threads[THREADS];
    cache_fixture_open(&f, &options);
    assert_int_equal(cache_fixture_set(&f, "k", "v"), HF_OK);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &f), 0);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    flush(&f);
    assert_int_equal(reads_of(&f, "k"), THREADS * ROUNDS);
    cache_fixture_close(&f);
}

static void without_it_nothing_is_counted(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct hf_hot       *hot;
    struct hf_cache     *cache;
    cache_fixture_open(&f, NULL);
    assert_int_equal(cache_fixture_set(&f, "k", "v"), HF_OK);
    read_times(&f, "k", 3);
    flush(&f);
    assert_int_equal(reads_of(&f, "k"), 0);
    assert_int_equal(hf_cache_hot(f.cache, NULL, 10, &hot, &f.error), HF_OK);
    assert_int_equal(hf_hot_count(hot), 0);
    hf_hot_free(hot);
    const struct hf_cache_options often = { .access_sample = 1,
                                            .access_interval = hf_ms(99) };
    const struct hf_cache_options rare = { .access_sample = 1000001 };
    assert_int_equal(hf_cache_open(f.client, &often, &cache, &f.error), HF_E_RANGE);
    assert_int_equal(hf_cache_open(f.client, &rare, &cache, &f.error), HF_E_RANGE);
    cache_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_are_counted_and_the_last_is_known),
        cmocka_unit_test(all_ways_of_reading_count),
        cmocka_unit_test(an_entry_is_not_touched_by_counting),
        cmocka_unit_test(the_most_read_of_all_processes_come_first),
        cmocka_unit_test(a_sample_is_right_on_average),
        cmocka_unit_test(an_outage_loses_nothing_and_costs_no_memory),
        cmocka_unit_test(counts_are_told_by_themselves_and_at_the_end),
        cmocka_unit_test(threads_that_read_and_tell_at_once_lose_nothing),
        cmocka_unit_test(without_it_nothing_is_counted),
    };
    return RUN_TESTS(tests);
}
