/* Random streams. Those of RESP2 must come to what hiredis makes of them, which is right
 * there; those of all of RESP3 to what they were made from. The seed is printed, and taken
 * from HF_TEST_SEED to run the same again. */

#include "core/alloc.h"
#include "core/rng.h"
#include "net/resp_reader.h"
#include "support/test.h"
#include "support/transcript.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    STREAMS = 400,
    CUTS_MAX = 200,
    STREAM_SIZE_ENOUGH = 20000, /* From here on, no more children. */
    DEPTH_HIREDIS = 6,          /* It refuses more than seven levels. */
    DEPTH_OURS = 12,
};

enum dialect { RESP2, RESP3 };

/* A stream in the making, and what it must come to as a transcript. */
struct made {
    struct hf_rng rng;
    enum dialect  dialect;
    char         *bytes, *text;
    size_t        size, text_size;
    FILE         *wire, *expected;
};

static uint64_t seed;

static uint64_t below(struct made *m, uint64_t bound)
{
    return hf_rng_below(&m->rng, bound);
}

static void make_value(struct made *m, unsigned depth);

/* A size that is mostly small, and sometimes around the limits inside the reader. */
static size_t make_size(struct made *m)
{
    switch (below(m, 40)) {
    case 0: return 4090 + (size_t)below(m, 12);
    case 1: return (size_t)below(m, 40000);
    case 2:
    case 3: return 0;
    default: return (size_t)below(m, 40);
    }
}

static void make_text(struct made *m, const char *open, size_t size, bool is_line)
{
    fputs(open, m->expected);
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)(is_line ? ' ' + below(m, 95) : below(m, 256));
        fputc(c, m->wire);
        const bool is_plain = c >= ' ' && c < 127 && c != '"' && c != '\\';
        fprintf(m->expected, is_plain ? "%c" : "\\x%02x", c);
    }
}

static void make_line(struct made *m, const char *type)
{
    fputs(type, m->wire);
    make_text(m, type, (size_t)below(m, 50), true);
    fputs("\r\n", m->wire);
}

static void make_integer(struct made *m)
{
    const int64_t value = (int64_t)(hf_rng_next(&m->rng) >> below(m, 64));
    fprintf(m->wire, ":%" PRId64 "\r\n", value);
    fprintf(m->expected, ":%" PRId64, value);
}

static void make_double(struct made *m)
{
    const double value = (double)(int64_t)hf_rng_next(&m->rng) / (double)(1 + below(m, 9999));
    fprintf(m->wire, ",%.17g\r\n", value);
    fprintf(m->expected, ",%.17g", value);
}

static void make_string(struct made *m)
{
    const size_t size = make_size(m);
    fprintf(m->wire, "$%zu\r\n", size);
    make_text(m, "\"", size, false);
    fputs("\r\n", m->wire);
    fputs("\"", m->expected);
}

static void make_blob_error(struct made *m)
{
    const size_t size = make_size(m);
    fprintf(m->wire, "!%zu\r\n", size);
    make_text(m, "-", size, false);
    fputs("\r\n", m->wire);
}

static void make_verbatim(struct made *m)
{
    const size_t size = make_size(m);
    fprintf(m->wire, "=%zu\r\nmkd:", size + 4);
    make_text(m, "=\"", size, false);
    fputs("\r\n", m->wire);
    fputs("\"", m->expected);
}

static void make_streamed_string(struct made *m)
{
    fputs("$?\r\n", m->wire);
    fputs("\"", m->expected);
    for (uint64_t chunks = below(m, 6); chunks > 0; chunks--) {
        const size_t size = 1 + make_size(m);
        fprintf(m->wire, ";%zu\r\n", size);
        make_text(m, "", size, false);
        fputs("\r\n", m->wire);
    }
    fputs(";0\r\n", m->wire);
    fputs("\"", m->expected);
}

static void make_null(struct made *m)
{
    static const char *const nulls[] = { "$-1\r\n", "*-1\r\n", "_\r\n" };
    fputs(nulls[below(m, m->dialect == RESP2 ? 2 : 3)], m->wire);
    fputs("null", m->expected);
}

static void make_boolean(struct made *m)
{
    const char *const value = below(m, 2) ? "#t" : "#f";
    fprintf(m->wire, "%s\r\n", value);
    fputs(value, m->expected);
}

static void make_big_number(struct made *m)
{
    const char *const sign = below(m, 2) ? "-" : "";
    const uint64_t    high = 1 + below(m, 1000000), low = hf_rng_next(&m->rng);
    fprintf(m->wire, "(%s%" PRIu64 "%020" PRIu64 "\r\n", sign, high, low);
    fprintf(m->expected, "(%s%" PRIu64 "%020" PRIu64, sign, high, low);
}

