#include "net/resp_line.h"

#include "support/test.h"

#include <stdio.h>
#include <string.h>

static enum hf_resp_found line_of(const char *input, size_t size_max, struct hf_bytes *text)
{
    const char              *reason = NULL;
    size_t                   scanned = 0;
    const enum hf_resp_found found = hf_resp_find_line(hf_str(input), size_max, &scanned,
                                                       text, &reason);
    assert_int_equal(found == HF_RESP_MALFORMED, reason != NULL);
    return found;
}

static void a_line_is_found_when_its_end_is_there(void **state)
{
    (void)state;
    struct hf_bytes text;
    assert_int_equal(line_of("+", 100, &text), HF_RESP_MORE);
    assert_int_equal(line_of("+OK", 100, &text), HF_RESP_MORE);
    assert_int_equal(line_of("+OK\r", 100, &text), HF_RESP_MORE);
    assert_int_equal(line_of("+OK\r\n:1\r\n", 100, &text), HF_RESP_FOUND);
    assert_int_equal(text.size, 2);
    assert_memory_equal(text.data, "OK", 2);
    assert_int_equal(line_of("+OK\rx", 100, &text), HF_RESP_MALFORMED);
    assert_int_equal(line_of("+O\nK\r\n", 100, &text), HF_RESP_MALFORMED);
}

static void a_line_has_a_limit_with_its_end(void **state)
{
    (void)state;
    struct hf_bytes text;
    assert_int_equal(line_of("+OK\r\n", 6, &text), HF_RESP_FOUND);
    assert_int_equal(line_of("+OK\r\n", 5, &text), HF_RESP_FOUND);
    assert_int_equal(line_of("+OK\r\n", 4, &text), HF_RESP_TOO_LONG);
    assert_int_equal(line_of("+OKOK", 5, &text), HF_RESP_MORE);
    assert_int_equal(line_of("+OKOK", 4, &text), HF_RESP_TOO_LONG);
}

static void what_was_scanned_is_not_scanned_again(void **state)
{
    (void)state;
    const char      stream[] = "+0123456789\r\n";
    const char     *reason;
    size_t          scanned = 0;
    struct hf_bytes text;
    for (size_t size = 1; size < sizeof stream - 1; size++) {
        assert_int_equal(
            hf_resp_find_line(hf_bytes(stream, size), 100, &scanned, &text, &reason),
            HF_RESP_MORE);
        assert_int_equal(scanned, size <= 11 ? size : 11); /* Stays in front of the CR. */
    }
    assert_int_equal(hf_resp_find_line(hf_str(stream), 100, &scanned, &text, &reason),
                     HF_RESP_FOUND);
    assert_int_equal(text.size, 10);
}

static enum hf_resp_found count_of(const char *input, size_t size_max,
                                   struct hf_resp_count *count)
{
    const char              *reason = NULL;
    const enum hf_resp_found found = hf_resp_find_count(hf_str(input), size_max, count,
                                                        &reason);
    assert_int_equal(found == HF_RESP_MALFORMED, reason != NULL);
    return found;
}

static void a_count_is_plain_or_null_or_streamed(void **state)
{
    (void)state;
    struct hf_resp_count count;
    assert_int_equal(count_of("$120\r\nabc", 100, &count), HF_RESP_FOUND);
    assert_int_equal(count.kind, HF_RESP_COUNT_PLAIN);
    assert_int_equal(count.value, 120);
    assert_int_equal(count.size, 6);
    assert_int_equal(count_of("$9999999999999999999\r\n", 100, &count), HF_RESP_FOUND);
    assert_true(count.value == UINT64_C(9999999999999999999));
    assert_int_equal(count_of("*-1\r\n", 100, &count), HF_RESP_FOUND);
    assert_int_equal(count.kind, HF_RESP_COUNT_NULL);
    assert_int_equal(count.size, 5);
    assert_int_equal(count_of("*?\r\n", 100, &count), HF_RESP_FOUND);
    assert_int_equal(count.kind, HF_RESP_COUNT_STREAMED);
    assert_int_equal(count.size, 4);
}

static void a_count_waits_for_its_end(void **state)
{
    (void)state;
    const char *const    starts[] = { "$", "$1", "$1\r", "$-", "$-1", "$-1\r", "$?", "$?\r" };
    struct hf_resp_count count;
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        assert_int_equal(count_of(starts[i], 100, &count), HF_RESP_MORE);
    }
}

static void what_is_no_count_is_malformed_however_it_goes_on(void **state)
{
    (void)state;
    const char *const starts[] = {
        "$x",   "$\r", "$+",  "$1x",   "$-2", "$-x",   "$-1x",
        "$-\r", "$?1", "$1?", "$1\rx", "$ ",  "$?\rx", "$00000000000000000001"
    };
    struct hf_resp_count count;
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        assert_int_equal(count_of(starts[i], 100, &count), HF_RESP_MALFORMED);
        char longer[64];
        snprintf(longer, sizeof longer, "%s\r\n1\r\n", starts[i]);
        assert_int_equal(count_of(longer, 100, &count), HF_RESP_MALFORMED);
    }
}

static void a_count_has_a_limit_with_its_end(void **state)
{
    (void)state;
    struct hf_resp_count count;
    assert_int_equal(count_of("$12\r\n", 6, &count), HF_RESP_FOUND);
    assert_int_equal(count_of("$12\r\n", 5, &count), HF_RESP_FOUND);
    assert_int_equal(count_of("$12\r\n", 4, &count), HF_RESP_TOO_LONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_found_when_its_end_is_there),
        cmocka_unit_test(a_line_has_a_limit_with_its_end),
        cmocka_unit_test(what_was_scanned_is_not_scanned_again),
        cmocka_unit_test(a_count_is_plain_or_null_or_streamed),
        cmocka_unit_test(a_count_waits_for_its_end),
        cmocka_unit_test(what_is_no_count_is_malformed_however_it_goes_on),
        cmocka_unit_test(a_count_has_a_limit_with_its_end),
    };
    return RUN_TESTS(tests);
}
