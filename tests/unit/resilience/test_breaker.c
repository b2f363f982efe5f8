#include "support/breaker_fixture.h"

static void only_failures_in_a_row_open_it(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    calls(&f, 2, HF_OUTCOME_FAILURE);
    call(&f, HF_OUTCOME_SUCCESS);
    call(&f, HF_OUTCOME_FAILURE);
    call(&f, HF_OUTCOME_NEUTRAL);
    call(&f, HF_OUTCOME_FAILURE);
    assert_state(&f, HF_BREAKER_CLOSED);
    call(&f, HF_OUTCOME_FAILURE);
    assert_state(&f, HF_BREAKER_OPEN);
    assert_string_equal(look(&f)->history[0].why, "failures in a row");
    tear_down(&f);
}

static void a_share_of_failures_opens_it_once_there_were_enough_calls(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    for (int i = 0; i < 4; i++) {
        call(&f, HF_OUTCOME_SUCCESS);
        call(&f, HF_OUTCOME_FAILURE);
    }
    call(&f, HF_OUTCOME_SUCCESS);
    assert_state(&f, HF_BREAKER_CLOSED);
    call(&f, HF_OUTCOME_FAILURE);
    assert_state(&f, HF_BREAKER_OPEN);
    assert_string_equal(look(&f)->history[0].why, "share of failures");
    tear_down(&f);
}

static void a_client_of_five_calls_a_second_opens_it_within_the_window(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    for (int i = 0; i < 5 * 60; i++) {
        advance(&f, 200);
        call(&f, HF_OUTCOME_SUCCESS);
    }
    const hf_instant bad = f.now;
    for (int i = 0; hf_breaker_state(&f.breaker) == HF_BREAKER_CLOSED; i++) {
        advance(&f, 200);
        call(&f, i % 3 == 0 ? HF_OUTCOME_SUCCESS : HF_OUTCOME_FAILURE);
    }
    assert_in_range(hf_to_ms(hf_between(bad, f.now)), 200, 10000);
    tear_down(&f);
}

static void what_lies_before_the_window_is_forgotten(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    for (int i = 0; i < 4; i++) {
        call(&f, HF_OUTCOME_FAILURE);
        call(&f, HF_OUTCOME_SUCCESS);
    }
    assert_int_equal(look(&f)->window_failures, 4);
    assert_int_equal(f.seen.window_calls, 8);
    advance(&f, 10000);
    call(&f, HF_OUTCOME_SUCCESS);
    call(&f, HF_OUTCOME_FAILURE);
    assert_int_equal(look(&f)->window_failures, 1);
    assert_int_equal(f.seen.failures, 5);
    assert_state(&f, HF_BREAKER_CLOSED);
    tear_down(&f);
}

static void successes_of_the_window_count_although_nobody_looked(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    for (int i = 0; i < 20; i++) {
        advance(&f, 1000);
        calls(&f, 7, HF_OUTCOME_SUCCESS);
    }
    assert_in_range(look(&f)->window_calls, 7 * 9, 7 * 10);
    assert_int_equal(f.seen.successes, 7 * 20);
    tear_down(&f);
}

static void slow_calls_open_it_when_asked_to(void **state)
{
    (void)state;
    struct fixture f;
    configure(&f);
    f.opts.slow_rate = 0.5;
    f.opts.slow_after = hf_ms(10);
    begin(&f);
    for (int i = 0; i < 10; i++) {
        assert_state(&f, HF_BREAKER_CLOSED);
        assert_int_equal(admit(&f), HF_OK);
        hf_breaker_report(&f.breaker, f.now, f.permit, HF_OUTCOME_SUCCESS,
                          hf_ms(i % 2 ? 11 : 10));
    }
    assert_state(&f, HF_BREAKER_OPEN);
    assert_int_equal(look(&f)->slow, 5);
    assert_int_equal(f.seen.successes, 10);
    assert_string_equal(f.seen.history[0].why, "share of slow calls");

    advance(&f, 100);
    assert_int_equal(admit(&f), HF_OK);
    hf_breaker_report(&f.breaker, f.now, f.permit, HF_OUTCOME_SUCCESS, hf_ms(11));
    assert_state(&f, HF_BREAKER_OPEN);
    assert_string_equal(look(&f)->history[2].why, "probe was slow");
    tear_down(&f);
}

