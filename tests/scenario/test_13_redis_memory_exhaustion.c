#include "core/rng.h"
#include "support/scenario.h"
#include "support/test.h"

#include <stdio.h>

/* Scenario 13: a real maxmemory is reached. Writes are refused with a status of their own,
 * reads and deletes go on, the breaker stays closed; room made, writes are served again. */

enum { FILL_MAX = 100000, FILL_SLACK = 200 };

static char filler[4096];

static hf_err fill_one(struct scenario *s, int number)
{
    char key[32];
    snprintf(key, sizeof key, "fill:%d", number);
    const hf_instant from = hf_now();
    return scenario_saw(s, from, hf_ms(SCENARIO_TIMEOUT_MS),
                        hf_cache_set(s->cache, NULL, hf_str(key),
                                     hf_bytes(filler, sizeof filler), NULL, NULL));
}

static void read_on(struct scenario *s, unsigned thread, uint64_t turn)
{
    (void)thread;
    (void)turn;
    if (scenario_cache_expect(s, "kept", "readable") != HF_OK) atomic_fetch_add(&s->wrong, 1);
}

/* Writes on until that many were refused. Returns how many were stored meanwhile: at the
 * limit a server finds room now and then, in the buffers of its connections. */
static int refused_at_the_limit(struct scenario *s, int first, int refusals)
{
    int stored = 0;
    while (refusals > 0) {
        const hf_err err = fill_one(s, first + stored);
        assert_true(err == HF_OK || err == HF_E_OOM);
        if (err)
            refusals--;
        else
            stored++;
        assert_true(stored < FILL_SLACK);
    }
    return stored;
}

static void a_full_server_refuses_writes_and_serves_the_rest(void **state)
{
    (void)state;
    static const char *const args[] = { "--maxmemory", "8mb", "--maxmemory-policy",
                                        "noeviction", NULL };
    struct scenario          s;
    struct hf_health         health;
    struct hf_sweep          sweep = { 0 };
    int                      stored = 0;
    scenario_open(&s, &(struct scenario_setup){ .server = { .args = args } });
    assert_int_equal(scenario_cache_set(&s, "kept", "readable"), HF_OK);
    struct hf_rng rng = { 13 }; /* Not compressible, so that it fills. */
    for (size_t i = 0; i < sizeof filler; i++) filler[i] = (char)hf_rng_next(&rng);

    hf_err err;
    while ((err = fill_one(&s, stored)) == HF_OK && stored < FILL_MAX) stored++;
    assert_int_equal(err, HF_E_OOM);
    assert_int_equal(hf_err_category(err), HF_CATEGORY_MEMORY);

    scenario_start(&s, 8, read_on);
    stored += refused_at_the_limit(&s, stored, 100);
    scenario_stop(&s);
    hf_health_get(s.client, &health);
    assert_int_equal(health.breaker.state, HF_BREAKER_CLOSED);
    assert_int_equal(health.breaker.transitions, 0);

    assert_int_equal(hf_cache_delete(s.cache, NULL, hf_str("fill:0"), NULL), HF_OK);
    assert_int_equal(
        hf_cache_delete_matching(s.cache, NULL, hf_str("fill:*"), &sweep, NULL, NULL, NULL),
        HF_OK);
    assert_int_equal(sweep.deleted, stored - 1);
    assert_int_equal(fill_one(&s, 0), HF_OK);
    scenario_close(&s);
}

static void a_server_that_evicts_makes_misses_and_no_errors(void **state)
{
    (void)state;
    static const char *const args[] = { "--maxmemory", "8mb", "--maxmemory-policy",
                                        "allkeys-lru", NULL };
    struct scenario          s;
    scenario_open(&s, &(struct scenario_setup){ .server = { .args = args } });
    for (int i = 0; i < 4000; i++) assert_int_equal(fill_one(&s, i), HF_OK);
    assert_true(redis_server_info(s.server, "evicted_keys") > 0);
    const hf_err err = scenario_cache_expect(&s, "fill:0", "?");
    assert_true(err == HF_MISS || err == HF_OK);
    s.wrong = 0; /* That key's value is not the text asked for. */
    scenario_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_server_refuses_writes_and_serves_the_rest),
        cmocka_unit_test(a_server_that_evicts_makes_misses_and_no_errors),
    };
    return RUN_TESTS(tests);
}