static void make_children(struct made *m, char type, unsigned per_count, const char *open,
                          const char *close, unsigned depth)
{
    const bool is_streamed = m->dialect == RESP3 && type != '>' && below(m, 4) == 0;
    const bool is_enough = ftell(m->wire) > STREAM_SIZE_ENOUGH;
    uint64_t   count = is_enough ? 0 : below(m, below(m, 30) == 0 ? 100 : 5);
    if (is_streamed) {
        fprintf(m->wire, "%c?\r\n", type);
    } else {
        fprintf(m->wire, "%c%" PRIu64 "\r\n", type, count);
    }
    fputs(open, m->expected);
    count *= per_count;
    for (uint64_t i = 0; i < count; i++) {
        if (i > 0) fputc(' ', m->expected);
        make_value(m, depth - 1);
    }
    if (is_streamed) fputs(".\r\n", m->wire);
    fputs(close, m->expected);
}

/* Attributes leave no trace in what is expected. */
static void make_attribute(struct made *m, unsigned depth)
{
    FILE *expected = m->expected;
    m->expected = fopen("/dev/null", "w");
    assert_non_null(m->expected);
    make_children(m, '|', 2, "", "", depth);
    fclose(m->expected);
    m->expected = expected;
}

static void make_resp2(struct made *m, unsigned depth)
{
    switch (below(m, depth > 0 ? 7 : 5)) {
    case 0: make_line(m, "+"); return;
    case 1: make_line(m, "-"); return;
    case 2: make_integer(m); return;
    case 3: make_null(m); return;
    case 4: make_string(m); return;
    default: make_children(m, '*', 1, "[", "]", depth); return;
    }
}

static void make_value(struct made *m, unsigned depth)
{
    if (m->dialect == RESP2) {
        make_resp2(m, depth);
        return;
    }
    if (depth > 0 && below(m, 10) == 0) make_attribute(m, depth);
    switch (below(m, depth > 0 ? 12 : 8)) {
    case 0: make_double(m); return;
    case 1: make_boolean(m); return;
    case 2: make_big_number(m); return;
    case 3: make_verbatim(m); return;
    case 4: make_blob_error(m); return;
    case 5: make_streamed_string(m); return;
    case 8: make_children(m, '%', 2, "{", "}", depth); return;
    case 9: make_children(m, '~', 1, "~[", "]", depth); return;
    default: make_resp2(m, depth); return;
    }
}

static void make_stream(struct made *m, uint64_t number, enum dialect dialect)
{
    *m = (struct made){ .rng = { seed + number }, .dialect = dialect };
    m->wire = open_memstream(&m->bytes, &m->size);
    m->expected = open_memstream(&m->text, &m->text_size);
    for (uint64_t replies = 1 + below(m, 5); replies > 0; replies--) {
        const bool is_push = dialect == RESP3 && below(m, 8) == 0;
        if (is_push) {
            make_children(m, '>', 1, ">[", "]", DEPTH_OURS);
        } else {
            make_value(m, dialect == RESP2 ? DEPTH_HIREDIS : DEPTH_OURS);
        }
        fputc('\n', m->expected);
    }
    fputs("idle", m->expected);
    fclose(m->wire);
    fclose(m->expected);
}

static void unmake_stream(struct made *m)
{
    free(m->bytes);
    free(m->text);
}

static size_t make_cuts(struct made *m, size_t cuts[CUTS_MAX])
{
    size_t count = (size_t)below(m, CUTS_MAX);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        at += (size_t)below(m, 2 * m->size / count + 2);
        if (at > m->size) at = m->size;
        cuts[i] = at;
    }
    return count;
}

static void hiredis_reply(const redisReply *reply, FILE *out)
{
    switch (reply->type) {
    case REDIS_REPLY_NIL: fputs("null", out); return;
    case REDIS_REPLY_INTEGER: fprintf(out, ":%lld", reply->integer); return;
    case REDIS_REPLY_ARRAY:
        fputc('[', out);
        for (size_t i = 0; i < reply->elements; i++) {
            if (i > 0) fputc(' ', out);
            hiredis_reply(reply->element[i], out);
        }
        fputc(']', out);
        return;
    default: break;
    }
    const bool is_string = reply->type == REDIS_REPLY_STRING;
    fputs(is_string ? "\"" : reply->type == REDIS_REPLY_ERROR ? "-" : "+", out);
    for (size_t i = 0; i < reply->len; i++) {
        const unsigned char c = (unsigned char)reply->str[i];
        const bool          is_plain = c >= ' ' && c < 127 && c != '"' && c != '\\';
        fprintf(out, is_plain ? "%c" : "\\x%02x", c);
    }
    if (is_string) fputs("\"", out);
}

