#include "resilience/retry.h"

#include "core/error.h"
#include "support/test.h"

/* A call of 1000 ms that begins at 0. */

static const hf_instant deadline = { 1000000000 };

static const struct hf_retry_opts retrying = { .retry_on_timeout = true };

static struct hf_retry_budget budget;

static hf_instant at_ms(int64_t ms)
{
    return (hf_instant){ ms * 1000000 };
}

static struct hf_retry_state begin(const struct hf_retry_opts *opts, enum hf_command_class c)
{
    struct hf_retry_state s;
    hf_retry_budget_init(&budget, 1);
    hf_retry_begin(&s, opts, c, at_ms(0), deadline);
    return s;
}

static bool is_retried(enum hf_command_class command_class, hf_err err)
{
    struct hf_retry_state s = begin(&retrying, command_class);
    hf_duration           pause;
    return hf_retry_again(&s, err, at_ms(1), &budget, &pause);
}

static void what_was_surely_not_applied_is_sent_again_whatever_it_is(void **state)
{
    (void)state;
    static const hf_err errs[] = { HF_E_RESOLVE,     HF_E_CONNECT,     HF_E_CONNECT_TIMEOUT,
                                   HF_E_UNSENT,      HF_E_LOADING,     HF_E_MASTERDOWN,
                                   HF_E_TRYAGAIN,    HF_E_CLUSTERDOWN, HF_E_SERVER_BUSY,
                                   HF_E_MAX_CLIENTS, HF_E_READONLY,    HF_E_MOVED,
                                   HF_E_TIMEOUT };
    for (size_t i = 0; i < sizeof errs / sizeof errs[0]; i++) {
        assert_true(is_retried(HF_COMMAND_READ, errs[i]));
        assert_true(is_retried(HF_COMMAND_IDEMPOTENT, errs[i]));
        assert_true(is_retried(HF_COMMAND_ACCUMULATING, errs[i]));
    }
}

static void what_may_have_been_applied_is_sent_again_only_if_it_may_be_twice(void **state)
{
    (void)state;
    static const hf_err errs[] = { HF_E_LOST, HF_E_TIMEOUT_SENT, HF_E_PROTOCOL };
    for (size_t i = 0; i < sizeof errs / sizeof errs[0]; i++) {
        assert_true(is_retried(HF_COMMAND_READ, errs[i]));
        assert_true(is_retried(HF_COMMAND_IDEMPOTENT, errs[i]));
        assert_false(is_retried(HF_COMMAND_ACCUMULATING, errs[i]));
    }
}

static void what_would_fail_again_or_do_harm_is_never_sent_again(void **state)
{
    (void)state;
    static const hf_err errs[] = {
        HF_OK,           HF_MISS,          HF_E_INVALID,   HF_E_NOMEM,
        HF_E_NOMEM_SENT, HF_E_CLOSED,      HF_E_FORKED,    HF_E_BREAKER_OPEN,
        HF_E_OVERLOAD,   HF_E_UNAVAILABLE, HF_E_MISCONF,   HF_E_OOM,
        HF_E_OOM_SCRIPT, HF_E_AUTH,        HF_E_WRONGTYPE, HF_E_REPLY
    };
    for (size_t i = 0; i < sizeof errs / sizeof errs[0]; i++) {
        assert_false(is_retried(HF_COMMAND_READ, errs[i]));
    }
}

/* The promise behind "outcome unknown", over the whole table of errors. */
static void nothing_that_may_have_been_applied_accumulates(void **state)
{
    (void)state;
    static const hf_err errs[] = {
#define X(code, category, applied, text) HF_##code,
        HF_ERR_MAP(X)
#undef X
    };
    for (size_t i = 0; i < sizeof errs / sizeof errs[0]; i++) {
        if (!hf_err_outcome_unknown(errs[i])) continue;
        assert_false(is_retried(HF_COMMAND_ACCUMULATING, errs[i]));
    }
}

static void a_timeout_is_retried_only_when_asked_for(void **state)
{
    (void)state;
    const struct hf_retry_opts plain = { .retry_on_timeout = false };
    struct hf_retry_state      s = begin(&plain, HF_COMMAND_READ);
    hf_duration                pause;
    assert_false(hf_retry_again(&s, HF_E_TIMEOUT_SENT, at_ms(1), &budget, &pause));
    assert_false(hf_retry_again(&s, HF_E_TIMEOUT, at_ms(1), &budget, &pause));
    assert_true(hf_retry_again(&s, HF_E_LOST, at_ms(1), &budget, &pause));
    assert_int_equal(hf_retry_attempt_deadline(&s, at_ms(0)).ns, deadline.ns);
}

static void retries_end_with_their_number(void **state)
{
    (void)state;
    struct hf_retry_state s = begin(&retrying, HF_COMMAND_READ);
    hf_duration           pause;
    for (int i = 0; i < HF_RETRIES_MAX; i++) {
        assert_true(hf_retry_again(&s, HF_E_LOST, at_ms(1), &budget, &pause));
    }
    assert_false(hf_retry_again(&s, HF_E_LOST, at_ms(1), &budget, &pause));
}

static void retries_end_with_the_budget(void **state)
{
    (void)state;
    struct hf_retry_state s = begin(&retrying, HF_COMMAND_READ);
    hf_duration           pause = hf_ns(-5);
    while (hf_retry_budget_spend(&budget)) {
    }
    assert_false(hf_retry_again(&s, HF_E_LOST, at_ms(1), &budget, &pause));
    assert_int_equal(pause.ns, -5);
    assert_true(hf_retry_again(&s, HF_E_UNSENT, at_ms(1), &budget, &pause));
}

