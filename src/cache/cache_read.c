#include "cache/cache.h"
#include "core/error.h"
#include "core/wall_clock.h"

#include <string.h>

hf_err hf_cache_open_value(struct hf_cache *cache, uint64_t hash,
                           const struct hf_reply *reply, struct hf_value_source source,
                           bool stale_too, struct hf_value **value, struct hf_error *error)
{
    struct hf_bytes bytes;
    if (hf_reply_is_null(reply)) return HF_MISS;
    if (hf_reply_bytes(reply, &bytes)) return hf_fail(error, HF_E_PROTOCOL, "GET");

    struct hf_envelope            envelope;
    const enum hf_envelope_status status = hf_envelope_decode(bytes, hash, &envelope);
    if (status) return hf_cache_count_unusable(cache, status);
    if (envelope.codec != HF_CODEC_RAW || envelope.raw_size > cache->value_size_max) {
        return hf_cache_count_unusable(cache, HF_ENVELOPE_OTHER_VERSION);
    }

    const int64_t now_ms = hf_unix_ms();
    const bool    expired = envelope.expires_ms <= now_ms;
    const bool    too_old = now_ms - cache->stale_limit_ms >= envelope.expires_ms;
    if (expired && (too_old || !stale_too)) {
        hf_metrics_inc(cache->metrics, HF_STAT_CACHE_EXPIRED);
        return HF_MISS;
    }

    const hf_err err = hf_value_open(cache->allocator, source, &envelope, now_ms, value);
    if (err) return hf_fail(error, err, "value");
    if (expired) hf_metrics_inc(cache->metrics, HF_STAT_CACHE_STALE);
    hf_metrics_add(cache->metrics, HF_STAT_CACHE_BYTES_READ, (int64_t)envelope.body.size);
    return HF_OK;
}

hf_err hf_cache_count_read(struct hf_cache *cache, hf_err err)
{
    if (!err) hf_metrics_inc(cache->metrics, HF_STAT_CACHE_HITS);
    if (err == HF_MISS) hf_metrics_inc(cache->metrics, HF_STAT_CACHE_MISSES);
    return err;
}

hf_err hf_cache_fetch(struct hf_cache_op *op, bool stale_too, struct hf_value **value)
{
    const struct hf_bytes argv[] = { hf_str("GET"), op->key.wire };
    struct hf_reply      *reply;
    hf_err                err = hf_cache_op_trust(op);
    if (!err) err = hf_cache_run(op, HF_COMMAND_READ, argv, 2, &reply);
    if (err == HF_E_WRONGTYPE) return hf_cache_count_unusable(op->cache, HF_ENVELOPE_FOREIGN);
    if (err) return err;

    err = hf_cache_open_value(op->cache, op->hash, reply, hf_value_from_reply(reply),
                              stale_too, value, op->error);
    if (err) hf_reply_free(reply);
    return err;
}

hf_err hf_cache_drop_absent(hf_err err, struct hf_value **value)
{
    if (err || !hf_value_is_absent(*value)) return err;
    hf_value_release(*value);
    *value = NULL;
    return HF_MISS;
}

static hf_err get(struct hf_cache_op *op, const struct hf_call *call, struct hf_bytes key,
                  bool stale_too, struct hf_value **value)
{
    hf_err err = hf_cache_op_begin(op, call, key);
    if (err) return err;

    struct hf_value *found = NULL;
    err = hf_cache_drop_absent(hf_cache_fetch(op, stale_too, &found), &found);
    if (!err) *value = found;
    return hf_cache_op_end(op, hf_cache_count_read(op->cache, err));
}

hf_err hf_cache_get(struct hf_cache *cache, const struct hf_call *call, struct hf_bytes key,
                    struct hf_value **value, struct hf_error *error)
{
    struct hf_cache_op op = {
        .cache = cache, .name = "cache get", .latency = HF_LATENCY_CACHE_GET, .error = error
    };
    return get(&op, call, key, false, value);
}

hf_err hf_cache_get_stale(struct hf_cache *cache, const struct hf_call *call,
                          struct hf_bytes key, struct hf_value **value,
                          struct hf_error *error)
{
    struct hf_cache_op op = {
        .cache = cache, .name = "cache get", .latency = HF_LATENCY_CACHE_GET, .error = error
    };
    return get(&op, call, key, true, value);
}

hf_err hf_cache_read_header(struct hf_cache_op *op, struct hf_cache_header *header)
{
    _Static_assert(HF_ENVELOPE_SIZE == 64, "GETRANGE counts to the last byte, 63");
    const struct hf_bytes argv[] = { hf_str("GETRANGE"), op->key.wire, hf_str("0"),
                                     hf_str("63") };
    struct hf_reply      *reply;
    hf_err                err = hf_cache_op_trust(op);
    if (!err) err = hf_cache_run(op, HF_COMMAND_READ, argv, 4, &reply);
    if (err == HF_E_WRONGTYPE) return hf_cache_count_unusable(op->cache, HF_ENVELOPE_FOREIGN);
    if (err) return err;

    struct hf_bytes bytes;
    if (hf_reply_bytes(reply, &bytes)) {
        err = hf_fail(op->error, HF_E_PROTOCOL, "GETRANGE");
        goto out;
    }
    err = HF_MISS;
    if (bytes.size == 0) goto out;

    const enum hf_envelope_status status = hf_envelope_decode_header(bytes, op->hash,
                                                                     &header->envelope);
    if (status) {
        err = hf_cache_count_unusable(op->cache, status);
        goto out;
    }
    header->now_ms = hf_unix_ms();
    if (!header->envelope.is_absent && header->envelope.expires_ms > header->now_ms) {
        memcpy(header->bytes, bytes.data, HF_ENVELOPE_SIZE);
        err = HF_OK;
    }
out:
    hf_reply_free(reply);
    return err;
}

hf_err hf_cache_exists(struct hf_cache *cache, const struct hf_call *call,
                       struct hf_bytes key, struct hf_error *error)
{
    struct hf_cache_op op = { .cache = cache,
                              .name = "cache exists",
                              .latency = HF_LATENCY_CACHE_GET,
                              .error = error };
    hf_err             err = hf_cache_op_begin(&op, call, key);
    if (err) return err;

    struct hf_cache_header header;
    return hf_cache_op_end(&op, hf_cache_read_header(&op, &header));
}

hf_err hf_cache_ttl(struct hf_cache *cache, const struct hf_call *call, struct hf_bytes key,
                    hf_duration *ttl, struct hf_error *error)
{
    struct hf_cache_op op = {
        .cache = cache, .name = "cache ttl", .latency = HF_LATENCY_CACHE_GET, .error = error
    };
    hf_err err = hf_cache_op_begin(&op, call, key);
    if (err) return err;

    struct hf_cache_header header;
    err = hf_cache_read_header(&op, &header);
    if (!err) *ttl = hf_ns((header.envelope.expires_ms - header.now_ms) * 1000000);
    return hf_cache_op_end(&op, err);
}
