#include "support/breaker_fixture.h"

static void a_clock_that_stands_still_keeps_it_resting_and_it_closes_again(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    trip(&f);
    for (int i = 0; i < 1000; i++) assert_int_equal(admit(&f), HF_E_BREAKER_OPEN);
    hf_breaker_hint_healthy(&f.breaker, f.now);
    call(&f, HF_OUTCOME_SUCCESS);
    assert_state(&f, HF_BREAKER_CLOSED);
    tear_down(&f);
}

/* A call passes after no more than the longest rest, and closes it. */
static void wait_and_close(struct fixture *f)
{
    const hf_duration wait = look(f)->next_probe_in;
    assert_true(wait.ns <= hf_ms(100).ns);
    f->now = hf_later(f->now, wait);
    call(f, HF_OUTCOME_SUCCESS);
    assert_state(f, HF_BREAKER_CLOSED);
}

static void no_jump_of_the_clock_makes_a_wait_longer_than_the_longest_rest(void **state)
{
    (void)state;
    static const int64_t jumps[] = { INT64_MIN,      -1,           0, 1, INT64_MAX / 2,
                                     -3600000000000, 3600000000000 };
    enum { JUMPS = sizeof jumps / sizeof jumps[0] };
    for (int from = 0; from < JUMPS; from++) {
        for (int to = 0; to < JUMPS; to++) {
            for (int probing = 0; probing < 2; probing++) {
                struct fixture f;
                configure(&f);
                f.opts.ramp = hf_ms(300);
                begin(&f);
                f.now.ns = jumps[from];
                trip(&f);
                if (probing) {
                    hf_breaker_hint_healthy(&f.breaker, f.now);
                    while (admit(&f) == HF_OK) {
                    }
                }
                f.now.ns = jumps[to];
                wait_and_close(&f);
                f.now.ns = jumps[from];
                calls(&f, 10, HF_OUTCOME_SUCCESS);
                tear_down(&f);
            }
        }
    }
}

/* Goal: the liveness promise in the header. Method: play every history of six events out of
 * nine, then fall silent for the longest wait; a call must then be admitted, and a few good
 * ones must close it. The asserts inside the breaker check its invariant at each step. */
static void no_history_wedges_it(void **state)
{
    (void)state;
    enum { EVENTS = 9, LENGTH = 6, HISTORIES = 531441 };

    struct fixture f;
    for (int history = 0; history < HISTORIES; history++) {
        configure(&f);
        f.opts.failures_to_open = 2;
        f.opts.probes_max = 1;
        f.opts.ramp = hf_ms(30);
        begin(&f);
        struct hf_permit older = { 0 };
        for (int step = 0, rest = history; step < LENGTH; step++, rest /= EVENTS) {
            switch (rest % EVENTS) {
            case 0:
                older = f.permit;
                if (admit(&f) != HF_OK) f.permit.token = 0;
                break;
            case 1: report(&f, HF_OUTCOME_SUCCESS); break;
            case 2: report(&f, HF_OUTCOME_FAILURE); break;
            case 3: report(&f, HF_OUTCOME_NEUTRAL); break;
            case 4: advance(&f, 60); break;
            case 5: f.now.ns -= hf_ms(60).ns; break;
            case 6: hf_breaker_hint_healthy(&f.breaker, f.now); break;
            case 7: hf_breaker_hint_failed(&f.breaker, f.now); break;
            case 8: f.permit = older; break;
            }
        }
        wait_and_close(&f);
        tear_down(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_that_stands_still_keeps_it_resting_and_it_closes_again),
        cmocka_unit_test(no_jump_of_the_clock_makes_a_wait_longer_than_the_longest_rest),
        cmocka_unit_test(no_history_wedges_it),
    };
    return RUN_TESTS(tests);
}
