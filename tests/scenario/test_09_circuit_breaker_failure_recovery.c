#include "support/scenario.h"
#include "support/test.h"

/* Scenario 9: the breaker comes back from every kind of outage, again and again, also when
 * the server returns only to fail once more; without traffic, and without a person. */

enum { THREADS = 8 };

static void call_on(struct scenario *s, unsigned thread, uint64_t turn)
{
    char text[32];
    (void)thread;
    if (turn % 4 == 0)
        (void)!scenario_set(s, "k", "v");
    else
        (void)!scenario_get(s, "k", text, sizeof text);
}

static void outage_after_outage_it_closes_again(void **state)
{
    (void)state;
    struct scenario s;
    struct hf_stats stats;
    scenario_open(&s, &(struct scenario_setup){ 0 });
    scenario_start(&s, THREADS, call_on);
    for (int round = 0; round < 3; round++) {
        redis_server_pause(s.server);
        assert_true(wait_until(scenario_is_open, &s, hf_seconds(10)));
        redis_server_resume(s.server);
        scenario_expect_recovery(&s, hf_now());

        redis_server_kill(s.server);
        assert_true(wait_until(scenario_is_open, &s, hf_seconds(10)));
        redis_server_restart(s.server);
        scenario_expect_recovery(&s, hf_now());
    }
    scenario_stop(&s);
    hf_stats_get(s.client, &stats);
    assert_true(stats.breaker_opened >= 6);
    assert_true(stats.breaker_closed >= 6);
    assert_true(scenario_count(&s, HF_CATEGORY_REJECTED) > 0); /* It failed fast meanwhile. */
    scenario_close(&s);
}

static void nobody_need_call_for_it_to_close(void **state)
{
    (void)state;
    struct scenario s;
    scenario_open(&s, &(struct scenario_setup){ 0 });
    redis_server_pause(s.server);
    while (!scenario_is_open(&s)) (void)!scenario_set(&s, "k", "v");
    redis_server_resume(s.server);
    assert_true(wait_until(scenario_is_up, &s, hf_seconds(10)));
    assert_int_equal(scenario_set(&s, "k", "v"), HF_OK);
    scenario_close(&s);
}

static bool has_probed(void *scenario)
{
    struct hf_stats stats;
    hf_stats_get(((struct scenario *)scenario)->client, &stats);
    return stats.connects >= 4;
}

/* Connecting succeeds, and then every connection dies: the breaker must neither stay closed
 * nor get stuck half open. */
static void a_server_that_only_seems_back_does_not_wedge_it(void **state)
{
    (void)state;
    struct scenario s;
    scenario_open(&s, &(struct scenario_setup){ .proxy = true });
    scenario_start(&s, THREADS, call_on);
    /* Whole handshakes pass, and a little more. */
    (void)fault_proxy_set(s.proxy, &(struct fault){ .kind = FAULT_CUT,
                                                    .direction = FAULT_TO_CLIENT,
                                                    .after_messages = 10 });
    assert_true(wait_until(has_probed, &s, hf_seconds(20)));
    fault_proxy_clear(s.proxy);
    scenario_expect_recovery(&s, hf_now());
    scenario_stop(&s);
    scenario_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outage_after_outage_it_closes_again),
        cmocka_unit_test(nobody_need_call_for_it_to_close),
        cmocka_unit_test(a_server_that_only_seems_back_does_not_wedge_it),
    };
    return RUN_TESTS(tests);
}
