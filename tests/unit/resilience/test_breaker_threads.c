#include "support/breaker_fixture.h"

#include <pthread.h>

/* Many threads call through one breaker whose callee fails, recovers and hangs by turns,
 * while others force, reset and look. What must hold is asserted inside the breaker, and
 * here. */

enum { CALLERS = 6, ROUNDS = 3000, STEP_US = 50 };

struct crowd {
    struct hf_breaker breaker;
    _Atomic int64_t   now_us;
    atomic_int        told;
    atomic_int        telling;
    _Atomic uint64_t  reported_failures;
    atomic_bool       interferes;
};

static hf_instant tick(struct crowd *c)
{
    return (hf_instant){ atomic_fetch_add(&c->now_us, STEP_US) * 1000 };
}

static void listen(const struct hf_breaker_transition *t, void *ctx)
{
    struct crowd *c = ctx;
    assert_int_equal(atomic_fetch_add(&c->telling, 1), 0);
    assert_non_null(t->why);
    atomic_fetch_add(&c->told, 1);
    struct hf_breaker_snapshot s;
    hf_breaker_snapshot(&c->breaker, t->at, &s);
    atomic_fetch_sub(&c->telling, 1);
}

/* Bad for the first half of each 200 ms. */
static enum hf_outcome outcome_at(hf_instant now, uint64_t dice)
{
    if (dice % 16 == 0) return HF_OUTCOME_NEUTRAL;
    return now.ns / 100000000 % 2 == 0 ? HF_OUTCOME_FAILURE : HF_OUTCOME_SUCCESS;
}

static void *call_on_and_on(void *ctx)
{
    struct crowd    *c = ctx;
    struct hf_rng    rng = { (uint64_t)tick(c).ns };
    struct hf_permit permit;
    for (int i = 0; i < ROUNDS; i++) {
        const hf_instant now = tick(c);
        if (hf_breaker_admit(&c->breaker, now, &permit)) continue;
        const uint64_t dice = hf_rng_next(&rng);
        if (dice % 61 == 0) continue; /* Never reports. */
        const enum hf_outcome outcome = outcome_at(now, dice);
        if (outcome == HF_OUTCOME_FAILURE) atomic_fetch_add(&c->reported_failures, 1);
        hf_breaker_report(&c->breaker, tick(c), permit, outcome,
                          hf_us((uint32_t)(dice % 2000)));
    }
    return NULL;
}

static void *interfere(void *ctx)
{
    struct crowd *c = ctx;
    for (int i = 0; i < ROUNDS / 10; i++) {
        struct hf_breaker_snapshot s;
        hf_breaker_snapshot(&c->breaker, tick(c), &s);
        assert_true(s.probes_out <= 2);
        assert_true(s.history_count <= HF_BREAKER_HISTORY_MAX);
        if (!c->interferes) continue;
        switch (i % 12) {
        case 0: hf_breaker_hint_healthy(&c->breaker, tick(c)); break;
        case 3: hf_breaker_hint_failed(&c->breaker, tick(c)); break;
        case 6: hf_breaker_reset(&c->breaker, tick(c)); break;
        default:
            assert_int_equal(hf_breaker_force(&c->breaker, tick(c),
                                              HF_BREAKER_FORCED_OPEN + (unsigned)i % 3),
                             HF_OK);
            hf_breaker_reset(&c->breaker, tick(c));
        }
    }
    return NULL;
}

static void run(struct crowd *c)
{
    pthread_t callers[CALLERS], other;
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_create(&callers[i], NULL, call_on_and_on, c), 0);
    }
    assert_int_equal(pthread_create(&other, NULL, interfere, c), 0);
    for (int i = 0; i < CALLERS; i++) pthread_join(callers[i], NULL);
    pthread_join(other, NULL);
}

static void set_up_crowd(struct crowd *c, bool interferes)
{
    struct fixture f;
    configure(&f);
    f.opts.open_for = hf_ms(20);
    f.opts.probe_timeout = hf_ms(5);
    f.opts.ramp = hf_ms(5);
    f.opts.slow_after = hf_ms(1);
    f.opts.slow_rate = 0.9;
    memset(c, 0, sizeof *c);
    assert_int_equal(hf_breaker_init(&c->breaker, &f.opts), HF_OK);
    hf_breaker_set_listener(&c->breaker, listen, c);
    c->interferes = interferes;
}

static void threads_find_it_sound_and_it_closes_in_the_end(void **state)
{
    (void)state;
    struct crowd               c;
    struct hf_breaker_snapshot s;
    set_up_crowd(&c, true);
    run(&c);
    hf_breaker_reset(&c.breaker, tick(&c));
    hf_breaker_snapshot(&c.breaker, tick(&c), &s);
    assert_int_equal(s.state, HF_BREAKER_CLOSED);
    /* A listener that the scheduler holds up misses the oldest; none is told twice. */
    assert_true(c.told > 0 && (uint64_t)c.told <= s.transitions);
    assert_true(s.transitions > 10);
    hf_breaker_deinit(&c.breaker);
}

static void left_alone_it_opens_and_closes_with_its_callee(void **state)
{
    (void)state;
    struct crowd               c;
    struct hf_breaker_snapshot s;
    set_up_crowd(&c, false);
    run(&c);
    hf_breaker_snapshot(&c.breaker, tick(&c), &s);
    assert_true(s.transitions >= 3);
    assert_true(s.failures <= c.reported_failures);
    assert_true(c.told > 0 && (uint64_t)c.told <= s.transitions);

    struct hf_permit permit;
    hf_instant       later = hf_later(tick(&c), hf_seconds(1));
    while (hf_breaker_state(&c.breaker) != HF_BREAKER_CLOSED) {
        assert_int_equal(hf_breaker_admit(&c.breaker, later, &permit), HF_OK);
        hf_breaker_report(&c.breaker, later, permit, HF_OUTCOME_SUCCESS, hf_ns(0));
    }
    hf_breaker_deinit(&c.breaker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_find_it_sound_and_it_closes_in_the_end),
        cmocka_unit_test(left_alone_it_opens_and_closes_with_its_callee),
    };
    return RUN_TESTS(tests);
}