static void it_rests_then_lets_a_few_probes_through(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    trip(&f);
    advance(&f, 99);
    assert_int_equal(admit(&f), HF_E_BREAKER_OPEN);
    assert_int_equal(hf_to_ms(look(&f)->next_probe_in), 1);
    advance(&f, 1);
    assert_int_equal(admit(&f), HF_OK);
    assert_int_equal(admit(&f), HF_OK);
    assert_int_equal(admit(&f), HF_E_BREAKER_OPEN);
    assert_int_equal(look(&f)->probes_out, 2);
    assert_int_equal(f.seen.refused, 2);

    report(&f, HF_OUTCOME_SUCCESS);
    assert_state(&f, HF_BREAKER_CLOSED);
    tear_down(&f);
}

static void as_many_probes_must_succeed_as_the_option_says(void **state)
{
    (void)state;
    struct fixture f;
    configure(&f);
    f.opts.successes_to_close = 3;
    begin(&f);
    trip(&f);
    advance(&f, 100);
    calls(&f, 2, HF_OUTCOME_SUCCESS);
    assert_state(&f, HF_BREAKER_HALF_OPEN);
    call(&f, HF_OUTCOME_FAILURE);
    advance(&f, 100);
    calls(&f, 2, HF_OUTCOME_SUCCESS);
    assert_state(&f, HF_BREAKER_HALF_OPEN);
    call(&f, HF_OUTCOME_SUCCESS);
    assert_state(&f, HF_BREAKER_CLOSED);
    tear_down(&f);
}

static void a_failed_probe_starts_a_longer_rest_up_to_a_bound(void **state)
{
    (void)state;
    struct fixture f;
    configure(&f);
    f.opts.open_growth = 2;
    f.opts.open_growth_max = 3;
    begin(&f);
    trip(&f);
    static const uint32_t rests_ms[] = { 100, 200, 300, 300 };
    for (size_t i = 0; i < sizeof rests_ms / sizeof rests_ms[0]; i++) {
        assert_int_equal(hf_to_ms(look(&f)->next_probe_in), rests_ms[i]);
        advance(&f, rests_ms[i]);
        call(&f, HF_OUTCOME_FAILURE);
    }
    advance(&f, 300);
    call(&f, HF_OUTCOME_SUCCESS);
    trip(&f);
    assert_int_equal(hf_to_ms(look(&f)->next_probe_in), 100);
    tear_down(&f);
}

static void jitter_shortens_the_rest_by_its_share_at_most(void **state)
{
    (void)state;
    int64_t least = INT64_MAX, most = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct fixture f;
        configure(&f);
        f.opts.open_jitter = 0.2;
        f.opts.seed = seed;
        begin(&f);
        trip(&f);
        const int64_t ns = look(&f)->next_probe_in.ns;
        if (ns < least) least = ns;
        if (ns > most) most = ns;
        tear_down(&f);
    }
    assert_in_range(least, 80000000, 81000000);
    assert_in_range(most, 99000000, 100000000);
}

static void stale_permits_change_nothing(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(admit(&f), HF_OK);
    const struct hf_permit slow = f.permit;
    trip(&f);
    const struct hf_permit tripping = f.permit;
    advance(&f, 100);
    assert_int_equal(admit(&f), HF_OK);
    const struct hf_permit probe = f.permit;

    static const enum hf_outcome outcomes[] = { HF_OUTCOME_SUCCESS, HF_OUTCOME_FAILURE,
                                                HF_OUTCOME_NEUTRAL };
    const struct hf_permit stale[] = { slow, tripping, { 0 }, { 12345678 }, { UINT64_MAX } };
    for (size_t i = 0; i < sizeof stale / sizeof stale[0]; i++) {
        for (int o = 0; o < 3; o++) {
            f.permit = stale[i];
            report(&f, outcomes[o]);
            assert_state(&f, HF_BREAKER_HALF_OPEN);
            assert_int_equal(look(&f)->probes_out, 1);
        }
    }
    f.permit = probe;
    report(&f, HF_OUTCOME_SUCCESS);
    assert_state(&f, HF_BREAKER_CLOSED);
    report(&f, HF_OUTCOME_FAILURE);
    f.permit = slow;
    report(&f, HF_OUTCOME_FAILURE);
    assert_int_equal(look(&f)->failures_in_a_row, 0);
    tear_down(&f);
}

