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

hf_err hf_cache_open_value(struct hf_cache *cache, struct hf_bytes wire, uint64_t hash,
                           const struct hf_reply *reply, int64_t left_ms,
                           struct hf_value_source source, bool stale_too,
                           struct hf_value **value, struct hf_error *error)
{
    struct hf_bytes bytes;
    if (hf_reply_is_null(reply)) return HF_MISS;
    if (hf_reply_bytes(reply, &bytes)) return hf_fail(error, HF_E_PROTOCOL, "GET");

    struct hf_envelope            envelope;
    const enum hf_envelope_status status = hf_envelope_decode(bytes, hash, &envelope);
    if (status) return hf_cache_count_unusable(cache, status);
    if (envelope.tags.size || envelope.raw_size > cache->value_size_max) {
        return hf_cache_count_unusable(cache, HF_ENVELOPE_OTHER_VERSION);
    }

    const int64_t now_ms = hf_unix_ms();
    const int64_t expires_ms = expiry(cache, &envelope, left_ms, now_ms);
    const bool    expired = expires_ms <= now_ms;
    const bool    too_old = now_ms - cache->stale_limit_ms >= expires_ms;
    if (expired && (too_old || !stale_too)) {
        hf_metrics_inc(cache->metrics, HF_STAT_CACHE_EXPIRED);
        return HF_MISS;
    }

    const hf_err err = take(cache, wire, &envelope, now_ms, expires_ms, source, value, error);
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

static hf_err fetch_plain(struct hf_cache_op *op, bool stale_too, struct hf_value **value)
{
    const struct hf_bytes argv[] = { hf_str("GET"), op->key.wire };
    struct hf_reply      *reply;
    hf_err                err = hf_cache_run(op, HF_COMMAND_READ, argv, 2, &reply);
    if (err) return err;

    err = hf_cache_open_value(op->cache, op->key.wire, op->hash, reply, HF_CACHE_LEFT_UNKNOWN,
                              hf_value_from_reply(reply), stale_too, value, op->error);
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

/* Nobody waits for it; if it fails the next reader tries again. */
static void prolong(struct hf_cache_op *op, int64_t ttl_ms)
{
    struct hf_cache_number n;
    const struct hf_bytes  argv[] = { hf_str("PEXPIRE"), op->key.wire,
                                      hf_cache_decimal(&n,
                                                       ttl_ms + op->cache->stale_limit_ms) };
    const struct hf_call   call = hf_cache_call(&op->limit, HF_COMMAND_IDEMPOTENT);
    (void)!hf_client_command_async(op->cache->client, &call, argv, 3, forget, NULL);
}

static hf_err open_sliding(struct hf_cache_op *op, struct hf_batch *batch, bool stale_too,
                           struct hf_value **value)
{
    const struct hf_reply *entry, *ttl;
    int64_t                left_ms = HF_CACHE_LEFT_UNKNOWN;
    const hf_err           err = hf_batch_result(batch, 0, &entry, op->error);
    if (err) return err;
    if (hf_batch_result(batch, 1, &ttl, NULL) == HF_OK) (void)!hf_reply_int(ttl, &left_ms);
    return hf_cache_open_value(op->cache, op->key.wire, op->hash, entry, left_ms,
                               (struct hf_value_source){ close_batch, batch }, stale_too,
                               value, op->error);
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
    if (left_ms > 0 && left_ms < whole_ms / 2) prolong(op, whole_ms);
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
    return hf_cache_op_end(&op, hf_cache_count_read(cache, err));
}

static hf_err get(struct hf_cache *cache, const struct hf_call *call, struct hf_bytes key,
                  bool stale_too, struct hf_value **value, struct hf_error *error)
{
    struct hf_value *near = hf_cache_near_get(cache, key);
    if (!near) return get_from_redis(cache, call, key, stale_too, value, error);

    const hf_err err = hf_cache_take_plain(HF_OK, &near);
    if (!err) *value = near;
    if (!err && cache->access) hf_cache_access_note(cache->access, key);
    return err;
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

    enum hf_envelope_status status = hf_envelope_decode_header(bytes, op->hash,
                                                               &header->envelope);
    if (!status) status = hf_packer_check(&op->cache->packer, &header->envelope);
    if (status) {
        err = hf_cache_count_unusable(op->cache, status);
        goto out;
    }
    header->now_ms = hf_unix_ms();
    const struct hf_envelope *e = &header->envelope;
    if (!e->is_absent && (e->sliding || e->expires_ms > header->now_ms)) {
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
