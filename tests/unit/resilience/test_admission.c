#include "resilience/admission.h"

#include "support/test.h"

#include <pthread.h>

static const hf_instant begin = { 1000000000000 };

static hf_err enter(struct hf_admission *a, struct hf_ticket *ticket)
{
    return hf_admission_enter(a, ticket);
}

static void one_call(struct hf_admission *a, hf_instant now, hf_duration took,
                     hf_duration timeout)
{
    struct hf_ticket ticket;
    assert_int_equal(enter(a, &ticket), HF_OK);
    hf_admission_leave(a, now, ticket, HF_OUTCOME_SUCCESS, took, timeout);
}

static void one_slow_call_among_many_refuses_nobody(void **state)
{
    (void)state;
    struct hf_admission a;
    hf_instant          now = begin;
    hf_admission_init(&a);
    for (int i = 0; i < 10000; i++) {
        now = hf_later(now, hf_ms(1));
        one_call(&a, now, hf_ms(i % 500 == 0 ? 100 : 1), hf_ms(100));
    }
    assert_int_equal(atomic_load(&a.refused), 0);
    hf_admission_deinit(&a);
}

static void a_lone_caller_is_never_refused(void **state)
{
    (void)state;
    struct hf_admission a;
    hf_instant          now = begin;
    hf_admission_init(&a);
    for (int i = 0; i < 1000; i++) {
        struct hf_ticket ticket;
        assert_int_equal(enter(&a, &ticket), HF_OK);
        now = hf_later(now, hf_ms(100));
        hf_admission_leave(&a, now, ticket, HF_OUTCOME_FAILURE, hf_ms(100), hf_ms(100));
    }
    hf_admission_deinit(&a);
}

/* Shrinks the limit to one. */
static void starve(struct hf_admission *a, hf_instant *now)
{
    for (int i = 0; i < 2000; i++) {
        struct hf_ticket tickets[8];
        int              count = 0;
        while (count < 8 && enter(a, &tickets[count]) == HF_OK) count++;
        *now = hf_later(*now, hf_ms(100));
        for (int k = 0; k < count; k++) {
            hf_admission_leave(a, *now, tickets[k], HF_OUTCOME_FAILURE, hf_ms(100),
                               hf_ms(100));
        }
    }
    assert_int_equal(atomic_load(&a->limit), 1);
}

static void the_limit_holds_to_the_call(void **state)
{
    (void)state;
    struct hf_admission a;
    struct hf_ticket    first, second;
    hf_instant          now = begin;
    hf_admission_init(&a);
    starve(&a, &now);
    const uint64_t before = atomic_load(&a.refused);
    assert_int_equal(enter(&a, &first), HF_OK);
    assert_int_equal(enter(&a, &second), HF_E_OVERLOAD);
    assert_int_equal(atomic_load(&a.refused), before + 1);
    hf_admission_leave(&a, now, first, HF_OUTCOME_NEUTRAL, hf_ns(0), hf_ms(100));
    assert_int_equal(enter(&a, &second), HF_OK);
    hf_admission_leave(&a, now, second, HF_OUTCOME_NEUTRAL, hf_ns(0), hf_ms(100));
    assert_int_equal(atomic_load(&a.limit), 1);
    hf_admission_deinit(&a);
}

static void no_clock_keeps_the_limit_down_once_calls_are_quick(void **state)
{
    (void)state;
    static const int64_t clocks[] = { INT64_MIN, -1, 0, INT64_MAX, 1000000000 };
    for (size_t i = 0; i < sizeof clocks / sizeof clocks[0]; i++) {
        struct hf_admission a;
        hf_instant          now = begin;
        hf_admission_init(&a);
        starve(&a, &now);
        now.ns = clocks[i];
        for (int k = 0; k < 2000; k++) one_call(&a, now, hf_ns(0), hf_ms(100));
        for (int k = 0; k < 2000; k++) one_call(&a, now, hf_ns(0), hf_ms(100));
        assert_true(atomic_load(&a.limit) != 1);
        hf_admission_deinit(&a);
    }
}

