#include "core/trace.h"

#include "support/test.h"

#include <string.h>

static const char good[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

static void a_traceparent_is_read_and_written_as_it_was(void **state)
{
    (void)state;
    struct hf_trace_context context = { 0 };
    char                    text[HF_TRACE_TEXT_SIZE];
    assert_int_equal(hf_trace_parse(good, &context), HF_OK);
    assert_true(hf_trace_is_set(&context));
    assert_int_equal(context.trace_id[0], 0x0a);
    assert_int_equal(context.trace_id[15], 0x9c);
    assert_int_equal(context.parent_id[0], 0xb7);
    assert_int_equal(context.parent_id[7], 0x31);
    assert_int_equal(context.flags, 1);
    hf_trace_format(&context, text);
    assert_string_equal(text, good);
}

static void no_context_is_no_text(void **state)
{
    (void)state;
    const struct hf_trace_context none = { 0 };
    char                          text[HF_TRACE_TEXT_SIZE] = "x";
    assert_false(hf_trace_is_set(&none));
    hf_trace_format(&none, text);
    assert_string_equal(text, "");
}

static void a_later_version_may_say_more(void **state)
{
    (void)state;
    struct hf_trace_context context;
    assert_int_equal(
        hf_trace_parse("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", &context),
        HF_OK);
    assert_int_equal(
        hf_trace_parse("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what",
                       &context),
        HF_OK);
    assert_int_equal(
        hf_trace_parse("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x", &context),
        HF_E_INVALID);
}

static void flags_of_later_versions_are_not_handed_on(void **state)
{
    (void)state;
    struct hf_trace_context context;
    char                    text[HF_TRACE_TEXT_SIZE];
    assert_int_equal(
        hf_trace_parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff", &context),
        HF_OK);
    hf_trace_format(&context, text);
    assert_string_equal(text, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03");
}

static void what_is_malformed_is_refused_and_writes_nothing(void **state)
{
    (void)state;
    const char *const bad[] = {
        "",
        "00",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-011",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
        "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01",
        " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "0x-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    };
    struct hf_trace_context before, context;
    memset(&before, 0x5a, sizeof before);
    context = before;
    assert_int_equal(hf_trace_parse(NULL, &context), HF_E_INVALID);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(hf_trace_parse(bad[i], &context), HF_E_INVALID);
        assert_memory_equal(&context, &before, sizeof before);
    }
    for (size_t cut = 0; cut < sizeof good - 1; cut++) {
        char text[sizeof good];
        memcpy(text, good, sizeof good);
        text[cut] = '\0';
        assert_int_equal(hf_trace_parse(text, &context), HF_E_INVALID);
    }
}

static void take_note(struct hf_span *span, void *ctx)
{
    *(struct hf_span *)ctx = *span;
}

static void one_of_the_two_functions_is_enough(void **state)
{
    (void)state;
    struct hf_span         seen = { .name = NULL }, span;
    const struct hf_tracer at_start = { .start = take_note, .ctx = &seen };
    const struct hf_tracer at_end = { .end = take_note, .ctx = &seen };
    hf_tracer_start(&at_start, &span, HF_SPAN_CACHE, "one", NULL);
    hf_tracer_end(&at_start, &span, HF_E_TIMEOUT);
    assert_string_equal(seen.name, "one");
    assert_int_equal(seen.err, HF_OK);
    hf_tracer_start(&at_end, &span, HF_SPAN_CACHE, "two", NULL);
    hf_tracer_end(&at_end, &span, HF_E_TIMEOUT);
    assert_string_equal(seen.name, "two");
    assert_int_equal(seen.err, HF_E_TIMEOUT);
    assert_false(hf_before(seen.ended, seen.begun));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_traceparent_is_read_and_written_as_it_was),
        cmocka_unit_test(no_context_is_no_text),
        cmocka_unit_test(a_later_version_may_say_more),
        cmocka_unit_test(flags_of_later_versions_are_not_handed_on),
        cmocka_unit_test(what_is_malformed_is_refused_and_writes_nothing),
        cmocka_unit_test(one_of_the_two_functions_is_enough),
    };
    return RUN_TESTS(tests);
}
