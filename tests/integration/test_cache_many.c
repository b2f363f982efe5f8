#include "support/cache_fixture.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

enum { N = 100 };

struct many {
    char             names[N][16];
    struct hf_bytes  keys[N];
    struct hf_bytes  texts[N];
    struct hf_value *values[N];
    hf_err           errs[N];
};

static void fill(struct many *m)
{
    for (int i = 0; i < N; i++) {
        snprintf(m->names[i], sizeof m->names[i], "key-%d", i);
        m->keys[i] = m->texts[i] = hf_str(m->names[i]);
        m->values[i] = NULL;
        m->errs[i] = HF_E_INVALID;
    }
}

static void release(struct many *m)
{
    for (int i = 0; i < N; i++) hf_value_release(m->values[i]);
}

static void each_key_gets_its_own_value(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct many          m;
    cache_fixture_open(&f, NULL);
    fill(&m);
    assert_int_equal(
        hf_cache_set_many(f.cache, NULL, m.keys, m.texts, N, NULL, m.errs, &f.error), HF_OK);
    for (int i = 0; i < N; i++) assert_int_equal(m.errs[i], HF_OK);
    assert_int_equal(hf_cache_delete(f.cache, NULL, m.keys[50], NULL), HF_OK);

    assert_int_equal(hf_cache_get_many(f.cache, NULL, m.keys, N, m.values, m.errs, &f.error),
                     HF_OK);
    for (int i = 0; i < N; i++) {
        assert_int_equal(m.errs[i], i == 50 ? HF_MISS : HF_OK);
        if (i == 50) assert_null(m.values[i]);
        if (i == 50) continue;
        assert_int_equal(hf_value_data(m.values[i]).size, m.keys[i].size);
        assert_memory_equal(hf_value_data(m.values[i]).data, m.names[i], m.keys[i].size);
    }
    assert_int_equal(cache_fixture_stats(&f).cache_hits, N - 1);
    assert_int_equal(cache_fixture_stats(&f).cache_misses, 1);

    /* The last value keeps what it needs. */
    for (int i = 0; i < N - 1; i++) hf_value_release(m.values[i]);
    assert_memory_equal(hf_value_data(m.values[N - 1]).data, "key-99", 6);
    hf_value_release(m.values[N - 1]);

    assert_int_equal(hf_cache_delete_many(f.cache, NULL, m.keys, N, m.errs, &f.error), HF_OK);
    for (int i = 0; i < N; i++) assert_int_equal(m.errs[i], i == 50 ? HF_MISS : HF_OK);
    assert_int_equal(redis_server_info(f.server, "expired_keys"), 0);
    assert_int_equal(cache_fixture_stats(&f).cache_deletes, N);
    cache_fixture_close(&f);
}

static void one_bad_entry_fails_alone(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct many          m;
    cache_fixture_open(&f, NULL);
    fill(&m);
    static char large[1024 * 1024 + 1];
    m.keys[0] = hf_str("");
    m.texts[1] = hf_bytes(large, sizeof large);
    assert_int_equal(
        hf_cache_set_many(f.cache, NULL, m.keys, m.texts, N, NULL, m.errs, &f.error),
        HF_E_INVALID);
    for (int i = 0; i < N; i++) {
        assert_int_equal(m.errs[i], i == 0 ? HF_E_INVALID : i == 1 ? HF_E_TOO_LARGE : HF_OK);
    }
    redis_server_do(f.server, "SET t@0:key-2 foreign");
    redis_server_do(f.server, "DEL t@0:key-3");
    redis_server_do(f.server, "RPUSH t@0:key-3 foreign");
    assert_int_equal(hf_cache_get_many(f.cache, NULL, m.keys, N, m.values, m.errs, &f.error),
                     HF_E_INVALID);
    for (int i = 0; i < N; i++) {
        assert_int_equal(m.errs[i], i == 0 ? HF_E_INVALID : i <= 3 ? HF_MISS : HF_OK);
    }
    assert_int_equal(cache_fixture_stats(&f).cache_foreign, 1);
    release(&m);
    assert_int_equal(hf_cache_delete_many(f.cache, NULL, m.keys, N, m.errs, &f.error),
                     HF_E_INVALID);
    assert_int_equal(m.errs[0], HF_E_INVALID);
    assert_int_equal(m.errs[1], HF_MISS);
    assert_int_equal(m.errs[4], HF_OK);
    cache_fixture_close(&f);
}

/* As on a cluster, whose nodes refuse keys of several slots in one command. */
static void where_mget_is_refused_each_key_is_asked_for(void **state)
{
    (void)state;
    struct cache_fixture     f;
    struct many              m;
    static const char *const without_mget[] = { "--rename-command", "MGET", "", NULL };
    cache_fixture_open_with(&f, NULL, without_mget);
    fill(&m);
    assert_int_equal(
        hf_cache_set_many(f.cache, NULL, m.keys, m.texts, N, NULL, m.errs, &f.error), HF_OK);
    redis_server_do(f.server, "DEL t@0:key-3");
    redis_server_do(f.server, "RPUSH t@0:key-3 foreign");
    assert_int_equal(hf_cache_get_many(f.cache, NULL, m.keys, N, m.values, m.errs, &f.error),
                     HF_OK);
    for (int i = 0; i < N; i++) {
        assert_int_equal(m.errs[i], i == 3 ? HF_MISS : HF_OK);
        if (i == 3) continue;
        assert_memory_equal(hf_value_data(m.values[i]).data, m.names[i], m.keys[i].size);
    }
    assert_int_equal(cache_fixture_stats(&f).cache_foreign, 1);
    release(&m);
    cache_fixture_close(&f);
}

