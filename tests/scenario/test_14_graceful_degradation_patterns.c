#include "support/scenario.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

/* Scenario 14: part of Redis fails, or all of it, and the application serves what can be
 * served: reads without writes, a loader's value without a cache, an old value rather than
 * none; and what could not be deleted does not come back. */

static hf_err load_page(struct hf_bytes key, struct hf_loaded *loaded, void *ctx)
{
    (void)key;
    return hf_loaded_set(loaded, hf_str(ctx));
}

static hf_err load_nothing(struct hf_bytes key, struct hf_loaded *loaded, void *ctx)
{
    (void)key;
    (void)loaded;
    (void)ctx;
    return HF_E_SYSTEM;
}

/* What the application serves for a key, with this loader behind the cache. */
static hf_err serve(struct scenario *s, const char *key, const struct hf_load *how,
                    hf_load_fn load, const char *text, bool *is_stale)
{
    struct hf_value *value;
    const hf_instant from = hf_now();
    const hf_err     err = hf_cache_load(s->cache, NULL, hf_str(key), how, load,
                                         (void *)(uintptr_t)text, &value, NULL);
    (void)scenario_saw(s, from, hf_ms(SCENARIO_TIMEOUT_MS), err);
    if (err) return err;

    const struct hf_bytes got = hf_value_data(value);
    if (got.size != strlen(text) || memcmp(got.data, text, got.size) != 0) s->wrong++;
    if (is_stale) *is_stale = hf_value_is_stale(value);
    hf_value_release(value);
    return HF_OK;
}

static void reads_are_served_where_writes_are_refused(void **state)
{
    (void)state;
    static const char *const blocks[][2] = {
        { "CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0" },
        { "CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0" },
        { "ACL SETUSER default -set -del -unlink", "ACL SETUSER default +set +del +unlink" },
    };
    struct scenario  s;
    struct hf_health health;
    scenario_open(&s, &(struct scenario_setup){ 0 });
    assert_int_equal(scenario_cache_set(&s, "kept", "readable"), HF_OK);
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        redis_server_do(s.server, blocks[i][0]);
        for (int call = 0; call < 10; call++) {
            const hf_err err = scenario_cache_set(&s, "new", "value");
            assert_true(err != HF_OK && !hf_err_outcome_unknown(err));
            assert_int_equal(scenario_cache_expect(&s, "kept", "readable"), HF_OK);
        }
        hf_health_get(s.client, &health);
        assert_int_equal(health.breaker.state, HF_BREAKER_CLOSED);
        redis_server_do(s.server, blocks[i][1]);
        assert_int_equal(scenario_cache_set(&s, "new", "value"), HF_OK);
    }
    scenario_close(&s);
}

static void without_redis_the_loader_serves(void **state)
{
    (void)state;
    struct scenario s;
    scenario_open(&s, &(struct scenario_setup){ 0 });
    assert_int_equal(serve(&s, "page", NULL, load_page, "first", NULL), HF_OK);
    redis_server_kill(s.server);
    for (int call = 0; call < 20; call++) {
        assert_int_equal(serve(&s, "page", NULL, load_page, "anew", NULL), HF_OK);
    }
    redis_server_restart(s.server);
    scenario_expect_recovery(&s, hf_now());
    assert_int_equal(serve(&s, "page", NULL, load_page, "stored", NULL), HF_OK);
    assert_int_equal(serve(&s, "page", NULL, load_nothing, "stored", NULL), HF_OK);
    scenario_close(&s);
}

static void an_old_value_is_better_than_none(void **state)
{
    (void)state;
    const struct hf_load brief = { .ttl = hf_ms(50) };
    struct scenario      s;
    bool                 is_stale = false;
    scenario_open(&s, &(struct scenario_setup){ .cache = { .stale_limit = hf_seconds(60) } });
    assert_int_equal(serve(&s, "page", &brief, load_page, "old", &is_stale), HF_OK);
    assert_false(is_stale);
    scenario_play(hf_ms(60)); /* Its TTL. */
    assert_int_equal(serve(&s, "page", &brief, load_nothing, "old", &is_stale), HF_OK);
    assert_true(is_stale);
    scenario_close(&s);
}

static bool is_gone_in_redis(void *scenario)
{
    struct scenario *s = scenario;
    return client_int(s->client, "EXISTS", "s@0:page", NULL) == 0;
}

static void what_could_not_be_deleted_does_not_come_back(void **state)
{
    (void)state;
    struct scenario s;
    scenario_open(&s, &(struct scenario_setup){ .proxy = true });
    assert_int_equal(scenario_cache_set(&s, "page", "outdated"), HF_OK);
    const uint64_t id = fault_proxy_set(s.proxy, &(struct fault){ .kind = FAULT_REFUSE });
    fault_proxy_cut(s.proxy, 0, FAULT_RESET_END);
    assert_int_not_equal(hf_cache_delete(s.cache, NULL, hf_str("page"), NULL), HF_OK);

    fault_proxy_lift(s.proxy, id);
    const hf_instant back = hf_now();
    while (hf_between(back, hf_now()).ns < hf_ms(500).ns) { /* Served or not, never that. */
        const hf_err err = scenario_cache_expect(&s, "page", "?");
        assert_int_not_equal(err, HF_OK);
        scenario_play(hf_ms(1));
    }
    scenario_expect_recovery(&s, hf_now());
    assert_true(wait_until(is_gone_in_redis, &s, hf_seconds(10)));
    assert_int_equal(scenario_cache_set(&s, "page", "new"), HF_OK);
    assert_int_equal(scenario_cache_expect(&s, "page", "new"), HF_OK);
    scenario_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_are_served_where_writes_are_refused),
        cmocka_unit_test(without_redis_the_loader_serves),
        cmocka_unit_test(an_old_value_is_better_than_none),
        cmocka_unit_test(what_could_not_be_deleted_does_not_come_back),
    };
    return RUN_TESTS(tests);
}
