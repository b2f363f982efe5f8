/* Get-or-load by the clock: nobody waits longer than he wants to, whatever the loader and
 * Redis do, and what is loaded in the background is bounded. */

#include "support/loader.h"
#include "support/test.h"
#include "support/wait.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const struct hf_cache_options keeps_stale = { .stale_limit = { 600000000000 } };

static bool is_loaded(void *ctx)
{
    return cache_fixture_expect(ctx, "k", "loaded") == HF_OK;
}

static hf_err get_within(struct loader *loader, uint32_t ms, const struct hf_load *how,
                         const char *expected)
{
    const struct hf_call call = { .timeout = hf_ms(ms) };
    const hf_instant     start = hf_now();
    const hf_err         err = loader_get(loader, &call, how, expected);
    assert_in_range(hf_between(start, hf_now()).ns, 0, hf_ms(ms).ns + hf_seconds(2).ns);
    return err;
}

static void the_first_caller_is_not_held_by_his_loader_and_it_stores_later(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    const struct hf_load how = { .release_ctx = loader_release };
    struct loader        loader = loader_at_once(&f, "loaded");
    loader.may_go_on = false;
    assert_int_equal(get_within(&loader, 60, &how, ""), HF_E_TIMEOUT);
    assert_int_equal(loader.released, 0);
    atomic_store(&loader.may_go_on, true);
    assert_true(wait_until(is_loaded, &f, hf_seconds(10)));
    assert_int_equal(loader.calls, 1);
    assert_int_equal(loader.released, 1);
    assert_int_equal(loader_get(&loader, NULL, &how, "loaded"), HF_OK);
    assert_int_equal(loader.released, 2); /* A hit has no use for it. */
    cache_fixture_close(&f);
}

static void a_delete_voids_a_load_that_nobody_waits_for(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    const struct hf_load how = { .release_ctx = loader_release };
    struct loader        loader = loader_at_once(&f, "loaded");
    loader.may_go_on = false;
    assert_int_equal(get_within(&loader, 40, &how, ""), HF_E_TIMEOUT);
    assert_int_equal(hf_cache_delete(f.cache, NULL, hf_str("k"), NULL), HF_MISS);
    atomic_store(&loader.may_go_on, true);
    hf_cache_close(f.cache);
    assert_int_equal(cache_fixture_stats(&f).cache_loads_void, 1);
    assert_int_equal(hf_cache_open(f.client, &(struct hf_cache_options){ .key_prefix = "t" },
                                   &f.cache, NULL),
                     HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "k", "loaded"), HF_MISS);
    cache_fixture_close(&f);
}

static hf_err load_key(struct hf_cache *cache, const char *key, struct loader *loader)
{
    const struct hf_call call = { .timeout = hf_ms(300) };
    const struct hf_load how = { .release_ctx = loader_release };
    struct hf_value     *value;
    const hf_err err = hf_cache_load(cache, &call, hf_str(key), &how, loader_load, loader,
                                     &value, NULL);
    if (!err) hf_value_release(value);
    return err;
}

static void hung_loaders_are_bounded_and_told(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(
        &f, &(struct hf_cache_options){ .loaders_max = 2, .loads_waiting_max = 3 });
    struct loader loader = loader_at_once(&f, "loaded");
    loader.may_go_on = false;
    static const char *const keys[] = { "0", "1", "2", "3", "4", "5", "6" };
    for (int i = 0; i < 5; i++) {
        assert_int_equal(load_key(f.cache, keys[i], &loader), HF_E_TIMEOUT);
    }
    assert_int_equal(loader.calls, 2);
    assert_int_equal(load_key(f.cache, keys[5], &loader), HF_E_OVERLOAD);
    assert_int_equal(load_key(f.cache, keys[6], &loader), HF_E_OVERLOAD);
    assert_int_equal(cache_fixture_stats(&f).cache_loads_refused, 2);
    atomic_store(&loader.may_go_on, true);
    for (int i = 0; i < 5; i++) {
        struct hf_value *value;
        assert_int_equal(hf_cache_load(f.cache, NULL, hf_str(keys[i]), NULL, loader_load,
                                       &loader, &value, NULL),
                         HF_OK);
        hf_value_release(value);
    }
    assert_int_equal(loader.calls, 5);
    cache_fixture_close(&f);
    assert_int_equal(loader.released, 7);
}

static bool has_no_memory(void *ctx)
{
    struct counting_allocator *memory = ctx;
    return atomic_load(&memory->blocks) == 0 && atomic_load(&memory->bytes) == 0;
}

