/* The lines of src/core/log_line.c, which JSON's reader elsewhere must understand. */

#include "core/log.h"
#include "core/utf8.h"

#include "support/test.h"

#include <stdio.h>
#include <string.h>

static const struct hf_log_field some_fields[] = {
    { "endpoint", "redis://10.0.0.7:6379/0", 0 },
    { "reason", "refused", 0 },
    { "attempts", NULL, -3 },
};

static struct hf_log_record record_of(const char *text)
{
    return (struct hf_log_record){
        .level = HF_LOG_WARN,
        .event = HF_EVENT_CONNECT_FAILED,
        .part = "endpoint",
        .text = text,
        .fields = some_fields,
        .field_count = 3,
        .unix_ms = INT64_C(1777889472005),
    };
}

static void a_record_is_a_line_of_logfmt(void **state)
{
    (void)state;
    char                       line[HF_LOG_LINE_MAX];
    const struct hf_log_record record = record_of("cannot connect");
    const size_t               size = hf_log_line(&record, HF_LOG_LOGFMT, line);
    assert_string_equal(line, "time=2026-05-04T10:11:12.005Z level=warn part=endpoint "
                              "event=connect_failed msg=\"cannot connect\" "
                              "endpoint=redis://10.0.0.7:6379/0 reason=refused attempts=-3");
    assert_int_equal(size, strlen(line));
}

static void a_record_is_an_object_of_json(void **state)
{
    (void)state;
    char                 line[HF_LOG_LINE_MAX];
    struct hf_log_record record = record_of("cannot connect");
    record.held_back = 7;
    const size_t size = hf_log_line(&record, HF_LOG_JSON, line);
    assert_string_equal(
        line, "{\"time\":\"2026-05-04T10:11:12.005Z\",\"level\":\"warn\",\"part\":"
              "\"endpoint\",\"event\":\"connect_failed\",\"msg\":\"cannot connect\","
              "\"endpoint\":\"redis://10.0.0.7:6379/0\",\"reason\":\"refused\","
              "\"attempts\":-3,\"held_back\":7}");
    assert_int_equal(size, strlen(line));
}

