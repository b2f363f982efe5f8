#include "resilience/retry_budget.h"

#include "support/test.h"

#include <pthread.h>

enum { THREADS = 8, CALLS = 20000 };

static int spend_all(struct hf_retry_budget *b)
{
    int retries = 0;
    while (hf_retry_budget_spend(b)) retries++;
    return retries;
}

static void a_full_budget_allows_its_burst(void **state)
{
    (void)state;
    struct hf_retry_budget b;
    hf_retry_budget_init(&b, 1);
    for (int i = 0; i < 10000; i++) hf_retry_budget_earn(&b);
    assert_int_equal(spend_all(&b), HF_RETRY_BURST);
}

static void a_retry_is_earned_by_a_score_of_calls(void **state)
{
    (void)state;
    struct hf_retry_budget b;
    hf_retry_budget_init(&b, 1);
    spend_all(&b);
    for (int i = 0; i < HF_RETRY_CALLS - 1; i++) hf_retry_budget_earn(&b);
    assert_false(hf_retry_budget_spend(&b));
    hf_retry_budget_earn(&b);
    assert_true(hf_retry_budget_spend(&b));
    assert_false(hf_retry_budget_spend(&b));
}

static void an_outage_is_not_multiplied(void **state)
{
    (void)state;
    struct hf_retry_budget b;
    hf_retry_budget_init(&b, 1);
    int sent = 0;
    for (int call = 0; call < 2000; call++) {
        hf_retry_budget_earn(&b);
        sent++;
        for (int retry = 0; retry < 3 && hf_retry_budget_spend(&b); retry++) sent++;
    }
    assert_in_range(sent, 2001, 2200);
}

static void *call_and_retry(void *ctx)
{
    struct hf_retry_budget *b = ctx;
    uintptr_t               retries = 0;
    for (int i = 0; i < CALLS; i++) {
        hf_retry_budget_earn(b);
        retries += hf_retry_budget_spend(b);
        hf_retry_budget_rng(b);
    }
    return (void *)retries;
}

static void threads_together_get_no_more_than_one_would(void **state)
{
    (void)state;
    struct hf_retry_budget b;
    pthread_t              threads[THREADS];
    uintptr_t              retries = 0;
    hf_retry_budget_init(&b, 1);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, call_and_retry, &b), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        retries += (uintptr_t)result;
    }
    const uintptr_t earned = THREADS * CALLS / HF_RETRY_CALLS;
    assert_in_range(retries, earned - 1, earned + HF_RETRY_BURST);
}

static void draws_differ_from_each_other_and_between_seeds(void **state)
{
    (void)state;
    struct hf_retry_budget a, b;
    hf_retry_budget_init(&a, 1);
    hf_retry_budget_init(&b, 2);
    struct hf_rng  first = hf_retry_budget_rng(&a), second = hf_retry_budget_rng(&a);
    struct hf_rng  other = hf_retry_budget_rng(&b);
    const uint64_t draw = hf_rng_next(&first);
    assert_true(draw != hf_rng_next(&second));
    assert_true(draw != hf_rng_next(&other));
    assert_true(hf_rng_next(&first) != hf_rng_next(&second));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_budget_allows_its_burst),
        cmocka_unit_test(a_retry_is_earned_by_a_score_of_calls),
        cmocka_unit_test(an_outage_is_not_multiplied),
        cmocka_unit_test(threads_together_get_no_more_than_one_would),
        cmocka_unit_test(draws_differ_from_each_other_and_between_seeds),
    };
    return RUN_TESTS(tests);
}