static void closing_leaves_a_hung_loader_behind_and_drops_what_waits(void **state)
{
    (void)state;
    static struct cache_fixture f; /* The loader outlives it. */
    cache_fixture_open(&f, &(struct hf_cache_options){ .loaders_max = 1 });
    struct loader loader = loader_at_once(&f, "loaded");
    struct loader waiting = loader_at_once(&f, "loaded");
    loader.may_go_on = false;
    assert_int_equal(load_key(f.cache, "hung", &loader), HF_E_TIMEOUT);
    assert_int_equal(load_key(f.cache, "waiting", &waiting), HF_E_TIMEOUT);
    const hf_instant start = hf_now();
    hf_cache_close(f.cache);
    assert_in_range(hf_between(start, hf_now()).ns, 0, hf_seconds(5).ns);
    assert_int_equal(waiting.calls, 0);
    assert_int_equal(waiting.released, 1);
    assert_int_equal(loader.released, 0);
    f.cache = NULL;
    hf_client_close(f.client);
    f.client = NULL;
    atomic_store(&loader.may_go_on, true);
    assert_true(wait_until(loader_is_released, &loader, hf_seconds(10)));
    assert_true(wait_until(has_no_memory, &f.memory, hf_seconds(10)));
    cache_fixture_close(&f);
}

static void past_the_soft_timeout_the_stale_value_is_taken(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, &keeps_stale);
    loader_store_stale(&f);
    const struct hf_load soft = { .soft_timeout = hf_ms(30) };
    struct loader        loader = loader_at_once(&f, "loaded");
    loader.may_go_on = false;
    assert_int_equal(loader_get(&loader, NULL, &soft, "stale"), HF_OK);
    assert_int_equal(loader_get(&loader, NULL, &soft, "stale"), HF_OK);
    assert_int_equal(loader.calls, 1);
    assert_int_equal(cache_fixture_stats(&f).cache_stale, 2);
    atomic_store(&loader.may_go_on, true);
    assert_true(wait_until(is_loaded, &f, hf_seconds(10)));
    assert_int_equal(loader.calls, 1);
    cache_fixture_close(&f);
}

static void a_load_that_is_quick_enough_beats_the_soft_timeout(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, &keeps_stale);
    loader_store_stale(&f);
    const struct hf_load soft = { .soft_timeout = hf_seconds(4) };
    struct loader        loader = loader_at_once(&f, "loaded");
    assert_int_equal(loader_get(&loader, NULL, &soft, "loaded"), HF_OK);
    assert_int_equal(cache_fixture_stats(&f).cache_stale, 0);
    cache_fixture_close(&f);
}

static void a_stale_value_is_given_at_once_and_refreshed_once(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, &keeps_stale);
    loader_store_stale(&f);
    const struct hf_load how = { .stale_while_loading = true };
    struct loader        loader = loader_at_once(&f, "loaded");
    loader.may_go_on = false;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(loader_get(&loader, NULL, &how, "stale"), HF_OK);
    }
    assert_true(wait_until(loader_is_running, &loader, hf_seconds(10)));
    atomic_store(&loader.may_go_on, true);
    assert_true(wait_until(is_loaded, &f, hf_seconds(10)));
    assert_int_equal(loader.calls, 1);
    assert_int_equal(cache_fixture_stats(&f).cache_refreshes, 1);
    assert_int_equal(loader_get(&loader, NULL, &how, "loaded"), HF_OK);
    cache_fixture_close(&f);
}

/* Another process refreshes: then this one need not. */
static void a_refresh_leaves_a_lease_that_is_taken_alone(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, &keeps_stale);
    loader_store_stale(&f);
    redis_server_do(f.server, "SET lease{t@0:k} somebody PX 60000");
    const struct hf_load how = { .stale_while_loading = true, .release_ctx = loader_release };
    struct loader        loader = loader_at_once(&f, "loaded");
    assert_int_equal(loader_get(&loader, NULL, &how, "stale"), HF_OK);
    assert_true(wait_until(loader_is_released, &loader, hf_seconds(10)));
    assert_int_equal(loader.calls, 0);
    cache_fixture_close(&f);
}

static void in_caller_the_loader_runs_in_the_thread_that_asked(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, &(struct hf_cache_options){ .loaders_max = 1 });
    struct loader hung = loader_at_once(&f, "loaded");
    hung.may_go_on = false;
    assert_int_equal(load_key(f.cache, "hung", &hung), HF_E_TIMEOUT);
    const struct hf_load here = { .in_caller = true, .release_ctx = loader_release };
    struct loader        loader = loader_at_once(&f, "loaded");
    assert_int_equal(loader_get(&loader, NULL, &here, "loaded"), HF_OK);
    assert_int_equal(loader.released, 1);
    atomic_store(&hung.may_go_on, true);
    cache_fixture_close(&f);
}

struct caller {
    struct loader *loader;
    hf_err         err;
};

static void *call_it(void *context)
{
    struct caller *me = context;
    me->err = get_within(me->loader, 2000, NULL, "loaded");
    return NULL;
}

