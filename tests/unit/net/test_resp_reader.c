#include "net/resp_reader.h"

#include "core/alloc.h"
#include "support/counting_allocator.h"
#include "support/test.h"
#include "support/transcript.h"

#include <stdlib.h>
#include <string.h>

struct row {
    const char     *name;
    struct hf_bytes stream;
    const char     *expected;
};

/* clang-format off */

#define S(text)           { text, sizeof(text) - 1 }
#define MALFORMED(reason) "HF_E_PROTOCOL: " reason
#define TOO_LARGE(reason) "HF_E_TOO_LARGE: " reason

static const struct row rows[] = {
    /* Every type. */
    { "status", S("+OK\r\n"), "+OK\nidle" },
    { "empty status", S("+\r\n"), "+\nidle" },
    { "error", S("-ERR no\r\n"), "-ERR no\nidle" },
    { "blob error", S("!6\r\nERR\r\nx\r\n"), "-ERR\\x0d\\x0ax\nidle" },
    { "integer", S(":42\r\n"), ":42\nidle" },
    { "integer, plus", S(":+42\r\n"), ":42\nidle" },
    { "integer, least", S(":-9223372036854775808\r\n"), ":-9223372036854775808\nidle" },
    { "integer, greatest", S(":9223372036854775807\r\n"), ":9223372036854775807\nidle" },
    { "string", S("$3\r\nfoo\r\n"), "\"foo\"\nidle" },
    { "empty string", S("$0\r\n\r\n"), "\"\"\nidle" },
    { "binary string", S("$5\r\na\0\r\nb\r\n"), "\"a\\x00\\x0d\\x0ab\"\nidle" },
    { "double", S(",1.5\r\n"), ",1.5\nidle" },
    { "double, integral", S(",10\r\n"), ",10\nidle" },
    { "double, exponent", S(",-1.5E-3\r\n"), ",-0.0015\nidle" },
    { "double, infinite", S(",inf\r\n,-inf\r\n"), ",inf\n,-inf\nidle" },
    { "double, nan", S(",nan\r\n"), ",nan\nidle" },
    { "boolean", S("#t\r\n#f\r\n"), "#t\n#f\nidle" },
    { "null", S("_\r\n"), "null\nidle" },
    { "null string", S("$-1\r\n"), "null\nidle" },
    { "null array", S("*-1\r\n"), "null\nidle" },
    { "big number", S("(-3492890328409238509\r\n"), "(-3492890328409238509\nidle" },
    { "verbatim", S("=8\r\ntxt:Some\r\n"), "=\"Some\"\nidle" },
    { "empty verbatim", S("=4\r\nmkd:\r\n"), "=\"\"\nidle" },
    { "array", S("*2\r\n$3\r\nfoo\r\n:42\r\n"), "[\"foo\" :42]\nidle" },
    { "empty array", S("*0\r\n"), "[]\nidle" },
    { "nested arrays", S("*3\r\n*0\r\n*1\r\n*1\r\n:1\r\n:2\r\n"), "[[] [[:1]] :2]\nidle" },
    { "map", S("%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n_\r\n"), "{+a :1 +b [null]}\nidle" },
    { "set", S("~2\r\n:1\r\n:2\r\n"), "~[:1 :2]\nidle" },
    { "push", S(">2\r\n+a\r\n*1\r\n:1\r\n"), ">[+a [:1]]\nidle" },
    { "pushes between", S(":1\r\n>1\r\n+a\r\n>1\r\n+b\r\n:2\r\n"),
      ":1\n>[+a]\n>[+b]\n:2\nidle" },
    { "nulls in an array", S("*3\r\n$-1\r\n*-1\r\n_\r\n"), "[null null null]\nidle" },
    { "pipeline", S("+OK\r\n:1\r\n$1\r\nx\r\n"), "+OK\n:1\n\"x\"\nidle" },

    /* Streams whose length nobody knows in advance. */
    { "streamed string", S("$?\r\n;4\r\nHell\r\n;5\r\no wor\r\n;1\r\nd\r\n;0\r\n"),
      "\"Hello word\"\nidle" },
    { "streamed, empty", S("$?\r\n;0\r\n"), "\"\"\nidle" },
    { "streamed array", S("*?\r\n:1\r\n*2\r\n:2\r\n:3\r\n.\r\n"), "[:1 [:2 :3]]\nidle" },
    { "streamed, nothing", S("*?\r\n.\r\n%?\r\n.\r\n~?\r\n.\r\n"), "[]\n{}\n~[]\nidle" },
    { "streamed map", S("%?\r\n+a\r\n:1\r\n+b\r\n:2\r\n.\r\n"), "{+a :1 +b :2}\nidle" },
    { "streamed set", S("~?\r\n+a\r\n$?\r\n;1\r\nb\r\n;0\r\n.\r\n"), "~[+a \"b\"]\nidle" },
    { "streamed in each other", S("*?\r\n*?\r\n.\r\n%?\r\n.\r\n.\r\n:1\r\n"),
      "[[] {}]\n:1\nidle" },

    /* Attributes are neither replies nor elements. */
    { "attribute before a reply", S("|1\r\n+ttl\r\n:3600\r\n$1\r\nx\r\n:2\r\n"),
      "\"x\"\n:2\nidle" },
    { "attribute before an element", S("*2\r\n|1\r\n+a\r\n:9\r\n:1\r\n:2\r\n:3\r\n"),
      "[:1 :2]\n:3\nidle" },
    { "attribute before a push", S("|1\r\n+a\r\n:9\r\n>1\r\n+x\r\n:1\r\n"),
      ">[+x]\n:1\nidle" },
    { "attributes in a row", S("|1\r\n+a\r\n:9\r\n|1\r\n+b\r\n:8\r\n:1\r\n:2\r\n"),
      ":1\n:2\nidle" },
    { "attribute in an attribute",
      S("|1\r\n|1\r\n+a\r\n:9\r\n+b\r\n*2\r\n:1\r\n:2\r\n:3\r\n"),
      ":3\nidle" },
    { "attribute before a key and a value",
      S("%1\r\n|1\r\n+a\r\n:9\r\n+k\r\n|1\r\n+a\r\n:9\r\n+v\r\n"),
      "{+k +v}\nidle" },
    { "attribute with streams",
      S("|?\r\n$?\r\n;1\r\na\r\n;0\r\n*?\r\n:1\r\n.\r\n.\r\n:1\r\n"),
      ":1\nidle" },
    { "empty attribute", S("|0\r\n:1\r\n"), ":1\nidle" },
    { "attribute in a streamed array", S("*?\r\n|1\r\n+a\r\n:9\r\n:1\r\n.\r\n"),
      "[:1]\nidle" },
    { "only an attribute", S("|1\r\n+a\r\n:9\r\n"), "unfinished" },

    /* The end of the stream in the middle. */
    { "nothing", S(""), "idle" },
    { "no end of line", S("+OK"), "unfinished" },
    { "half an end of line", S("+OK\r"), "unfinished" },
    { "string without end", S("$3\r\nfoo"), "unfinished" },
    { "child missing", S("*2\r\n:1\r\n"), "unfinished" },
    { "reply, then a part", S(":1\r\n:2"), ":1\nunfinished" },

    /* What makes no sense. */
    { "unknown type", S("hello\r\n"), MALFORMED("unknown type of value") },
    { "NUL", S("\0"), MALFORMED("unknown type of value") },
    { "after good replies", S(":1\r\n:2\r\nx"),
      ":1\n:2\n" MALFORMED("unknown type of value") },
    { "string too short", S("$3\r\nfoobar\r\n"),
      MALFORMED("string is not as long as it says") },
    { "string too long", S("$3\r\nf\r\n+OK\r\n"),
      MALFORMED("string is not as long as it says") },
    { "wrong trailer", S("$3\r\nfoo\n\r"), MALFORMED("string is not as long as it says") },
    { "negative length", S("$-2\r\n"), MALFORMED("length is negative") },
    { "negative count", S("*-2\r\n"), MALFORMED("length is negative") },
    { "null map", S("%-1\r\n"), MALFORMED("this type has no such length") },
    { "null blob error", S("!-1\r\n"), MALFORMED("this type has no such length") },
    { "null attribute", S("|-1\r\n"), MALFORMED("this type has no such length") },
    { "streamed push", S(">?\r\n"), MALFORMED("this type has no such length") },
    { "streamed verbatim", S("=?\r\n"), MALFORMED("this type has no such length") },
    { "no length", S("$\r\n"), MALFORMED("length is not a number") },
    { "length of letters", S("*x\r\n"), MALFORMED("length is not a number") },
    { "length, then letters", S("$3x\r\n"), MALFORMED("length is not a number") },
    { "length with a plus", S("$+3\r\n"), MALFORMED("length is not a number") },
    { "length without end", S("$3\rx"), MALFORMED("length has no end") },
    { "length of 20 digits", S("$00000000000000000001\r\n"),
      MALFORMED("length is too long") },
    { "integer of letters", S(":x\r\n"), MALFORMED("integer is not a number of 64 bits") },
    { "empty integer", S(":\r\n"), MALFORMED("integer is not a number of 64 bits") },
    { "integer past 64 bits", S(":9223372036854775808\r\n"),
      MALFORMED("integer is not a number of 64 bits") },
    { "integer below 64 bits", S(":-9223372036854775809\r\n"),
      MALFORMED("integer is not a number of 64 bits") },
    { "integer with a blank", S(": 1\r\n"), MALFORMED("integer is not a number of 64 bits") },
    { "double of letters", S(",abc\r\n"), MALFORMED("double is not a number") },
    { "double, hexadecimal", S(",0x10\r\n"), MALFORMED("double is not a number") },
    { "double, blank", S(", 1\r\n"), MALFORMED("double is not a number") },
    { "double, empty", S(",\r\n"), MALFORMED("double is not a number") },
    { "boolean of two letters", S("#tt\r\n"), MALFORMED("boolean is neither t nor f") },
    { "boolean of a digit", S("#1\r\n"), MALFORMED("boolean is neither t nor f") },
    { "null with a value", S("_x\r\n"), MALFORMED("null has a value") },
    { "big number of letters", S("(12x\r\n"), MALFORMED("big number is not digits") },
    { "big number, a sign", S("(-\r\n"), MALFORMED("big number is not digits") },
    { "verbatim without format", S("=3\r\ntxt\r\n"),
      MALFORMED("verbatim string has no format") },
    { "verbatim, no colon", S("=5\r\ntxtxx\r\n"),
      MALFORMED("verbatim string has no format") },
    { "carriage return in a line", S("+a\rb\r\n"),
      MALFORMED("carriage return inside a line") },
    { "line feed in a line", S("+a\nb\r\n"), MALFORMED("line feed inside a line") },
    { "push in an array", S("*1\r\n>1\r\n+a\r\n"), MALFORMED("push inside a reply") },
    { "push in an attribute", S("|1\r\n+a\r\n>0\r\n"), MALFORMED("push inside a reply") },
    { "end of nothing", S(".\r\n"), MALFORMED("end of no aggregate") },
    { "end of a counted array", S("*2\r\n:1\r\n.\r\n"), MALFORMED("end of no aggregate") },
    { "end with a value", S("*?\r\n.x\r\n"), MALFORMED("end of an aggregate has a value") },
    { "map ends after a key", S("%?\r\n+a\r\n.\r\n"), MALFORMED("map ends after a key") },
    { "chunk of nothing", S(";3\r\nfoo\r\n"), MALFORMED("unknown type of value") },
    { "chunk missing", S("$?\r\n:1\r\n"), MALFORMED("streamed string breaks off") },
    { "chunk too short", S("$?\r\n;1\r\nab\r\n"),
      MALFORMED("string is not as long as it says") },
    { "null chunk", S("$?\r\n;-1\r\n"), MALFORMED("this type has no such length") },
    { "string too short in an attribute", S("|1\r\n+a\r\n$1\r\nab\r\n"),
      MALFORMED("string is not as long as it says") },

    /* What is announced and cannot be meant. */
    { "longest string", S("$9223372036854775807\r\n"),
      TOO_LARGE("string exceeds the limit of bytes") },
    { "longer than 64 bits", S("$9999999999999999999\r\n"),
      TOO_LARGE("string exceeds the limit of bytes") },
    { "longest chunk", S("$?\r\n;9223372036854775807\r\n"),
      TOO_LARGE("string exceeds the limit of bytes") },
    { "four billion elements", S("*4294967295\r\n"),
      TOO_LARGE("reply exceeds the limit of bytes") },
    { "four billion pairs", S("%4294967295\r\n"),
      TOO_LARGE("reply exceeds the limit of bytes") },
    { "pairs past 64 bits", S("%9223372036854775808\r\n"),
      TOO_LARGE("reply exceeds the limit of bytes") },
    { "attributes without end", S("|9223372036854775807\r\n"),
      TOO_LARGE("reply exceeds the limit of bytes") },
    { "two million elements", S("*2000000\r\n"),
      TOO_LARGE("reply exceeds the limit of elements") },
};

