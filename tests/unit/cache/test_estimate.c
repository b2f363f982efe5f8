#include "cache/estimate.h"

#include "core/rng.h"
#include "support/test.h"

#include <math.h>

static void what_was_counted_is_exact(void **state)
{
    (void)state;
    struct hf_sample s = { 0 };
    hf_sample_add(&s, 3);
    hf_sample_add(&s, 4);
    const struct hf_estimate e = hf_sample_estimate(&s, 10, 10);
    assert_true(e.value == 7 && e.low == 7 && e.high == 7);
    assert_true(s.max == 4);
}

static void next_to_nothing_seen_says_next_to_nothing(void **state)
{
    (void)state;
    struct hf_sample   s = { 0 };
    struct hf_estimate e = hf_sample_estimate(&s, 0, 10);
    assert_true(e.low == 0 && isinf(e.high));
    e = hf_sample_estimate(&s, 100, 1000);
    assert_true(e.value == 0 && e.low == 0);
    assert_true(e.high == 30); /* Three in a hundred, at most. */
}

static void never_less_than_what_was_seen(void **state)
{
    (void)state;
    struct hf_sample s = { 0 };
    hf_sample_add(&s, 1000);
    const struct hf_estimate e = hf_sample_estimate(&s, 100, 101);
    assert_true(e.low >= 1000 && e.value >= e.low && e.high >= e.value);
}

/* Draws 2,000 of 20,000 without putting back, 400 times: about 95 in 100 intervals hold. */
static void the_truth_is_within_the_bounds_as_often_as_promised(void **state)
{
    (void)state;
    enum { ALL = 20000, DRAWN = 2000, ROUNDS = 400 };
    static double keys[ALL];
    struct hf_rng rng = { 5 };
    double        truth = 0;
    int           held = 0;
    for (int i = 0; i < ALL; i++) {
        keys[i] = hf_rng_below(&rng, 3) ? 0 : (double)hf_rng_below(&rng, 1000);
        truth += keys[i];
    }
    for (int round = 0; round < ROUNDS; round++) {
        struct hf_sample s = { 0 };
        for (int i = 0; i < DRAWN; i++) {
            const int    j = i + (int)hf_rng_below(&rng, (uint64_t)(ALL - i));
            const double kept = keys[i];
            keys[i] = keys[j];
            keys[j] = kept;
            if (keys[i] != 0) hf_sample_add(&s, keys[i]);
        }
        const struct hf_estimate e = hf_sample_estimate(&s, DRAWN, ALL);
        held += e.low <= truth && truth <= e.high;
    }
    assert_in_range(held, ROUNDS * 92 / 100, ROUNDS * 98 / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_counted_is_exact),
        cmocka_unit_test(next_to_nothing_seen_says_next_to_nothing),
        cmocka_unit_test(never_less_than_what_was_seen),
        cmocka_unit_test(the_truth_is_within_the_bounds_as_often_as_promised),
    };
    return RUN_TESTS(tests);
}
