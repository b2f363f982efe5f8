#include "net/resp_reader.h"

#include "core/assert.h"
#include "net/number.h"
#include "net/resp_line.h"

#include <string.h>

enum {
    INPUT_SIZE = 16 * 1024,
    AWAIT_MAX = 4 * 1024, /* A string up to here is awaited in the input. */
    NUMBER_LINE_MAX = 512,
    AGGREGATE_ROOM = 256 - (int)sizeof(struct hf_reply_tree),
    ELEMENT_BYTES_MIN = 3,
};

enum progress {
    MORE,   /* Bytes are missing. */
    ON,     /* Something was taken from the input, the reply is not whole. */
    DONE,   /* The reply is whole. */
    FAILED, /* r->failed says why. */
};

static enum progress fail(struct hf_resp_reader *r, hf_err err, const char *reason)
{
    hf_reply_builder_drop(&r->builder);
    r->failed = err;
    r->reason = reason;
    return FAILED;
}

static enum progress malformed(struct hf_resp_reader *r, const char *reason)
{
    return fail(r, HF_E_PROTOCOL, reason);
}

static enum progress too_large(struct hf_resp_reader *r, const char *reason)
{
    return fail(r, HF_E_TOO_LARGE, reason);
}

static size_t bytes_left(const struct hf_resp_reader *r)
{
    return r->limits.bytes_max - r->bytes;
}

static void take(struct hf_resp_reader *r, size_t size)
{
    hf_assert(size <= bytes_left(r));
    hf_buffer_consume(&r->input, size);
    r->bytes += size;
    r->scanned = 0;
}

static bool is_kept(const struct hf_resp_reader *r)
{
    return !r->is_dropped && r->attributes == 0;
}

static void drop(struct hf_resp_reader *r)
{
    hf_reply_builder_drop(&r->builder);
    r->is_dropped = true;
}

static void begin_tree(struct hf_resp_reader *r, size_t room)
{
    if (!is_kept(r) || r->builder.tree) return;
    if (hf_reply_builder_begin(&r->builder, room)) drop(r);
}

static void begin_reply(struct hf_resp_reader *r)
{
    r->bytes = 0;
    r->elements = 1;
    r->is_dropped = false;
    r->is_push = false;
}

/* Children count when they are announced; those of a streamed aggregate, as they come. */
static bool has_too_many_elements(struct hf_resp_reader *r, uint64_t more)
{
    if (r->attributes > 0) return false;
    if (more > r->limits.elements_max - r->elements) return true;
    r->elements += (uint32_t)more;
    return false;
}

/* Takes the innermost aggregate off. False for an attribute, which is not a value. */
static bool close_frame(struct hf_resp_reader *r, struct hf_reply *node)
{
    const struct hf_resp_frame *frame = &r->frames[--r->depth];
    if (frame->is_attribute) {
        r->attributes--;
        return false;
    }
    const enum hf_reply_type type = (enum hf_reply_type)frame->type;
    if (is_kept(r) && hf_reply_builder_gather(&r->builder, frame->first, type, node)) drop(r);
    return true;
}

/* One value is complete, and so perhaps are aggregates around it. */
static enum progress put(struct hf_resp_reader *r, struct hf_reply node)
{
    while (r->depth > 0) {
        struct hf_resp_frame *frame = &r->frames[r->depth - 1];
        if (frame->is_streamed && has_too_many_elements(r, 1)) {
            return too_large(r, "reply exceeds the limit of elements");
        }
        if (is_kept(r) && hf_reply_builder_push(&r->builder, node)) drop(r);
        if (frame->is_streamed) {
            frame->left++;
            return ON;
        }
        if (--frame->left > 0) return ON;
        if (!close_frame(r, &node)) return ON;
    }
    if (r->is_dropped && r->is_push) return fail(r, HF_E_NOMEM_SENT, "no memory for a push");
    r->whole = r->is_dropped ? NULL : hf_reply_builder_finish(&r->builder, node);
    begin_reply(r);
    return DONE;
}

static enum progress put_scalar(struct hf_resp_reader *r, struct hf_reply node, size_t taken)
{
    begin_tree(r, 0);
    take(r, taken);
    return put(r, node);
}

static enum progress put_null(struct hf_resp_reader *r, size_t taken)
{
    return put_scalar(r, hf_reply_sized(HF_REPLY_NULL, 0, NULL), taken);
}

