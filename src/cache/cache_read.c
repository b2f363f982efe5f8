#include "cache/cache.h"
#include "client/client.h"
#include "core/error.h"
#include "core/wall_clock.h"

#include <holdfast/batch.h>
#include <string.h>

/* The server prolongs a sliding entry, so only it knows; it keeps all entries longer by the
 * stale limit. */
static int64_t expiry(const struct hf_cache *cache, const struct hf_envelope *e,
                      int64_t left_ms, int64_t now_ms)
{
    if (!e->sliding) return e->expires_ms;
    if (left_ms < 0) return now_ms + (e->expires_ms - e->created_ms);
    return now_ms + left_ms - cache->stale_limit_ms;
}

/* The value of what is live, with its own source where it was compressed or sealed. */
static hf_err take(struct hf_cache *cache, struct hf_bytes wire, struct hf_envelope *e,
                   int64_t now_ms, int64_t expires_ms, struct hf_value_source source,
                   struct hf_value **value, struct hf_error *error)
{
    struct hf_unpacked      unpacked;
    enum hf_envelope_status status;
    hf_err                  err = hf_unpack(&cache->packer, e, wire, &unpacked, &status);
    if (!err && status) return hf_cache_count_unusable(cache, status);
    if (err) return hf_fail(error, err, "reading the value");

    e->body = unpacked.value;
    err = hf_value_open(cache->allocator, unpacked.is_block ? unpacked.block : source, e,
                        now_ms, expires_ms, value);
    if (unpacked.is_block) {
        const struct hf_value_source rest = err ? unpacked.block : source;
        rest.release(rest.object);
    }
    return err ? hf_fail(error, err, "value") : HF_OK;
}

/* How long an entry's tags must last for it. */
static int64_t need_ms(const struct hf_cache *cache, const struct hf_envelope *e,
                       int64_t now_ms)
{
    const int64_t until_ms = e->sliding ? now_ms + (e->expires_ms - e->created_ms)
                                        : e->expires_ms;
    const int64_t left_ms = until_ms > now_ms ? until_ms - now_ms : 0;
    const int64_t most_ms = hf_to_ms(HF_CACHE_TTL_MAX);
    return (left_ms < most_ms ? left_ms : most_ms) + cache->stale_limit_ms;
}

hf_err hf_cache_open_value(struct hf_cache *cache, const struct hf_cache_found *found,
                           const struct hf_reply *reply, struct hf_value_source source,
                           struct hf_value **value)
{
    struct hf_bytes bytes;
    if (hf_reply_is_null(reply)) return HF_MISS;
    if (hf_reply_bytes(reply, &bytes)) return hf_fail(found->error, HF_E_PROTOCOL, "GET");

    struct hf_envelope            envelope;
    const enum hf_envelope_status status = hf_envelope_decode(bytes, found->hash, &envelope);
    if (status) return hf_cache_count_unusable(cache, status);
    if (envelope.raw_size > cache->value_size_max) {
        return hf_cache_count_unusable(cache, HF_ENVELOPE_OTHER_VERSION);
    }

    const int64_t now_ms = hf_unix_ms();
    const int64_t expires_ms = expiry(cache, &envelope, found->left_ms, now_ms);
    const bool    expired = expires_ms <= now_ms;
    const bool    too_old = now_ms - cache->stale_limit_ms >= expires_ms;
    if (expired && (too_old || !found->stale_too)) {
        hf_metrics_inc(cache->metrics, HF_STAT_CACHE_EXPIRED);
        return HF_MISS;
    }

    hf_err err = HF_OK;
    if (envelope.tags.size) {
        err = hf_cache_trust_tags(cache, found->limit, &envelope,
                                  found->since.ns ? found->since : hf_now(),
                                  need_ms(cache, &envelope, now_ms), found->error);
    }
    if (!err) {
        err = take(cache, found->wire, &envelope, now_ms, expires_ms, source, value,
                   found->error);
    }
    if (err) return err;
    hf_metrics_add(cache->metrics, HF_STAT_CACHE_BYTES_READ, (int64_t)envelope.raw_size);
    return HF_OK;
}

