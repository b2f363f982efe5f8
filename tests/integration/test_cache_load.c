/* Get-or-load: once for all who ask, in one process and in several, and never what a delete
 * has declared wrong. */

#include "cache/envelope.h"
#include "core/wall_clock.h"
#include "support/loader.h"
#include "support/test.h"
#include "support/wait.h"

#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 32 };

static void a_miss_is_loaded_and_stored_once(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    struct loader loader = loader_at_once(&f, "loaded");
    for (int i = 0; i < 5; i++) {
        assert_int_equal(loader_get(&loader, NULL, NULL, "loaded"), HF_OK);
    }
    assert_int_equal(loader.calls, 1);
    assert_int_equal(cache_fixture_expect(&f, "k", "loaded"), HF_OK);
    assert_int_equal(cache_fixture_stats(&f).cache_loads, 1);
    assert_int_equal(cache_fixture_stats(&f).cache_hits, 5);
    redisReply *reply = redis_server_command(f.server, "KEYS lease*");
    assert_int_equal(reply->elements, 0);
    freeReplyObject(reply);
    cache_fixture_close(&f);
}

struct caller {
    struct loader *loader;
    hf_err         err;
};

static void *call_it(void *context)
{
    struct caller *me = context;
    me->err = loader_get(me->loader, NULL, NULL, "loaded");
    return NULL;
}

static void many_threads_share_one_load(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    struct loader loader = loader_at_once(&f, "loaded");
    struct caller callers[THREADS];
    pthread_t     threads[THREADS];
    loader.may_go_on = false;
    for (int i = 0; i < THREADS; i++) {
        callers[i].loader = &loader;
        assert_int_equal(pthread_create(&threads[i], NULL, call_it, &callers[i]), 0);
    }
    assert_true(wait_until(loader_is_running, &loader, hf_seconds(30)));
    atomic_store(&loader.may_go_on, true);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(callers[i].err, HF_OK);
    }
    assert_int_equal(loader.calls, 1);
    cache_fixture_close(&f);
}

/* Shared by the processes of the stampede. */
struct stampede {
    atomic_int  loads;
    atomic_int  right;
    atomic_int  ready;
    atomic_bool go;
};

struct runner {
    struct stampede *shared;
    struct hf_cache *cache;
};

static bool may_go(void *ctx)
{
    struct stampede *shared = ctx;
    return atomic_load(&shared->go);
}

static hf_err load_slowly(struct hf_bytes key, struct hf_loaded *loaded, void *ctx)
{
    struct stampede *shared = ctx;
    (void)key;
    atomic_fetch_add(&shared->loads, 1);
    (void)stays_true(may_go, shared, hf_ms(50)); /* So that the others come meanwhile. */
    return hf_loaded_set(loaded, hf_str("loaded"));
}

static void *run(void *context)
{
    struct runner   *me = context;
    struct hf_value *value;
    atomic_fetch_add(&me->shared->ready, 1);
    if (!wait_until(may_go, me->shared, hf_seconds(60))) return NULL;
    if (hf_cache_load(me->cache, NULL, hf_str("hot"), NULL, load_slowly, me->shared, &value,
                      NULL) == HF_OK) {
        atomic_fetch_add(&me->shared->right, hf_value_data(value).size == 6);
        hf_value_release(value);
    }
    return NULL;
}

static int one_process(const char *url, struct stampede *shared)
{
    struct hf_options *options;
    struct hf_client  *client;
    struct hf_cache   *cache;
    if (hf_options_open(&options)) return 1;
    if (hf_options_set(options, "url", url, NULL)) return 1;
    if (hf_client_open(options, &client, NULL)) return 1;
    if (hf_cache_open(client, NULL, &cache, NULL)) return 1;

    struct runner runner = { shared, cache };
    pthread_t     threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, run, &runner)) return 1;
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    hf_cache_close(cache);
    hf_client_close(client);
    hf_options_close(options);
    return 0;
}