/* clang-format on */

enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

static void expect(const struct row *row, const size_t *cuts, size_t cut_count)
{
    struct counting_allocator memory;
    counting_allocator_init(&memory);
    char *text = transcript(&memory.base, &transcript_limits, row->stream, cuts, cut_count);
    if (strcmp(text, row->expected) != 0) {
        fail_msg("%s, first cut at %zu:\n%s\nexpected:\n%s", row->name,
                 cut_count ? cuts[0] : 0, text, row->expected);
    }
    assert_int_equal(memory.blocks, 0);
    free(text);
}

static void every_case_comes_to_what_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROW_COUNT; i++) expect(&rows[i], NULL, 0);
}

static void every_case_comes_to_the_same_byte_by_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        size_t cuts[256];
        assert_in_range(rows[i].stream.size, 0, 256);
        for (size_t at = 0; at < rows[i].stream.size; at++) cuts[at] = at;
        expect(&rows[i], cuts, rows[i].stream.size);
    }
}

static void every_case_comes_to_the_same_cut_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        for (size_t a = 0; a <= rows[i].stream.size; a++) {
            for (size_t b = a; b <= rows[i].stream.size; b++) {
                expect(&rows[i], (const size_t[]){ a, b }, 2);
            }
        }
    }
}

static void every_case_survives_each_failed_allocation(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        for (long fail_at = 1;; fail_at++) {
            struct counting_allocator memory;
            counting_allocator_init(&memory);
            memory.fail_at = fail_at;
            char *text = transcript(&memory.base, &transcript_limits, rows[i].stream, NULL,
                                    0);
            const bool  lost_a_push = strstr(text, "HF_E_NOMEM_SENT: no memory for a push");
            const char *end = strrchr(rows[i].expected, '\n');
            const char *got = strrchr(text, '\n');
            if (!lost_a_push) {
                assert_string_equal(got ? got + 1 : text, end ? end + 1 : rows[i].expected);
            }
            assert_true(!lost_a_push || strchr(rows[i].expected, '>'));
            free(text);
            assert_int_equal(memory.blocks, 0);
            if (memory.requests < fail_at) break;
        }
    }
}