static enum progress put_text(struct hf_resp_reader *r, enum hf_reply_type type,
                              const char *text, size_t size, size_t taken)
{
    struct hf_reply node = hf_reply_sized(type, 0, NULL);
    begin_tree(r, size + 1);
    if (is_kept(r) && hf_reply_builder_text(&r->builder, type, text, size, &node)) drop(r);
    take(r, taken);
    return put(r, node);
}

/* ---- lines --------------------------------------------------------------------- */

static struct hf_bytes input_of(const struct hf_resp_reader *r)
{
    return hf_bytes(hf_buffer_bytes(&r->input), hf_buffer_size(&r->input));
}

static enum progress find_line(struct hf_resp_reader *r, size_t max, struct hf_bytes *line)
{
    const char  *reason = NULL;
    const size_t left = bytes_left(r);
    switch (
        hf_resp_find_line(input_of(r), max < left ? max : left, &r->scanned, line, &reason)) {
    case HF_RESP_MORE: return MORE;
    case HF_RESP_FOUND: return ON;
    case HF_RESP_MALFORMED: return malformed(r, reason);
    case HF_RESP_TOO_LONG: break;
    }
    if (max < left) return malformed(r, "number is too long");
    return too_large(r, "reply exceeds the limit of bytes");
}

static enum progress find_count(struct hf_resp_reader *r, struct hf_resp_count *count)
{
    const char *reason = NULL;
    switch (hf_resp_find_count(input_of(r), bytes_left(r), count, &reason)) {
    case HF_RESP_MORE: return MORE;
    case HF_RESP_FOUND: return ON;
    case HF_RESP_MALFORMED: return malformed(r, reason);
    case HF_RESP_TOO_LONG: break;
    }
    return too_large(r, "reply exceeds the limit of bytes");
}

static enum progress step_text(struct hf_resp_reader *r, enum hf_reply_type type)
{
    struct hf_bytes     line;
    const enum progress found = find_line(r, SIZE_MAX, &line);
    if (found != ON) return found;

    if (type == HF_REPLY_BIG_NUMBER && !hf_number_is_big(line.data, line.size)) {
        return malformed(r, "big number is not digits");
    }
    return put_text(r, type, line.data, line.size, line.size + 3);
}

static enum progress step_integer(struct hf_resp_reader *r)
{
    struct hf_bytes     line;
    const enum progress found = find_line(r, NUMBER_LINE_MAX, &line);
    if (found != ON) return found;

    struct hf_reply node = { .type = HF_REPLY_INTEGER };
    if (!hf_number_int(line.data, line.size, &node.integer)) {
        return malformed(r, "integer is not a number of 64 bits");
    }
    return put_scalar(r, node, line.size + 3);
}

static enum progress step_double(struct hf_resp_reader *r)
{
    struct hf_bytes     line;
    const enum progress found = find_line(r, NUMBER_LINE_MAX, &line);
    if (found != ON) return found;

    char text[NUMBER_LINE_MAX + 1];
    memcpy(text, line.data, line.size);
    text[line.size] = '\0';
    struct hf_reply node = { .type = HF_REPLY_DOUBLE };
    if (!hf_number_double(text, line.size, &node.number)) {
        return malformed(r, "double is not a number");
    }
    return put_scalar(r, node, line.size + 3);
}

static enum progress step_boolean(struct hf_resp_reader *r)
{
    struct hf_bytes     line;
    const enum progress found = find_line(r, NUMBER_LINE_MAX, &line);
    if (found != ON) return found;

    const char      letter = line.size == 1 ? *(const char *)line.data : '\0';
    struct hf_reply node = { .type = HF_REPLY_BOOLEAN, .integer = letter == 't' };
    if (letter != 't' && letter != 'f') return malformed(r, "boolean is neither t nor f");
    return put_scalar(r, node, line.size + 3);
}

static enum progress step_null(struct hf_resp_reader *r)
{
    struct hf_bytes     line;
    const enum progress found = find_line(r, NUMBER_LINE_MAX, &line);
    if (found != ON) return found;
    if (line.size > 0) return malformed(r, "null has a value");
    return put_null(r, line.size + 3);
}

/* ---- strings ------------------------------------------------------------------- */

static bool ends_well(const char *end)
{
    return end[0] == '\r' && end[1] == '\n';
}

/* "txt:" in front of a verbatim string is not part of its text. */
enum { FORMAT_SIZE = 4 };

static bool has_format(const char *text, size_t size)
{
    return size >= FORMAT_SIZE && text[FORMAT_SIZE - 1] == ':';
}

