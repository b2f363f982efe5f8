/* Large, hostile and unlucky streams: what the reader does with memory. */

#include "core/alloc.h"
#include "net/resp_reader.h"
#include "support/counting_allocator.h"
#include "support/test.h"
#include "support/transcript.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { KB = 1024, MB = 1024 * 1024 };

struct fixture {
    struct counting_allocator memory;
    struct hf_resp_reader     reader;
    char                     *out; /* Grows as replies come; see transcript.h. */
    size_t                    out_size;
    FILE                     *stream;
};

static void set_up(struct fixture *f)
{
    counting_allocator_init(&f->memory);
    hf_resp_reader_init(&f->reader, &f->memory.base, &transcript_limits);
    f->stream = open_memstream(&f->out, &f->out_size);
}

static void tear_down(struct fixture *f)
{
    hf_resp_reader_deinit(&f->reader);
    fclose(f->stream);
    free(f->out);
    assert_int_equal(f->memory.blocks, 0);
    assert_int_equal(f->memory.bytes, 0);
}

static hf_err feed(struct fixture *f, const char *bytes, size_t size)
{
    return transcript_feed(&f->reader, hf_bytes(bytes, size), f->stream);
}

static hf_err feed_text(struct fixture *f, const char *text)
{
    return feed(f, text, strlen(text));
}

static void expect_out(struct fixture *f, const char *expected)
{
    fflush(f->stream);
    assert_string_equal(f->out, expected);
}

/* Bytes that tell where they belong. */
static char *pattern(size_t size)
{
    char *bytes = malloc(size);
    for (size_t i = 0; i < size; i++) bytes[i] = (char)(i * 7 + i / 251);
    return bytes;
}

/* Gives the reader a stream in pieces of at most `piece` bytes; the one reply is the
 * caller's. */
static struct hf_reply *read_one(struct fixture *f, const char *stream, size_t size,
                                 size_t piece)
{
    struct hf_reply *reply = NULL;
    while (size > 0) {
        void  *room;
        size_t count;
        assert_null(reply);
        assert_int_equal(hf_resp_reader_space(&f->reader, &room, &count), HF_OK);
        assert_true(count > 0);
        if (count > size) count = size;
        if (count > piece) count = piece;
        memcpy(room, stream, count);
        hf_resp_reader_filled(&f->reader, count);
        stream += count;
        size -= count;
        assert_int_equal(hf_resp_reader_next(&f->reader, &reply), HF_OK);
    }
    return reply;
}

static char *string_stream(const char *body, size_t size, size_t *stream_size)
{
    char        *stream = malloc(size + 64);
    const size_t header = (size_t)sprintf(stream, "$%zu\r\n", size);
    memcpy(stream + header, body, size);
    memcpy(stream + header + size, "\r\n", 2);
    *stream_size = header + size + 2;
    return stream;
}

static void strings_of_every_size_arrive_whole_in_pieces_of_every_size(void **state)
{
    (void)state;
    const size_t sizes[] = { 0,        1,       4 * KB - 1,  4 * KB,      4 * KB + 1,
                             16 * KB,  16 * KB, 16 * KB - 8, 64 * KB - 2, 64 * KB,
                             256 * KB, MB,      3 * MB + 1 };
    const size_t pieces[] = { 1000, 16 * KB - 1, 16 * KB, 100 * KB, 100 * MB };
    char        *body = pattern(4 * MB);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t j = 0; j < sizeof pieces / sizeof pieces[0]; j++) {
            struct fixture  f;
            struct hf_bytes got;
            size_t          size;
            set_up(&f);
            char            *stream = string_stream(body, sizes[i], &size);
            struct hf_reply *reply = read_one(&f, stream, size, pieces[j]);
            assert_int_equal(hf_reply_bytes(reply, &got), HF_OK);
            assert_int_equal(got.size, sizes[i]);
            assert_memory_equal(got.data, body, got.size);
            assert_int_equal(((const char *)got.data)[got.size], '\0');
            assert_true(hf_resp_reader_is_idle(&f.reader));
            hf_reply_free(reply);
            free(stream);
            tear_down(&f);
        }
    }
    free(body);
}

