/* The RESP reader: any stream, cut in any way, comes to the same replies and the same end;
 * and when memory runs out somewhere, nothing breaks.
 *
 *     input:  [ two bytes: how it is cut | one byte: which allocation fails ][ stream ] */

#include "core/alloc.h"
#include "core/assert.h"
#include "core/rng.h"
#include "net/resp_reader.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PREFIX_SIZE = 3, FEW = 16, MANY = 6000 };

static const struct hf_resp_limits limits = {
    .bytes_max = 60000,
    .elements_max = 3000,
    .depth_max = 12,
};

/* What came out, boiled down. */
struct outcome {
    uint64_t    hash;
    size_t      replies;
    hf_err      err;
    bool        is_idle;
    const char *reason;
};

static void mix(struct outcome *o, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++)
        o->hash = (o->hash ^ bytes[i]) * UINT64_C(0x100000001b3);
}

static void mix_reply(struct outcome *o, const struct hf_reply *node)
{
    const enum hf_reply_type type = hf_reply_type(node);
    const size_t             count = hf_reply_count(node);
    struct hf_bytes          text;
    int64_t                  integer;
    double                   number;
    mix(o, &type, sizeof type);
    mix(o, &count, sizeof count);
    if (hf_reply_bytes(node, &text) == HF_OK) {
        hf_assert(((const char *)text.data)[text.size] == '\0');
        mix(o, text.data, text.size);
    }
    if (hf_reply_int(node, &integer) == HF_OK) mix(o, &integer, sizeof integer);
    if (hf_reply_double(node, &number) == HF_OK) mix(o, &number, sizeof number);
    for (size_t i = 0; i < count; i++) mix_reply(o, hf_reply_at(node, i));
    hf_assert(!hf_reply_at(node, count));
}

static hf_err take_replies(struct hf_resp_reader *r, struct outcome *o)
{
    struct hf_reply *reply = NULL;
    hf_err           err;
    while ((err = hf_resp_reader_next(r, &reply)) == HF_E_NOMEM || (!err && reply)) {
        if (!err) {
            mix_reply(o, reply);
            hf_reply_free(reply);
        }
        reply = NULL;
        o->replies++;
    }
    return err;
}

/* How many bytes the next read brings: all that fit, a few, or many. */
static size_t piece(struct hf_rng *rng, unsigned how)
{
    if (how == 0) return SIZE_MAX;
    return 1 + (size_t)hf_rng_below(rng, how % 4 == 0 ? MANY : how % 4 == 1 ? 1 : FEW);
}

static struct outcome run(const struct hf_allocator *a, const uint8_t *data, size_t size,
                          unsigned how)
{
    struct hf_resp_reader r;
    struct outcome        o = { .reason = "" };
    struct hf_rng         rng = { how };
    hf_resp_reader_init(&r, a, &limits);
    while (size > 0 && !o.err) {
        void  *room;
        size_t count;
        o.err = hf_resp_reader_space(&r, &room, &count);
        if (o.err) break;
        const size_t wanted = piece(&rng, how);
        if (count > wanted) count = wanted;
        if (count > size) count = size;
        memcpy(room, data, count);
        hf_resp_reader_filled(&r, count);
        data += count;
        size -= count;
        o.err = take_replies(&r, &o);
    }
    o.is_idle = hf_resp_reader_is_idle(&r);
    o.reason = hf_resp_reader_error(&r);
    hf_resp_reader_deinit(&r);
    return o;
}

struct failing_allocator {
    struct hf_allocator base;
    unsigned            left; /* Requests that are still granted. */
};

static void *resize(void *block, size_t size, void *ctx)
{
    struct failing_allocator *f = ctx;
    if (f->left-- == 0) return NULL;
    return realloc(block, size);
}

static void release(void *block, void *ctx)
{
    (void)ctx;
    free(block);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < PREFIX_SIZE) return 0;
    const unsigned how = (unsigned)data[0] << 8 | data[1];
    const unsigned fail_at = data[2];
    data += PREFIX_SIZE;
    size -= PREFIX_SIZE;

    const struct outcome whole = run(&hf_allocator_default, data, size, 0);
    const struct outcome cut = run(&hf_allocator_default, data, size, how | 1u << 16);
    hf_assert(whole.replies == cut.replies && whole.hash == cut.hash);
    hf_assert(whole.err == cut.err && strcmp(whole.reason, cut.reason) == 0);
    hf_assert(whole.err || whole.is_idle == cut.is_idle);

    struct failing_allocator f = { { resize, release, &f }, fail_at };
    const struct outcome     poor = run(&f.base, data, size, how | 1u << 16);
    const bool is_cut_short = poor.err == HF_E_NOMEM || poor.err == HF_E_NOMEM_SENT;
    hf_assert(is_cut_short || poor.replies == whole.replies);
    return 0;
}