static bool all_ready(void *ctx)
{
    struct stampede *shared = ctx;
    return atomic_load(&shared->ready) == 2 * THREADS;
}

static void two_processes_of_32_threads_load_a_cold_key_once(void **state)
{
    (void)state;
    struct redis_server *server = redis_server_open(NULL);
    struct stampede     *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(shared, MAP_FAILED);
    pid_t children[2];
    for (int i = 0; i < 2; i++) {
        children[i] = fork();
        if (children[i] == 0) _exit(one_process(redis_server_unix_url(server), shared));
        assert_true(children[i] > 0);
    }
    const bool ready = wait_until(all_ready, shared, hf_seconds(60));
    atomic_store(&shared->go, true);
    for (int i = 0; i < 2; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_true(ready);
    assert_int_equal(shared->loads, 1);
    assert_int_equal(shared->right, 2 * THREADS);
    munmap(shared, sizeof *shared);
    redis_server_close(server);
}

static bool delete_meanwhile(struct loader *loader)
{
    return hf_cache_delete(loader->f->cache, NULL, hf_str("k"), NULL) == HF_MISS;
}

static bool clear_meanwhile(struct loader *loader)
{
    return hf_cache_clear(loader->f->cache, NULL, NULL) == HF_OK;
}

static bool delete_many_meanwhile(struct loader *loader)
{
    const struct hf_bytes key = hf_str("k");
    hf_err                err;
    return hf_cache_delete_many(loader->f->cache, NULL, &key, 1, &err, NULL) == HF_OK;
}

static void what_was_loaded_before_a_delete_is_not_stored_after_it(void **state)
{
    (void)state;
    bool (*const all[])(struct loader *) = { delete_meanwhile, delete_many_meanwhile,
                                             clear_meanwhile };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct cache_fixture f;
        cache_fixture_open(&f, NULL);
        struct loader loader = loader_at_once(&f, "old");
        loader.meanwhile = all[i];
        assert_int_equal(loader_get(&loader, NULL, NULL, "old"), HF_OK);
        assert_int_equal(cache_fixture_expect(&f, "k", "old"), HF_MISS);

        loader = loader_at_once(&f, "new");
        assert_int_equal(loader_get(&loader, NULL, NULL, "new"), HF_OK);
        assert_int_equal(cache_fixture_expect(&f, "k", "new"), HF_OK);
        cache_fixture_close(&f);
    }
}

/* A load that begins after a delete does not join one that began before it. */
static void who_asks_after_a_delete_gets_no_older_load(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    struct loader old = loader_at_once(&f, "loaded");
    struct caller caller = { &old, HF_E_INVALID };
    pthread_t     thread;
    old.may_go_on = false;
    assert_int_equal(pthread_create(&thread, NULL, call_it, &caller), 0);
    assert_true(wait_until(loader_is_running, &old, hf_seconds(30)));
    assert_int_equal(hf_cache_delete(f.cache, NULL, hf_str("k"), NULL), HF_MISS);

    struct loader fresh = loader_at_once(&f, "fresh");
    assert_int_equal(loader_get(&fresh, NULL, NULL, "fresh"), HF_OK);
    atomic_store(&old.may_go_on, true);
    pthread_join(thread, NULL);
    assert_int_equal(caller.err, HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "k", "fresh"), HF_OK);
    assert_int_equal(cache_fixture_stats(&f).cache_loads_void, 1);
    cache_fixture_close(&f);
}

static void a_loader_that_hangs_holds_nobody_past_his_deadline(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    struct loader loader = loader_at_once(&f, "loaded");
    struct caller caller = { &loader, HF_E_INVALID };
    pthread_t     thread;
    loader.may_go_on = false;
    assert_int_equal(pthread_create(&thread, NULL, call_it, &caller), 0);
    assert_true(wait_until(loader_is_running, &loader, hf_seconds(30)));
    const struct hf_call call = { .timeout = hf_ms(60) };
    assert_int_equal(loader_get(&loader, &call, NULL, ""), HF_E_TIMEOUT);
    atomic_store(&loader.may_go_on, true);
    pthread_join(thread, NULL);
    assert_int_equal(caller.err, HF_OK);
    assert_int_equal(loader.calls, 1);
    cache_fixture_close(&f);
}

