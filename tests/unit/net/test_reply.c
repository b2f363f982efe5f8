/* Each promise of <holdfast/reply.h>, on replies as a server sends them. */

#include "net/reply.h"

#include "core/alloc.h"
#include "net/resp_reader.h"
#include "support/counting_allocator.h"
#include "support/test.h"
#include "support/transcript.h"

#include <math.h>
#include <string.h>

static struct hf_reply *reply_from(const struct hf_allocator *a, const char *stream)
{
    struct hf_resp_reader reader;
    struct hf_reply      *reply = NULL;
    void                 *room;
    size_t                size;
    hf_resp_reader_init(&reader, a, &transcript_limits);
    assert_int_equal(hf_resp_reader_space(&reader, &room, &size), HF_OK);
    assert_in_range(strlen(stream), 1, size);
    memcpy(room, stream, strlen(stream));
    hf_resp_reader_filled(&reader, strlen(stream));
    assert_int_equal(hf_resp_reader_next(&reader, &reply), HF_OK);
    assert_non_null(reply);
    assert_true(hf_resp_reader_is_idle(&reader));
    hf_resp_reader_deinit(&reader);
    return reply;
}

static struct hf_reply *reply_of(const char *stream)
{
    return reply_from(&hf_allocator_default, stream);
}

/* What each type can be asked for. */
struct row {
    const char        *stream;
    enum hf_reply_type type;
    bool               bytes, integer, number, children;
};

/* clang-format off */
static const struct row rows[] = {
    { "_\r\n",              HF_REPLY_NULL,       false, false, false, false },
    { "$-1\r\n",            HF_REPLY_NULL,       false, false, false, false },
    { "*-1\r\n",            HF_REPLY_NULL,       false, false, false, false },
    { "+x\r\n",             HF_REPLY_STATUS,     true,  false, false, false },
    { "-x\r\n",             HF_REPLY_ERROR,      true,  false, false, false },
    { "!1\r\n1\r\n",        HF_REPLY_ERROR,      true,  false, false, false },
    { ":1\r\n",             HF_REPLY_INTEGER,    false, true,  true,  false },
    { "$1\r\nx\r\n",        HF_REPLY_STRING,     true,  false, false, false },
    { "$1\r\n1\r\n",        HF_REPLY_STRING,     true,  true,  true,  false },
    { "+1\r\n",             HF_REPLY_STATUS,     true,  true,  true,  false },
    { "$3\r\n1.5\r\n",      HF_REPLY_STRING,     true,  false, true,  false },
    { "$?\r\n;1\r\nx\r\n;0\r\n", HF_REPLY_STRING, true, false, false, false },
    { ",1\r\n",             HF_REPLY_DOUBLE,     false, false, true,  false },
    { "#t\r\n",             HF_REPLY_BOOLEAN,    false, true,  false, false },
    { "(1\r\n",             HF_REPLY_BIG_NUMBER, true,  false, false, false },
    { "=5\r\ntxt:1\r\n",    HF_REPLY_VERBATIM,   true,  false, false, false },
    { "*1\r\n:1\r\n",       HF_REPLY_ARRAY,      false, false, false, true },
    { "%1\r\n:1\r\n:1\r\n", HF_REPLY_MAP,        false, false, false, true },
    { "~1\r\n:1\r\n",       HF_REPLY_SET,        false, false, false, true },
    { ">1\r\n:1\r\n",       HF_REPLY_PUSH,       false, false, false, true },
};
/* clang-format on */

static void a_node_gives_what_it_is_and_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        struct hf_reply  *reply = reply_of(row->stream);
        struct hf_bytes   bytes = { "unwritten", 9 };
        int64_t           integer = -77;
        double            number = -77;
        assert_int_equal(hf_reply_type(reply), row->type);
        assert_int_equal(hf_reply_is_null(reply), row->type == HF_REPLY_NULL);
        assert_int_equal(hf_reply_bytes(reply, &bytes), row->bytes ? HF_OK : HF_E_TYPE);
        assert_int_equal(hf_reply_int(reply, &integer), row->integer ? HF_OK : HF_E_TYPE);
        assert_int_equal(hf_reply_double(reply, &number), row->number ? HF_OK : HF_E_TYPE);
        assert_int_equal(hf_reply_count(reply) > 0, row->children);
        assert_int_equal(hf_reply_at(reply, 0) != NULL, row->children);

        if (!row->bytes) assert_string_equal(bytes.data, "unwritten");
        if (!row->integer) assert_int_equal(integer, -77);
        if (!row->number) assert_true(number == -77);
        hf_reply_free(reply);
    }
}

