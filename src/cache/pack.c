#include "cache/pack.h"

#include "cache/metadata.h"
#include "core/alloc.h"
#include "core/assert.h"
#include "core/error.h"

#include <string.h>

/* A value that was made of a body. */
struct block {
    const struct hf_allocator *allocator;
    unsigned char              bytes[];
};

hf_err hf_packer_init(struct hf_packer *packer, const struct hf_allocator *a,
                      struct hf_metrics *metrics, const struct hf_cache_options *options,
                      size_t threshold, struct hf_error *error)
{
    *packer = (struct hf_packer){ .allocator = a,
                                  .metrics = metrics,
                                  .compression = options->compression,
                                  .threshold = threshold };
    hf_codecs_init(&packer->codecs, a);
    if ((unsigned)options->compression > HF_COMPRESSION_ZSTD) {
        return hf_fail(error, HF_E_INVALID, "compression: unknown kind");
    }
    if (options->key_count == 0) return HF_OK;
    if (!options->keys) return hf_fail(error, HF_E_INVALID, "keys: a count and no keys");
    return hf_sealer_open(a, options->keys, options->key_count, &packer->sealer, error);
}

void hf_packer_deinit(struct hf_packer *packer)
{
    hf_codecs_deinit(&packer->codecs);
    hf_sealer_close(packer->sealer);
}

static bool is_worth_trying(const struct hf_packer *packer, const struct hf_envelope *e)
{
    return packer->compression != HF_COMPRESSION_OFF && !e->is_large &&
           e->body.size > packer->threshold;
}

static struct hf_bytes behind(struct hf_bytes bytes, size_t size)
{
    return hf_bytes((const unsigned char *)bytes.data + size, bytes.size - size);
}

static bool is_sound(const struct hf_envelope *e, struct hf_bytes content)
{
    struct hf_bytes metadata;
    return !e->has_metadata || hf_metadata_read(content, &metadata);
}

/* How much of a sound content is not compressed. */
static size_t front_of(const struct hf_envelope *e, struct hf_bytes content)
{
    return e->has_metadata ? content.size - hf_metadata_skip(content).size : 0;
}

/* The value, made smaller, at `to`; e keeps codec and size of what it became. */
static void compress(struct hf_packer *packer, struct hf_envelope *e, unsigned char *to)
{
    size_t           size = 0;
    const size_t     front = front_of(e, e->body);
    const hf_instant start = hf_now();
    e->codec = hf_codec_compress(&packer->codecs, packer->compression, behind(e->body, front),
                                 to + front, &size);
    hf_metrics_record_since(packer->metrics, HF_LATENCY_COMPRESS, start);
    if (e->codec == HF_CODEC_RAW) {
        hf_metrics_inc(packer->metrics, HF_STAT_CACHE_INCOMPRESSIBLE);
        return;
    }
    if (front) memcpy(to, e->body.data, front);
    e->body = hf_bytes(to, front + size);
    hf_metrics_inc(packer->metrics, HF_STAT_CACHE_COMPRESSED);
    hf_metrics_add(packer->metrics, HF_STAT_CACHE_COMPRESS_IN,
                   (int64_t)(e->raw_size - front));
    hf_metrics_add(packer->metrics, HF_STAT_CACHE_COMPRESS_OUT, (int64_t)size);
}

/* Seals e->body, which may be at its place already, into body. */
static hf_err seal(struct hf_packer *packer, struct hf_envelope *e, struct hf_bytes wire,
                   unsigned char *body)
{
    unsigned char              head[HF_ENVELOPE_HEAD_SIZE];
    const struct hf_sealed_for what = { head, e->tags, wire };
    e->is_sealed = true;
    hf_envelope_head(e, head);
    const hf_err err = hf_seal(packer->sealer, &what, e->body, body);
    e->body = hf_bytes(body, e->body.size + HF_ENVELOPE_SEAL_SIZE);
    return err;
}

/* Header, tags and, unless it is there already, the body. */
static void write_entry(struct hf_envelope *e, unsigned char *to, struct hf_packed *packed)
{
    unsigned char *body = to + HF_ENVELOPE_SIZE + e->tags.size;
    if (e->tags.size) memmove(to + HF_ENVELOPE_SIZE, e->tags.data, e->tags.size);
    if (e->body.size && e->body.data != body) memcpy(body, e->body.data, e->body.size);
    hf_envelope_encode(e, to);
    packed->envelope = *e;
    packed->bytes = hf_bytes(to, HF_ENVELOPE_SIZE + e->tags.size + e->body.size);
}

hf_err hf_pack(struct hf_packer *packer, const struct hf_envelope *given,
               struct hf_bytes wire, unsigned char *at, size_t room, struct hf_packed *packed)
{
    const size_t       front = HF_ENVELOPE_SIZE + given->tags.size;
    const size_t       seal_size = packer->sealer ? HF_ENVELOPE_SEAL_SIZE : 0;
    const size_t       most = front + given->body.size + seal_size;
    const bool         is_there = given->body.size && given->body.data == at + front;
    const bool         may_change = packer->sealer || is_worth_trying(packer, given);
    struct hf_envelope e = *given;
    e.codec = HF_CODEC_RAW;
    e.raw_size = given->body.size;

    void *block = NULL;
    if (is_there ? may_change : most > room) {
        block = hf_alloc(packer->allocator, most);
        if (!block) return HF_E_NOMEM;
    }
    unsigned char *to = block ? block : at;
    unsigned char *content = to + front + (packer->sealer ? HF_SEAL_CONTENT_AT : 0);
    if (is_worth_trying(packer, given)) compress(packer, &e, content);