static void a_failed_load_is_told_and_tried_again(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    struct loader loader = loader_at_once(&f, "loaded");
    loader.err = HF_E_SYSTEM;
    assert_int_equal(loader_get(&loader, NULL, NULL, ""), HF_E_SYSTEM);
    assert_string_equal(f.error.detail, "cache load: the loader failed");
    loader.err = HF_OK;
    assert_int_equal(loader_get(&loader, NULL, NULL, "loaded"), HF_OK);
    assert_int_equal(loader.calls, 2);
    assert_int_equal(cache_fixture_stats(&f).cache_loads_failed, 1);
    cache_fixture_close(&f);
}

static hf_err load_nothing(struct hf_bytes key, struct hf_loaded *loaded, void *ctx)
{
    (void)key;
    (void)loaded;
    (void)ctx;
    return HF_OK;
}

static void a_loader_that_gives_nothing_is_a_failure(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct hf_value     *value;
    cache_fixture_open(&f, NULL);
    assert_int_equal(
        hf_cache_load(f.cache, NULL, hf_str("k"), NULL, load_nothing, NULL, &value, &f.error),
        HF_E_INVALID);
    cache_fixture_close(&f);
}

static void that_there_is_nothing_is_remembered_if_asked_for(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct hf_value     *values[1];
    hf_err               errs[1];
    cache_fixture_open(&f, NULL);
    const struct hf_load  remember = { .negative_ttl = hf_seconds(60) };
    const struct hf_bytes key = hf_str("k");
    struct loader         loader = loader_at_once(&f, "loaded");
    loader.err = HF_MISS;
    assert_int_equal(loader_get(&loader, NULL, NULL, ""), HF_MISS);
    assert_int_equal(loader_get(&loader, NULL, NULL, ""), HF_MISS);
    assert_int_equal(loader.calls, 2);
    assert_int_equal(loader_get(&loader, NULL, &remember, ""), HF_MISS);
    assert_int_equal(loader_get(&loader, NULL, &remember, ""), HF_MISS);
    assert_int_equal(loader.calls, 3);

    /* To everybody else it is a plain miss. */
    const struct hf_set absent = { .ttl = hf_seconds(60), .condition = HF_SET_IF_ABSENT };
    assert_int_equal(cache_fixture_expect(&f, "k", ""), HF_MISS);
    assert_int_equal(hf_cache_get_many(f.cache, NULL, &key, 1, values, errs, NULL), HF_OK);
    assert_int_equal(errs[0], HF_MISS);
    assert_null(values[0]);
    assert_int_equal(hf_cache_exists(f.cache, NULL, key, NULL), HF_MISS);
    assert_int_equal(hf_cache_set(f.cache, NULL, key, hf_str("v"), &absent, NULL), HF_OK);
    assert_int_equal(loader_get(&loader, NULL, &remember, "v"), HF_OK);
    cache_fixture_close(&f);
}

static void a_stale_value_stands_in_for_a_failed_load(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, &(struct hf_cache_options){ .stale_limit = hf_seconds(600) });
    loader_store_stale(&f);
    struct loader loader = loader_at_once(&f, "loaded");
    loader.err = HF_E_SYSTEM;
    struct hf_value *value;
    assert_int_equal(
        hf_cache_load(f.cache, NULL, hf_str("k"), NULL, loader_load, &loader, &value, NULL),
        HF_OK);
    assert_true(hf_value_is_stale(value));
    hf_value_release(value);
    assert_int_equal(loader_get(&loader, NULL, NULL, "stale"), HF_OK);
    loader.err = HF_MISS;
    assert_int_equal(loader_get(&loader, NULL, NULL, "stale"), HF_MISS);
    loader.err = HF_OK;
    assert_int_equal(loader_get(&loader, NULL, NULL, "loaded"), HF_OK);
    assert_int_equal(loader.calls, 4);
    cache_fixture_close(&f);
}