hf_err hf_cache_count_read(struct hf_cache *cache, hf_err err)
{
    if (!err) hf_metrics_inc(cache->metrics, HF_STAT_CACHE_HITS);
    if (err == HF_MISS) hf_metrics_inc(cache->metrics, HF_STAT_CACHE_MISSES);
    return err;
}

void hf_cache_count_stale(struct hf_cache *cache, const struct hf_value *value)
{
    const int64_t             age_ms = hf_to_ms(hf_value_age(value));
    const struct hf_log_field field = hf_log_number("age_ms", age_ms);
    hf_metrics_inc(cache->metrics, HF_STAT_CACHE_STALE);
    hf_log(hf_client_logger(cache->client), HF_EVENT_STALE_SERVED, &field, 1,
           "a stale value was given, %lld ms old", (long long)age_ms);
}

static struct hf_cache_found found_by(const struct hf_cache_op *op, int64_t left_ms,
                                      bool stale_too)
{
    return (struct hf_cache_found){ .wire = op->key.wire,
                                    .hash = op->hash,
                                    .limit = &op->limit,
                                    .left_ms = left_ms,
                                    .stale_too = stale_too,
                                    .error = op->error };
}

static hf_err fetch_plain(struct hf_cache_op *op, bool stale_too, struct hf_value **value)
{
    const struct hf_bytes argv[] = { hf_str("GET"), op->key.wire };
    struct hf_reply      *reply;
    hf_err                err = hf_cache_run(op, HF_COMMAND_READ, argv, 2, &reply);
    if (err) return err;

    const struct hf_cache_found found = found_by(op, HF_CACHE_LEFT_UNKNOWN, stale_too);
    err = hf_cache_open_value(op->cache, &found, reply, hf_value_from_reply(reply), value);
    if (err) hf_reply_free(reply);
    return err;
}

static void close_batch(void *batch)
{
    hf_batch_close(batch);
}

static void forget(hf_err err, struct hf_reply *reply, const struct hf_error *error,
                   void *ctx)
{
    (void)err;
    (void)error;
    (void)ctx;
    hf_reply_free(reply);
}

void hf_cache_prolong(struct hf_cache *cache, const struct hf_cache_limit *limit,
                      struct hf_bytes wire, int64_t ms)
{
    struct hf_cache_number n;
    const struct hf_bytes  argv[] = { hf_str("PEXPIRE"), wire, hf_cache_decimal(&n, ms) };
    const struct hf_call   call = hf_cache_call(limit, HF_COMMAND_IDEMPOTENT);
    (void)!hf_client_command_async(cache->client, &call, argv, 3, forget, NULL);
}

static hf_err open_sliding(struct hf_cache_op *op, struct hf_batch *batch, bool stale_too,
                           struct hf_value **value)
{
    const struct hf_reply *entry, *ttl;
    int64_t                left_ms = HF_CACHE_LEFT_UNKNOWN;
    const hf_err           err = hf_batch_result(batch, 0, &entry, op->error);
    if (err) return err;
    if (hf_batch_result(batch, 1, &ttl, NULL) == HF_OK) (void)!hf_reply_int(ttl, &left_ms);
    const struct hf_cache_found found = found_by(op, left_ms, stale_too);
    return hf_cache_open_value(op->cache, &found, entry,
                               (struct hf_value_source){ close_batch, batch }, value);
}

/* GETEX would do in one command, but a near cache is not told of keys read by it. */
static hf_err fetch_sliding(struct hf_cache_op *op, bool stale_too, struct hf_value **value)
{
    const struct hf_bytes get[] = { hf_str("GET"), op->key.wire };
    const struct hf_bytes ttl[] = { hf_str("PTTL"), op->key.wire };
    struct hf_batch      *batch;
    hf_err                err = hf_batch_open(op->cache->client, &batch);
    if (err) return err;

    const struct hf_call call = hf_cache_call(&op->limit, HF_COMMAND_READ);
    err = hf_batch_add(batch, get, 2);
    if (!err) err = hf_batch_add(batch, ttl, 2);
    if (!err) err = hf_client_batch(op->cache->client, &call, batch, op->error);
    if (!err) err = open_sliding(op, batch, stale_too, value);
    if (err) {
        hf_batch_close(batch);
        return err;
    }
    const int64_t whole_ms = hf_value_sliding_ms(*value);
    const int64_t left_ms = hf_to_ms(hf_value_ttl(*value));
    if (left_ms > 0 && left_ms < whole_ms / 2) {
        hf_cache_prolong(op->cache, &op->limit, op->key.wire,
                         whole_ms + op->cache->stale_limit_ms);
    }
    return HF_OK;
}

