#include "core/pace.h"

#include "support/test.h"

static void without_a_rate_nobody_waits(void **state)
{
    (void)state;
    struct hf_pace pace = { 0 };
    for (int i = 0; i < 10; i++) {
        assert_int_equal(hf_pace_take(&pace, (hf_instant){ 5 }, 1000000).ns, 0);
    }
}

static void each_waits_for_those_before_it(void **state)
{
    (void)state;
    struct hf_pace   pace = { .rate = 1000 };
    const hf_instant now = { 77 };
    assert_int_equal(hf_pace_take(&pace, now, 10).ns, 0);
    assert_int_equal(hf_pace_take(&pace, now, 20).ns, hf_ms(10).ns);
    assert_int_equal(hf_pace_take(&pace, hf_later(now, hf_ms(5)), 1).ns, hf_ms(25).ns);
    assert_int_equal(hf_pace_take(&pace, hf_later(now, hf_ms(31)), 1).ns, 0);
}

static void a_pause_is_not_made_up_for(void **state)
{
    (void)state;
    struct hf_pace   pace = { .rate = 100 };
    const hf_instant later = { hf_seconds(60).ns };
    assert_int_equal(hf_pace_take(&pace, (hf_instant){ 1 }, 1).ns, 0);
    assert_int_equal(hf_pace_take(&pace, later, 1).ns, 0);
    assert_int_equal(hf_pace_take(&pace, later, 1).ns, hf_ms(10).ns);
}

static void the_largest_numbers_fit(void **state)
{
    (void)state;
    struct hf_pace pace = { .rate = 1 };
    assert_int_equal(hf_pace_take(&pace, (hf_instant){ 0 }, UINT32_MAX).ns, 0);
    assert_int_equal(hf_pace_take(&pace, (hf_instant){ 0 }, 1).ns, hf_seconds(UINT32_MAX).ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_rate_nobody_waits),
        cmocka_unit_test(each_waits_for_those_before_it),
        cmocka_unit_test(a_pause_is_not_made_up_for),
        cmocka_unit_test(the_largest_numbers_fit),
    };
    return RUN_TESTS(tests);
}