static void a_stale_value_serves_while_another_loads(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, &(struct hf_cache_options){ .stale_limit = hf_seconds(600) });
    loader_store_stale(&f);
    struct loader loader = loader_at_once(&f, "loaded");
    struct caller caller = { &loader, HF_E_INVALID };
    pthread_t     thread;
    loader.may_go_on = false;
    assert_int_equal(pthread_create(&thread, NULL, call_it, &caller), 0);
    assert_true(wait_until(loader_is_running, &loader, hf_seconds(30)));

    const struct hf_load at_once_stale = { .stale_while_loading = true };
    const struct hf_call brief = { .timeout = hf_ms(60) };
    assert_int_equal(loader_get(&loader, NULL, &at_once_stale, "stale"), HF_OK);
    assert_int_equal(loader_get(&loader, &brief, NULL, "stale"), HF_OK);
    atomic_store(&loader.may_go_on, true);
    pthread_join(thread, NULL);
    assert_int_equal(caller.err, HF_OK);
    assert_int_equal(loader_get(&loader, NULL, &at_once_stale, "loaded"), HF_OK);
    assert_int_equal(loader.calls, 1);
    cache_fixture_close(&f);
}

static void while_redis_is_down_the_loader_answers(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    struct loader        loader = loader_at_once(&f, "loaded");
    const struct hf_call call = { .timeout = hf_ms(200) };
    redis_server_kill(f.server);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(loader_get(&loader, &call, NULL, "loaded"), HF_OK);
    }
    assert_int_equal(loader.calls, 3);
    redis_server_restart(f.server);
    assert_int_equal(hf_client_wait_ready(f.client, hf_seconds(30), &f.error), HF_OK);
    assert_int_equal(loader_get(&loader, NULL, NULL, "loaded"), HF_OK);
    assert_int_equal(loader_get(&loader, NULL, NULL, "loaded"), HF_OK);
    assert_int_equal(loader.calls, 4);
    cache_fixture_close(&f);
}

static void a_process_that_died_while_loading_is_not_waited_for_long(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    struct loader loader = loader_at_once(&f, "loaded");
    redis_server_do(f.server, "SET lease{t@0:k} somebody PX 100");
    assert_int_equal(loader_get(&loader, NULL, NULL, "loaded"), HF_OK);
    redis_server_do(f.server, "DEL t@0:k");
    redis_server_do(f.server, "SET lease{t@0:k} somebody PX 60000");
    const struct hf_call brief = { .timeout = hf_ms(100) };
    assert_int_equal(loader_get(&loader, &brief, NULL, ""), HF_E_TIMEOUT);
    assert_int_equal(loader.calls, 1);
    cache_fixture_close(&f);
}

static void ttls_are_spread(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    const struct hf_load how = { .ttl = hf_seconds(1000), .jitter_percent = 50 };
    struct loader        loader = loader_at_once(&f, "loaded");
    hf_duration          least = hf_seconds(1000), most = hf_ns(0);
    for (int i = 0; i < 30; i++) {
        hf_duration ttl;
        (void)!hf_cache_delete(f.cache, NULL, hf_str("k"), NULL);
        assert_int_equal(loader_get(&loader, NULL, &how, "loaded"), HF_OK);
        assert_int_equal(hf_cache_ttl(f.cache, NULL, hf_str("k"), &ttl, NULL), HF_OK);
        assert_in_range(ttl.ns, hf_seconds(450).ns, hf_seconds(1000).ns);
        if (ttl.ns < least.ns) least = ttl;
        if (ttl.ns > most.ns) most = ttl;
    }
    assert_true(most.ns - least.ns > hf_seconds(100).ns);
    cache_fixture_close(&f);
}