static void a_string_cut_anywhere_around_the_size_of_the_input_arrives_whole(void **state)
{
    (void)state;
    const size_t body_size = 5000;
    size_t       size;
    char        *body = pattern(body_size);
    char        *stream = string_stream(body, body_size, &size);
    for (size_t cut = 0; cut <= size; cut++) {
        struct fixture f;
        set_up(&f);
        struct hf_reply *reply = read_one(&f, stream, cut, SIZE_MAX);
        if (cut < size) reply = read_one(&f, stream + cut, size - cut, SIZE_MAX);
        struct hf_bytes got;
        assert_int_equal(hf_reply_bytes(reply, &got), HF_OK);
        assert_memory_equal(got.data, body, body_size);
        hf_reply_free(reply);
        tear_down(&f);
    }
    free(stream);
    free(body);
}

static void the_body_of_a_large_string_is_received_where_it_stays(void **state)
{
    (void)state;
    struct fixture f;
    size_t         size;
    char          *body = pattern(60 * KB);
    char          *stream = string_stream(body, 60 * KB, &size);
    set_up(&f);
    assert_null(read_one(&f, stream, 100, SIZE_MAX));

    void  *room;
    size_t count;
    assert_int_equal(hf_resp_reader_space(&f.reader, &room, &count), HF_OK);
    assert_int_equal(count, size - 100); /* All of it, with its end, in one read. */
    memcpy(room, stream + 100, count);
    hf_resp_reader_filled(&f.reader, count);
    struct hf_reply *reply;
    assert_int_equal(hf_resp_reader_next(&f.reader, &reply), HF_OK);

    struct hf_bytes got;
    assert_int_equal(hf_reply_bytes(reply, &got), HF_OK);
    const char *start = got.data;
    assert_ptr_equal(start + (60 * KB - (size - 100 - 2)), room);
    hf_reply_free(reply);
    free(stream);
    free(body);
    tear_down(&f);
}

static void short_replies_take_one_allocation(void **state)
{
    (void)state;
    const char *const replies[] = {
        "+OK\r\n",
        ":1\r\n",
        "_\r\n",
        "*3\r\n$3\r\nfoo\r\n:1\r\n$3\r\nbar\r\n",
        "$64\r\n0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n",
    };
    struct fixture f;
    set_up(&f);
    assert_int_equal(feed_text(&f, "*1\r\n:1\r\n"), HF_OK); /* Warms it up. */
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        const long before = f.memory.requests;
        assert_int_equal(feed_text(&f, replies[i]), HF_OK);
        assert_int_equal(f.memory.requests, before + 1);
    }
    tear_down(&f);
}

static void between_replies_little_is_held(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(f.memory.bytes, 0);

    size_t size;
    char  *body = pattern(8 * MB);
    char  *stream = string_stream(body, 8 * MB, &size);
    hf_reply_free(read_one(&f, stream, size, SIZE_MAX));
    assert_in_range(f.memory.bytes, 0, HF_RESP_READER_IDLE_MAX);

    memset(stream, 'x', 2 * MB); /* A line of 2 MB. */
    stream[0] = '+';
    memcpy(stream + 2 * MB, "\r\n", 2);
    hf_reply_free(read_one(&f, stream, 2 * MB + 2, SIZE_MAX));
    assert_in_range(f.memory.bytes, 0, HF_RESP_READER_IDLE_MAX);

    size = (size_t)sprintf(stream, "*100000\r\n"); /* A hundred thousand children. */
    for (size_t i = 0; i < 100000; i++) size += (size_t)sprintf(stream + size, ":%zu\r\n", i);
    struct hf_reply *reply = read_one(&f, stream, size, SIZE_MAX);
    int64_t          value;
    assert_int_equal(hf_reply_count(reply), 100000);
    assert_int_equal(hf_reply_int(hf_reply_at(reply, 99999), &value), HF_OK);
    assert_int_equal(value, 99999);
    hf_reply_free(reply);
    assert_in_range(f.memory.bytes, 0, HF_RESP_READER_IDLE_MAX);

    free(stream);
    free(body);
    tear_down(&f);
}

static void memory_grows_with_what_arrived_and_not_with_what_was_announced(void **state)
{
    (void)state;
    const char *const announcements[] = {
        "$1000000000\r\n", "*1000000\r\n",          "%500000\r\n",  "*1\r\n$1000000000\r\n",
        "=1000000000\r\n", "$?\r\n;1000000000\r\n", ">1000000\r\n", "|100000000\r\n",
    };
    for (size_t i = 0; i < sizeof announcements / sizeof announcements[0]; i++) {
        struct fixture f;
        set_up(&f);
        assert_int_equal(feed_text(&f, announcements[i]), HF_OK);
        void  *room;
        size_t size;
        assert_int_equal(hf_resp_reader_space(&f.reader, &room, &size), HF_OK);
        assert_in_range(f.memory.bytes_peak, 0, 100 * KB);
        tear_down(&f);
    }
}