static void null_is_a_node_of_type_null_everywhere(void **state)
{
    (void)state;
    struct hf_bytes bytes;
    int64_t         integer;
    double          number;
    hf_reply_free(NULL);
    assert_int_equal(hf_reply_type(NULL), HF_REPLY_NULL);
    assert_true(hf_reply_is_null(NULL));
    assert_false(hf_reply_is_text(NULL, ""));
    assert_int_equal(hf_reply_bytes(NULL, &bytes), HF_E_TYPE);
    assert_int_equal(hf_reply_int(NULL, &integer), HF_E_TYPE);
    assert_int_equal(hf_reply_double(NULL, &number), HF_E_TYPE);
    assert_int_equal(hf_reply_count(NULL), 0);
    assert_null(hf_reply_at(NULL, 0));
    assert_null(hf_reply_get(hf_reply_get(hf_reply_at(NULL, 3), "a"), "b"));
}

static void a_nul_follows_bytes(void **state)
{
    (void)state;
    struct hf_bytes  bytes;
    struct hf_reply *reply = reply_of("*2\r\n$3\r\nfoo\r\n=7\r\ntxt:bar\r\n");
    assert_int_equal(hf_reply_bytes(hf_reply_at(reply, 0), &bytes), HF_OK);
    assert_string_equal(bytes.data, "foo");
    assert_int_equal(bytes.size, 3);
    assert_int_equal(hf_reply_bytes(hf_reply_at(reply, 1), &bytes), HF_OK);
    assert_string_equal(bytes.data, "bar");
    assert_int_equal(bytes.size, 3);
    hf_reply_free(reply);
}

static void expect_int(const char *stream, bool is_integer, int64_t expected)
{
    struct hf_reply *reply = reply_of(stream);
    int64_t          value = expected;
    assert_int_equal(hf_reply_int(reply, &value), is_integer ? HF_OK : HF_E_TYPE);
    assert_int_equal(value, expected);
    hf_reply_free(reply);
}

static void text_is_an_integer_only_as_a_whole_and_in_range(void **state)
{
    (void)state;
    expect_int("$2\r\n42\r\n", true, 42);
    expect_int("+-42\r\n", true, -42);
    expect_int("$19\r\n9223372036854775807\r\n", true, INT64_MAX);
    expect_int("$20\r\n-9223372036854775808\r\n", true, INT64_MIN);
    expect_int("$19\r\n9223372036854775808\r\n", false, 0);
    expect_int("$20\r\n-9223372036854775809\r\n", false, 0);
    expect_int("$0\r\n\r\n", false, 0);
    expect_int("$1\r\n-\r\n", false, 0);
    expect_int("$2\r\n 1\r\n", false, 0);
    expect_int("$2\r\n1 \r\n", false, 0);
    expect_int("$3\r\n0x1\r\n", false, 0);
    expect_int("$3\r\n1.0\r\n", false, 0);
    expect_int("#t\r\n", true, 1);
    expect_int("#f\r\n", true, 0);
}

static void expect_double(const char *stream, bool is_number, double expected)
{
    struct hf_reply *reply = reply_of(stream);
    double           value = expected;
    assert_int_equal(hf_reply_double(reply, &value), is_number ? HF_OK : HF_E_TYPE);
    assert_true(value == expected);
    hf_reply_free(reply);
}

static void text_is_a_number_only_as_a_whole(void **state)
{
    (void)state;
    expect_double("$3\r\n1.5\r\n", true, 1.5);
    expect_double("+-2\r\n", true, -2);
    expect_double("$6\r\n1.5e+3\r\n", true, 1500);
    expect_double("$3\r\ninf\r\n", true, INFINITY);
    expect_double("$4\r\n-inf\r\n", true, -INFINITY);
    expect_double(":7\r\n", true, 7);
    expect_double("$0\r\n\r\n", false, 0);
    expect_double("$4\r\n1.5x\r\n", false, 0);
    expect_double("$3\r\n1,5\r\n", false, 0);
    expect_double("$8\r\ninfinity\r\n", false, 0);
    expect_double("$2\r\n1e\r\n", false, 0);
}

static void is_text_compares_the_whole_text_of_a_status_or_string(void **state)
{
    (void)state;
    struct hf_reply *reply = reply_of("*4\r\n+OK\r\n$2\r\nOK\r\n-OK\r\n$3\r\nOK!\r\n");
    assert_true(hf_reply_is_text(hf_reply_at(reply, 0), "OK"));
    assert_true(hf_reply_is_text(hf_reply_at(reply, 1), "OK"));
    assert_false(hf_reply_is_text(hf_reply_at(reply, 2), "OK"));
    assert_false(hf_reply_is_text(hf_reply_at(reply, 3), "OK"));
    assert_false(hf_reply_is_text(hf_reply_at(reply, 0), "O"));
    assert_false(hf_reply_is_text(hf_reply_at(reply, 0), ""));
    hf_reply_free(reply);
}