/* ---- limits -------------------------------------------------------------------- */

static void expect_limited(struct hf_resp_limits limits, struct hf_bytes stream,
                           const char *expected)
{
    size_t cuts[256];
    assert_in_range(stream.size, 0, 256);
    for (size_t at = 0; at < stream.size; at++) cuts[at] = at;

    char *whole = transcript(&hf_allocator_default, &limits, stream, NULL, 0);
    assert_string_equal(whole, expected);
    free(whole);
    char *bytes = transcript(&hf_allocator_default, &limits, stream, cuts, stream.size);
    assert_string_equal(bytes, expected);
    free(bytes);
}

static void a_reply_may_have_as_many_bytes_as_the_limit_says(void **state)
{
    (void)state;
    static const struct row limited[] = {
        { "status", S("+0123456789abcdefg\r\n"), "+0123456789abcdefg\nidle" },
        { "string", S("$14\r\n0123456789abcd\r\n"), "\"0123456789abcd\"\nidle" },
        { "array", S("*2\r\n$4\r\nabcd\r\n:12\r\n"), "[\"abcd\" :12]\nidle" },
        { "attribute", S("|1\r\n+aa\r\n_\r\n:1234\r\n"), ":1234\nidle" },
        { "streamed string", S("$?\r\n;4\r\nabcd\r\n;0\r\n"), "\"abcd\"\nidle" },
        { "streamed array", S("*?\r\n+abcdefg\r\n.\r\n"), "[+abcdefg]\nidle" },
    };
    for (size_t i = 0; i < sizeof limited / sizeof limited[0]; i++) {
        const struct row     *row = &limited[i];
        struct hf_resp_limits limits = transcript_limits;
        limits.bytes_max = row->stream.size + 1;
        expect_limited(limits, row->stream, row->expected);
        limits.bytes_max = row->stream.size;
        expect_limited(limits, row->stream, row->expected);

        limits.bytes_max = row->stream.size - 1;
        char *text = transcript(&hf_allocator_default, &limits, row->stream, NULL, 0);
        if (strncmp(text, TOO_LARGE(""), strlen(TOO_LARGE(""))) != 0) {
            fail_msg("%s: %s", row->name, text);
        }
        free(text);
    }
}

