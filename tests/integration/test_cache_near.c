/* The near cache against a real server: what comes from it, and what it is told. */

#include "support/fork_at_rest.h"
#include "support/near_fixture.h"
#include "support/test.h"
#include "support/wait.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void a_value_read_twice_comes_from_the_process(void **state)
{
    (void)state;
    struct near_fixture f;
    struct hf_value    *value;
    near_fixture_open(&f, &(struct hf_cache_options){ 0 });
    near_keep(&f, "a", "1");
    const struct hf_stats before = party_stats(&f.ours);
    assert_int_equal(hf_cache_get(f.ours.cache, NULL, hf_str("a"), &value, NULL), HF_OK);
    const struct hf_stats after = party_stats(&f.ours);
    assert_int_equal(after.cache_near_hits, before.cache_near_hits + 1);
    assert_int_equal(after.cache_hits, before.cache_hits + 1);
    assert_int_equal(after.calls, before.calls);
    assert_int_equal(after.cache_near_entries, 2);
    assert_true(after.cache_near_bytes > 0);
    assert_false(hf_value_is_stale(value));
    assert_true(hf_value_ttl(value).ns > hf_seconds(3000).ns);
    assert_true(hf_value_age(value).ns < hf_seconds(600).ns);

    /* Held, it is what it was, whatever becomes of the entry. */
    assert_int_equal(party_set(&f.ours, "a", "2"), HF_OK);
    assert_memory_equal(hf_value_data(value).data, "1", 1);
    hf_value_release(value);
    near_fixture_close(&f);
}

enum { READERS = 3, READS = 20000 };

struct readers {
    struct near_fixture f;
    atomic_uint         done;
};

static void *read_on(void *arg)
{
    struct readers *r = arg;
    for (int i = 0; i < READS; i++) {
        struct hf_value *value;
        if (!hf_cache_get(r->f.ours.cache, NULL, hf_str("a"), &value, NULL)) {
            hf_value_release(value);
        }
    }
    r->done++;
    return NULL;
}

/* Each is, and none twice; while they are read, and when the cache has gone. */
static void every_hit_is_counted(void **state)
{
    (void)state;
    struct readers r = { .done = 0 };
    pthread_t      threads[READERS];
    near_fixture_open(&r.f,
                      &(struct hf_cache_options){ .near_coherence_max = hf_seconds(60) });
    near_keep(&r.f, "a", "1");
    const uint64_t before = party_stats(&r.f.ours).cache_hits;
    uint64_t       last = before;
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &r), 0);
    }
    while (r.done < READERS) {
        const uint64_t now = party_stats(&r.f.ours).cache_hits;
        assert_true(now >= last);
        last = now;
    }
    for (int i = 0; i < READERS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(party_stats(&r.f.ours).cache_hits, before + READERS * READS);

    assert_int_equal(party_expect(&r.f.ours, "a", "1"), HF_OK);
    hf_cache_close(r.f.ours.cache);
    r.f.ours.cache = NULL;
    assert_int_equal(party_stats(&r.f.ours).cache_hits, before + READERS * READS + 1);
    near_fixture_close(&r.f);
}

static void what_another_client_writes_or_deletes_is_seen(void **state)
{
    (void)state;
    struct near_fixture f;
    near_fixture_open(&f, &(struct hf_cache_options){ .near_coherence_max = hf_seconds(60) });
    near_keep(&f, "a", "1");
    near_keep(&f, "b", "1");
    const uint64_t changes = party_stats(&f.ours).cache_near_changes;
    assert_int_equal(party_set(&f.other, "a", "2"), HF_OK);
    party_wait(&f.ours, "a", "2", HF_OK);
    assert_int_equal(hf_cache_delete(f.other.cache, NULL, hf_str("b"), NULL), HF_OK);
    party_wait(&f.ours, "b", "", HF_MISS);
    assert_true(party_stats(&f.ours).cache_near_changes >= changes + 2);
    near_fixture_close(&f);
}

static void what_another_client_clears_is_gone(void **state)
{
    (void)state;
    struct near_fixture f;
    near_fixture_open(&f, &(struct hf_cache_options){ .near_coherence_max = hf_seconds(60) });
    near_keep(&f, "a", "1");
    assert_int_equal(hf_cache_clear(f.other.cache, NULL, NULL), HF_OK);
    party_wait(&f.ours, "a", "", HF_MISS);
    near_keep(&f, "a", "2");
    near_fixture_close(&f);
}

