#include "demo/meter.h"

#include "core/rng.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

enum { COUNT = 10000 };

static struct meter  meter, second;
static struct meter *both[] = { &meter, &second };

static int set_up(void **state)
{
    (void)state;
    memset(&meter, 0, sizeof meter);
    memset(&second, 0, sizeof second);
    return 0;
}

static int compare(const void *a, const void *b)
{
    const int64_t x = ((const hf_duration *)a)->ns, y = ((const hf_duration *)b)->ns;
    return (x > y) - (x < y);
}

/* Latencies of all magnitudes: a microsecond to minutes. */
static void quantiles_are_never_too_low_and_at_most_a_sixteenth_too_high(void **state)
{
    (void)state;
    static hf_duration sample[COUNT];
    struct tally       tally;
    struct hf_rng      rng = { 7 };
    for (int i = 0; i < COUNT; i++) {
        sample[i] = hf_ns((int64_t)(hf_rng_next(&rng) >> (27 + hf_rng_below(&rng, 37))));
        meter_latency(both[i % 2], sample[i]);
    }
    qsort(sample, COUNT, sizeof sample[0], compare);
    meter_read(both, 2, &tally);

    const double quantiles[] = { 0, 0.01, 0.5, 0.9, 0.99, 0.999 };
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        const int64_t truth = sample[(int)(quantiles[i] * COUNT)].ns;
        const int64_t answer = meter_quantile(&tally, NULL, quantiles[i]).ns;
        assert_true(answer >= truth);
        assert_true(answer <= truth + truth / 16 + 1000);
    }
    assert_int_equal(tally.max.ns, sample[COUNT - 1].ns);
}

static void a_quantile_of_nothing_is_zero(void **state)
{
    (void)state;
    struct tally first, later;
    meter_latency(&meter, hf_ms(5));
    meter_read(both, 2, &first);
    meter_read(both, 2, &later);
    assert_int_equal(meter_quantile(&later, &first, 0.5).ns, 0);
}

static void a_window_holds_only_what_came_between_its_readings(void **state)
{
    (void)state;
    struct tally first, later;
    for (int i = 0; i < 1000; i++) meter_latency(&meter, hf_ms(500));
    meter_add(&meter, METER_HITS);
    meter_read(both, 2, &first);
    meter_latency(&second, hf_ms(2));
    meter_add(&second, METER_HITS);
    meter_read(both, 2, &later);

    assert_true(meter_quantile(&later, &first, 0.99).ns <= hf_us(2200).ns);
    assert_int_equal(first.max.ns, hf_ms(500).ns);
    assert_int_equal(later.max.ns, hf_ms(2).ns);
    assert_int_equal(later.counts[METER_HITS], 2);
}

static void accumulated_windows_add_up_to_the_whole(void **state)
{
    (void)state;
    struct tally earlier = { 0 }, now, sum = { 0 };
    for (int i = 1; i <= 100; i++) {
        meter_latency(both[i % 2], hf_us((uint32_t)i * 37));
        meter_add(both[i % 2], METER_REQUESTS);
        if (i % 7 != 0 && i != 100) continue;
        meter_read(both, 2, &now);
        meter_accumulate(&sum, &now, &earlier);
        earlier = now;
    }
    assert_int_equal(sum.counts[METER_REQUESTS], 100);
    assert_memory_equal(sum.buckets, now.buckets, sizeof sum.buckets);
    assert_int_equal(sum.max.ns, hf_us(3700).ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(quantiles_are_never_too_low_and_at_most_a_sixteenth_too_high,
                               set_up),
        cmocka_unit_test_setup(a_quantile_of_nothing_is_zero, set_up),
        cmocka_unit_test_setup(a_window_holds_only_what_came_between_its_readings, set_up),
        cmocka_unit_test_setup(accumulated_windows_add_up_to_the_whole, set_up),
    };
    return RUN_TESTS(tests);
}
