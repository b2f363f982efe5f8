#include "resilience/backoff.h"

#include "support/test.h"

static const struct hf_backoff pauses = { .base = { 10 }, .cap = { 1000 } };

static void the_ceiling_doubles_up_to_the_cap(void **state)
{
    (void)state;
    static const int64_t ceilings[] = { 10, 20, 40, 80, 160, 320, 640, 1000, 1000 };
    for (uint32_t i = 0; i < sizeof ceilings / sizeof ceilings[0]; i++) {
        assert_int_equal(hf_backoff_ceiling(pauses, i + 1).ns, ceilings[i]);
    }
}

static void it_saturates_instead_of_overflowing(void **state)
{
    (void)state;
    const struct hf_backoff endless = { .base = { 3 }, .cap = { INT64_MAX } };
    static const uint32_t   failures[] = { 62, 63, 64, 65, 1000, UINT32_MAX };
    int64_t                 before = 0;
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        const int64_t ceiling = hf_backoff_ceiling(endless, failures[i]).ns;
        assert_true(ceiling >= before);
        before = ceiling;
    }
    assert_int_equal(before, INT64_MAX);
    assert_int_equal(hf_backoff_ceiling(pauses, UINT32_MAX).ns, 1000);
}

static void pauses_fill_the_whole_range(void **state)
{
    (void)state;
    struct hf_rng rng = { 42 };
    int           tenths[11] = { 0 };
    for (int i = 0; i < 100000; i++) {
        const int64_t ns = hf_backoff_pause(pauses, 99, &rng).ns;
        assert_in_range(ns, 0, 1000);
        tenths[ns / 100]++;
    }
    for (int i = 0; i < 10; i++) assert_in_range(tenths[i], 9000, 11000);
}

static void a_seed_replays(void **state)
{
    (void)state;
    struct hf_rng a = { 7 }, b = { 7 };
    for (uint32_t i = 1; i < 100; i++) {
        assert_int_equal(hf_backoff_pause(pauses, i, &a).ns,
                         hf_backoff_pause(pauses, i, &b).ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ceiling_doubles_up_to_the_cap),
        cmocka_unit_test(it_saturates_instead_of_overflowing),
        cmocka_unit_test(pauses_fill_the_whole_range),
        cmocka_unit_test(a_seed_replays),
    };
    return RUN_TESTS(tests);
}
