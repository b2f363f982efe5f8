#include "net/resp_writer.h"

#include "core/rng.h"
#include "support/counting_allocator.h"
#include "support/test.h"

#include <hiredis/hiredis.h>
#include <string.h>

static struct counting_allocator memory;

static void set_up(struct hf_buffer *out, size_t limit)
{
    counting_allocator_init(&memory);
    hf_buffer_init(out, &memory.base, limit);
}

static void expect_bytes(struct hf_buffer *out, const char *expected, size_t size)
{
    assert_int_equal(hf_buffer_size(out), size);
    assert_memory_equal(hf_buffer_bytes(out), expected, size);
    hf_buffer_deinit(out);
    assert_int_equal(memory.blocks, 0);
}

static void a_command_is_an_array_of_strings(void **state)
{
    (void)state;
    const struct hf_bytes argv[] = { hf_str("SET"), hf_str("key"), hf_str("0123456789") };
    const char       expected[] = "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$10\r\n0123456789\r\n";
    struct hf_buffer out;
    set_up(&out, 1000);
    assert_int_equal(hf_resp_encode(&out, argv, 3), HF_OK);
    expect_bytes(&out, expected, sizeof expected - 1);
}

static void commands_follow_each_other_in_the_buffer(void **state)
{
    (void)state;
    const struct hf_bytes ping = hf_str("PING");
    const char            expected[] = "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n";
    struct hf_buffer      out;
    set_up(&out, 1000);
    assert_int_equal(hf_resp_encode(&out, &ping, 1), HF_OK);
    assert_int_equal(hf_resp_encode(&out, &ping, 1), HF_OK);
    expect_bytes(&out, expected, sizeof expected - 1);
}

static void arguments_are_binary_and_may_be_empty(void **state)
{
    (void)state;
    const struct hf_bytes argv[] = { hf_bytes("a\0\r\n", 4), hf_bytes(NULL, 0), hf_str("") };
    const char            expected[] = "*3\r\n$4\r\na\0\r\n\r\n$0\r\n\r\n$0\r\n\r\n";
    struct hf_buffer      out;
    set_up(&out, 1000);
    assert_int_equal(hf_resp_encode(&out, argv, 3), HF_OK);
    expect_bytes(&out, expected, sizeof expected - 1);
}

static void the_size_is_known_without_encoding(void **state)
{
    (void)state;
    static char text[12000];
    memset(text, 'x', sizeof text);
    const size_t sizes[] = { 0, 1, 9, 10, 11, 99, 100, 101, 999, 1000, 9999, 10000, 12000 };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const struct hf_bytes argv[] = { hf_str("SET"), hf_bytes(text, sizes[i]) };
        size_t                size;
        struct hf_buffer      out;
        set_up(&out, 20000);
        assert_int_equal(hf_resp_encoded_size(argv, 2, &size), HF_OK);
        assert_int_equal(hf_resp_encode(&out, argv, 2), HF_OK);
        assert_int_equal(hf_buffer_size(&out), size);
        hf_buffer_deinit(&out);
    }
}

static void commands_are_written_as_hiredis_writes_them(void **state)
{
    (void)state;
    static char   text[2000];
    struct hf_rng rng = { 20260101 };
    for (int round = 0; round < 200; round++) {
        enum { ARGS_MAX = 20 };
        struct hf_bytes  argv[ARGS_MAX];
        const char      *data[ARGS_MAX];
        size_t           sizes[ARGS_MAX];
        const int        argc = 1 + (int)hf_rng_below(&rng, ARGS_MAX);
        struct hf_buffer out;
        for (int i = 0; i < argc; i++) {
            const size_t at = (size_t)hf_rng_below(&rng, 1000);
            data[i] = text + at;
            sizes[i] = (size_t)hf_rng_below(&rng, hf_rng_below(&rng, 2) ? 1000 : 12);
            argv[i] = hf_bytes(data[i], sizes[i]);
            text[at] = (char)hf_rng_next(&rng);
        }
        set_up(&out, 100000);
        char     *theirs;
        const int size = redisFormatCommandArgv(&theirs, argc, data, sizes);
        assert_int_equal(hf_resp_encode(&out, argv, (size_t)argc), HF_OK);
        expect_bytes(&out, theirs, (size_t)size);
        redisFreeCommand(theirs);
    }
}

static void a_command_in_pieces_is_the_same_command(void **state)
{
    (void)state;
    static char           large[70000];
    const struct hf_bytes argv[] = { hf_str("SET"), hf_bytes(large, sizeof large) };
    char                  header[HF_RESP_HEADER_MAX];
    struct hf_buffer      whole, pieces;
    set_up(&whole, 100000);
    hf_buffer_init(&pieces, &memory.base, 100000);
    assert_int_equal(hf_resp_encode(&whole, argv, 2), HF_OK);

    hf_err err = hf_buffer_append(&pieces, header, hf_resp_write_count(header, 2));
    for (size_t i = 0; i < 2 && !err; i++) {
        const size_t size = hf_resp_write_length(header, argv[i].size);
        err = hf_buffer_append(&pieces, header, size);
        if (!err) err = hf_buffer_append(&pieces, argv[i].data, argv[i].size);
        if (!err) err = hf_buffer_append(&pieces, HF_RESP_TRAILER, 2);
    }
    assert_int_equal(err, HF_OK);
    assert_int_equal(hf_buffer_size(&pieces), hf_buffer_size(&whole));
    assert_memory_equal(hf_buffer_bytes(&pieces), hf_buffer_bytes(&whole),
                        hf_buffer_size(&whole));
    hf_buffer_deinit(&pieces);
    hf_buffer_deinit(&whole);
    assert_int_equal(memory.blocks, 0);
}