static void values_that_are_no_words_are_quoted_and_escaped(void **state)
{
    (void)state;
    const struct {
        const char *text, *logfmt, *json;
    } cases[] = {
        { "word", "word", "\"word\"" },
        { "", "\"\"", "\"\"" },
        { "a b", "\"a b\"", "\"a b\"" },
        { "a=b", "\"a=b\"", "\"a=b\"" },
        { "say \"no\"", "\"say \\\"no\\\"\"", "\"say \\\"no\\\"\"" },
        { "c:\\x", "\"c:\\\\x\"", "\"c:\\\\x\"" },
        { "1\n2\r3\t4", "\"1\\n2\\r3\\t4\"", "\"1\\n2\\r3\\t4\"" },
        { "\x01\x1b[0m\x7f", "\"\\u0001\\u001b[0m\\u007f\"", "\"\\u0001\\u001b[0m\\u007f\"" },
        { "\xc2\x9b", "\"\\u009b\"", "\"\\u009b\"" },
        { "caf\xc3\xa9", "\"caf\xc3\xa9\"", "\"caf\xc3\xa9\"" },
        { "caf\xe9!", "\"caf\xef\xbf\xbd!\"", "\"caf\xef\xbf\xbd!\"" },
        { "half \xe2\x82", "\"half \xef\xbf\xbd\xef\xbf\xbd\"",
          "\"half \xef\xbf\xbd\xef\xbf\xbd\"" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct hf_log_field field = hf_log_text("reason", cases[i].text);
        struct hf_log_record      record = record_of("x");
        char                      line[HF_LOG_LINE_MAX];
        record.fields = &field;
        record.field_count = 1;
        hf_log_line(&record, HF_LOG_LOGFMT, line);
        assert_string_equal(strstr(line, "reason=") + 7, cases[i].logfmt);
        hf_log_line(&record, HF_LOG_JSON, line);
        line[strlen(line) - 1] = '\0'; /* The closing brace. */
        assert_string_equal(strstr(line, "\"reason\":") + 9, cases[i].json);
    }
}

/* Any bytes at all give one printable line of UTF-8 within the bound. */
static void assert_printable(const char *line, size_t size)
{
    assert_in_range(size, 1, HF_LOG_LINE_MAX - 2);
    assert_int_equal(strlen(line), size);
    for (size_t i = 0; i < size;) {
        uint32_t     character = 0;
        const size_t length = hf_utf8_read(line + i, size - i, &character);
        assert_true(length > 0);
        assert_true(character >= ' ' && (character < 0x7f || character >= 0xa0));
        i += length;
    }
}

static void a_value_is_cut_at_its_bound_and_that_is_said(void **state)
{
    (void)state;
    for (size_t given = HF_LOG_VALUE_MAX - 1; given <= HF_LOG_VALUE_MAX + 1; given++) {
        char text[HF_LOG_VALUE_MAX + 2] = "";
        char line[HF_LOG_LINE_MAX];
        memset(text, 'x', given);
        const struct hf_log_field field = hf_log_text("reason", text);
        struct hf_log_record      record = record_of("x");
        record.fields = &field;
        record.field_count = 1;
        const size_t size = hf_log_line(&record, HF_LOG_LOGFMT, line);
        assert_printable(line, size);
        assert_int_equal(strstr(line, " cut=true") != NULL, given > HF_LOG_VALUE_MAX);
        assert_int_equal(strspn(strstr(line, "xx"), "x"),
                         given < HF_LOG_VALUE_MAX ? given : HF_LOG_VALUE_MAX);
    }
}

static void no_character_is_cut_in_its_middle(void **state)
{
    (void)state;
    for (size_t lead = 0; lead < 4; lead++) {
        char text[2 * HF_LOG_VALUE_MAX] = "";
        char line[HF_LOG_LINE_MAX];
        memset(text, 'x', lead);
        for (size_t at = lead; at + 4 < sizeof text; at += 4)
            memcpy(text + at, "\xf0\x9f\x98\x80", 4);
        const struct hf_log_field field = hf_log_text("reason", text);
        struct hf_log_record      record = record_of("x");
        record.fields = &field;
        record.field_count = 1;
        assert_printable(line, hf_log_line(&record, HF_LOG_JSON, line));
        assert_null(strstr(line, "\xef\xbf\xbd"));
        assert_non_null(strstr(line, "\",\"cut\":true}"));
    }
}

static void fields_that_do_not_fit_are_left_out_whole(void **state)
{
    (void)state;
    char                bytes[HF_LOG_VALUE_MAX + 1] = "";
    struct hf_log_field fields[HF_LOG_FIELDS_MAX];
    memset(bytes, 1, HF_LOG_VALUE_MAX); /* Six times as long when escaped. */
    for (size_t i = 0; i < HF_LOG_FIELDS_MAX; i++) fields[i] = hf_log_text("reason", bytes);
    fields[HF_LOG_FIELDS_MAX - 1] = hf_log_text("last", "fits");

    for (int format = HF_LOG_LOGFMT; format <= HF_LOG_JSON; format++) {
        struct hf_log_record record = record_of("all is said");
        char                 line[HF_LOG_LINE_MAX];
        record.fields = fields;
        record.field_count = HF_LOG_FIELDS_MAX;
        record.held_back = UINT64_MAX / 2;
        const size_t size = hf_log_line(&record, (enum hf_log_format)format, line);
        assert_printable(line, size);
        assert_non_null(strstr(line, "all is said"));
        assert_non_null(strstr(line, "fits"));
        assert_non_null(strstr(line, "held_back"));
        assert_non_null(strstr(line, format == HF_LOG_JSON ? ",\"cut\":true}" : " cut=true"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_a_line_of_logfmt),
        cmocka_unit_test(a_record_is_an_object_of_json),
        cmocka_unit_test(values_that_are_no_words_are_quoted_and_escaped),
        cmocka_unit_test(a_value_is_cut_at_its_bound_and_that_is_said),
        cmocka_unit_test(no_character_is_cut_in_its_middle),
        cmocka_unit_test(fields_that_do_not_fit_are_left_out_whole),
    };
    return RUN_TESTS(tests);
}