static void start_body(struct hf_resp_reader *r, enum hf_reply_type type, size_t size)
{
    begin_tree(r, 0);
    r->is_body = true;
    r->body_type = (uint8_t)type;
    r->body_left = size;
    r->bytes += size;
}

static enum progress step_string(struct hf_resp_reader *r, enum hf_reply_type type)
{
    struct hf_resp_count count;
    const enum progress  found = find_count(r, &count);
    if (found != ON) return found;

    if (count.kind == HF_RESP_COUNT_NULL && type == HF_REPLY_STRING)
        return put_null(r, count.size);
    if (count.kind == HF_RESP_COUNT_STREAMED && type == HF_REPLY_STRING) {
        begin_tree(r, 0);
        take(r, count.size);
        r->is_streamed_string = true;
        return ON;
    }
    if (count.kind != HF_RESP_COUNT_PLAIN)
        return malformed(r, "this type has no such length");

    const size_t left = bytes_left(r) - count.size;
    if (left < 2 || count.value > left - 2) {
        return too_large(r, "string exceeds the limit of bytes");
    }
    const size_t size = (size_t)count.value;
    const size_t all = count.size + size + 2;
    if (hf_buffer_size(&r->input) < all) {
        if (size <= AWAIT_MAX) return MORE;
        take(r, count.size);
        start_body(r, type, size + 2);
        return ON;
    }

    const char *text = hf_buffer_bytes(&r->input) + count.size;
    if (!ends_well(text + size)) return malformed(r, "string is not as long as it says");
    if (type != HF_REPLY_VERBATIM || !is_kept(r)) return put_text(r, type, text, size, all);
    if (!has_format(text, size)) return malformed(r, "verbatim string has no format");
    return put_text(r, type, text + FORMAT_SIZE, size - FORMAT_SIZE, all);
}

static enum progress step_chunk(struct hf_resp_reader *r)
{
    if (*hf_buffer_bytes(&r->input) != ';') return malformed(r, "streamed string breaks off");
    struct hf_resp_count count;
    const enum progress  found = find_count(r, &count);
    if (found != ON) return found;
    if (count.kind != HF_RESP_COUNT_PLAIN)
        return malformed(r, "this type has no such length");

    if (count.value > 0) {
        const size_t left = bytes_left(r) - count.size;
        if (left < 2 || count.value > left - 2) {
            return too_large(r, "string exceeds the limit of bytes");
        }
        take(r, count.size);
        start_body(r, HF_REPLY_STRING, (size_t)count.value + 2);
        return ON;
    }

    r->is_streamed_string = false;
    if (!r->builder.open) return put_text(r, HF_REPLY_STRING, "", 0, count.size);
    take(r, count.size);
    return put(r, hf_reply_builder_open_close(&r->builder, HF_REPLY_STRING));
}

/* Room for the body. A streamed string, whose end nobody knows, grows by doubling. */
static hf_err body_room(struct hf_resp_reader *r, char **data, size_t *room)
{
    const size_t so_far = r->is_streamed_string ? r->builder.open_size : 0;
    const hf_err err = hf_reply_builder_open_room(&r->builder, r->body_left + so_far, data,
                                                  room);
    if (!err && *room > r->body_left) *room = r->body_left;
    return err;
}

static void keep_body(struct hf_resp_reader *r)
{
    while (r->body_left > 0 && hf_buffer_size(&r->input) > 0) {
        char  *data;
        size_t size;
        if (body_room(r, &data, &size)) {
            drop(r);
            return;
        }
        if (size > hf_buffer_size(&r->input)) size = hf_buffer_size(&r->input);
        memcpy(data, hf_buffer_bytes(&r->input), size);
        hf_reply_builder_open_extend(&r->builder, size);
        hf_buffer_consume(&r->input, size);
        r->body_left -= size;
    }
}

/* False when it does not end as it should. */
static bool skip_body(struct hf_resp_reader *r)
{
    while (r->body_left > 0 && hf_buffer_size(&r->input) > 0) {
        const char byte = *hf_buffer_bytes(&r->input);
        if (r->body_left <= 2 && byte != "\n\r"[r->body_left - 1]) return false;

        size_t size = r->body_left > 2 ? r->body_left - 2 : 1;
        if (size > hf_buffer_size(&r->input)) size = hf_buffer_size(&r->input);
        hf_buffer_consume(&r->input, size);
        r->body_left -= size;
    }
    return true;
}