static void flushall_empties_it(void **state)
{
    (void)state;
    struct near_fixture f;
    near_fixture_open(&f, &(struct hf_cache_options){ .near_coherence_max = hf_seconds(60) });
    near_keep(&f, "a", "1");
    redis_server_do(f.server, "FLUSHALL");
    party_wait(&f.ours, "a", "", HF_MISS);
    near_fixture_close(&f);
}

static void what_expires_on_the_server_is_gone(void **state)
{
    (void)state;
    struct near_fixture f;
    near_fixture_open(&f, &(struct hf_cache_options){ .near_coherence_max = hf_seconds(60) });
    near_keep(&f, "a", "1");
    redis_server_do(f.server, "PEXPIRE t@0:a 50");
    party_wait(&f.ours, "a", "", HF_MISS);
    near_fixture_close(&f);
}

static bool has_been_told_of_all(void *ctx)
{
    return party_stats(ctx).cache_near_changes >= 300;
}

static void it_stays_within_its_bytes(void **state)
{
    (void)state;
    struct near_fixture f;
    static char         value[1000];
    char                key[16];
    near_fixture_open(&f, &(struct hf_cache_options){ .near_bytes = 64 * 1024 });
    for (int i = 0; i < 300; i++) {
        snprintf(key, sizeof key, "%d", i);
        assert_int_equal(hf_cache_set(f.other.cache, NULL, hf_str(key),
                                      hf_bytes(value, sizeof value), NULL, NULL),
                         HF_OK);
    }
    assert_true(wait_until(has_been_told_of_all, &f.ours, NEAR_BOUND));
    for (int i = 0; i < 300; i++) {
        struct hf_value *found;
        snprintf(key, sizeof key, "%d", i);
        assert_int_equal(hf_cache_get(f.ours.cache, NULL, hf_str(key), &found, NULL), HF_OK);
        hf_value_release(found);
        assert_true(party_stats(&f.ours).cache_near_bytes <= 64 * 1024);
    }
    assert_true(party_stats(&f.ours).cache_near_evictions >= 300 - 64);
    near_fixture_close(&f);
}

static void many_are_read_from_both(void **state)
{
    (void)state;
    struct near_fixture   f;
    const struct hf_bytes keys[] = { hf_str("a"), hf_str("none"), hf_str("b"), hf_str("") };
    struct hf_value      *values[4];
    hf_err                errs[4];
    near_fixture_open(&f, &(struct hf_cache_options){ 0 });
    near_keep(&f, "a", "1");
    assert_int_equal(party_set(&f.other, "b", "2"), HF_OK);
    for (int i = 0; i < 2; i++) {
        const uint64_t before = party_stats(&f.ours).cache_near_hits;
        assert_int_equal(hf_cache_get_many(f.ours.cache, NULL, keys, 4, values, errs, NULL),
                         HF_E_INVALID);
        assert_int_equal(errs[0], HF_OK);
        assert_memory_equal(hf_value_data(values[0]).data, "1", 1);
        assert_int_equal(errs[1], HF_MISS);
        assert_int_equal(errs[2], HF_OK);
        assert_memory_equal(hf_value_data(values[2]).data, "2", 1);
        assert_int_equal(errs[3], HF_E_INVALID);
        hf_value_release(values[0]);
        hf_value_release(values[2]);
        assert_true(party_stats(&f.ours).cache_near_hits >= before + 1);
    }
    party_wait_near(&f.ours, "b", "2");
    assert_int_equal(hf_cache_get_many(f.ours.cache, NULL, keys, 1, values, errs, NULL),
                     HF_OK);
    hf_value_release(values[0]);
    near_fixture_close(&f);
}