static bool is_new(void *ctx)
{
    return cache_fixture_expect(ctx, "k", "new") == HF_OK;
}

static void in_its_last_tenth_an_entry_is_loaded_early(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    const struct hf_load early = { .refresh_early = true };
    const struct hf_set  how = { .ttl = hf_seconds(1000) };
    struct loader        loader = loader_at_once(&f, "new");
    assert_int_equal(hf_cache_set(f.cache, NULL, hf_str("k"), hf_str("old"), &how, NULL),
                     HF_OK);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(loader_get(&loader, NULL, &early, "old"), HF_OK);
    }
    assert_int_equal(loader.calls, 0);

    /* Now with next to nothing left of its time. Its hash is taken from the entry. */
    redisReply        *whole = redis_server_command(f.server, "GET t@0:k");
    struct hf_envelope e = {
        .created_ms = hf_unix_ms() - 1000000,
        .expires_ms = hf_unix_ms() + 5000,
        .raw_size = 3,
        .body = hf_str("old"),
    };
    unsigned char bytes[HF_ENVELOPE_SIZE + 3];
    memcpy(&e.key_hash, whole->str + 40, sizeof e.key_hash);
    hf_envelope_encode(&e, bytes);
    memcpy(bytes + HF_ENVELOPE_SIZE, "old", 3);
    redis_server_do(f.server, "SET t@0:k %b", bytes, sizeof bytes);
    freeReplyObject(whole);
    assert_int_equal(loader_get(&loader, NULL, NULL, "old"), HF_OK);
    int asked = 0;
    while (atomic_load(&loader.calls) == 0 && asked++ < 1000) {
        assert_int_equal(loader_get(&loader, NULL, &early, "old"), HF_OK);
    }
    assert_true(wait_until(is_new, &f, hf_seconds(10)));
    assert_int_equal(loader.calls, 1);
    assert_int_equal(cache_fixture_stats(&f).cache_refreshes, 1);
    cache_fixture_close(&f);
}

static void bad_options_are_refused(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    static const struct hf_load bad[] = { { .ttl = { -1 } },
                                          { .negative_ttl = { -1 } },
                                          { .lease = { -1 } },
                                          { .soft_timeout = { -1 } },
                                          { .jitter_percent = 51 } };
    struct loader               loader = loader_at_once(&f, "loaded");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(loader_get(&loader, NULL, &bad[i], ""), HF_E_RANGE);
    }
    assert_int_equal(loader.calls, 0);
    cache_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_miss_is_loaded_and_stored_once),
        cmocka_unit_test(many_threads_share_one_load),
        cmocka_unit_test(two_processes_of_32_threads_load_a_cold_key_once),
        cmocka_unit_test(what_was_loaded_before_a_delete_is_not_stored_after_it),
        cmocka_unit_test(who_asks_after_a_delete_gets_no_older_load),
        cmocka_unit_test(a_loader_that_hangs_holds_nobody_past_his_deadline),
        cmocka_unit_test(a_failed_load_is_told_and_tried_again),
        cmocka_unit_test(a_loader_that_gives_nothing_is_a_failure),
        cmocka_unit_test(that_there_is_nothing_is_remembered_if_asked_for),
        cmocka_unit_test(a_stale_value_stands_in_for_a_failed_load),
        cmocka_unit_test(a_stale_value_serves_while_another_loads),
        cmocka_unit_test(while_redis_is_down_the_loader_answers),
        cmocka_unit_test(a_process_that_died_while_loading_is_not_waited_for_long),
        cmocka_unit_test(ttls_are_spread),
        cmocka_unit_test(in_its_last_tenth_an_entry_is_loaded_early),
        cmocka_unit_test(bad_options_are_refused),
    };
    return RUN_TESTS(tests);
}
