#include "support/scenario.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

/* Scenario 2: every operation of the cache, by many threads, while its Redis is killed and
 * comes back empty. A value is right, or it is not there. */

enum { THREADS = 8, KEYS = 50 };

static const hf_duration bound = { SCENARIO_TIMEOUT_MS * INT64_C(1000000) };

static void name(char key[32], char value[32], unsigned thread, uint64_t number)
{
    snprintf(key, 32, "user:%u:%u", thread, (unsigned)(number % KEYS));
    snprintf(value, 32, "profile of %u:%u", thread, (unsigned)(number % KEYS));
}

static void write_one(struct scenario *s, const char *key, const char *value)
{
    const struct hf_set how = { .ttl = hf_seconds(60), .condition = HF_SET_IF_ABSENT };
    const hf_instant    from = hf_now();
    (void)scenario_saw(s, from, bound,
                       hf_cache_set(s->cache, NULL, hf_str(key), hf_str(value), &how, NULL));
}

static void look_at_one(struct scenario *s, const char *key)
{
    hf_duration ttl;
    hf_instant  from = hf_now();
    (void)scenario_saw(s, from, bound, hf_cache_exists(s->cache, NULL, hf_str(key), NULL));
    from = hf_now();
    const hf_err err = scenario_saw(s, from, bound,
                                    hf_cache_ttl(s->cache, NULL, hf_str(key), &ttl, NULL));
    if (err == HF_OK && ttl.ns > hf_seconds(120).ns) atomic_fetch_add(&s->wrong, 1);
    from = hf_now();
    (void)scenario_saw(s, from, bound,
                       hf_cache_touch(s->cache, NULL, hf_str(key), hf_seconds(120), NULL));
}

static void read_many(struct scenario *s, unsigned thread)
{
    char             keys[4][32], values[4][32];
    struct hf_bytes  wanted[4];
    struct hf_value *found[4];
    hf_err           errs[4];
    for (unsigned i = 0; i < 4; i++) {
        name(keys[i], values[i], thread, i);
        wanted[i] = hf_str(keys[i]);
    }
    const hf_instant from = hf_now();
    (void)scenario_saw(s, from, bound,
                       hf_cache_get_many(s->cache, NULL, wanted, 4, found, errs, NULL));
    for (unsigned i = 0; i < 4; i++) {
        if (errs[i]) continue;
        const struct hf_bytes got = hf_value_data(found[i]);
        if (got.size != strlen(values[i]) || memcmp(got.data, values[i], got.size) != 0) {
            atomic_fetch_add(&s->wrong, 1);
        }
        hf_value_release(found[i]);
    }
}

static void use_the_cache(struct scenario *s, unsigned thread, uint64_t turn)
{
    char key[32], value[32];
    name(key, value, thread, turn);
    switch (turn % 8) {
    case 0: write_one(s, key, value); break;
    case 1: look_at_one(s, key); break;
    case 2: read_many(s, thread); break;
    case 3: {
        const hf_instant from = hf_now();
        (void)scenario_saw(s, from, bound,
                           hf_cache_delete(s->cache, NULL, hf_str(key), NULL));
        break;
    }
    case 4: (void)!scenario_cache_set(s, key, value); break;
    default: (void)!scenario_cache_expect(s, key, value);
    }
}

static bool is_caught_up(void *scenario)
{
    char value[32] = "still wanted";
    return scenario_cache_set(scenario, "after", value) == HF_OK &&
           scenario_cache_expect(scenario, "after", value) == HF_OK;
}

static void it_serves_right_values_or_none_while_redis_dies_and_returns(void **state)
{
    (void)state;
    struct scenario s;
    struct hf_sweep sweep = { 0 };
    scenario_open(&s, &(struct scenario_setup){ 0 });
    scenario_start(&s, THREADS, use_the_cache);
    scenario_play(hf_ms(500));
    for (int round = 0; round < 2; round++) {
        redis_server_kill(s.server);
        scenario_play(hf_ms(400));
        redis_server_restart(s.server);
        scenario_expect_recovery(&s, hf_now());
        scenario_play(hf_ms(300));
    }
    scenario_stop(&s);
    assert_true(scenario_count(&s, HF_CATEGORY_NONE) > 1000);

    /* What was deleted during the outages is made up for, and the cache serves. */
    assert_true(wait_until(is_caught_up, &s, hf_seconds(10)));
    assert_int_equal(
        hf_cache_delete_matching(s.cache, NULL, hf_str("user:*"), &sweep, NULL, NULL, NULL),
        HF_OK);
    assert_int_equal(hf_cache_clear(s.cache, NULL, NULL), HF_OK);
    assert_int_equal(scenario_cache_expect(&s, "after", "?"), HF_MISS);
    scenario_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_serves_right_values_or_none_while_redis_dies_and_returns),
    };
    return RUN_TESTS(tests);
}