/* One line for each reply that hiredis reads before it stops. */
static char *hiredis_transcript(const char *bytes, size_t size)
{
    char        *text = NULL;
    size_t       text_size = 0;
    FILE        *out = open_memstream(&text, &text_size);
    redisReader *reader = redisReaderCreate();
    void        *reply = NULL;
    redisReaderFeed(reader, bytes, size);
    while (redisReaderGetReply(reader, &reply) == REDIS_OK && reply) {
        hiredis_reply(reply, out);
        fputc('\n', out);
        freeReplyObject(reply);
    }
    redisReaderFree(reader);
    fclose(out);
    return text;
}

static void expect_made(enum dialect dialect)
{
    for (uint64_t i = 0; i < STREAMS; i++) {
        struct made m;
        size_t      cuts[CUTS_MAX];
        make_stream(&m, i, dialect);
        const size_t count = make_cuts(&m, cuts);
        char        *text = transcript(&hf_allocator_default, &transcript_limits,
                                       hf_bytes(m.bytes, m.size), cuts, count);
        if (strcmp(text, m.text) != 0) {
            fail_msg("seed %" PRIu64 ", stream %" PRIu64, seed, i);
        }
        free(text);
        unmake_stream(&m);
    }
}

static void streams_of_resp3_come_to_what_they_were_made_from(void **state)
{
    (void)state;
    expect_made(RESP3);
}

static void streams_of_resp2_come_to_what_they_were_made_from(void **state)
{
    (void)state;
    expect_made(RESP2);
}

static void streams_of_resp2_are_read_as_hiredis_reads_them(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < STREAMS; i++) {
        struct made m;
        make_stream(&m, i, RESP2);
        char *ours = transcript(&hf_allocator_default, &transcript_limits,
                                hf_bytes(m.bytes, m.size), NULL, 0);
        char *theirs = hiredis_transcript(m.bytes, m.size);
        if (strncmp(ours, theirs, strlen(theirs)) != 0 ||
            strcmp(ours + strlen(theirs), "idle") != 0) {
            fail_msg("seed %" PRIu64 ", stream %" PRIu64, seed, i);
        }
        free(theirs);
        free(ours);
        unmake_stream(&m);
    }
}

/* The lines that both have, up to where one of them stops. */
static size_t common_lines(const char *a, const char *b)
{
    size_t same = 0, lines = 0;
    for (size_t i = 0; a[i] && a[i] == b[i]; i++) {
        if (a[i] == '\n') same = i + 1;
    }
    for (const char *at = a; at < a + same; at++) lines += *at == '\n';
    return lines;
}

static size_t count_lines(const char *text)
{
    size_t lines = 0;
    for (; *text; text++) lines += *text == '\n';
    return lines;
}

/* A damaged stream may be refused sooner by one than by the other, but as far as both go,
 * they must not read different things. */
static void damaged_streams_are_never_read_differently_from_hiredis(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < STREAMS; i++) {
        struct made m;
        make_stream(&m, i, RESP2);
        for (uint64_t damages = 1 + below(&m, 3); damages > 0; damages--) {
            static const char likely[] = "0123456789-\r\n$*:+x";
            m.bytes[below(&m, m.size)] = likely[below(&m, sizeof likely - 1)];
        }
        char  *ours = transcript(&hf_allocator_default, &transcript_limits,
                                 hf_bytes(m.bytes, m.size), NULL, 0);
        char  *theirs = hiredis_transcript(m.bytes, m.size);
        size_t fewer = count_lines(ours);
        if (count_lines(theirs) < fewer) fewer = count_lines(theirs);
        if (common_lines(ours, theirs) < fewer) {
            fail_msg("seed %" PRIu64 ", stream %" PRIu64 ":\n%s\nhiredis:\n%s", seed, i, ours,
                     theirs);
        }
        free(theirs);
        free(ours);
        unmake_stream(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_of_resp3_come_to_what_they_were_made_from),
        cmocka_unit_test(streams_of_resp2_come_to_what_they_were_made_from),
        cmocka_unit_test(streams_of_resp2_are_read_as_hiredis_reads_them),
        cmocka_unit_test(damaged_streams_are_never_read_differently_from_hiredis),
    };
    const char *given = getenv("HF_TEST_SEED");
    seed = given ? strtoull(given, NULL, 10) : hf_rng_seed();
    print_message("seed %" PRIu64 "\n", seed);
    return RUN_TESTS(tests);
}