static void nothing_at_all_is_fine(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct many          m;
    cache_fixture_open(&f, NULL);
    fill(&m);
    assert_int_equal(hf_cache_get_many(f.cache, NULL, m.keys, 0, m.values, m.errs, NULL),
                     HF_OK);
    assert_int_equal(hf_cache_set_many(f.cache, NULL, m.keys, m.texts, 0, NULL, m.errs, NULL),
                     HF_OK);
    assert_int_equal(hf_cache_delete_many(f.cache, NULL, m.keys, 0, m.errs, NULL), HF_OK);
    cache_fixture_close(&f);
}

static void the_limits_refuse_the_whole(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, &(struct hf_cache_options){ .compression = HF_COMPRESSION_OFF });
    enum { MOST = HF_BATCH_COMMANDS_MAX };
    struct hf_bytes  *keys = calloc(MOST + 1, sizeof *keys);
    struct hf_value **values = calloc(MOST + 1, sizeof *values);
    hf_err           *errs = calloc(MOST + 1, sizeof *errs);
    for (size_t i = 0; i <= MOST; i++) keys[i] = hf_str("key");

    assert_int_equal(hf_cache_get_many(f.cache, NULL, keys, MOST, values, errs, &f.error),
                     HF_OK);
    assert_int_equal(errs[MOST - 1], HF_MISS);
    assert_int_equal(hf_cache_get_many(f.cache, NULL, keys, MOST + 1, values, errs, &f.error),
                     HF_E_TOO_LARGE);
    assert_int_equal(errs[0], HF_E_TOO_LARGE);

    static char      large[1024 * 1024];
    struct hf_bytes *texts = calloc(64, sizeof *texts);
    for (size_t i = 0; i < 64; i++) texts[i] = hf_bytes(large, sizeof large);
    assert_int_equal(hf_cache_set_many(f.cache, NULL, keys, texts, 64, NULL, errs, &f.error),
                     HF_E_TOO_LARGE);
    assert_int_equal(cache_fixture_expect(&f, "key", ""), HF_MISS);
    free(keys);
    free(values);
    free(errs);
    free(texts);
    cache_fixture_close(&f);
}

static void a_condition_is_looked_at_for_each_entry(void **state)
{
    (void)state;
    struct cache_fixture  f;
    const struct hf_bytes keys[] = { hf_str("a"), hf_str("b"), hf_str("c") };
    const struct hf_bytes texts[] = { hf_str("A"), hf_str("B"), hf_str("C") };
    hf_err                errs[3];
    cache_fixture_open(&f, NULL);
    assert_int_equal(cache_fixture_set(&f, "b", "first"), HF_OK);
    redis_server_do(f.server, "SET t@0:c somebody-elses");

    struct hf_set how = { .ttl = hf_seconds(60), .condition = HF_SET_IF_ABSENT };
    assert_int_equal(hf_cache_set_many(f.cache, NULL, keys, texts, 2, &how, errs, &f.error),
                     HF_OK);
    assert_int_equal(errs[0], HF_OK);
    assert_int_equal(errs[1], HF_MISS);
    assert_int_equal(cache_fixture_expect(&f, "a", "A"), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "b", "first"), HF_OK);
    assert_int_equal(cache_fixture_stats(&f).cache_sets_refused, 1);

    how.condition = HF_SET_IF_PRESENT;
    assert_int_equal(hf_cache_set_many(f.cache, NULL, keys, texts, 3, &how, errs, &f.error),
                     HF_OK);
    assert_int_equal(errs[1], HF_OK);
    assert_int_equal(errs[2], HF_MISS);
    assert_int_equal(cache_fixture_expect(&f, "b", "B"), HF_OK);
    cache_fixture_close(&f);
}

static void without_a_server_every_entry_says_why(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct many          m;
    cache_fixture_open(&f, NULL);
    fill(&m);
    redis_server_kill(f.server);
    const struct hf_call call = { .timeout = hf_ms(300) };
    const hf_err         err = hf_cache_get_many(f.cache, &call, m.keys, N, m.values, m.errs,
                                                 &f.error);
    assert_int_not_equal(err, HF_OK);
    for (int i = 0; i < N; i++) {
        assert_int_not_equal(m.errs[i], HF_OK);
        assert_int_not_equal(m.errs[i], HF_MISS);
        assert_null(m.values[i]);
    }
    assert_int_not_equal(
        hf_cache_set_many(f.cache, &call, m.keys, m.texts, N, NULL, m.errs, NULL), HF_OK);
    assert_int_not_equal(hf_cache_delete_many(f.cache, &call, m.keys, N, m.errs, NULL),
                         HF_OK);
    cache_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_gets_its_own_value),
        cmocka_unit_test(one_bad_entry_fails_alone),
        cmocka_unit_test(where_mget_is_refused_each_key_is_asked_for),
        cmocka_unit_test(nothing_at_all_is_fine),
        cmocka_unit_test(the_limits_refuse_the_whole),
        cmocka_unit_test(a_condition_is_looked_at_for_each_entry),
        cmocka_unit_test(without_a_server_every_entry_says_why),
    };
    return RUN_TESTS(tests);
}
