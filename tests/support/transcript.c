#include "support/transcript.h"

#include "core/alloc.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const struct hf_resp_limits transcript_limits = {
    .bytes_max = 1 << 30,
    .elements_max = 1 << 20,
    .depth_max = HF_RESP_DEPTH_MAX,
};

static void write_text(const char *open, struct hf_bytes text, const char *close, FILE *out)
{
    const unsigned char *at = text.data;
    if (at[text.size] != '\0') abort();
    fputs(open, out);
    for (size_t i = 0; i < text.size; i++) {
        const bool is_plain = isprint(at[i]) && at[i] != '"' && at[i] != '\\';
        fprintf(out, is_plain ? "%c" : "\\x%02x", at[i]);
    }
    fputs(close, out);
}

static void write_children(const char *open, const struct hf_reply *node, const char *close,
                           FILE *out)
{
    fputs(open, out);
    for (size_t i = 0; i < hf_reply_count(node); i++) {
        if (i > 0) fputc(' ', out);
        transcript_reply(hf_reply_at(node, i), out);
    }
    fputs(close, out);
}

void transcript_reply(const struct hf_reply *reply, FILE *out)
{
    struct hf_bytes          text = { 0 };
    int64_t                  integer = 0;
    double                   number = 0;
    const enum hf_reply_type type = hf_reply_type(reply);
    const bool               has_text = hf_reply_bytes(reply, &text) == HF_OK;
    if (type == HF_REPLY_INTEGER || type == HF_REPLY_BOOLEAN) {
        if (hf_reply_int(reply, &integer)) abort();
    }
    if (type == HF_REPLY_DOUBLE && hf_reply_double(reply, &number)) abort();

    switch (type) {
    case HF_REPLY_NULL: fputs("null", out); break;
    case HF_REPLY_STATUS: write_text("+", text, "", out); break;
    case HF_REPLY_ERROR: write_text("-", text, "", out); break;
    case HF_REPLY_INTEGER: fprintf(out, ":%" PRId64, integer); break;
    case HF_REPLY_STRING: write_text("\"", text, "\"", out); break;
    case HF_REPLY_DOUBLE: fprintf(out, ",%.17g", number); break;
    case HF_REPLY_BOOLEAN: fputs(integer ? "#t" : "#f", out); break;
    case HF_REPLY_BIG_NUMBER: write_text("(", text, "", out); break;
    case HF_REPLY_VERBATIM: write_text("=\"", text, "\"", out); break;
    case HF_REPLY_ARRAY: write_children("[", reply, "]", out); break;
    case HF_REPLY_MAP: write_children("{", reply, "}", out); break;
    case HF_REPLY_SET: write_children("~[", reply, "]", out); break;
    case HF_REPLY_PUSH: write_children(">[", reply, "]", out); break;
    }
    if (has_text != (text.data != NULL)) abort();
}

static hf_err take_replies(struct hf_resp_reader *r, FILE *out)
{
    for (;;) {
        struct hf_reply *reply = NULL;
        const hf_err     err = hf_resp_reader_next(r, &reply);
        if (err == HF_E_NOMEM) {
            fputs("out of memory\n", out);
            continue;
        }
        if (err) return err;
        if (!reply) return HF_OK;
        transcript_reply(reply, out);
        fputc('\n', out);
        hf_reply_free(reply);
    }
}

hf_err transcript_feed(struct hf_resp_reader *r, struct hf_bytes piece, FILE *out)
{
    const char *at = piece.data;
    size_t      left = piece.size;
    while (left > 0) {
        void  *room;
        size_t size;
        hf_err err = hf_resp_reader_space(r, &room, &size);
        if (err == HF_E_NOMEM) continue;
        if (err) return err;

        if (size > left) size = left;
        memcpy(room, at, size);
        hf_resp_reader_filled(r, size);
        at += size;
        left -= size;
        err = take_replies(r, out);
        if (err) return err;
    }
    return HF_OK;
}

char *transcript(const struct hf_allocator *a, const struct hf_resp_limits *limits,
                 struct hf_bytes stream, const size_t *cuts, size_t cut_count)
{
    char                 *text = NULL;
    size_t                size = 0;
    FILE                 *out = open_memstream(&text, &size);
    struct hf_resp_reader reader;
    hf_resp_reader_init(&reader, a, limits);

    hf_err err = HF_OK;
    size_t from = 0;
    for (size_t i = 0; i <= cut_count && !err; i++) {
        const size_t to = i < cut_count ? cuts[i] : stream.size;
        const char  *start = stream.data;
        err = transcript_feed(&reader, hf_bytes(start + from, to - from), out);
        from = to;
    }
    if (err) {
        fprintf(out, "%s: %s", hf_err_name(err), hf_resp_reader_error(&reader));
    } else {
        fputs(hf_resp_reader_is_idle(&reader) ? "idle" : "unfinished", out);
    }
    hf_resp_reader_deinit(&reader);
    fclose(out);
    return text;
}
