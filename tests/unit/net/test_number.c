#include "net/number.h"

#include "support/test.h"

#include <math.h>
#include <string.h>

static bool int_of(const char *text, int64_t *value)
{
    return hf_number_int(text, strlen(text), value);
}

static bool double_of(const char *text, double *value)
{
    return hf_number_double(text, strlen(text), value);
}

static void integers_are_read_up_to_their_limits(void **state)
{
    (void)state;
    int64_t value = 7;
    assert_true(int_of("0", &value) && value == 0);
    assert_true(int_of("-0", &value) && value == 0);
    assert_true(int_of("+15", &value) && value == 15);
    assert_true(int_of("00015", &value) && value == 15);
    assert_true(int_of("9223372036854775806", &value) && value == INT64_MAX - 1);
    assert_true(int_of("9223372036854775807", &value) && value == INT64_MAX);
    assert_false(int_of("9223372036854775808", &value));
    assert_true(int_of("-9223372036854775807", &value) && value == INT64_MIN + 1);
    assert_true(int_of("-9223372036854775808", &value) && value == INT64_MIN);
    assert_false(int_of("-9223372036854775809", &value));
    assert_false(int_of("99999999999999999999999", &value));
    assert_int_equal(value, INT64_MIN); /* Unwritten by the failures. */
}

static void what_is_no_integer_is_refused(void **state)
{
    (void)state;
    const char *const texts[] = { "", "-", "+", "x", "1x", "x1", " 1", "1 ", "--1", "1.0" };
    int64_t           value;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(int_of(texts[i], &value));
    }
    assert_false(hf_number_int("1\0", 2, &value));
    assert_true(hf_number_int("12", 1, &value) && value == 1);
}

static void doubles_are_read_as_the_server_writes_them(void **state)
{
    (void)state;
    double value = 7;
    assert_true(double_of("0", &value) && value == 0);
    assert_true(double_of("-0", &value) && value == 0 && signbit(value));
    assert_true(double_of("1.5", &value) && value == 1.5);
    assert_true(double_of("+.5", &value) && value == .5);
    assert_true(double_of("5.", &value) && value == 5);
    assert_true(double_of("0.1", &value) && value == 0.1);
    assert_true(double_of("1e3", &value) && value == 1000);
    assert_true(double_of("1E-3", &value) && value == 0.001);
    assert_true(double_of("1.7976931348623157e308", &value) && isfinite(value));
    assert_true(double_of("1e999", &value) && isinf(value));
    assert_true(double_of("inf", &value) && isinf(value) && value > 0);
    assert_true(double_of("-Inf", &value) && isinf(value) && value < 0);
    assert_true(double_of("nan", &value) && isnan(value));
    assert_true(double_of("-nan", &value) && isnan(value));
}

static void what_is_no_double_is_refused(void **state)
{
    (void)state;
    const char *const texts[] = { "",    "-",      ".",  "e5",  "1e",    "1e+",
                                  "1,5", " 1",     "1 ", "0x1", "1.2.3", "infinity",
                                  "in",  "nan(1)", "1f", "--1", "1e5x" };
    double            value;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(double_of(texts[i], &value));
    }
    assert_false(hf_number_double("1\0", 2, &value));
}

static void big_numbers_are_digits(void **state)
{
    (void)state;
    assert_true(hf_number_is_big("123456789012345678901234567890", 30));
    assert_true(hf_number_is_big("-1", 2));
    assert_true(hf_number_is_big("+1", 2));
    assert_false(hf_number_is_big("", 0));
    assert_false(hf_number_is_big("-", 1));
    assert_false(hf_number_is_big("1.5", 3));
    assert_false(hf_number_is_big("1-", 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_read_up_to_their_limits),
        cmocka_unit_test(what_is_no_integer_is_refused),
        cmocka_unit_test(doubles_are_read_as_the_server_writes_them),
        cmocka_unit_test(what_is_no_double_is_refused),
        cmocka_unit_test(big_numbers_are_digits),
    };
    return RUN_TESTS(tests);
}