hf_err hf_cache_fetch(struct hf_cache_op *op, bool stale_too, struct hf_value **value)
{
    const struct hf_bytes       name = hf_cache_name(op->cache, op->key.wire);
    const struct hf_near_ticket asked = hf_cache_near_ask(op->cache, name);
    hf_err                      err = hf_cache_op_trust(op);
    if (err) return err;

    err = op->cache->is_sliding ? fetch_sliding(op, stale_too, value)
                                : fetch_plain(op, stale_too, value);
    if (err == HF_E_WRONGTYPE) return hf_cache_count_unusable(op->cache, HF_ENVELOPE_FOREIGN);
    if (!err) hf_cache_near_keep(op->cache, name, asked, *value);
    return err;
}

hf_err hf_cache_take_plain(hf_err err, struct hf_value **value)
{
    if (err) return err;
    if (hf_value_is_absent(*value)) err = HF_MISS;
    if (hf_value_is_large(*value)) err = HF_E_TYPE;
    if (err) {
        hf_value_release(*value);
        *value = NULL;
    }
    return err;
}

static const char large_value[] = "a large value, which is read as a stream";

static hf_err get_from_redis(struct hf_cache *cache, const struct hf_call *call,
                             struct hf_bytes key, bool stale_too, struct hf_value **value,
                             struct hf_error *error)
{
    struct hf_cache_op op = {
        .cache = cache, .name = "cache get", .latency = HF_LATENCY_CACHE_GET, .error = error
    };
    hf_err err = hf_cache_op_begin(&op, call, key);
    if (err) return err;

    struct hf_value *found = NULL;
    err = hf_cache_take_plain(hf_cache_fetch(&op, stale_too, &found), &found);
    if (err && err != HF_MISS && (stale_too || cache->serves_stale)) {
        found = hf_cache_near_get_stale(cache, key);
        if (found) err = HF_OK;
    }
    if (!err && hf_value_is_stale(found)) hf_cache_count_stale(cache, found);
    if (!err) *value = found;
    if (!err && cache->access) hf_cache_access_note(cache->access, key);
    if (err == HF_E_TYPE) err = hf_fail(error, err, "%s", large_value);
    return hf_cache_op_end(&op, hf_cache_count_read(cache, err));
}

/* When it is over: reading the clock before would cost more than the value. */
static void trace_near(const struct hf_cache *cache, const struct hf_call *call, hf_err err)
{
    struct hf_span span;
    hf_tracer_start(cache->tracer, &span, HF_SPAN_CACHE, "cache get",
                    call ? &call->trace : NULL);
    hf_tracer_end(cache->tracer, &span, err);
}

static hf_err get(struct hf_cache *cache, const struct hf_call *call, struct hf_bytes key,
                  bool stale_too, struct hf_value **value, struct hf_error *error)
{
    struct hf_value *near = hf_cache_near_get(cache, key);
    if (!near) return get_from_redis(cache, call, key, stale_too, value, error);

    const hf_err err = hf_cache_take_plain(HF_OK, &near);
    if (!err) *value = near;
    if (!err && cache->access) hf_cache_access_note(cache->access, key);
    if (cache->tracer) trace_near(cache, call, err);
    return err == HF_E_TYPE ? hf_fail(error, err, "cache get: %s", large_value) : err;
}

hf_err hf_cache_get(struct hf_cache *cache, const struct hf_call *call, struct hf_bytes key,
                    struct hf_value **value, struct hf_error *error)
{
    return get(cache, call, key, false, value, error);
}

