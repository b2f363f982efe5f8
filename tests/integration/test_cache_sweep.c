#include "support/cache_fixture.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

enum { N = 4000 };

static void fill(struct cache_fixture *f, const char *group)
{
    static char            names[N][24];
    static struct hf_bytes keys[N];
    static hf_err          errs[N];
    for (int i = 0; i < N; i++) {
        snprintf(names[i], sizeof names[i], "%s:%d", group, i);
        keys[i] = hf_str(names[i]);
    }
    assert_int_equal(hf_cache_set_many(f->cache, NULL, keys, keys, N, NULL, errs, &f->error),
                     HF_OK);
}

static hf_err sweep_all(struct cache_fixture *f, const char *pattern, struct hf_sweep *sweep)
{
    return hf_cache_delete_matching(f->cache, NULL, hf_str(pattern), sweep, NULL, NULL,
                                    &f->error);
}

static void deletes_what_matches_and_nothing_else(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct hf_sweep      sweep = { 0 };
    cache_fixture_open(&f, NULL);
    fill(&f, "user");
    fill(&f, "page");
    redis_server_do(f.server, "SET user:1 somebody-elses");
    assert_int_equal(sweep_all(&f, "user:*", &sweep), HF_OK);
    assert_int_equal(sweep.deleted, N);
    assert_int_equal(sweep.cursor, 0);
    assert_true(sweep.steps >= 2 * N / 1000);
    assert_int_equal(cache_fixture_expect(&f, "user:7", "user:7"), HF_MISS);
    assert_int_equal(cache_fixture_expect(&f, "page:7", "page:7"), HF_OK);

    sweep = (struct hf_sweep){ 0 };
    assert_int_equal(sweep_all(&f, "page:1?", &sweep), HF_OK);
    assert_int_equal(sweep.deleted, 10);
    sweep = (struct hf_sweep){ 0 };
    assert_int_equal(sweep_all(&f, "nothing*", &sweep), HF_OK);
    assert_int_equal(sweep.deleted, 0);
    assert_int_equal(cache_fixture_stats(&f).cache_deletes, N + 10);
    cache_fixture_close(&f);
}

static void the_prefix_is_taken_literally(void **state)
{
    (void)state;
    struct cache_fixture          f;
    struct hf_cache              *other;
    struct hf_value              *value;
    struct hf_sweep               sweep = { 0 };
    const struct hf_cache_options plain = { .key_prefix = "axb" };
    cache_fixture_open(&f, &(struct hf_cache_options){ .key_prefix = "a*[b]\\?" });
    assert_int_equal(hf_cache_open(f.client, &plain, &other, NULL), HF_OK);
    assert_int_equal(hf_cache_set(other, NULL, hf_str("k"), hf_str("v"), NULL, NULL), HF_OK);
    assert_int_equal(cache_fixture_set(&f, "k", "v"), HF_OK);
    assert_int_equal(sweep_all(&f, "*", &sweep), HF_OK);
    assert_int_equal(sweep.deleted, 1);
    assert_int_equal(hf_cache_get(other, NULL, hf_str("k"), &value, NULL), HF_OK);
    hf_value_release(value);
    assert_int_equal(cache_fixture_expect(&f, "k", "v"), HF_MISS);
    hf_cache_close(other);
    cache_fixture_close(&f);
}

static bool twice(const struct hf_sweep *sweep, void *ctx)
{
    (void)ctx;
    return sweep->steps % 2 != 0;
}

static void goes_on_where_it_was_stopped(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct hf_sweep      sweep = { 0 };
    cache_fixture_open(&f, NULL);
    fill(&f, "user");
    int    calls = 0;
    hf_err err;
    do {
        err = hf_cache_delete_matching(f.cache, NULL, hf_str("*"), &sweep, twice, NULL,
                                       &f.error);
        calls++;
    } while (err == HF_MISS);
    assert_int_equal(err, HF_OK);
    assert_true(calls > 1);
    assert_int_equal(sweep.deleted, N);
    cache_fixture_close(&f);
}

static bool pause_server(const struct hf_sweep *sweep, void *ctx)
{
    struct cache_fixture *f = ctx;
    if (sweep->steps == 2) redis_server_pause(f->server);
    return true;
}

static void goes_on_after_an_outage(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct hf_sweep      sweep = { 0 };
    cache_fixture_open(&f, NULL);
    fill(&f, "user");
    const struct hf_call call = { .timeout = hf_ms(200) };
    const hf_err         err = hf_cache_delete_matching(f.cache, &call, hf_str("*"), &sweep,
                                                        pause_server, &f, &f.error);
    assert_int_not_equal(err, HF_OK);
    assert_int_not_equal(err, HF_MISS);
    assert_int_equal(sweep.steps, 2);
    redis_server_resume(f.server);
    assert_int_equal(hf_client_wait_ready(f.client, hf_seconds(30), &f.error), HF_OK);
    assert_int_equal(sweep_all(&f, "*", &sweep), HF_OK);
    for (int i = 0; i < N; i += 97) {
        char key[24];
        snprintf(key, sizeof key, "user:%d", i);
        assert_int_equal(cache_fixture_expect(&f, key, key), HF_MISS);
    }
    cache_fixture_close(&f);
}

static void a_bad_pattern_is_refused(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct hf_sweep      sweep = { 0 };
    static char          large[65536];
    cache_fixture_open(&f, NULL);
    assert_int_equal(sweep_all(&f, "", &sweep), HF_E_INVALID);
    assert_int_equal(hf_cache_delete_matching(f.cache, NULL, hf_bytes(large, sizeof large),
                                              &sweep, NULL, NULL, NULL),
                     HF_E_TOO_LARGE);
    cache_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deletes_what_matches_and_nothing_else),
        cmocka_unit_test(the_prefix_is_taken_literally),
        cmocka_unit_test(goes_on_where_it_was_stopped),
        cmocka_unit_test(goes_on_after_an_outage),
        cmocka_unit_test(a_bad_pattern_is_refused),
    };
    return RUN_TESTS(tests);
}