static void memory_stays_a_small_multiple_of_what_arrived(void **state)
{
    (void)state;
    struct fixture f;
    char          *body = pattern(100 * KB);
    set_up(&f);
    assert_int_equal(feed_text(&f, "$1000000000\r\n"), HF_OK);
    for (size_t arrived = 100 * KB; arrived <= 20 * MB; arrived += 100 * KB) {
        assert_int_equal(feed(&f, body, 100 * KB), HF_OK);
        assert_in_range(f.memory.bytes, arrived, arrived * 4 + 100 * KB);
    }
    free(body);
    tear_down(&f);

    set_up(&f);
    assert_int_equal(feed_text(&f, "*200000\r\n"), HF_OK);
    for (size_t arrived = 3; arrived <= 600000; arrived += 3) {
        assert_int_equal(feed_text(&f, "_\r\n"), HF_OK);
        assert_in_range(f.memory.bytes_peak, 0, arrived * 20 + 100 * KB);
    }
    assert_true(hf_resp_reader_is_idle(&f.reader));
    tear_down(&f);
}

static void a_million_levels_are_refused_at_once(void **state)
{
    (void)state;
    const char *const levels[] = { "*1\r\n", "%1\r\n", "~?\r\n", "|1\r\n", "*?\r\n" };
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        struct fixture f;
        set_up(&f);
        hf_err err = HF_OK;
        int    depth = 0;
        for (; depth < 1000000 && !err; depth++) err = feed_text(&f, levels[i]);
        assert_int_equal(err, HF_E_TOO_LARGE);
        assert_int_equal(depth, HF_RESP_DEPTH_MAX + 1);
        assert_in_range(f.memory.bytes_peak, 0, 20 * KB);
        tear_down(&f);
    }
}

static void a_number_without_end_is_refused_early(void **state)
{
    (void)state;
    const char *const starts[] = { ":", ",", "$", "*", "#", "_", "%", ";" };
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        struct fixture f;
        set_up(&f);
        hf_err err = feed_text(&f, starts[i]);
        int    count = 0;
        for (; count < 100000 && !err; count++) err = feed_text(&f, "1");
        assert_int_equal(err, HF_E_PROTOCOL);
        assert_in_range(count, 0, 1000);
        tear_down(&f);
    }
}

static void a_large_string_with_a_wrong_end_is_refused(void **state)
{
    (void)state;
    const char *const starts[] = { "$5000\r\n", "!5000\r\n", "$?\r\n;5000\r\n",
                                   "|1\r\n+in an attribute\r\n$5000\r\n" };
    const char *const ends[] = { "\rx", "x\n", "\n\r", "\r\r", "+1" };
    char             *body = pattern(5000);
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        for (size_t j = 0; j < sizeof ends / sizeof ends[0]; j++) {
            struct fixture f;
            set_up(&f);
            assert_int_equal(feed_text(&f, starts[i]), HF_OK);
            assert_int_equal(feed(&f, body, 5000), HF_OK);
            assert_int_equal(feed_text(&f, ends[j]), HF_E_PROTOCOL);
            tear_down(&f);
        }
    }
    free(body);
}

static void a_streamed_string_of_many_small_chunks_takes_few_allocations(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(feed_text(&f, "$?\r\n"), HF_OK);
    for (int i = 0; i < 100000; i++) assert_int_equal(feed_text(&f, ";1\r\nx\r\n"), HF_OK);
    assert_in_range(f.memory.requests, 1, 30);
    assert_in_range(f.memory.bytes, 0, 300 * KB);
    tear_down(&f);
}

static void a_reply_that_is_awaited_needs_no_more_than_the_input(void **state)
{
    (void)state;
    struct fixture f;
    void          *room;
    size_t         size;
    char          *body = pattern(4 * KB);
    set_up(&f);
    assert_int_equal(feed_text(&f, "$4096\r\n"), HF_OK);
    assert_int_equal(feed(&f, body, 4095), HF_OK);
    assert_int_equal(hf_resp_reader_space(&f.reader, &room, &size), HF_OK);
    assert_in_range(f.memory.bytes, 0, HF_RESP_READER_IDLE_MAX);
    free(body);
    tear_down(&f);
}

