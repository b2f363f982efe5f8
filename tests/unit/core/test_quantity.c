#include "core/quantity.h"

#include "support/test.h"

#include <holdfast/options.h>

static void durations_are_seconds_unless_a_unit_says_otherwise(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int64_t     ns;
    } cases[] = {
        { "5", 5000000000 },
        { "0.25", 250000000 },
        { "250ms", 250000000 },
        { "1.5h", 5400000000000 },
        { "2min", 120000000000 },
        { "7us", 7000 },
        { "1.9ns", 1 },
        { "0", 0 },
        { "0.123456789123", 123456789 },
        { "1d", 86400000000000 },
        { "3S", 3000000000 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hf_duration d = { -1 };
        assert_int_equal(hf_duration_parse(cases[i].text, &d), HF_OK);
        assert_int_equal(d.ns, cases[i].ns);
    }
}

static void what_is_not_wholly_a_number_is_refused_and_writes_nothing(void **state)
{
    (void)state;
    const char *const bad[] = {
        "",   " 5", "5 ",    "-1",   "+1",       "1e3", "nan", "0x10",
        ".5", "5.", "1.2.3", "5 ms", "5parsecs", "ms",  "1,5", "5ms5"
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        hf_duration d = { 42 };
        uint64_t    n = 42;
        assert_int_equal(hf_duration_parse(bad[i], &d), HF_E_INVALID);
        assert_int_equal(hf_size_parse(bad[i], &n), HF_E_INVALID);
        assert_int_equal(hf_count_parse(bad[i], &n), HF_E_INVALID);
        assert_int_equal(d.ns, 42);
        assert_int_equal(n, 42);
    }
}

static void what_does_not_fit_is_out_of_range(void **state)
{
    (void)state;
    hf_duration d;
    uint64_t    n;
    assert_int_equal(hf_duration_parse("9223372037", &d), HF_E_RANGE);
    assert_int_equal(hf_duration_parse("99999999999999999999999", &d), HF_E_RANGE);
    assert_int_equal(hf_size_parse("18446744073709551615", &n), HF_OK);
    assert_int_equal(n, UINT64_MAX);
    assert_int_equal(hf_size_parse("18446744073709551616", &n), HF_E_RANGE);
    assert_int_equal(hf_size_parse("18014398509481984kb", &n), HF_E_RANGE);
    assert_int_equal(hf_count_parse("18446744073709551616", &n), HF_E_RANGE);
    assert_int_equal(hf_duration_parse("99999999999999999999999x", &d), HF_E_INVALID);
}

static void sizes_count_in_1024(void **state)
{
    (void)state;
    const struct {
        const char *text;
        uint64_t    bytes;
    } cases[] = { { "512", 512 },       { "64kb", 65536 },      { "64K", 65536 },
                  { "1.5mb", 1572864 }, { "2GiB", 2147483648 }, { "0.5b", 0 } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t n;
        assert_int_equal(hf_size_parse(cases[i].text, &n), HF_OK);
        assert_int_equal(n, cases[i].bytes);
    }
}

static void counts_take_no_unit_and_no_fraction(void **state)
{
    (void)state;
    uint64_t n = 42;
    assert_int_equal(hf_count_parse("20", &n), HF_OK);
    assert_int_equal(n, 20);
    assert_int_equal(hf_count_parse("20k", &n), HF_E_INVALID);
    assert_int_equal(hf_count_parse("20.0", &n), HF_E_INVALID);
}

static void switches_read_the_usual_words(void **state)
{
    (void)state;
    const char *const yes[] = { "true", "YES", "on", "1" };
    const char *const no[] = { "false", "No", "off", "0" };
    for (size_t i = 0; i < 4; i++) {
        bool on = false;
        assert_int_equal(hf_switch_parse(yes[i], &on), HF_OK);
        assert_true(on);
        assert_int_equal(hf_switch_parse(no[i], &on), HF_OK);
        assert_false(on);
    }
    bool on = true;
    assert_int_equal(hf_switch_parse("maybe", &on), HF_E_INVALID);
    assert_int_equal(hf_switch_parse("", &on), HF_E_INVALID);
    assert_true(on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_seconds_unless_a_unit_says_otherwise),
        cmocka_unit_test(what_is_not_wholly_a_number_is_refused_and_writes_nothing),
        cmocka_unit_test(what_does_not_fit_is_out_of_range),
        cmocka_unit_test(sizes_count_in_1024),
        cmocka_unit_test(counts_take_no_unit_and_no_fraction),
        cmocka_unit_test(switches_read_the_usual_words),
    };
    return RUN_TESTS(tests);
}