static void timeouts_of_nothing_and_of_for_ever_are_defined(void **state)
{
    (void)state;
    struct hf_admission a;
    hf_admission_init(&a);
    for (int i = 0; i < 1000; i++) one_call(&a, begin, hf_ns(INT64_MAX), hf_ns(0));
    for (int i = 0; i < 1000; i++) one_call(&a, begin, hf_ns(0), hf_ns(INT64_MAX));
    hf_admission_deinit(&a);
}

/* ---- Round by round ------------------------------------------------------------ */

enum { ROUND = 64, UNLIMITED = UINT16_MAX, ALLOWED_MS = 100 };

/* Puts it on duty with a limit that nobody feels yet. */
static void go_on_duty(struct hf_admission *a, hf_instant *now)
{
    hf_admission_init(a);
    *now = begin;
    one_call(a, *now, hf_ms(51), hf_ms(ALLOWED_MS));
    assert_int_equal(atomic_load(&a->limit), UNLIMITED);
}

/* As many at a time, each for as long, until a round is over. */
static void play_round(struct hf_admission *a, hf_instant *now, int together, uint32_t ms)
{
    struct hf_ticket tickets[ROUND];
    assert_int_equal(ROUND % together, 0);
    for (int done = 0; done < ROUND; done += together) {
        for (int i = 0; i < together; i++) assert_int_equal(enter(a, &tickets[i]), HF_OK);
        *now = hf_later(*now, hf_ms(ms));
        for (int i = 0; i < together; i++) {
            hf_admission_leave(a, *now, tickets[i], HF_OUTCOME_SUCCESS, hf_ms(ms),
                               hf_ms(ALLOWED_MS));
        }
    }
}

static void a_call_of_more_than_half_its_time_begins_the_duty(void **state)
{
    (void)state;
    struct hf_admission a;
    hf_admission_init(&a);
    one_call(&a, begin, hf_ms(50), hf_ms(100));
    assert_int_equal(atomic_load(&a.limit), 0);
    one_call(&a, begin, hf_ms(51), hf_ms(100));
    assert_int_equal(atomic_load(&a.limit), UNLIMITED);
    hf_admission_deinit(&a);
}

/* From as many as were inside; in proportion, within a half and three quarters. */
static void a_slow_round_shrinks_the_limit(void **state)
{
    (void)state;
    static const struct {
        uint32_t ms;
        uint32_t limit;
    } rounds[] = { { 50, UNLIMITED }, { 51, 12 }, { 60, 12 }, { 80, 10 }, { 100, 8 } };
    for (size_t i = 0; i < sizeof rounds / sizeof rounds[0]; i++) {
        struct hf_admission a;
        hf_instant          now;
        go_on_duty(&a, &now);
        play_round(&a, &now, 16, rounds[i].ms);
        assert_int_equal(atomic_load(&a.limit), rounds[i].limit);
        hf_admission_deinit(&a);
    }
}

/* A limit of 8, after a round of 16 calls at a time that used up their time. */
static void go_down_to_eight(struct hf_admission *a, hf_instant *now)
{
    go_on_duty(a, now);
    play_round(a, now, 16, 100);
    assert_int_equal(atomic_load(&a->limit), 8);
}

static void a_limit_that_is_felt_grows(void **state)
{
    (void)state;
    struct hf_admission a;
    hf_instant          now;
    go_down_to_eight(&a, &now);
    play_round(&a, &now, 8, 50);
    assert_int_equal(atomic_load(&a.limit), 10);
    hf_admission_deinit(&a);

    go_down_to_eight(&a, &now);
    play_round(&a, &now, 8, 13);
    assert_int_equal(atomic_load(&a.limit), 10);
    hf_admission_deinit(&a);

    go_down_to_eight(&a, &now);
    play_round(&a, &now, 8, 12);
    assert_int_equal(atomic_load(&a.limit), 16);
    hf_admission_deinit(&a);
}

