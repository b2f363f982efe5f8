#include "cache/cache.h"
#include "cache/metadata.h"
#include "core/alloc.h"
#include "core/error.h"
#include "core/wall_clock.h"

#include <string.h>

hf_err hf_cache_add_metadata(const struct hf_cache *cache, struct hf_envelope *e,
                             struct hf_bytes metadata, void **joined, struct hf_error *error)
{
    *joined = NULL;
    if (metadata.size == 0) return HF_OK;
    unsigned char *both = hf_metadata_join(cache->allocator, metadata, e->body);
    if (!both) return hf_fail(error, HF_E_NOMEM, "metadata");
    e->body = hf_bytes(both, hf_metadata_block_size(metadata) + e->body.size);
    e->has_metadata = true;
    *joined = both;
    return HF_OK;
}

static void copy(struct hf_bytes from, struct hf_metadata *to)
{
    if (from.size) memcpy(to->bytes, from.data, from.size);
    to->size = from.size;
}

/* False where the value must be read for it. */
static bool take(struct hf_bytes head, const struct hf_envelope *e,
                 struct hf_metadata *metadata)
{
    struct hf_bytes found = hf_bytes(NULL, 0);
    if (e->is_sealed || e->tags.size) return false;
    if (e->has_metadata) {
        const struct hf_bytes body = hf_bytes((const char *)head.data + HF_ENVELOPE_SIZE,
                                              head.size - HF_ENVELOPE_SIZE);
        if (!hf_metadata_read(body, &found)) return false;
    }
    copy(found, metadata);
    return true;
}

static bool is_live(const struct hf_envelope *e)
{
    return !e->is_absent && (e->sliding || e->expires_ms > hf_unix_ms());
}

/* HF_E_TYPE where the value must be read. */
static hf_err read_head(struct hf_cache_op *op, struct hf_metadata *metadata)
{
    _Static_assert(HF_ENVELOPE_SIZE + HF_METADATA_BLOCK_MAX == 4170, "what is asked for");
    const struct hf_bytes argv[] = { hf_str("GETRANGE"), op->key.wire, hf_str("0"),
                                     hf_str("4169") };
    struct hf_reply      *reply;
    struct hf_bytes       bytes;
    struct hf_envelope    e;
    hf_err                err = hf_cache_op_trust(op);
    if (!err) err = hf_cache_run(op, HF_COMMAND_READ, argv, 4, &reply);
    if (err == HF_E_WRONGTYPE) return hf_cache_count_unusable(op->cache, HF_ENVELOPE_FOREIGN);
    if (err) return err;

    if (hf_reply_bytes(reply, &bytes)) {
        err = hf_fail(op->error, HF_E_PROTOCOL, "GETRANGE");
    } else if (bytes.size == 0) {
        err = HF_MISS;
    } else {
        enum hf_envelope_status status = hf_envelope_decode_header(bytes, op->hash, &e);
        if (!status) status = hf_packer_check(&op->cache->packer, &e);
        if (status) err = hf_cache_count_unusable(op->cache, status);
        if (!err && !is_live(&e)) err = HF_MISS;
        if (!err && !take(bytes, &e, metadata)) err = HF_E_TYPE;
    }
    hf_reply_free(reply);
    return err;
}

static hf_err read_value(struct hf_cache_op *op, struct hf_metadata *metadata)
{
    struct hf_value *value;
    hf_err           err = hf_cache_fetch(op, false, &value);
    if (err) return err;
    if (hf_value_is_absent(value)) {
        err = HF_MISS;
    } else {
        copy(hf_value_metadata(value), metadata);
    }
    hf_value_release(value);
    return err;
}

hf_err hf_cache_metadata(struct hf_cache *cache, const struct hf_call *call,
                         struct hf_bytes key, struct hf_metadata *metadata,
                         struct hf_error *error)
{
    struct hf_cache_op op = { .cache = cache,
                              .name = "cache metadata",
                              .latency = HF_LATENCY_CACHE_GET,
                              .error = error };
    hf_err             err = hf_cache_op_begin(&op, call, key);
    if (err) return err;

    err = read_head(&op, metadata);
    if (err == HF_E_TYPE) err = read_value(&op, metadata);
    return hf_cache_op_end(&op, err);
}