static void a_large_string_without_memory_to_grow_is_dropped_alone(void **state)
{
    (void)state;
    struct fixture f;
    char          *body = pattern(100 * KB);
    set_up(&f);
    assert_int_equal(feed_text(&f, "$204800\r\n"), HF_OK);
    assert_int_equal(feed(&f, body, 64 * KB), HF_OK);

    void  *room;
    size_t size;
    f.memory.fail_at = f.memory.requests + 1;
    assert_int_equal(hf_resp_reader_space(&f.reader, &room, &size), HF_OK);
    assert_in_range(f.memory.requests, f.memory.fail_at, LONG_MAX);
    assert_int_equal(feed(&f, body, 100 * KB), HF_OK);
    assert_int_equal(feed(&f, body, 36 * KB), HF_OK);
    expect_out(&f, "");
    assert_int_equal(feed_text(&f, "\r\n:1\r\n"), HF_OK);
    expect_out(&f, "out of memory\n:1\n");
    free(body);
    tear_down(&f);
}

/* Else what stands for it would be taken for the reply to a command. */
static void a_push_without_memory_ends_the_stream(void **state)
{
    (void)state;
    const char *const pushes[] = { ">1\r\n+a\r\n", ">0\r\n",
                                   ">1\r\n*1\r\n$?\r\n;1\r\na\r\n;0\r\n",
                                   "|1\r\n+a\r\n+b\r\n>1\r\n+a\r\n" };
    for (size_t i = 0; i < sizeof pushes / sizeof pushes[0]; i++) {
        long failures = 0;
        for (bool has_failed = true; has_failed; failures++) {
            struct fixture f;
            set_up(&f);
            assert_int_equal(feed_text(&f, ":1\r\n"), HF_OK);
            f.memory.fail_at = f.memory.requests + 1 + failures;
            hf_err err = feed_text(&f, pushes[i]);
            has_failed = f.memory.requests >= f.memory.fail_at;
            assert_int_equal(err, has_failed ? HF_E_NOMEM_SENT : HF_OK);
            f.memory.fail_at = 0;
            err = feed_text(&f, ":2\r\n");
            assert_int_equal(err, has_failed ? HF_E_NOMEM_SENT : HF_OK);
            fflush(f.stream);
            assert_null(strstr(f.out, "out of memory"));
            tear_down(&f);
        }
        assert_true(failures > 1);
    }
}

static void attributes_without_end_take_no_memory(void **state)
{
    (void)state;
    struct fixture f;
    char          *body = pattern(64 * KB);
    set_up(&f);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(feed_text(&f, "|1\r\n+name\r\n$65536\r\n"), HF_OK);
        assert_int_equal(feed(&f, body, 64 * KB), HF_OK);
        assert_int_equal(feed_text(&f, "\r\n"), HF_OK);
        assert_false(hf_resp_reader_is_idle(&f.reader));
    }
    assert_in_range(f.memory.bytes_peak, 0, HF_RESP_READER_IDLE_MAX);
    assert_int_equal(feed_text(&f, ":1\r\n"), HF_OK);
    expect_out(&f, ":1\n");
    assert_true(hf_resp_reader_is_idle(&f.reader));
    free(body);
    tear_down(&f);
}

static void a_failure_is_for_ever(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_string_equal(hf_resp_reader_error(&f.reader), "");
    assert_int_equal(feed_text(&f, "*2\r\n:1\r\nx:2\r\n:3\r\n"), HF_E_PROTOCOL);
    struct hf_reply *reply = (struct hf_reply *)&f;
    void            *room = &f;
    size_t           size = 1;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(hf_resp_reader_next(&f.reader, &reply), HF_E_PROTOCOL);
        assert_int_equal(hf_resp_reader_space(&f.reader, &room, &size), HF_E_PROTOCOL);
    }
    assert_ptr_equal(reply, &f);
    assert_ptr_equal(room, &f);
    assert_int_equal(size, 1);
    assert_string_equal(hf_resp_reader_error(&f.reader), "unknown type of value");
    expect_out(&f, "");
    tear_down(&f);
}

/* Many allocations: an array around a streamed string, a large one, many children, and an
 * array in an array; then replies that must come out unharmed. */
static char *demanding_stream(size_t *size)
{
    size_t large_size;
    char  *body = pattern(200 * KB);
    memset(body, 'x', 200 * KB);
    char *large = string_stream(body, 200 * KB, &large_size);
    char *stream = malloc(300 * KB);
    *size = (size_t)sprintf(stream, "*5\r\n$?\r\n;3\r\nabc\r\n;3\r\ndef\r\n;0\r\n*300\r\n");
    for (int i = 0; i < 300; i++)
        *size += (size_t)sprintf(stream + *size, "$3\r\n%03d\r\n", i);
    memcpy(stream + *size, large, large_size);
    *size += large_size;
    *size += (size_t)sprintf(stream + *size, "*1\r\n*1\r\n+x\r\n|1\r\n+a\r\n+b\r\n:7\r\n");
    *size += (size_t)sprintf(stream + *size, "+next\r\n*1\r\n:2\r\n");
    free(large);
    free(body);
    return stream;
}