    hf_err err = HF_OK;
    if (packer->sealer) {
        err = seal(packer, &e, wire, to + front);
    } else if (is_there && block && e.codec == HF_CODEC_RAW) {
        hf_free(packer->allocator, block);
        block = NULL;
        to = at;
    }
    if (err) {
        hf_free(packer->allocator, block);
        return err;
    }
    packed->block = block;
    write_entry(&e, to, packed);
    return HF_OK;
}

void hf_packed_free(struct hf_packer *packer, struct hf_packed *packed)
{
    hf_free(packer->allocator, packed->block);
    packed->block = NULL;
}

enum hf_envelope_status hf_packer_check(const struct hf_packer   *packer,
                                        const struct hf_envelope *e)
{
    if (e->is_sealed && !packer->sealer) return HF_ENVELOPE_NO_KEY;
    return !e->is_sealed && packer->sealer ? HF_ENVELOPE_UNSEALED : HF_ENVELOPE_OK;
}

/* content has room for what is in the body. */
static hf_err unseal(struct hf_packer *packer, const struct hf_envelope *e,
                     struct hf_bytes wire, unsigned char *content,
                     enum hf_envelope_status *status)
{
    unsigned char              head[HF_ENVELOPE_HEAD_SIZE];
    const struct hf_sealed_for what = { head, e->tags, wire };
    hf_envelope_head(e, head);
    return hf_unseal(packer->sealer, &what, e->body, content, status);
}

hf_err hf_repack(struct hf_packer *packer, const struct hf_envelope *given,
                 struct hf_bytes wire, int64_t expires_ms, struct hf_packed *packed,
                 enum hf_envelope_status *status)
{
    hf_assert(given->is_sealed && packer->sealer);
    const size_t       front = HF_ENVELOPE_SIZE + given->tags.size;
    struct hf_envelope e = *given;
    unsigned char     *to = hf_alloc(packer->allocator, front + given->body.size);
    if (!to) return HF_E_NOMEM;

    unsigned char *content = to + front + HF_SEAL_CONTENT_AT;
    hf_err         err = unseal(packer, &e, wire, content, status);
    if (!err && !*status) {
        e.expires_ms = expires_ms < e.created_ms ? e.created_ms : expires_ms;
        e.body = hf_bytes(content, given->body.size - HF_ENVELOPE_SEAL_SIZE);
        err = seal(packer, &e, wire, to + front);
    }
    if (err || *status) {
        hf_free(packer->allocator, to);
        return err;
    }
    packed->block = to;
    write_entry(&e, to, packed);
    return HF_OK;
}

static void free_block(void *object)
{
    struct block *block = object;
    hf_free(block->allocator, block);
}

static struct block *make_block(struct hf_packer *packer, size_t size)
{
    struct block *block = hf_alloc(packer->allocator, sizeof *block + size);
    if (block) block->allocator = packer->allocator;
    return block;
}

static hf_err expand(struct hf_packer *packer, const struct hf_envelope *e,
                     struct hf_bytes content, struct block *value,
                     enum hf_envelope_status *status)
{
    if (!is_sound(e, content)) {
        *status = HF_ENVELOPE_DAMAGED;
        return HF_OK;
    }
    const size_t     front = front_of(e, content);
    const hf_instant start = hf_now();
    const hf_err     err = hf_codec_expand(&packer->codecs, e->codec, behind(content, front),
                                           value->bytes + front, e->raw_size - front);
    if (front) memcpy(value->bytes, content.data, front);
    hf_metrics_record_since(packer->metrics, HF_LATENCY_DECOMPRESS, start);
    *status = err == HF_E_INVALID ? HF_ENVELOPE_DAMAGED : HF_ENVELOPE_OK;
    return err == HF_E_INVALID ? HF_OK : err;
}

/* Into value, by way of a block for the ciphertext's content where it is also compressed. */
static hf_err open_body(struct hf_packer *packer, const struct hf_envelope *e,
                        struct hf_bytes wire, struct block *value,
                        enum hf_envelope_status *status)
{
    if (!e->is_sealed) return expand(packer, e, e->body, value, status);
    if (e->codec == HF_CODEC_RAW) return unseal(packer, e, wire, value->bytes, status);

    const size_t  size = e->body.size - HF_ENVELOPE_SEAL_SIZE;
    struct block *content = make_block(packer, size);
    if (!content) return HF_E_NOMEM;
    hf_err err = unseal(packer, e, wire, content->bytes, status);
    if (!err && !*status) {
        err = expand(packer, e, hf_bytes(content->bytes, size), value, status);
    }
    free_block(content);
    return err;
}

hf_err hf_unpack(struct hf_packer *packer, const struct hf_envelope *e, struct hf_bytes wire,
                 struct hf_unpacked *unpacked, enum hf_envelope_status *status)
{
    *status = hf_packer_check(packer, e);
    *unpacked = (struct hf_unpacked){ .value = e->body };
    if (*status) return HF_OK;
    if (!e->is_sealed && e->codec == HF_CODEC_RAW) {
        if (!is_sound(e, e->body)) *status = HF_ENVELOPE_DAMAGED;
        return HF_OK;
    }
    struct block *value = make_block(packer, e->raw_size);
    if (!value) return HF_E_NOMEM;
    const hf_err err = open_body(packer, e, wire, value, status);
    if (!err && !*status && !is_sound(e, hf_bytes(value->bytes, e->raw_size))) {
        *status = HF_ENVELOPE_DAMAGED;
    }
    if (err || *status) {
        free_block(value);
        return err;
    }
    *unpacked = (struct hf_unpacked){ .value = hf_bytes(value->bytes, e->raw_size),
                                      .is_block = true,
                                      .block = { free_block, value } };
    return HF_OK;
}