static void the_limit_of_bytes_begins_anew_with_each_reply(void **state)
{
    (void)state;
    struct hf_resp_limits limits = transcript_limits;
    limits.bytes_max = 16;
    const struct hf_bytes stream = S("+0123456789abc\r\n+0123456789abc\r\n:1\r\n");
    expect_limited(limits, stream, "+0123456789abc\n+0123456789abc\n:1\nidle");
}

static void a_line_without_end_is_refused_at_the_limit(void **state)
{
    (void)state;
    struct hf_resp_limits limits = transcript_limits;
    limits.bytes_max = 16;
    const struct hf_bytes within = S("+0123456789abcde");
    const struct hf_bytes beyond = S("+0123456789abcdef");
    expect_limited(limits, within, "unfinished");
    expect_limited(limits, beyond, TOO_LARGE("reply exceeds the limit of bytes"));
}

static void a_reply_may_have_as_many_elements_as_the_limit_says(void **state)
{
    (void)state;
    static const struct row limited[] = {
        { "array", S("*5\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n"), "[:1 :2 :3 :4 :5]\nidle" },
        { "streamed", S("*?\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n.\r\n"),
          "[:1 :2 :3 :4 :5]\nidle" },
        { "nested", S("*2\r\n:1\r\n~3\r\n:3\r\n:4\r\n:5\r\n"), "[:1 ~[:3 :4 :5]]\nidle" },
        { "map", S("%2\r\n+a\r\n*1\r\n:1\r\n+b\r\n:1\r\n"), "{+a [:1] +b :1}\nidle" },
        { "with attributes",
          S("*5\r\n|2\r\n:9\r\n:9\r\n:9\r\n*3\r\n:9\r\n:9\r\n:9\r\n"
            ":1\r\n:2\r\n:3\r\n:4\r\n:5\r\n"),
          "[:1 :2 :3 :4 :5]\nidle" },
    };
    for (size_t i = 0; i < sizeof limited / sizeof limited[0]; i++) {
        struct hf_resp_limits limits = transcript_limits;
        limits.elements_max = 7;
        expect_limited(limits, limited[i].stream, limited[i].expected);
        limits.elements_max = 6;
        expect_limited(limits, limited[i].stream, limited[i].expected);
        limits.elements_max = 5;
        expect_limited(limits, limited[i].stream,
                       TOO_LARGE("reply exceeds the limit of elements"));
    }
}