/* Reading goes on for more than twice the TTL. */
static void a_sliding_entry_that_is_read_from_the_process_does_not_expire(void **state)
{
    (void)state;
    struct near_fixture f;
    const struct hf_set how = { .ttl = hf_ms(1200) };
    near_fixture_open(&f, &(struct hf_cache_options){ .sliding = true });
    assert_int_equal(hf_cache_set(f.ours.cache, NULL, hf_str("a"), hf_str("1"), &how, NULL),
                     HF_OK);
    const hf_instant end = hf_later(hf_now(), hf_ns(how.ttl.ns * 5 / 2));
    const uint64_t   before = party_stats(&f.ours).cache_near_hits;
    while (hf_before(hf_now(), end)) {
        assert_int_equal(party_expect(&f.ours, "a", "1"), HF_OK);
        sched_yield();
    }
    assert_true(party_stats(&f.ours).cache_near_hits > before);
    near_fixture_close(&f);
}

static hf_err load_one(struct hf_bytes key, struct hf_loaded *loaded, void *ctx)
{
    int *calls = ctx;
    (void)key;
    (*calls)++;
    return hf_loaded_set(loaded, hf_str("loaded"));
}

static void a_loaded_value_is_kept_too(void **state)
{
    (void)state;
    struct near_fixture f;
    struct hf_value    *value;
    int                 calls = 0;
    near_fixture_open(&f, &(struct hf_cache_options){ 0 });
    for (int i = 0; i < 3; i++) {
        assert_int_equal(hf_cache_load(f.ours.cache, NULL, hf_str("a"), NULL, load_one,
                                       &calls, &value, &f.ours.error),
                         HF_OK);
        hf_value_release(value);
    }
    assert_int_equal(calls, 1);
    party_wait_near(&f.ours, "a", "loaded");
    const uint64_t before = party_stats(&f.ours).calls;
    assert_int_equal(hf_cache_load(f.ours.cache, NULL, hf_str("a"), NULL, load_one, &calls,
                                   &value, &f.ours.error),
                     HF_OK);
    hf_value_release(value);
    assert_int_equal(party_stats(&f.ours).calls, before);
    near_fixture_close(&f);
}

/* ---- Where it cannot be -------------------------------------------------------- */

static bool is_refused(void *ctx)
{
    const struct party *p = ctx;
    struct hf_health    health;
    hf_health_get(p->client, &health);
    return health.near_error != HF_OK;
}

static bool is_accepted(void *ctx)
{
    return !is_refused(ctx);
}

static void expect_off(struct party *p, hf_err why)
{
    struct hf_health health;
    assert_true(wait_until(is_refused, p, NEAR_BOUND));
    hf_health_get(p->client, &health);
    assert_int_equal(health.near_error, why);
    assert_int_equal(health.status, HF_STATUS_DEGRADED);
    assert_non_null(strstr(health.reason, "near cache"));
    assert_int_equal(party_set(p, "a", "1"), HF_OK);
    for (int i = 0; i < 5; i++) assert_int_equal(party_expect(p, "a", "1"), HF_OK);
    assert_int_equal(party_stats(p).cache_near_hits, 0);
    assert_int_equal(party_stats(p).cache_near_entries, 0);
}

static void where_tracking_is_forbidden_it_is_off_until_it_is_allowed(void **state)
{
    (void)state;
    struct party                  p;
    struct redis_server          *server = redis_server_open(NULL);
    const struct hf_cache_options how = { .near_bytes = 1024 * 1024 };
    redis_server_do(server, "ACL SETUSER default -client|tracking");
    party_open(&p, redis_server_unix_url(server), &how);
    expect_off(&p, HF_E_NOPERM);
    redis_server_do(server, "ACL SETUSER default +client|tracking");
    assert_true(wait_until(is_accepted, &p, NEAR_BOUND));
    party_wait_near(&p, "a", "1");
    party_close(&p);
    redis_server_close(server);
}

static void with_a_server_that_speaks_resp2_only_it_is_off(void **state)
{
    (void)state;
    struct party         p;
    const char *const    args[] = { "--rename-command", "HELLO", "", NULL };
    struct redis_server *server = redis_server_open(
        &(struct redis_server_options){ .args = args });
    const struct hf_cache_options how = { .near_bytes = 1024 * 1024 };
    party_open(&p, redis_server_unix_url(server), &how);
    expect_off(&p, HF_E_PROTOCOL);
    party_close(&p);
    redis_server_close(server);
}