static void what_began_before_a_reset_does_not_count_after_it(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(admit(&f), HF_OK);
    const struct hf_permit before = f.permit;
    trip(&f);
    hf_breaker_reset(&f.breaker, f.now);
    f.permit = before;
    for (int i = 0; i < 10; i++) report(&f, HF_OUTCOME_FAILURE);
    assert_state(&f, HF_BREAKER_CLOSED);
    assert_int_equal(look(&f)->failures_in_a_row, 0);
    assert_int_equal(look(&f)->window_calls, 0);
    tear_down(&f);
}

static void a_probe_reported_twice_frees_one_place(void **state)
{
    (void)state;
    struct fixture f;
    configure(&f);
    f.opts.successes_to_close = 5;
    begin(&f);
    trip(&f);
    advance(&f, 100);
    assert_int_equal(admit(&f), HF_OK);
    assert_int_equal(admit(&f), HF_OK);
    report(&f, HF_OUTCOME_SUCCESS);
    report(&f, HF_OUTCOME_SUCCESS);
    report(&f, HF_OUTCOME_FAILURE);
    assert_state(&f, HF_BREAKER_HALF_OPEN);
    assert_int_equal(admit(&f), HF_OK);
    assert_int_equal(admit(&f), HF_E_BREAKER_OPEN);
    tear_down(&f);
}

static void a_closed_call_reported_twice_counts_twice(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(admit(&f), HF_OK);
    report(&f, HF_OUTCOME_FAILURE);
    report(&f, HF_OUTCOME_FAILURE);
    assert_int_equal(look(&f)->failures_in_a_row, 2);
    tear_down(&f);
}

static void silent_probes_lose_their_places(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    trip(&f);
    advance(&f, 100);
    assert_int_equal(admit(&f), HF_OK);
    const struct hf_permit lost = f.permit;
    advance(&f, 10);
    assert_int_equal(admit(&f), HF_OK);
    advance(&f, 39);
    assert_int_equal(admit(&f), HF_E_BREAKER_OPEN);
    assert_int_equal(hf_to_ms(look(&f)->next_probe_in), 1);
    advance(&f, 1);
    assert_int_equal(admit(&f), HF_OK);
    assert_int_equal(admit(&f), HF_E_BREAKER_OPEN);

    f.permit = lost;
    report(&f, HF_OUTCOME_FAILURE);
    assert_state(&f, HF_BREAKER_HALF_OPEN);
    tear_down(&f);
}

static void a_neutral_probe_frees_its_place_at_once(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    trip(&f);
    advance(&f, 100);
    calls(&f, 20, HF_OUTCOME_NEUTRAL);
    assert_state(&f, HF_BREAKER_HALF_OPEN);
    assert_int_equal(look(&f)->probes_out, 0);
    tear_down(&f);
}

static void a_good_health_check_ends_the_rest_at_once(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    hf_breaker_hint_healthy(&f.breaker, f.now);
    assert_state(&f, HF_BREAKER_CLOSED);
    assert_int_equal(look(&f)->transitions, 0);
    trip(&f);
    hf_breaker_hint_healthy(&f.breaker, f.now);
    assert_state(&f, HF_BREAKER_HALF_OPEN);
    call(&f, HF_OUTCOME_SUCCESS);
    assert_state(&f, HF_BREAKER_CLOSED);
    tear_down(&f);
}

static void a_failed_dial_counts_while_closed_only(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    for (int i = 0; i < 3; i++) hf_breaker_hint_failed(&f.breaker, f.now);
    assert_state(&f, HF_BREAKER_OPEN);
    hf_breaker_hint_failed(&f.breaker, f.now);
    hf_breaker_hint_healthy(&f.breaker, f.now);
    hf_breaker_hint_failed(&f.breaker, f.now);
    assert_state(&f, HF_BREAKER_HALF_OPEN);
    assert_int_equal(look(&f)->failures, 3);
    tear_down(&f);
}

/* Of `count` calls that ask at the present moment, how many pass. */
static int passing(struct fixture *f, int count)
{
    int passed = 0;
    for (int i = 0; i < count; i++) passed += admit(f) == HF_OK;
    return passed;
}

static void begin_ramp(struct fixture *f)
{
    configure(f);
    f->opts.ramp = hf_ms(300);
    begin(f);
    trip(f);
    advance(f, 100);
    call(f, HF_OUTCOME_SUCCESS);
    assert_state(f, HF_BREAKER_CLOSED);
}