static void what_is_not_retried_costs_no_budget(void **state)
{
    (void)state;
    struct hf_retry_state s = begin(&retrying, HF_COMMAND_READ);
    hf_duration           pause;
    for (int i = 0; i < 100; i++) {
        assert_false(hf_retry_again(&s, HF_E_OOM, at_ms(1), &budget, &pause));
        assert_false(hf_retry_again(&s, HF_E_LOST, deadline, &budget, &pause));
    }
    assert_true(hf_retry_again(&s, HF_E_LOST, at_ms(1), &budget, &pause));
}

static void pauses_grow_and_leave_half_of_the_time(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 1000; seed++) {
        struct hf_retry_state s = begin(&retrying, HF_COMMAND_READ);
        hf_duration           pause;
        hf_retry_budget_init(&budget, seed);
        for (int i = 0; i < HF_RETRIES_MAX; i++) {
            assert_true(hf_retry_again(&s, HF_E_LOADING, at_ms(0), &budget, &pause));
            assert_in_range(pause.ns, 0, hf_ms(4u << i).ns);
        }
        s = begin(&retrying, HF_COMMAND_READ);
        const hf_instant late = { deadline.ns - 100 };
        assert_true(hf_retry_again(&s, HF_E_LOADING, late, &budget, &pause));
        assert_in_range(pause.ns, 0, 50);
    }
}

static void there_is_no_retry_at_the_deadline_or_after(void **state)
{
    (void)state;
    struct hf_retry_state s = begin(&retrying, HF_COMMAND_READ);
    hf_duration           pause;
    assert_false(hf_retry_again(&s, HF_E_CONNECT, deadline, &budget, &pause));
    assert_false(hf_retry_again(&s, HF_E_CONNECT, at_ms(5000), &budget, &pause));
    assert_true(
        hf_retry_again(&s, HF_E_CONNECT, (hf_instant){ deadline.ns - 1 }, &budget, &pause));
}

static void the_first_attempt_gets_half_and_the_next_the_rest(void **state)
{
    (void)state;
    struct hf_retry_state s = begin(&retrying, HF_COMMAND_READ);
    hf_duration           pause;
    assert_int_equal(hf_retry_attempt_deadline(&s, at_ms(0)).ns, at_ms(500).ns);
    assert_true(hf_retry_again(&s, HF_E_TIMEOUT_SENT, at_ms(500), &budget, &pause));
    assert_int_equal(hf_retry_attempt_deadline(&s, at_ms(510)).ns, deadline.ns);
}

static void what_is_never_sent_again_gets_all_the_time_at_once(void **state)
{
    (void)state;
    const struct hf_retry_state s = begin(&retrying, HF_COMMAND_ACCUMULATING);
    assert_int_equal(hf_retry_attempt_deadline(&s, at_ms(0)).ns, deadline.ns);
}

static void the_attempt_timeout_bounds_all_attempts_but_the_last(void **state)
{
    (void)state;
    const struct hf_retry_opts opts = { .attempt_timeout = hf_ms(100),
                                        .retry_on_timeout = true };
    struct hf_retry_state      s = begin(&opts, HF_COMMAND_IDEMPOTENT);
    hf_duration                pause;
    for (int i = 0; i < HF_RETRIES_MAX; i++) {
        assert_int_equal(hf_retry_attempt_deadline(&s, at_ms(i * 100)).ns,
                         at_ms(i * 100 + 100).ns);
        assert_true(hf_retry_again(&s, HF_E_TIMEOUT_SENT, at_ms(1), &budget, &pause));
    }
    assert_int_equal(hf_retry_attempt_deadline(&s, at_ms(300)).ns, deadline.ns);
    s.retries = 0;
    assert_int_equal(hf_retry_attempt_deadline(&s, at_ms(950)).ns, deadline.ns);
}

static void an_attempt_timeout_not_below_the_deadline_means_half(void **state)
{
    (void)state;
    const int64_t timeouts[] = { deadline.ns, deadline.ns + 1, INT64_MAX, 0, -1, INT64_MIN };
    for (size_t i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++) {
        const struct hf_retry_opts  opts = { .attempt_timeout = { timeouts[i] },
                                             .retry_on_timeout = true };
        const struct hf_retry_state s = begin(&opts, HF_COMMAND_READ);
        assert_int_equal(hf_retry_attempt_deadline(&s, at_ms(0)).ns, at_ms(500).ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_surely_not_applied_is_sent_again_whatever_it_is),
        cmocka_unit_test(what_may_have_been_applied_is_sent_again_only_if_it_may_be_twice),
        cmocka_unit_test(what_would_fail_again_or_do_harm_is_never_sent_again),
        cmocka_unit_test(nothing_that_may_have_been_applied_accumulates),
        cmocka_unit_test(a_timeout_is_retried_only_when_asked_for),
        cmocka_unit_test(retries_end_with_their_number),
        cmocka_unit_test(retries_end_with_the_budget),
        cmocka_unit_test(what_is_not_retried_costs_no_budget),
        cmocka_unit_test(pauses_grow_and_leave_half_of_the_time),
        cmocka_unit_test(there_is_no_retry_at_the_deadline_or_after),
        cmocka_unit_test(the_first_attempt_gets_half_and_the_next_the_rest),
        cmocka_unit_test(what_is_never_sent_again_gets_all_the_time_at_once),
        cmocka_unit_test(the_attempt_timeout_bounds_all_attempts_but_the_last),
        cmocka_unit_test(an_attempt_timeout_not_below_the_deadline_means_half),
    };
    return RUN_TESTS(tests);
}