hf_err hf_cache_get_stale(struct hf_cache *cache, const struct hf_call *call,
                          struct hf_bytes key, struct hf_value **value,
                          struct hf_error *error)
{
    return get(cache, call, key, true, value, error);
}

/* The first bytes of the entry, with its tags if it has any: they are asked for once it is
 * known how many. */
static hf_err read_head(struct hf_cache_op *op, struct hf_envelope *e, struct hf_reply **kept,
                        struct hf_bytes *bytes)
{
    struct hf_cache_number n;
    for (size_t ask = HF_ENVELOPE_SIZE, need = 0;; ask = need) {
        const struct hf_bytes argv[] = { hf_str("GETRANGE"), op->key.wire, hf_str("0"),
                                         hf_cache_decimal(&n, (int64_t)ask - 1) };
        struct hf_reply      *reply;
        hf_err                err = hf_cache_run(op, HF_COMMAND_READ, argv, 4, &reply);
        if (err == HF_E_WRONGTYPE) {
            hf_cache_count_unusable(op->cache, HF_ENVELOPE_FOREIGN);
            return HF_MISS;
        }
        if (err) return err;
        if (hf_reply_bytes(reply, bytes)) {
            err = hf_fail(op->error, HF_E_PROTOCOL, "GETRANGE");
        } else if (bytes->size == 0) {
            err = HF_MISS;
        } else {
            enum hf_envelope_status status = hf_envelope_decode_header(*bytes, op->hash, e);
            if (!status) status = hf_packer_check(&op->cache->packer, e);
            need = HF_ENVELOPE_SIZE + (status ? 0 : e->tags.size);
            if (!status && ask >= need && bytes->size < need) status = HF_ENVELOPE_TRUNCATED;
            if (status) {
                hf_cache_count_unusable(op->cache, status);
                err = HF_MISS;
            }
        }
        if (!err && ask >= need) {
            e->tags.data = (const unsigned char *)bytes->data + HF_ENVELOPE_SIZE;
            *kept = reply;
            return HF_OK;
        }
        hf_reply_free(reply);
        if (err) return err;
    }
}

hf_err hf_cache_read_header(struct hf_cache_op *op, struct hf_cache_header *header)
{
    struct hf_envelope *e = &header->envelope;
    struct hf_reply    *reply = NULL;
    struct hf_bytes     bytes;
    hf_err              err = hf_cache_op_trust(op);
    if (!err) err = read_head(op, e, &reply, &bytes);
    if (err) return err;

    header->now_ms = hf_unix_ms();
    memcpy(header->bytes, bytes.data, HF_ENVELOPE_SIZE);
    if (e->is_absent || (!e->sliding && e->expires_ms <= header->now_ms)) err = HF_MISS;
    if (!err && e->tags.size) {
        err = hf_cache_trust_tags(op->cache, &op->limit, e, hf_now(),
                                  need_ms(op->cache, e, header->now_ms), op->error);
    }
    e->tags.data = NULL;
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

/* What the server says that is left of a sliding entry. */
static hf_err ask_left(struct hf_cache_op *op, int64_t *left_ms)
{
    const struct hf_bytes argv[] = { hf_str("PTTL"), op->key.wire };
    struct hf_reply      *reply;
    int64_t               ms;
    hf_err                err = hf_cache_run(op, HF_COMMAND_READ, argv, 2, &reply);
    if (err) return err;

    err = hf_reply_int(reply, &ms);
    hf_reply_free(reply);
    if (err) return hf_fail(op->error, HF_E_PROTOCOL, "PTTL");
    if (ms <= op->cache->stale_limit_ms) return HF_MISS;
    *left_ms = ms - op->cache->stale_limit_ms;
    return HF_OK;
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
    int64_t left_ms = header.envelope.expires_ms - header.now_ms;
    if (!err && header.envelope.sliding) err = ask_left(&op, &left_ms);
    if (!err) *ttl = hf_ns(left_ms * 1000000);
    return hf_cache_op_end(&op, err);
}