static void after_closing_admission_rises_from_a_tenth_to_all(void **state)
{
    (void)state;
    struct fixture f;
    begin_ramp(&f);
    assert_int_equal(passing(&f, 10), 10);
    assert_in_range(passing(&f, 1000), 99, 101);
    advance(&f, 150);
    assert_in_range(passing(&f, 1000), 548, 552);
    advance(&f, 149);
    assert_in_range(passing(&f, 1000), 990, 1000);
    advance(&f, 1);
    assert_int_equal(passing(&f, 1000), 1000);
    tear_down(&f);
}

static void each_ramp_begins_anew(void **state)
{
    (void)state;
    struct fixture f;
    begin_ramp(&f);
    assert_in_range(passing(&f, 1000), 100, 112);
    for (int i = 0; i < 3; i++) hf_breaker_hint_failed(&f.breaker, f.now);
    assert_state(&f, HF_BREAKER_OPEN);
    advance(&f, 100);
    call(&f, HF_OUTCOME_SUCCESS);
    assert_state(&f, HF_BREAKER_CLOSED);
    assert_int_equal(passing(&f, 10), 10);
    tear_down(&f);
}

static void calls_of_the_ramp_count_as_calls_of_the_closed_state(void **state)
{
    (void)state;
    struct fixture f;
    begin_ramp(&f);
    assert_int_equal(admit(&f), HF_OK);
    const struct hf_permit early = f.permit;
    call(&f, HF_OUTCOME_SUCCESS);
    assert_int_equal(look(&f)->window_calls, 1);
    advance(&f, 300);
    call(&f, HF_OUTCOME_FAILURE);
    call(&f, HF_OUTCOME_FAILURE);
    f.permit = early;
    report(&f, HF_OUTCOME_FAILURE);
    assert_state(&f, HF_BREAKER_OPEN);
    tear_down(&f);
}

static void a_clock_that_jumps_ends_the_ramp(void **state)
{
    (void)state;
    for (int direction = -1; direction <= 1; direction += 2) {
        struct fixture f;
        begin_ramp(&f);
        f.now.ns += direction * hf_ms(300).ns;
        assert_int_equal(passing(&f, 1000), 1000);
        tear_down(&f);
    }
}

static void failures_in_the_ramp_open_it_again(void **state)
{
    (void)state;
    struct fixture f;
    begin_ramp(&f);
    trip(&f);
    tear_down(&f);
}

static void held_open_nothing_passes_until_a_reset(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(hf_breaker_force(&f.breaker, f.now, HF_BREAKER_FORCED_OPEN), HF_OK);
    advance(&f, 1000000);
    hf_breaker_hint_healthy(&f.breaker, f.now);
    assert_int_equal(admit(&f), HF_E_BREAKER_OPEN);
    assert_int_equal(look(&f)->next_probe_in.ns, 0);
    hf_breaker_reset(&f.breaker, f.now);
    assert_int_equal(admit(&f), HF_OK);
    tear_down(&f);
}

static void disabled_all_passes_and_nothing_counts(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(hf_breaker_force(&f.breaker, f.now, HF_BREAKER_DISABLED), HF_OK);
    calls(&f, 100, HF_OUTCOME_FAILURE);
    calls(&f, 100, HF_OUTCOME_SUCCESS);
    hf_breaker_hint_failed(&f.breaker, f.now);
    assert_int_equal(look(&f)->failures + f.seen.successes, 0);
    hf_breaker_reset(&f.breaker, f.now);
    trip(&f);
    tear_down(&f);
}

static void metrics_only_counts_and_never_opens(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(hf_breaker_force(&f.breaker, f.now, HF_BREAKER_METRICS_ONLY), HF_OK);
    calls(&f, 100, HF_OUTCOME_FAILURE);
    hf_breaker_hint_failed(&f.breaker, f.now);
    assert_int_equal(look(&f)->failures, 101);
    assert_int_equal(f.seen.failures_in_a_row, 101);
    calls(&f, 7, HF_OUTCOME_SUCCESS);
    assert_int_equal(look(&f)->window_calls, 108);
    assert_state(&f, HF_BREAKER_METRICS_ONLY);
    hf_breaker_reset(&f.breaker, f.now);
    assert_int_equal(look(&f)->window_calls, 0);
    trip(&f);
    tear_down(&f);
}

static void only_the_states_of_a_person_can_be_forced(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(hf_breaker_force(&f.breaker, f.now, HF_BREAKER_OPEN), HF_E_INVALID);
    assert_int_equal(hf_breaker_force(&f.breaker, f.now, HF_BREAKER_HALF_OPEN), HF_E_INVALID);
    assert_int_equal(hf_breaker_force(&f.breaker, f.now, HF_BREAKER_CLOSED), HF_E_INVALID);
    assert_int_equal(hf_breaker_force(&f.breaker, f.now, (enum hf_breaker_state)77),
                     HF_E_INVALID);
    assert_int_equal(look(&f)->transitions, 0);
    tear_down(&f);
}

