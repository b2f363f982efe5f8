/* Deletes that fail, and the clearing of a whole cache: a value that was declared wrong is
 * never served again. */

#include "cache/cache.h"
#include "support/cache_fixture.h"
#include "support/test.h"
#include "support/wait.h"

#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdio.h>

struct looking {
    struct cache_fixture *f;
    const char           *key;
};

static bool is_gone_from_redis(void *ctx)
{
    const struct looking *at = ctx;
    redisReply           *reply = redis_server_command(at->f->server, "EXISTS %s", at->key);
    const bool            is_gone = reply->integer == 0;
    freeReplyObject(reply);
    return is_gone;
}

static void wait_ready(struct cache_fixture *f)
{
    assert_int_equal(hf_client_wait_ready(f->client, hf_seconds(30), &f->error), HF_OK);
}

static hf_err delete (struct cache_fixture *f, const char *key)
{
    const struct hf_call call = { .timeout = hf_ms(100) };
    return hf_cache_delete(f->cache, &call, hf_str(key), &f->error);
}

static void a_delete_during_an_outage_is_made_up_for(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    assert_int_equal(cache_fixture_set(&f, "wrong", "old"), HF_OK);
    assert_int_equal(cache_fixture_set(&f, "right", "kept"), HF_OK);
    redis_server_pause(f.server);
    assert_int_not_equal(delete (&f, "wrong"), HF_OK);
    assert_int_equal(cache_fixture_stats(&f).cache_deletes_pending, 1);
    redis_server_resume(f.server);
    wait_ready(&f);

    assert_int_equal(cache_fixture_expect(&f, "wrong", "old"), HF_MISS);
    assert_true(
        wait_until(is_gone_from_redis, &(struct looking){ &f, "t@0:wrong" }, hf_seconds(20)));
    assert_int_equal(cache_fixture_expect(&f, "right", "kept"), HF_OK);
    assert_int_equal(cache_fixture_set(&f, "wrong", "new"), HF_OK);
    assert_int_equal(cache_fixture_stats(&f).cache_deletes_late, 1);
    assert_int_equal(cache_fixture_stats(&f).cache_deletes_pending, 0);
    cache_fixture_close(&f);
}

/* ---- Loads that begin amid a delete ------------------------------------------------- */

/* In the middle of whatever this thread does to the cache, wherever that asks for memory,
 * somebody begins to load the key. */
enum { FLIGHTS = 64 };

static struct {
    pthread_t          thread;
    struct hf_flights *all;
    struct hf_flight  *flights[FLIGHTS];
    bool               leads[FLIGHTS];
    size_t             count;
    bool               is_busy; /* Joining asks for memory, too. */
} loads;

static void begin_load(void)
{
    if (!pthread_equal(pthread_self(), loads.thread) || loads.is_busy) return;
    if (loads.count == FLIGHTS) return;
    const size_t i = loads.count++;
    loads.is_busy = true;
    assert_int_equal(
        hf_flight_join(loads.all, hf_str("t@0:wrong"), &loads.flights[i], &loads.leads[i]),
        HF_OK);
    loads.is_busy = false;
}

static void watch_loads(struct cache_fixture *f)
{
    loads.all = &f->cache->flights;
    loads.count = 0;
    atomic_store(&f->memory.hook, begin_load);
}

/* Who asks for the key after it shares none of those. */
static void assert_loads_are_forgotten(struct cache_fixture *f)
{
    atomic_store(&f->memory.hook, NULL);
    const size_t meanwhile = loads.count;
    assert_true(meanwhile > 0 && meanwhile < FLIGHTS);
    begin_load();
    const bool is_fresh = loads.leads[meanwhile];
    for (size_t i = 0; i <= meanwhile; i++) {
        if (loads.leads[i]) hf_flight_finish(loads.all, loads.flights[i]);
        hf_flight_leave(loads.all, loads.flights[i]);
    }
    assert_true(is_fresh);
}

static void a_load_that_began_amid_a_delete_is_not_shared_after_it(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct hf_sweep      sweep = { 0 };
    cache_fixture_open(&f, NULL);
    loads.thread = pthread_self(); /* Before others ask for memory under the hook. */
    assert_int_equal(cache_fixture_set(&f, "wrong", "old"), HF_OK);
    watch_loads(&f);
    assert_int_equal(delete (&f, "wrong"), HF_OK);
    assert_loads_are_forgotten(&f);

    assert_int_equal(cache_fixture_set(&f, "wrong", "old"), HF_OK);
    watch_loads(&f);
    assert_int_equal(
        hf_cache_delete_matching(f.cache, NULL, hf_str("wr*"), &sweep, NULL, NULL, &f.error),
        HF_OK);
    assert_loads_are_forgotten(&f);

    cache_fixture_forbid_deletes(&f);
    watch_loads(&f);
    assert_int_equal(delete (&f, "wrong"), HF_E_NOPERM);
    assert_loads_are_forgotten(&f);
    cache_fixture_allow_deletes(&f);
    cache_fixture_close(&f);
}