static void a_reply_may_be_as_deep_as_the_limit_says(void **state)
{
    (void)state;
    struct hf_resp_limits limits = transcript_limits;
    const struct hf_bytes three = S("*1\r\n%1\r\n:1\r\n~?\r\n:2\r\n.\r\n");
    const struct hf_bytes empty = S("*1\r\n*1\r\n*0\r\n");
    const struct hf_bytes attribute = S("*1\r\n*1\r\n|1\r\n:1\r\n:2\r\n:3\r\n");
    const struct hf_bytes flat = S(":1\r\n");
    for (limits.depth_max = 3; limits.depth_max < 5; limits.depth_max++) {
        expect_limited(limits, three, "[{:1 ~[:2]}]\nidle");
        expect_limited(limits, empty, "[[[]]]\nidle");
        expect_limited(limits, attribute, "[[:3]]\nidle");
    }
    limits.depth_max = 2;
    expect_limited(limits, three, TOO_LARGE("reply is nested too deep"));
    expect_limited(limits, empty, TOO_LARGE("reply is nested too deep"));
    expect_limited(limits, attribute, TOO_LARGE("reply is nested too deep"));
    limits.depth_max = 0;
    expect_limited(limits, flat, ":1\nidle");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_comes_to_what_the_table_says),
        cmocka_unit_test(every_case_comes_to_the_same_byte_by_byte),
        cmocka_unit_test(every_case_comes_to_the_same_cut_anywhere),
        cmocka_unit_test(every_case_survives_each_failed_allocation),
        cmocka_unit_test(a_reply_may_have_as_many_bytes_as_the_limit_says),
        cmocka_unit_test(the_limit_of_bytes_begins_anew_with_each_reply),
        cmocka_unit_test(a_line_without_end_is_refused_at_the_limit),
        cmocka_unit_test(a_reply_may_have_as_many_elements_as_the_limit_says),
        cmocka_unit_test(a_reply_may_be_as_deep_as_the_limit_says),
    };
    return RUN_TESTS(tests);
}