static void headers_fit_whatever_the_number(void **state)
{
    (void)state;
    char header[HF_RESP_HEADER_MAX];
    assert_int_equal(hf_resp_write_length(header, SIZE_MAX), 23);
    assert_memory_equal(header, "$18446744073709551615\r\n", 23);
    assert_int_equal(hf_resp_write_count(header, 0), 4);
    assert_memory_equal(header, "*0\r\n", 4);
}

static void a_command_needs_arguments(void **state)
{
    (void)state;
    const struct hf_bytes argv[] = { hf_str("GET"), hf_bytes(NULL, 3) };
    struct hf_buffer      out;
    set_up(&out, 1000);
    assert_int_equal(hf_resp_encode(&out, argv, 0), HF_E_INVALID);
    assert_int_equal(hf_resp_encode(&out, NULL, 1), HF_E_INVALID);
    assert_int_equal(hf_resp_encode(&out, argv, 2), HF_E_INVALID);
    expect_bytes(&out, "", 0);
}

static void an_argument_has_at_most_512_megabytes(void **state)
{
    (void)state;
    /* Only sizes are looked at, so the bytes need not exist. */
    size_t          size = 0;
    struct hf_bytes argv[] = { hf_str("SET"), hf_bytes("", HF_RESP_ARGUMENT_MAX - 1) };
    assert_int_equal(hf_resp_encoded_size(argv, 2, &size), HF_OK);
    argv[1].size = HF_RESP_ARGUMENT_MAX;
    assert_int_equal(hf_resp_encoded_size(argv, 2, &size), HF_OK);
    argv[1].size = HF_RESP_ARGUMENT_MAX + 1;
    size = 7;
    assert_int_equal(hf_resp_encoded_size(argv, 2, &size), HF_E_TOO_LARGE);
    argv[1].size = SIZE_MAX;
    assert_int_equal(hf_resp_encoded_size(argv, 2, &size), HF_E_TOO_LARGE);
    assert_int_equal(size, 7);

    struct hf_buffer out;
    set_up(&out, 1000);
    assert_int_equal(hf_resp_encode(&out, argv, 2), HF_E_TOO_LARGE);
    expect_bytes(&out, "", 0);
}

static void a_command_has_at_most_a_million_arguments(void **state)
{
    (void)state;
    static struct hf_bytes argv[HF_RESP_ARGUMENTS_MAX + 1]; /* All empty. */
    size_t                 size;
    assert_int_equal(hf_resp_encoded_size(argv, HF_RESP_ARGUMENTS_MAX - 1, &size), HF_OK);
    assert_int_equal(hf_resp_encoded_size(argv, HF_RESP_ARGUMENTS_MAX, &size), HF_OK);
    assert_int_equal(hf_resp_encoded_size(argv, HF_RESP_ARGUMENTS_MAX + 1, &size),
                     HF_E_TOO_LARGE);
}

static void what_does_not_fit_leaves_the_buffer_as_it_was(void **state)
{
    (void)state;
    const struct hf_bytes argv[] = { hf_str("GET"), hf_str("k") };
    struct hf_buffer      out;
    set_up(&out, 22); /* The command is 20 bytes. */
    assert_int_equal(hf_buffer_append(&out, "abc", 3), HF_OK);
    assert_int_equal(hf_resp_encode(&out, argv, 2), HF_E_TOO_LARGE);
    expect_bytes(&out, "abc", 3);

    set_up(&out, 23);
    assert_int_equal(hf_buffer_append(&out, "abc", 3), HF_OK);
    assert_int_equal(hf_resp_encode(&out, argv, 2), HF_OK);
    hf_buffer_deinit(&out);

    set_up(&out, 1000);
    memory.fail_at = 1;
    assert_int_equal(hf_resp_encode(&out, argv, 2), HF_E_NOMEM);
    expect_bytes(&out, "", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_an_array_of_strings),
        cmocka_unit_test(commands_follow_each_other_in_the_buffer),
        cmocka_unit_test(arguments_are_binary_and_may_be_empty),
        cmocka_unit_test(the_size_is_known_without_encoding),
        cmocka_unit_test(commands_are_written_as_hiredis_writes_them),
        cmocka_unit_test(a_command_in_pieces_is_the_same_command),
        cmocka_unit_test(headers_fit_whatever_the_number),
        cmocka_unit_test(a_command_needs_arguments),
        cmocka_unit_test(an_argument_has_at_most_512_megabytes),
        cmocka_unit_test(a_command_has_at_most_a_million_arguments),
        cmocka_unit_test(what_does_not_fit_leaves_the_buffer_as_it_was),
    };
    return RUN_TESTS(tests);
}