/* A server with a queue answers as many with fewer inside; over a long way it does not. */
static void a_limit_that_costs_answers_is_lifted_for_five_seconds(void **state)
{
    (void)state;
    struct hf_admission a;
    hf_instant          now;
    go_down_to_eight(&a, &now);
    play_round(&a, &now, 8, 70); /* 114 a second; 160 before, and 120 due. */
    assert_int_equal(atomic_load(&a.limit), UNLIMITED);
    const hf_instant until = hf_later(now, hf_seconds(5));
    while (hf_before(hf_later(now, hf_ms(4 * 70)), until)) {
        play_round(&a, &now, 16, 70);
        assert_int_equal(atomic_load(&a.limit), UNLIMITED);
    }
    play_round(&a, &now, 16, 70);
    assert_in_range(atomic_load(&a.limit), 8, 12);
    hf_admission_deinit(&a);

    go_down_to_eight(&a, &now);
    play_round(&a, &now, 8, 62); /* 129: enough. */
    assert_int_equal(atomic_load(&a.limit), 6);
    hf_admission_deinit(&a);
}

static void four_rounds_in_a_row_that_felt_no_limit_end_the_duty(void **state)
{
    (void)state;
    struct hf_admission a;
    hf_instant          now;
    go_down_to_eight(&a, &now);
    play_round(&a, &now, 8, 12);
    for (int i = 0; i < 3; i++) play_round(&a, &now, 4, 1);
    play_round(&a, &now, 16, 1); /* This one did. */
    for (int i = 0; i < 4; i++) {
        assert_int_equal(atomic_load(&a.limit), 32);
        play_round(&a, &now, 4, 1);
    }
    assert_int_equal(atomic_load(&a.limit), 0);
    hf_admission_deinit(&a);
}

static void a_round_of_few_calls_takes_half_a_second(void **state)
{
    (void)state;
    struct hf_admission a;
    hf_instant          now;
    go_on_duty(&a, &now);
    for (int i = 0; i < 7; i++) {
        now = hf_later(now, hf_ms(100));
        one_call(&a, now, hf_ms(100), hf_ms(ALLOWED_MS));
    }
    assert_int_equal(atomic_load(&a.limit), UNLIMITED);
    one_call(&a, now, hf_ms(100), hf_ms(ALLOWED_MS));
    assert_int_equal(atomic_load(&a.limit), 1);
    hf_admission_deinit(&a);
}

struct crowd {
    struct hf_admission admission;
    _Atomic int64_t     now_us;
};

static void *come_and_go(void *ctx)
{
    struct crowd *c = ctx;
    for (int i = 0; i < 20000; i++) {
        struct hf_ticket ticket;
        if (enter(&c->admission, &ticket)) continue;
        const hf_instant now = { atomic_fetch_add(&c->now_us, 500) * 1000 };
        const bool       is_bad = now.ns / 500000000 % 2 == 0;
        hf_admission_leave(&c->admission, now, ticket,
                           is_bad ? HF_OUTCOME_FAILURE : HF_OUTCOME_SUCCESS, hf_us(600),
                           hf_ms(10));
    }
    return NULL;
}

static void nobody_is_left_inside_when_all_threads_have_left(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    static struct crowd c;
    pthread_t           threads[THREADS];
    hf_admission_init(&c.admission);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &c), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&c.admission.inside), 0);
    hf_admission_deinit(&c.admission);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_slow_call_among_many_refuses_nobody),
        cmocka_unit_test(a_lone_caller_is_never_refused),
        cmocka_unit_test(the_limit_holds_to_the_call),
        cmocka_unit_test(no_clock_keeps_the_limit_down_once_calls_are_quick),
        cmocka_unit_test(timeouts_of_nothing_and_of_for_ever_are_defined),
        cmocka_unit_test(a_call_of_more_than_half_its_time_begins_the_duty),
        cmocka_unit_test(a_slow_round_shrinks_the_limit),
        cmocka_unit_test(a_limit_that_is_felt_grows),
        cmocka_unit_test(a_limit_that_costs_answers_is_lifted_for_five_seconds),
        cmocka_unit_test(four_rounds_in_a_row_that_felt_no_limit_end_the_duty),
        cmocka_unit_test(a_round_of_few_calls_takes_half_a_second),
        cmocka_unit_test(nobody_is_left_inside_when_all_threads_have_left),
    };
    return RUN_TESTS(tests);
}
