#include "shown.h"

#include "support/test.h"

static void check(const char *bytes, const char *expected)
{
    char text[128];
    assert_string_equal(shown(hf_str(bytes), text, sizeof text), expected);
}

static void test_printable_text_stays_as_it_is(void **state)
{
    (void)state;
    check("", "");
    check("user:42 \\ \"Grüße\" ▬ 😀", "user:42 \\ \"Grüße\" ▬ 😀");
}

static void test_nothing_that_moves_a_cursor_gets_through(void **state)
{
    (void)state;
    check("a\033[31m\n\r\t\x7f", "a\\x1b[31m\\x0a\\x0d\\x09\\x7f");
    check("\xc2\x9b"
          "31m",
          "\\xc2\\x9b31m"); /* CSI in one character. */
    check("\xc2\xa0", "\xc2\xa0");
}

static void test_marks_of_direction_and_line_separators_are_spelt_out(void **state)
{
    (void)state;
    const char override[] = { '\xe2', '\x80', '\xae', '\0' };
    const char isolate[] = { '\xe2', '\x81', '\xa6', '\0' };
    check(override, "\\xe2\\x80\\xae");
    check(isolate, "\\xe2\\x81\\xa6");
    check("\u200f", "\\xe2\\x80\\x8f");
    check("\u2028", "\\xe2\\x80\\xa8");
    check("\u2014", "\u2014");
}

static void test_what_is_no_utf8_is_spelt_out_byte_by_byte(void **state)
{
    (void)state;
    check("\xff\xc3", "\\xff\\xc3");
    check("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* A surrogate. */
    check("\xc0\xaf", "\\xc0\\xaf");          /* Overlong. */
}

static void test_nul_is_a_byte_like_any_other(void **state)
{
    (void)state;
    char text[16];
    assert_string_equal(shown(hf_bytes("a\0b", 3), text, sizeof text), "a\\x00b");
}

static void test_what_does_not_fit_is_cut_at_a_character(void **state)
{
    (void)state;
    char text[8];
    assert_string_equal(shown(hf_str("1234567"), text, sizeof text), "1234567");
    assert_string_equal(shown(hf_str("12345678"), text, sizeof text), "1234...");
    assert_string_equal(shown(hf_str("123\xc3\xa4"
                                     "5678"),
                              text, sizeof text),
                        "123...");
    assert_string_equal(shown(hf_str("\n\n"), text, sizeof text), "\\x0a...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_printable_text_stays_as_it_is),
        cmocka_unit_test(test_nothing_that_moves_a_cursor_gets_through),
        cmocka_unit_test(test_marks_of_direction_and_line_separators_are_spelt_out),
        cmocka_unit_test(test_what_is_no_utf8_is_spelt_out_byte_by_byte),
        cmocka_unit_test(test_nul_is_a_byte_like_any_other),
        cmocka_unit_test(test_what_does_not_fit_is_cut_at_a_character),
    };
    return RUN_TESTS(tests);
}