/* Redis accepts and never answers: half of the time is lost, the rest is the loader's. */
static void while_redis_hangs_one_load_in_time_serves_all(void **state)
{
    (void)state;
    enum { CALLERS = 8 };
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    assert_int_equal(cache_fixture_expect(&f, "k", ""), HF_MISS);
    redis_server_pause(f.server);
    struct loader loader = loader_at_once(&f, "loaded");
    struct caller callers[CALLERS];
    pthread_t     threads[CALLERS];
    loader.may_go_on = false;
    loader.is_shared = true;
    for (int i = 0; i < CALLERS; i++) {
        callers[i].loader = &loader;
        assert_int_equal(pthread_create(&threads[i], NULL, call_it, &callers[i]), 0);
    }
    assert_true(wait_until(loader_is_running, &loader, hf_seconds(10)));
    atomic_store(&loader.may_go_on, true);
    int right = 0;
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(threads[i], NULL);
        right += callers[i].err == HF_OK;
    }
    redis_server_resume(f.server);
    assert_int_equal(right, CALLERS);
    assert_in_range(loader.calls, 1, CALLERS);
    cache_fixture_close(&f);
}

static void whichever_way_a_load_fails_a_stale_value_stands_in(void **state)
{
    (void)state;
    static const hf_err  all[] = { HF_E_SYSTEM,  HF_E_TIMEOUT,  HF_E_OVERLOAD,
                                   HF_E_INVALID, HF_E_CONNECT,  HF_E_OOM,
                                   HF_E_NOMEM,   HF_E_PROTOCOL, HF_E_TOO_LARGE };
    struct cache_fixture f;
    cache_fixture_open(&f, &keeps_stale);
    loader_store_stale(&f);
    struct loader loader = loader_at_once(&f, "loaded");
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        loader.err = all[i];
        assert_int_equal(loader_get(&loader, NULL, NULL, "stale"), HF_OK);
    }
    loader.err = HF_OK;
    loader.may_go_on = false;
    assert_int_equal(get_within(&loader, 100, NULL, "stale"), HF_OK);
    atomic_store(&loader.may_go_on, true);
    assert_true(wait_until(is_loaded, &f, hf_seconds(10)));
    cache_fixture_close(&f);
}

/* The server reads, but takes no more writes: no lease, so nothing is stored, but served. */
static void a_full_server_does_not_keep_loads_from_being_served(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    assert_int_equal(cache_fixture_set(&f, "other", "value"), HF_OK);
    redis_server_do(f.server, "CONFIG SET maxmemory 1");
    struct loader loader = loader_at_once(&f, "loaded");
    assert_int_equal(loader_get(&loader, NULL, NULL, "loaded"), HF_OK);
    assert_int_equal(loader_get(&loader, NULL, NULL, "loaded"), HF_OK);
    assert_int_equal(loader.calls, 2);
    redis_server_do(f.server, "CONFIG SET maxmemory 0");
    assert_int_equal(loader_get(&loader, NULL, NULL, "loaded"), HF_OK);
    assert_int_equal(loader_get(&loader, NULL, NULL, "loaded"), HF_OK);
    assert_int_equal(loader.calls, 3);
    cache_fixture_close(&f);
}

static void bad_limits_are_refused(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct hf_cache     *cache;
    cache_fixture_open(&f, NULL);
    static const struct hf_cache_options bad[] = {
        { .loaders_max = HF_CACHE_LOADERS_MAX + 1 },
        { .loads_waiting_max = HF_CACHE_LOADS_WAITING_MAX + 1 }
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(hf_cache_open(f.client, &bad[i], &cache, NULL), HF_E_RANGE);
    }
    static const struct hf_cache_options most = {
        .loaders_max = HF_CACHE_LOADERS_MAX, .loads_waiting_max = HF_CACHE_LOADS_WAITING_MAX
    };
    assert_int_equal(hf_cache_open(f.client, &most, &cache, NULL), HF_OK);
    hf_cache_close(cache);
    cache_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_caller_is_not_held_by_his_loader_and_it_stores_later),
        cmocka_unit_test(a_delete_voids_a_load_that_nobody_waits_for),
        cmocka_unit_test(hung_loaders_are_bounded_and_told),
        cmocka_unit_test(closing_leaves_a_hung_loader_behind_and_drops_what_waits),
        cmocka_unit_test(past_the_soft_timeout_the_stale_value_is_taken),
        cmocka_unit_test(a_load_that_is_quick_enough_beats_the_soft_timeout),
        cmocka_unit_test(a_stale_value_is_given_at_once_and_refreshed_once),
        cmocka_unit_test(a_refresh_leaves_a_lease_that_is_taken_alone),
        cmocka_unit_test(in_caller_the_loader_runs_in_the_thread_that_asked),
        cmocka_unit_test(while_redis_hangs_one_load_in_time_serves_all),
        cmocka_unit_test(whichever_way_a_load_fails_a_stale_value_stands_in),
        cmocka_unit_test(a_full_server_does_not_keep_loads_from_being_served),
        cmocka_unit_test(bad_limits_are_refused),
    };
    return RUN_TESTS(tests);
}