static void its_key_misses_until_then_and_others_do_not(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct hf_value     *value;
    hf_duration          ttl;
    cache_fixture_open(&f, NULL);
    const struct hf_bytes key = hf_str("wrong");
    assert_int_equal(cache_fixture_set(&f, "wrong", "old"), HF_OK);
    assert_int_equal(cache_fixture_set(&f, "right", "kept"), HF_OK);
    cache_fixture_forbid_deletes(&f);
    assert_int_equal(delete (&f, "wrong"), HF_E_NOPERM);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(cache_fixture_expect(&f, "wrong", "old"), HF_MISS);
        assert_int_equal(cache_fixture_expect(&f, "right", "kept"), HF_OK);
    }
    const struct hf_bytes keys[] = { key, hf_str("right") };
    struct hf_value      *values[2];
    hf_err                errs[2];
    assert_int_equal(hf_cache_get_many(f.cache, NULL, keys, 2, values, errs, NULL), HF_OK);
    assert_int_equal(errs[0], HF_MISS);
    assert_int_equal(errs[1], HF_OK);
    hf_value_release(values[1]);
    assert_int_equal(hf_cache_get_stale(f.cache, NULL, key, &value, NULL), HF_MISS);
    assert_int_equal(hf_cache_exists(f.cache, NULL, key, NULL), HF_MISS);
    assert_int_equal(hf_cache_ttl(f.cache, NULL, key, &ttl, NULL), HF_MISS);
    assert_int_equal(hf_cache_touch(f.cache, NULL, key, hf_seconds(9), NULL), HF_MISS);
    assert_int_equal(cache_fixture_stats(&f).cache_distrusted, 25);

    cache_fixture_allow_deletes(&f);
    assert_true(
        wait_until(is_gone_from_redis, &(struct looking){ &f, "t@0:wrong" }, hf_seconds(20)));
    cache_fixture_close(&f);
}

static void a_set_that_succeeds_settles_it(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    assert_int_equal(cache_fixture_set(&f, "a", "old"), HF_OK);
    assert_int_equal(cache_fixture_set(&f, "b", "old"), HF_OK);
    cache_fixture_forbid_deletes(&f);
    const struct hf_bytes keys[] = { hf_str("a"), hf_str("b") };
    const struct hf_bytes values[] = { hf_str("new"), hf_str("new") };
    hf_err                errs[2];
    assert_int_equal(hf_cache_delete_many(f.cache, NULL, keys, 2, errs, NULL), HF_E_NOPERM);
    assert_int_equal(errs[0], HF_E_NOPERM);
    assert_int_equal(cache_fixture_expect(&f, "a", "old"), HF_MISS);
    assert_int_equal(cache_fixture_expect(&f, "b", "old"), HF_MISS);

    assert_int_equal(cache_fixture_set(&f, "a", "new"), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "a", "new"), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "b", "old"), HF_MISS);
    assert_int_equal(hf_cache_set_many(f.cache, NULL, keys, values, 2, NULL, errs, NULL),
                     HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "b", "new"), HF_OK);
    cache_fixture_close(&f);
}

static bool hits_after_all(void *ctx)
{
    const struct looking *at = ctx;
    return cache_fixture_set(at->f, at->key, "new") == HF_OK &&
           cache_fixture_expect(at->f, at->key, "new") == HF_OK;
}

static void more_than_the_list_holds_clears_the_cache(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    assert_int_equal(cache_fixture_set(&f, "bystander", "old"), HF_OK);
    cache_fixture_forbid_deletes(&f);
    enum { KEYS = 10001, AT_ONCE = 5000 };
    static char            names[KEYS][8];
    static struct hf_bytes keys[KEYS];
    static hf_err          errs[KEYS];
    for (int i = 0; i < KEYS; i++) {
        snprintf(names[i], sizeof names[i], "%d", i);
        keys[i] = hf_str(names[i]);
    }
    for (int i = 0; i < KEYS; i += AT_ONCE) {
        const size_t count = i + AT_ONCE < KEYS ? AT_ONCE : (size_t)(KEYS - i);
        assert_int_equal(hf_cache_delete_many(f.cache, NULL, keys + i, count, errs, NULL),
                         HF_E_NOPERM);
    }
    assert_true(wait_until(hits_after_all, &(struct looking){ &f, "7" }, hf_seconds(20)));
    assert_int_equal(cache_fixture_expect(&f, "bystander", "old"), HF_MISS);
    cache_fixture_allow_deletes(&f);
    cache_fixture_close(&f);
}

