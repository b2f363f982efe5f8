#include "resilience/window.h"

#include "support/test.h"

static struct hf_window window;

static hf_instant at_ms(int64_t ms)
{
    return (hf_instant){ ms * 1000000 };
}

static void count(int64_t ms)
{
    hf_window_turn(&window, at_ms(ms));
    hf_window_add(&window, (struct hf_window_counts){ .calls = 1 });
}

static uint64_t calls_at(int64_t ms)
{
    hf_window_turn(&window, at_ms(ms));
    return hf_window_sum(&window).calls;
}

/* One second in buckets of 100 ms, with one call in each of ten. */
static void set_up(int64_t first_ms)
{
    hf_window_init(&window, hf_seconds(1));
    hf_window_clear(&window, at_ms(first_ms));
    for (int i = 0; i < 10; i++) count(first_ms + i * 100);
    assert_int_equal(hf_window_sum(&window).calls, 10);
}

static void a_call_is_forgotten_after_the_span(void **state)
{
    (void)state;
    static const int64_t starts_ms[] = { 0, 1000000, -500, -1000000 };
    for (int i = 0; i < 4; i++) {
        set_up(starts_ms[i]);
        for (int bucket = 0; bucket < 12; bucket++) {
            const uint64_t left = bucket < 10 ? 10 - (uint64_t)bucket : 0;
            assert_int_equal(calls_at(starts_ms[i] + 900 + bucket * 100), left);
            assert_int_equal(calls_at(starts_ms[i] + 999 + bucket * 100), left);
        }
    }
}

static void a_long_silence_empties_it(void **state)
{
    (void)state;
    set_up(0);
    assert_int_equal(calls_at(1900), 0);
    set_up(0);
    assert_int_equal(calls_at(3600000), 0);
}

static void late_news_counts_into_the_current_bucket(void **state)
{
    (void)state;
    set_up(0);
    count(450);
    assert_int_equal(calls_at(999), 11);
    assert_int_equal(hf_window_bucket_end(&window).ns, at_ms(1000).ns);
}

static void a_jump_back_by_the_span_empties_it(void **state)
{
    (void)state;
    set_up(5000);
    assert_int_equal(calls_at(5000), 10);
    assert_int_equal(calls_at(4899), 0);
    count(4900);
    assert_int_equal(calls_at(5000), 1);
}

static void the_ends_of_time_do_no_harm(void **state)
{
    (void)state;
    set_up(0);
    hf_window_turn(&window, (hf_instant){ INT64_MIN });
    hf_window_turn(&window, hf_never());
    assert_int_equal(hf_window_sum(&window).calls, 0);
    assert_int_equal(hf_window_bucket_end(&window).ns, INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_is_forgotten_after_the_span),
        cmocka_unit_test(a_long_silence_empties_it),
        cmocka_unit_test(late_news_counts_into_the_current_bucket),
        cmocka_unit_test(a_jump_back_by_the_span_empties_it),
        cmocka_unit_test(the_ends_of_time_do_no_harm),
    };
    return RUN_TESTS(tests);
}