static void a_reply_without_memory_is_dropped_and_the_next_come_in_order(void **state)
{
    (void)state;
    size_t size;
    char  *stream = demanding_stream(&size);
    long   failures = 0;
    for (long fail_at = 1;; fail_at++) {
        struct fixture f;
        set_up(&f);
        f.memory.fail_at = fail_at;
        assert_int_equal(feed(&f, stream, size), HF_OK);
        const bool has_failed = f.memory.requests >= fail_at;
        assert_true(hf_resp_reader_is_idle(&f.reader));
        fflush(f.stream);
        int lines = 0;
        for (const char *at = f.out; (at = strchr(at, '\n')); at++) lines++;
        assert_int_equal(lines, 3); /* Each reply, or that there was no memory for it. */
        const bool is_intact = strstr(f.out, "[[+x]] :7]\n+next\n[:2]\n") != NULL;
        if (!strstr(f.out, "out of memory")) assert_true(is_intact);
        tear_down(&f);
        if (!has_failed) break;
        failures++;
    }
    assert_true(failures > 10);
    free(stream);
}

static void without_any_memory_nothing_leaks(void **state)
{
    (void)state;
    size_t size;
    char  *stream = demanding_stream(&size);
    for (long fail_at = 2; fail_at < 40; fail_at++) {
        struct fixture f;
        set_up(&f);
        hf_err           err = HF_OK;
        struct hf_reply *reply = NULL;
        f.memory.fail_at = fail_at;
        f.memory.fail_after = true;
        for (size_t at = 0; at < size && !err;) {
            void  *room;
            size_t count;
            err = hf_resp_reader_space(&f.reader, &room, &count);
            if (err) break;
            if (count > size - at) count = size - at;
            memcpy(room, stream + at, count);
            hf_resp_reader_filled(&f.reader, count);
            at += count;
            do {
                reply = NULL;
                err = hf_resp_reader_next(&f.reader, &reply);
                hf_reply_free(reply);
            } while (err || reply);
        }
        tear_down(&f);
    }
    free(stream);
}

static void a_reader_may_end_in_the_middle_of_anything(void **state)
{
    (void)state;
    size_t size;
    char  *stream = demanding_stream(&size);
    for (size_t at = 0; at < size; at += at < 3000 ? 1 : 1777) {
        struct fixture f;
        set_up(&f);
        assert_int_equal(feed(&f, stream, at), HF_OK);
        tear_down(&f);
    }
    free(stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_of_every_size_arrive_whole_in_pieces_of_every_size),
        cmocka_unit_test(a_string_cut_anywhere_around_the_size_of_the_input_arrives_whole),
        cmocka_unit_test(the_body_of_a_large_string_is_received_where_it_stays),
        cmocka_unit_test(short_replies_take_one_allocation),
        cmocka_unit_test(between_replies_little_is_held),
        cmocka_unit_test(memory_grows_with_what_arrived_and_not_with_what_was_announced),
        cmocka_unit_test(memory_stays_a_small_multiple_of_what_arrived),
        cmocka_unit_test(a_million_levels_are_refused_at_once),
        cmocka_unit_test(a_number_without_end_is_refused_early),
        cmocka_unit_test(a_large_string_with_a_wrong_end_is_refused),
        cmocka_unit_test(a_streamed_string_of_many_small_chunks_takes_few_allocations),
        cmocka_unit_test(a_reply_that_is_awaited_needs_no_more_than_the_input),
        cmocka_unit_test(a_large_string_without_memory_to_grow_is_dropped_alone),
        cmocka_unit_test(a_push_without_memory_ends_the_stream),
        cmocka_unit_test(attributes_without_end_take_no_memory),
        cmocka_unit_test(a_failure_is_for_ever),
        cmocka_unit_test(a_reply_without_memory_is_dropped_and_the_next_come_in_order),
        cmocka_unit_test(without_any_memory_nothing_leaks),
        cmocka_unit_test(a_reader_may_end_in_the_middle_of_anything),
    };
    return RUN_TESTS(tests);
}