static void a_closed_cache_leaves_no_thread_behind(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    cache_fixture_forbid_deletes(&f);
    assert_int_equal(delete (&f, "k"), HF_E_NOPERM);
    redis_server_pause(f.server);
    cache_fixture_close(&f); /* Memory is counted there. */
}

static struct hf_cache *another_process(struct cache_fixture *f)
{
    struct hf_cache              *cache;
    const struct hf_cache_options options = { .key_prefix = "t" };
    assert_int_equal(hf_cache_open(f->client, &options, &cache, &f->error), HF_OK);
    return cache;
}

struct two_caches {
    struct cache_fixture *f;
    struct hf_cache      *other;
};

static bool other_misses(void *ctx)
{
    const struct two_caches *two = ctx;
    struct hf_value         *value;
    const hf_err             err = hf_cache_get(two->other, NULL, hf_str("k"), &value, NULL);
    if (err == HF_OK) hf_value_release(value);
    return err == HF_MISS;
}

static void clear_makes_all_miss_here_at_once_and_elsewhere_soon(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    struct two_caches two = { &f, another_process(&f) };
    assert_int_equal(cache_fixture_set(&f, "k", "v"), HF_OK);
    assert_false(other_misses(&two));

    assert_int_equal(hf_cache_clear(f.cache, NULL, &f.error), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "k", "v"), HF_MISS);
    assert_true(wait_until(other_misses, &two, hf_seconds(10)));
    const struct hf_set absent = { .ttl = hf_seconds(60), .condition = HF_SET_IF_ABSENT };
    assert_int_equal(hf_cache_set(f.cache, NULL, hf_str("k"), hf_str("w"), &absent, &f.error),
                     HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "k", "w"), HF_OK);
    assert_false(other_misses(&two));
    hf_cache_close(two.other);
    cache_fixture_close(&f);
}

static void a_clear_during_an_outage_is_made_up_for(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    const struct hf_call call = { .timeout = hf_ms(100) };
    assert_int_equal(cache_fixture_set(&f, "k", "old"), HF_OK);
    redis_server_pause(f.server);
    assert_int_not_equal(hf_cache_clear(f.cache, &call, &f.error), HF_OK);
    redis_server_resume(f.server);
    wait_ready(&f);
    assert_int_equal(cache_fixture_expect(&f, "k", "old"), HF_MISS);
    assert_true(wait_until(hits_after_all, &(struct looking){ &f, "other" }, hf_seconds(20)));
    assert_int_equal(cache_fixture_expect(&f, "k", "old"), HF_MISS);
    cache_fixture_close(&f);
}

static void an_evicted_token_makes_all_miss(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    assert_int_equal(cache_fixture_set(&f, "k", "v"), HF_OK);
    redis_server_do(f.server, "DEL t@0/namespace");
    struct hf_cache  *other = another_process(&f);
    struct two_caches two = { &f, other };
    assert_true(other_misses(&two));
    hf_cache_close(other);
    cache_fixture_close(&f);
}

static void a_foreign_token_is_replaced(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    redis_server_do(f.server, "RPUSH t@0/namespace a");
    assert_int_equal(cache_fixture_expect(&f, "k", "v"), HF_MISS);
    assert_true(wait_until(hits_after_all, &(struct looking){ &f, "k" }, hf_seconds(20)));
    cache_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_delete_during_an_outage_is_made_up_for),
        cmocka_unit_test(a_load_that_began_amid_a_delete_is_not_shared_after_it),
        cmocka_unit_test(its_key_misses_until_then_and_others_do_not),
        cmocka_unit_test(a_set_that_succeeds_settles_it),
        cmocka_unit_test(more_than_the_list_holds_clears_the_cache),
        cmocka_unit_test(a_closed_cache_leaves_no_thread_behind),
        cmocka_unit_test(clear_makes_all_miss_here_at_once_and_elsewhere_soon),
        cmocka_unit_test(a_clear_during_an_outage_is_made_up_for),
        cmocka_unit_test(an_evicted_token_makes_all_miss),
        cmocka_unit_test(a_foreign_token_is_replaced),
    };
    return RUN_TESTS(tests);
}