static void a_reset_closes_from_every_state(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    calls(&f, 2, HF_OUTCOME_FAILURE);
    hf_breaker_reset(&f.breaker, f.now);
    calls(&f, 2, HF_OUTCOME_FAILURE);
    assert_state(&f, HF_BREAKER_CLOSED);
    call(&f, HF_OUTCOME_FAILURE);
    hf_breaker_reset(&f.breaker, f.now);
    assert_state(&f, HF_BREAKER_CLOSED);
    trip(&f);
    advance(&f, 100);
    assert_int_equal(admit(&f), HF_OK);
    hf_breaker_reset(&f.breaker, f.now);
    assert_state(&f, HF_BREAKER_CLOSED);
    report(&f, HF_OUTCOME_FAILURE);
    assert_int_equal(look(&f)->failures_in_a_row, 0);
    tear_down(&f);
}

static void the_history_keeps_the_last_transitions_in_order(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(look(&f)->history_count, 0);
    assert_int_equal(f.seen.since.ns, 0);
    for (int i = 0; i < 20; i++) {
        trip(&f);
        advance(&f, 100);
        call(&f, HF_OUTCOME_SUCCESS);
    }
    look(&f);
    assert_int_equal(f.seen.transitions, 60);
    assert_int_equal(f.seen.history_count, HF_BREAKER_HISTORY_MAX);
    for (uint32_t i = 1; i < f.seen.history_count; i++) {
        assert_int_equal(f.seen.history[i].from, f.seen.history[i - 1].to);
        assert_true(f.seen.history[i].at.ns >= f.seen.history[i - 1].at.ns);
    }
    assert_int_equal(f.seen.since.ns, f.seen.history[HF_BREAKER_HISTORY_MAX - 1].at.ns);
    assert_int_equal(f.seen.since.ns, f.now.ns);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_failures_in_a_row_open_it),
        cmocka_unit_test(a_share_of_failures_opens_it_once_there_were_enough_calls),
        cmocka_unit_test(a_client_of_five_calls_a_second_opens_it_within_the_window),
        cmocka_unit_test(what_lies_before_the_window_is_forgotten),
        cmocka_unit_test(successes_of_the_window_count_although_nobody_looked),
        cmocka_unit_test(slow_calls_open_it_when_asked_to),
        cmocka_unit_test(it_rests_then_lets_a_few_probes_through),
        cmocka_unit_test(as_many_probes_must_succeed_as_the_option_says),
        cmocka_unit_test(a_failed_probe_starts_a_longer_rest_up_to_a_bound),
        cmocka_unit_test(jitter_shortens_the_rest_by_its_share_at_most),
        cmocka_unit_test(stale_permits_change_nothing),
        cmocka_unit_test(what_began_before_a_reset_does_not_count_after_it),
        cmocka_unit_test(a_probe_reported_twice_frees_one_place),
        cmocka_unit_test(a_closed_call_reported_twice_counts_twice),
        cmocka_unit_test(silent_probes_lose_their_places),
        cmocka_unit_test(a_neutral_probe_frees_its_place_at_once),
        cmocka_unit_test(a_good_health_check_ends_the_rest_at_once),
        cmocka_unit_test(a_failed_dial_counts_while_closed_only),
        cmocka_unit_test(after_closing_admission_rises_from_a_tenth_to_all),
        cmocka_unit_test(each_ramp_begins_anew),
        cmocka_unit_test(calls_of_the_ramp_count_as_calls_of_the_closed_state),
        cmocka_unit_test(a_clock_that_jumps_ends_the_ramp),
        cmocka_unit_test(failures_in_the_ramp_open_it_again),
        cmocka_unit_test(held_open_nothing_passes_until_a_reset),
        cmocka_unit_test(disabled_all_passes_and_nothing_counts),
        cmocka_unit_test(metrics_only_counts_and_never_opens),
        cmocka_unit_test(only_the_states_of_a_person_can_be_forced),
        cmocka_unit_test(a_reset_closes_from_every_state),
        cmocka_unit_test(the_history_keeps_the_last_transitions_in_order),
    };
    return RUN_TESTS(tests);
}
