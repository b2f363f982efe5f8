#include "support/breaker_fixture.h"

#include <sched.h>

/* What a snapshot says of the calls so far. */

static void report_slow(struct fixture *f, enum hf_outcome outcome)
{
    assert_int_equal(admit(f), HF_OK);
    hf_breaker_report(&f->breaker, f->now, f->permit, outcome, hf_ms(11));
}

static void set_up_to_see_slow_calls(struct fixture *f)
{
    configure(f);
    f->opts.slow_after = hf_ms(10);
    begin(f);
}

static void probes_count_as_calls(void **state)
{
    (void)state;
    struct fixture f;
    set_up_to_see_slow_calls(&f);
    trip(&f);
    advance(&f, 100);
    report_slow(&f, HF_OUTCOME_FAILURE);
    assert_int_equal(look(&f)->failures, 4);
    assert_int_equal(f.seen.slow, 1);
    assert_int_equal(f.seen.successes, 0);

    advance(&f, 100);
    call(&f, HF_OUTCOME_SUCCESS);
    assert_state(&f, HF_BREAKER_CLOSED);
    assert_int_equal(look(&f)->successes, 1);
    assert_int_equal(f.seen.failures, 4);
    tear_down(&f);
}

static void a_slow_probe_is_good_enough_where_nobody_minds_slow_calls(void **state)
{
    (void)state;
    struct fixture f;
    set_up_to_see_slow_calls(&f);
    assert_true(f.opts.slow_rate == 0);
    trip(&f);
    advance(&f, 100);
    report_slow(&f, HF_OUTCOME_SUCCESS);
    assert_state(&f, HF_BREAKER_CLOSED);
    tear_down(&f);
}

static void a_slow_success_ends_a_row_of_failures(void **state)
{
    (void)state;
    struct fixture f;
    set_up_to_see_slow_calls(&f);
    calls(&f, 2, HF_OUTCOME_FAILURE);
    report_slow(&f, HF_OUTCOME_SUCCESS);
    assert_int_equal(look(&f)->failures_in_a_row, 0);
    calls(&f, 2, HF_OUTCOME_FAILURE);
    assert_state(&f, HF_BREAKER_CLOSED);
    tear_down(&f);
}

/* Each processor has counters of its own, and all of them are added up. */
static void calls_count_on_whichever_processor(void **state)
{
    (void)state;
    struct fixture f;
    cpu_set_t      allowed, one;
    uint64_t       expected = 0;
    set_up(&f);
    assert_int_equal(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &allowed)) continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
        calls(&f, 10, HF_OUTCOME_SUCCESS);
        assert_int_equal(hf_breaker_force(&f.breaker, f.now, HF_BREAKER_FORCED_OPEN), HF_OK);
        for (int i = 0; i < 10; i++) assert_int_equal(admit(&f), HF_E_BREAKER_OPEN);
        hf_breaker_reset(&f.breaker, f.now);
        expected += 10;
        assert_int_equal(look(&f)->successes, expected);
        assert_int_equal(f.seen.refused, expected);
    }
    assert_int_equal(sched_setaffinity(0, sizeof allowed, &allowed), 0);
    tear_down(&f);
}

static void the_window_tells_of_slow_calls_and_the_state_of_its_age(void **state)
{
    (void)state;
    struct fixture f;
    set_up_to_see_slow_calls(&f);
    report_slow(&f, HF_OUTCOME_SUCCESS);
    call(&f, HF_OUTCOME_SUCCESS);
    assert_int_equal(look(&f)->window_calls, 2);
    assert_int_equal(f.seen.window_slow, 1);
    assert_int_equal(f.seen.window_failures, 0);
    assert_int_equal(f.seen.failures_to_open, 3);
    assert_int_equal(f.seen.since.ns, 0);

    advance(&f, 7);
    trip(&f);
    const hf_instant opened = f.now;
    advance(&f, 7);
    assert_int_equal(look(&f)->since.ns, opened.ns);
    assert_int_equal(f.seen.transitions, 1);
    assert_int_equal(f.seen.history_count, 1);
    tear_down(&f);
}

static void failed_dials_count_in_every_state_that_lets_calls_pass(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(hf_breaker_force(&f.breaker, f.now, HF_BREAKER_METRICS_ONLY), HF_OK);
    hf_breaker_hint_failed(&f.breaker, f.now);
    assert_int_equal(look(&f)->failures, 1);
    assert_int_equal(hf_breaker_force(&f.breaker, f.now, HF_BREAKER_DISABLED), HF_OK);
    hf_breaker_hint_failed(&f.breaker, f.now);
    assert_int_equal(look(&f)->failures, 1);
    tear_down(&f);

    configure(&f);
    f.opts.ramp = hf_ms(300);
    begin(&f);
    trip(&f);
    advance(&f, 100);
    call(&f, HF_OUTCOME_SUCCESS);
    hf_breaker_hint_failed(&f.breaker, f.now);
    assert_int_equal(look(&f)->failures, 4);
    assert_int_equal(f.seen.failures_in_a_row, 1);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probes_count_as_calls),
        cmocka_unit_test(a_slow_probe_is_good_enough_where_nobody_minds_slow_calls),
        cmocka_unit_test(a_slow_success_ends_a_row_of_failures),
        cmocka_unit_test(calls_count_on_whichever_processor),
        cmocka_unit_test(the_window_tells_of_slow_calls_and_the_state_of_its_age),
        cmocka_unit_test(failed_dials_count_in_every_state_that_lets_calls_pass),
    };
    return RUN_TESTS(tests);
}