static void children_are_counted_and_reached_by_index(void **state)
{
    (void)state;
    struct hf_reply *reply = reply_of("%2\r\n+a\r\n*2\r\n:1\r\n*1\r\n:2\r\n+b\r\n~0\r\n");
    assert_int_equal(hf_reply_count(reply), 4);
    assert_null(hf_reply_at(reply, 4));
    assert_null(hf_reply_at(reply, SIZE_MAX));

    const struct hf_reply *inner = hf_reply_at(reply, 1);
    int64_t                value;
    assert_int_equal(hf_reply_count(inner), 2);
    assert_int_equal(hf_reply_int(hf_reply_at(hf_reply_at(inner, 1), 0), &value), HF_OK);
    assert_int_equal(value, 2);
    assert_int_equal(hf_reply_type(hf_reply_at(reply, 3)), HF_REPLY_SET);
    assert_int_equal(hf_reply_count(hf_reply_at(reply, 3)), 0);
    assert_null(hf_reply_at(hf_reply_at(reply, 3), 0));
    hf_reply_free(reply);
}

static void expect_got(const char *stream, const char *key, bool is_there)
{
    struct hf_reply       *reply = reply_of(stream);
    const struct hf_reply *value = hf_reply_get(reply, key);
    int64_t                integer = 0;
    assert_int_equal(value != NULL, is_there);
    if (is_there) assert_int_equal(hf_reply_int(value, &integer), HF_OK);
    if (is_there) assert_int_equal(integer, 7);
    hf_reply_free(reply);
}

static void get_finds_a_value_by_its_key(void **state)
{
    (void)state;
    expect_got("%2\r\n+a\r\n:1\r\n+b\r\n:7\r\n", "b", true);
    expect_got("*4\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n:7\r\n", "b", true);
    expect_got("%2\r\n+b\r\n:7\r\n+b\r\n:1\r\n", "b", true);  /* The first. */
    expect_got("%2\r\n+a\r\n+b\r\n+c\r\n:7\r\n", "b", false); /* A value is no key. */
    expect_got("*3\r\n+a\r\n:1\r\n+b\r\n", "b", false);       /* A key without a value. */
    expect_got("%1\r\n:1\r\n:7\r\n", "1", false);             /* No text. */
    expect_got("~2\r\n+b\r\n:7\r\n", "b", false);             /* Not of pairs. */
    expect_got("%0\r\n", "b", false);
    expect_got(":7\r\n", "b", false);
}

static void types_have_names(void **state)
{
    (void)state;
    for (int type = HF_REPLY_NULL; type <= HF_REPLY_PUSH; type++) {
        assert_string_not_equal(hf_reply_type_name((enum hf_reply_type)type), "unknown");
    }
    assert_string_equal(hf_reply_type_name(HF_REPLY_STRING), "string");
    assert_string_equal(hf_reply_type_name(HF_REPLY_PUSH), "push");
    assert_string_equal(hf_reply_type_name((enum hf_reply_type)99), "unknown");
    assert_string_equal(hf_reply_type_name((enum hf_reply_type) - 1), "unknown");
}

static void a_reply_outlives_the_allocator_struct_it_came_from(void **state)
{
    (void)state;
    struct counting_allocator memory;
    counting_allocator_init(&memory);
    struct hf_allocator passing = memory.base;
    struct hf_reply    *reply = reply_from(&passing, "*2\r\n$3\r\nfoo\r\n*1\r\n:1\r\n");
    memset(&passing, 0, sizeof passing);
    assert_true(memory.blocks > 0);
    hf_reply_free(reply);
    assert_int_equal(memory.blocks, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_gives_what_it_is_and_nothing_else),
        cmocka_unit_test(null_is_a_node_of_type_null_everywhere),
        cmocka_unit_test(a_nul_follows_bytes),
        cmocka_unit_test(text_is_an_integer_only_as_a_whole_and_in_range),
        cmocka_unit_test(text_is_a_number_only_as_a_whole),
        cmocka_unit_test(is_text_compares_the_whole_text_of_a_status_or_string),
        cmocka_unit_test(children_are_counted_and_reached_by_index),
        cmocka_unit_test(get_finds_a_value_by_its_key),
        cmocka_unit_test(types_have_names),
        cmocka_unit_test(a_reply_outlives_the_allocator_struct_it_came_from),
    };
    return RUN_TESTS(tests);
}