static enum progress close_body(struct hf_resp_reader *r)
{
    const enum hf_reply_type type = (enum hf_reply_type)r->body_type;
    struct hf_reply          node = hf_reply_sized(type, 0, NULL);
    r->is_body = false;
    if (is_kept(r)) {
        if (!ends_well(hf_reply_builder_open_tail(&r->builder, 2))) {
            return malformed(r, "string is not as long as it says");
        }
        hf_reply_builder_open_trim(&r->builder, 2);
    }
    if (r->is_streamed_string) return ON;

    if (is_kept(r)) {
        node = hf_reply_builder_open_close(&r->builder, type);
        if (type == HF_REPLY_VERBATIM) {
            if (!has_format(node.text, node.size)) {
                return malformed(r, "verbatim string has no format");
            }
            node = hf_reply_sized(type, node.size - FORMAT_SIZE, node.text + FORMAT_SIZE);
        }
    }
    return put(r, node);
}

static enum progress step_body(struct hf_resp_reader *r)
{
    if (is_kept(r)) keep_body(r);
    if (!is_kept(r) && !skip_body(r)) return malformed(r, "string is not as long as it says");
    return r->body_left > 0 ? MORE : close_body(r);
}

/* ---- aggregates ---------------------------------------------------------------- */

struct aggregate {
    enum hf_reply_type type;
    uint8_t            per_count; /* Children for each one counted: 2 for pairs. */
    bool               may_be_streamed;
    bool               is_attribute;
};

static enum progress open_frame(struct hf_resp_reader *r, struct aggregate what,
                                struct hf_resp_count count)
{
    begin_tree(r, AGGREGATE_ROOM);
    take(r, count.size);
    r->frames[r->depth++] = (struct hf_resp_frame){
        .left = count.value * what.per_count,
        .first = r->builder.count,
        .type = (uint8_t)what.type,
        .is_streamed = count.kind == HF_RESP_COUNT_STREAMED,
        .is_attribute = what.is_attribute,
    };
    if (what.is_attribute) r->attributes++;
    return ON;
}

static enum progress step_aggregate(struct hf_resp_reader *r, struct aggregate what)
{
    struct hf_resp_count count;
    const enum progress  found = find_count(r, &count);
    if (found != ON) return found;

    const bool is_push = what.type == HF_REPLY_PUSH;
    if (is_push && r->depth > 0) return malformed(r, "push inside a reply");
    if (count.kind == HF_RESP_COUNT_NULL && what.type == HF_REPLY_ARRAY) {
        return put_null(r, count.size);
    }
    if (count.kind == HF_RESP_COUNT_NULL ||
        (count.kind == HF_RESP_COUNT_STREAMED && !what.may_be_streamed)) {
        return malformed(r, "this type has no such length");
    }
    if (r->depth == r->limits.depth_max) return too_large(r, "reply is nested too deep");

    const size_t room = (bytes_left(r) - count.size) / ELEMENT_BYTES_MIN;
    if (count.value > room / what.per_count) {
        return too_large(r, "reply exceeds the limit of bytes");
    }
    if (!what.is_attribute && has_too_many_elements(r, count.value * what.per_count)) {
        return too_large(r, "reply exceeds the limit of elements");
    }
    if (is_push) r->is_push = true;
    if (count.kind == HF_RESP_COUNT_STREAMED || count.value > 0)
        return open_frame(r, what, count);

    if (!what.is_attribute) {
        return put_scalar(r, hf_reply_sized(what.type, 0, NULL), count.size);
    }
    take(r, count.size);
    return ON;
}

static enum progress step_end(struct hf_resp_reader *r)
{
    struct hf_bytes     line;
    const enum progress found = find_line(r, NUMBER_LINE_MAX, &line);
    if (found != ON) return found;
    if (line.size > 0) return malformed(r, "end of an aggregate has a value");

    const struct hf_resp_frame *frame = r->depth > 0 ? &r->frames[r->depth - 1] : NULL;
    if (!frame || !frame->is_streamed) return malformed(r, "end of no aggregate");
    const bool is_paired = frame->type == HF_REPLY_MAP;
    if (is_paired && frame->left % 2 != 0) return malformed(r, "map ends after a key");

    struct hf_reply node = hf_reply_sized(HF_REPLY_NULL, 0, NULL);
    take(r, line.size + 3);
    return close_frame(r, &node) ? put(r, node) : ON;
}

/* ---- the stream ---------------------------------------------------------------- */

