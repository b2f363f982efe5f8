#include "support/scenario.h"
#include "support/test.h"

/* Scenario 1: the breaker opens, probes and closes by itself, can be moved by hand, and
 * serves any operation, not only calls to Redis. */

static const char *const once[] = { "retry_on_timeout", "no", NULL };

static void it_opens_fails_fast_and_closes_by_itself(void **state)
{
    (void)state;
    struct scenario  s;
    struct hf_health health;
    scenario_open(&s, &(struct scenario_setup){ .options = once });
    assert_int_equal(scenario_set(&s, "k", "v"), HF_OK);

    redis_server_pause(s.server);
    for (int i = 0; i < 5; i++) { /* The default threshold. */
        assert_false(scenario_is_open(&s));
        assert_int_equal(hf_err_category(scenario_set(&s, "k", "v")), HF_CATEGORY_TIMEOUT);
    }
    assert_true(scenario_is_open(&s));
    const hf_instant from = hf_now();
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(scenario_set(&s, "k", "v"), HF_E_BREAKER_OPEN);
    }
    const hf_instant to = hf_now();
    assert_true(hf_between(from, to).ns - canary_worst_delay(s.canary, from, to).ns <
                hf_ms(100).ns); /* All of them in the time of one. */

    redis_server_resume(s.server);
    scenario_expect_recovery(&s, hf_now()); /* Not after recovery_timeout, which is 60 s. */

    hf_health_get(s.client, &health);
    assert_true(health.breaker.history_count >= 3);
    const struct hf_breaker_transition *moves = health.breaker.history;
    assert_int_equal(moves[0].to, HF_BREAKER_OPEN);
    assert_string_equal(moves[0].why, "failures in a row");
    assert_int_equal(moves[1].to, HF_BREAKER_HALF_OPEN);
    assert_int_equal(moves[health.breaker.history_count - 1].to, HF_BREAKER_CLOSED);
    scenario_close(&s);
}

static void a_person_can_reset_and_force_it(void **state)
{
    (void)state;
    struct scenario s;
    scenario_open(&s, &(struct scenario_setup){ 0 });
    assert_int_equal(hf_health_force_breaker(s.client, HF_BREAKER_FORCED_OPEN), HF_OK);
    assert_int_equal(scenario_set(&s, "k", "v"), HF_E_BREAKER_OPEN);
    hf_health_reset_breaker(s.client);
    assert_int_equal(scenario_set(&s, "k", "v"), HF_OK);

    assert_int_equal(hf_health_force_breaker(s.client, HF_BREAKER_DISABLED), HF_OK);
    redis_server_pause(s.server);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(hf_err_category(scenario_set(&s, "k", "v")), HF_CATEGORY_TIMEOUT);
    }
    redis_server_resume(s.server);
    hf_health_reset_breaker(s.client);
    scenario_expect_recovery(&s, hf_now());
    scenario_close(&s);
}

/* Some other service of the application's, at a clock that the test turns. */
static void it_guards_any_operation(void **state)
{
    (void)state;
    struct hf_breaker_opts opts = hf_breaker_opts_default();
    struct hf_breaker     *breaker;
    struct hf_permit       permit;
    hf_instant             now = { hf_seconds(1).ns };
    opts.open_for = hf_seconds(60);
    assert_int_equal(hf_breaker_open(&opts, &breaker, NULL), HF_OK);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(hf_breaker_admit(breaker, now, &permit), HF_OK);
        hf_breaker_report(breaker, now, permit, HF_OUTCOME_FAILURE, hf_ns(0));
    }
    assert_int_equal(hf_breaker_admit(breaker, now, &permit), HF_E_BREAKER_OPEN);

    now = hf_later(now, hf_seconds(61));
    while (hf_breaker_state(breaker) != HF_BREAKER_CLOSED) {
        assert_int_equal(hf_breaker_admit(breaker, now, &permit), HF_OK);
        hf_breaker_report(breaker, now, permit, HF_OUTCOME_SUCCESS, hf_ns(0));
    }
    assert_int_equal(hf_breaker_admit(breaker, now, &permit), HF_OK);
    hf_breaker_report(breaker, now, permit, HF_OUTCOME_SUCCESS, hf_ns(0));
    hf_breaker_close(breaker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_opens_fails_fast_and_closes_by_itself),
        cmocka_unit_test(a_person_can_reset_and_force_it),
        cmocka_unit_test(it_guards_any_operation),
    };
    return RUN_TESTS(tests);
}
