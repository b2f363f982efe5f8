#include "core/trace.h"

#include "core/cancel.h"

#include <string.h>

enum {
    TEXT = HF_TRACE_TEXT_SIZE - 1,
    VERSION_AT = 0,
    TRACE_AT = 3,
    PARENT_AT = 36,
    FLAGS_AT = 53,
    VERSION_FORBIDDEN = 0xff,
    FLAGS_KNOWN = 0x03, /* Sampled, random; the others must go out as zero. */
};

/* Lower case, as the W3C wants it. */
static int digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

static bool read_hex(const char *text, unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const int high = digit(text[2 * i]);
        const int low = high < 0 ? -1 : digit(text[2 * i + 1]);
        if (low < 0) return false;
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static bool is_zero(const unsigned char *bytes, size_t count)
{
    while (count > 0 && bytes[count - 1] == 0) count--;
    return count == 0;
}

/* A later version may have more, behind another dash. */
static bool has_right_length(const char *text, unsigned char version)
{
    if (strnlen(text, TEXT) < TEXT) return false;
    return text[TEXT] == '\0' || (version > 0 && text[TEXT] == '-');
}

hf_err hf_trace_parse(const char *traceparent, struct hf_trace_context *context)
{
    struct hf_trace_context read = { 0 };
    const char             *t = traceparent;
    unsigned char           version;
    if (!t || strnlen(t, TEXT) < TEXT) return HF_E_INVALID;
    if (!read_hex(t + VERSION_AT, &version, 1) || version == VERSION_FORBIDDEN ||
        !has_right_length(t, version)) {
        return HF_E_INVALID;
    }
    if (t[TRACE_AT - 1] != '-' || t[PARENT_AT - 1] != '-' || t[FLAGS_AT - 1] != '-') {
        return HF_E_INVALID;
    }
    if (!read_hex(t + TRACE_AT, read.trace_id, sizeof read.trace_id) ||
        !read_hex(t + PARENT_AT, read.parent_id, sizeof read.parent_id) ||
        !read_hex(t + FLAGS_AT, &read.flags, 1)) {
        return HF_E_INVALID;
    }
    if (is_zero(read.trace_id, sizeof read.trace_id) ||
        is_zero(read.parent_id, sizeof read.parent_id)) {
        return HF_E_INVALID;
    }
    *context = read;
    return HF_OK;
}

static void write_hex(char *text, const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        text[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
}

void hf_trace_format(const struct hf_trace_context *context, char text[HF_TRACE_TEXT_SIZE])
{
    text[0] = '\0';
    if (!hf_trace_is_set(context)) return;
    memset(text, '-', TEXT);
    text[TEXT] = '\0';
    memcpy(text, "00", 2);
    write_hex(text + TRACE_AT, context->trace_id, sizeof context->trace_id);
    write_hex(text + PARENT_AT, context->parent_id, sizeof context->parent_id);
    const unsigned char flags = context->flags & FLAGS_KNOWN;
    write_hex(text + FLAGS_AT, &flags, 1);
}

bool hf_trace_is_set(const struct hf_trace_context *context)
{
    return !is_zero(context->trace_id, sizeof context->trace_id);
}

void hf_tracer_start(const struct hf_tracer *tracer, struct hf_span *span,
                     enum hf_span_kind kind, const char *name,
                     const struct hf_trace_context *context)
{
    *span = (struct hf_span){
        .kind = kind, .name = name, .endpoint = tracer->endpoint, .begun = hf_now()
    };
    if (context) span->context = *context;
    if (!tracer->start) return;
    const int cancels = hf_cancel_defer();
    tracer->start(span, tracer->ctx);
    hf_cancel_restore(cancels);
}

void hf_tracer_end(const struct hf_tracer *tracer, struct hf_span *span, hf_err err)
{
    span->ended = hf_now();
    span->err = err;
    if (!tracer->end) return;
    const int cancels = hf_cancel_defer();
    tracer->end(span, tracer->ctx);
    hf_cancel_restore(cancels);
}