static enum progress step_value(struct hf_resp_reader *r)
{
    static const struct aggregate array = { HF_REPLY_ARRAY, 1, true, false };
    static const struct aggregate map = { HF_REPLY_MAP, 2, true, false };
    static const struct aggregate set = { HF_REPLY_SET, 1, true, false };
    static const struct aggregate push = { HF_REPLY_PUSH, 1, false, false };
    static const struct aggregate attribute = { HF_REPLY_MAP, 2, true, true };

    switch (*hf_buffer_bytes(&r->input)) {
    case '$': return step_string(r, HF_REPLY_STRING);
    case '+': return step_text(r, HF_REPLY_STATUS);
    case ':': return step_integer(r);
    case '*': return step_aggregate(r, array);
    case '-': return step_text(r, HF_REPLY_ERROR);
    case '_': return step_null(r);
    case '%': return step_aggregate(r, map);
    case '~': return step_aggregate(r, set);
    case '>': return step_aggregate(r, push);
    case '|': return step_aggregate(r, attribute);
    case ',': return step_double(r);
    case '#': return step_boolean(r);
    case '(': return step_text(r, HF_REPLY_BIG_NUMBER);
    case '=': return step_string(r, HF_REPLY_VERBATIM);
    case '!': return step_string(r, HF_REPLY_ERROR);
    case '.': return step_end(r);
    default: return malformed(r, "unknown type of value");
    }
}

static enum progress step(struct hf_resp_reader *r)
{
    if (r->is_body) return step_body(r);
    if (hf_buffer_size(&r->input) == 0) return MORE;
    return r->is_streamed_string ? step_chunk(r) : step_value(r);
}

hf_err hf_resp_reader_next(struct hf_resp_reader *r, struct hf_reply **reply)
{
    if (r->failed) return r->failed;

    enum progress progress;
    do progress = step(r);
    while (progress == ON);

    if (progress == FAILED) return r->failed;
    if (r->input.capacity > INPUT_SIZE && hf_buffer_size(&r->input) == 0) {
        hf_buffer_clear(&r->input, INPUT_SIZE);
    }
    if (progress == DONE && !r->whole) return HF_E_NOMEM;
    *reply = progress == DONE ? r->whole : NULL;
    return HF_OK;
}

void hf_resp_reader_init(struct hf_resp_reader *r, const struct hf_allocator *a,
                         const struct hf_resp_limits *limits)
{
    hf_assert(limits->bytes_max >= 16 && limits->bytes_max <= SIZE_MAX / 4);
    hf_assert(limits->elements_max >= 1 && limits->depth_max <= HF_RESP_DEPTH_MAX);
    r->limits = *limits;
    hf_buffer_init(&r->input, a, limits->bytes_max + INPUT_SIZE);
    hf_reply_builder_init(&r->builder, a);
    r->scanned = 0;
    r->is_direct = r->is_body = r->is_streamed_string = false;
    r->failed = HF_OK;
    r->reason = "";
    r->depth = r->attributes = 0;
    begin_reply(r);
}

void hf_resp_reader_deinit(struct hf_resp_reader *r)
{
    hf_buffer_deinit(&r->input);
    hf_reply_builder_deinit(&r->builder);
}

hf_err hf_resp_reader_space(struct hf_resp_reader *r, void **data, size_t *size)
{
    if (r->failed) return r->failed;

    r->is_direct = r->is_body && r->body_left > 0 && is_kept(r);
    if (r->is_direct) {
        char *room;
        if (body_room(r, &room, size) == HF_OK) {
            *data = room;
            return HF_OK;
        }
        drop(r);
        r->is_direct = false;
    }

    const size_t kept = hf_buffer_size(&r->input);
    const hf_err err = hf_buffer_reserve(&r->input,
                                         kept < INPUT_SIZE / 2 ? INPUT_SIZE - kept : kept);
    if (err) return err;
    *data = hf_buffer_end(&r->input);
    *size = r->input.capacity - r->input.tail;
    return HF_OK;
}

void hf_resp_reader_filled(struct hf_resp_reader *r, size_t size)
{
    if (!r->is_direct) {
        hf_buffer_extend(&r->input, size);
        return;
    }
    hf_assert(size <= r->body_left);
    hf_reply_builder_open_extend(&r->builder, size);
    r->body_left -= size;
}

const char *hf_resp_reader_error(const struct hf_resp_reader *r)
{
    return r->reason;
}

bool hf_resp_reader_is_idle(const struct hf_resp_reader *r)
{
    return r->bytes == 0 && hf_buffer_size(&r->input) == 0;
}