static void options_are_checked(void **state)
{
    (void)state;
    struct near_fixture f;
    struct hf_cache    *caches[17];
    const struct {
        size_t      bytes;
        hf_duration max;
    } wrong[] = { { HF_CACHE_NEAR_BYTES_MIN - 1, { 0 } },
                  { HF_CACHE_NEAR_BYTES_MIN, hf_ms(99) },
                  { HF_CACHE_NEAR_BYTES_MIN, hf_ms(60001) } };
    near_fixture_open(&f, &(struct hf_cache_options){ 0 });
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const struct hf_cache_options how = { .near_bytes = wrong[i].bytes,
                                              .near_coherence_max = wrong[i].max };
        assert_int_equal(hf_cache_open(f.ours.client, &how, &caches[0], &f.ours.error),
                         HF_E_RANGE);
    }
    const struct hf_cache_options how = { .near_bytes = HF_CACHE_NEAR_BYTES_MIN };
    for (int i = 0; i < 15; i++) {
        assert_int_equal(hf_cache_open(f.ours.client, &how, &caches[i], &f.ours.error),
                         HF_OK);
    }
    assert_int_equal(hf_cache_open(f.ours.client, &how, &caches[15], &f.ours.error),
                     HF_E_TOO_LARGE);
    for (int i = 0; i < 15; i++) hf_cache_close(caches[i]);
    near_fixture_close(&f);
}

static void a_forked_child_is_given_nothing_out_of_it(void **state)
{
    (void)state;
    struct near_fixture f;
    near_fixture_open(&f, &(struct hf_cache_options){ .stale_on_error = true,
                                                      .stale_limit = hf_seconds(60) });
    near_keep(&f, "a", "1");
    const pid_t child = fork_at_rest();
    if (child == 0) {
        const hf_err err = party_expect(&f.ours, "a", "1");
        party_close(&f.ours);
        _exit(err == HF_E_FORKED ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(party_expect(&f.ours, "a", "1"), HF_OK);
    near_fixture_close(&f);
}

static hf_err load_same(struct hf_bytes key, struct hf_loaded *loaded, void *ctx)
{
    (void)key;
    (void)ctx;
    return hf_loaded_set(loaded, hf_str("same"));
}

static void a_value_that_is_loaded_early_is_counted_once(void **state)
{
    (void)state;
    struct near_fixture  f;
    struct hf_value     *value;
    uint64_t             loads = 0;
    const struct hf_set  brief = { .ttl = hf_ms(500) };
    const struct hf_load early = { .ttl = hf_seconds(100), .refresh_early = true };
    near_fixture_open(&f, &(struct hf_cache_options){ 0 });
    assert_int_equal(
        hf_cache_set(f.other.cache, NULL, hf_str("a"), hf_str("same"), &brief, NULL), HF_OK);
    const struct hf_stats before = party_stats(&f.ours);
    struct hf_stats       after;
    do {
        assert_int_equal(hf_cache_load(f.ours.cache, NULL, hf_str("a"), &early, load_same,
                                       NULL, &value, &f.ours.error),
                         HF_OK);
        hf_value_release(value);
        loads++;
        after = party_stats(&f.ours);
    } while (after.cache_loads == before.cache_loads);
    assert_true(after.cache_near_hits > before.cache_near_hits);
    assert_int_equal(after.cache_hits - before.cache_hits + after.cache_misses -
                         before.cache_misses,
                     loads);
    near_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_read_twice_comes_from_the_process),
        cmocka_unit_test(every_hit_is_counted),
        cmocka_unit_test(what_another_client_writes_or_deletes_is_seen),
        cmocka_unit_test(what_another_client_clears_is_gone),
        cmocka_unit_test(flushall_empties_it),
        cmocka_unit_test(what_expires_on_the_server_is_gone),
        cmocka_unit_test(it_stays_within_its_bytes),
        cmocka_unit_test(many_are_read_from_both),
        cmocka_unit_test(a_sliding_entry_that_is_read_from_the_process_does_not_expire),
        cmocka_unit_test(a_loaded_value_is_kept_too),
        cmocka_unit_test(where_tracking_is_forbidden_it_is_off_until_it_is_allowed),
        cmocka_unit_test(with_a_server_that_speaks_resp2_only_it_is_off),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(a_forked_child_is_given_nothing_out_of_it),
        cmocka_unit_test(a_value_that_is_loaded_early_is_counted_once),
    };
    return RUN_TESTS(tests);
}
