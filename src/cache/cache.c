#include "cache/cache.h"

#include "client/client.h"
#include "core/alloc.h"
#include "core/assert.h"
#include "core/cancel.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/options.h"
#include "core/rng.h"

#include <holdfast/batch.h>
#include <inttypes.h>
#include <stdio.h>

enum {
    DEFAULT_TTL_S = 3600,
    DEFAULT_LOADERS = 4,
    DEFAULT_LOADS_WAITING = 256,
};

#define LOADER_PATIENCE hf_seconds(1)

static hf_err check(const struct hf_cache_options *options, struct hf_error *error)
{
    int64_t ms;
    if (options->default_ttl.ns) {
        const hf_err err = hf_cache_ttl_ms(options->default_ttl, &ms, error);
        if (err) return hf_fail_in(error, err, "default_ttl");
    }
    if (options->stale_limit.ns) {
        const hf_err err = hf_cache_ttl_ms(options->stale_limit, &ms, error);
        if (err) return hf_fail_in(error, err, "stale_limit");
    }
    if (options->loaders_max > HF_CACHE_LOADERS_MAX) {
        return hf_fail(error, HF_E_RANGE, "loaders_max: at most %d", HF_CACHE_LOADERS_MAX);
    }
    if (options->loads_waiting_max > HF_CACHE_LOADS_WAITING_MAX) {
        return hf_fail(error, HF_E_RANGE, "loads_waiting_max: at most %d",
                       HF_CACHE_LOADS_WAITING_MAX);
    }
    return HF_OK;
}

static hf_err open_loaders(struct hf_cache *cache, const struct hf_cache_options *options)
{
    const unsigned threads = options->loaders_max ? options->loaders_max : DEFAULT_LOADERS;
    const unsigned waiting = options->loads_waiting_max ? options->loads_waiting_max
                                                        : DEFAULT_LOADS_WAITING;
    return hf_loader_pool_open(cache->allocator, threads, waiting, &cache->loaders);
}

hf_err hf_cache_open(struct hf_client *client, const struct hf_cache_options *options,
                     struct hf_cache **opened, struct hf_error *error)
{
    static const struct hf_cache_options defaults = { 0 };
    const struct hf_options             *general = hf_client_options(client);
    const struct hf_allocator           *a = hf_client_allocator(client);
    if (!options) options = &defaults;

    hf_err err = check(options, error);
    if (err) return err;

    struct hf_cache *cache = hf_alloc_zero(a, 1, sizeof *cache);
    if (!cache) return hf_fail(error, HF_E_NOMEM, "cache");

    const char *prefix = options->key_prefix ? options->key_prefix : general->key_prefix;
    err = hf_keyspace_init(&cache->keyspace, a, hf_str(prefix), options->version);
    if (err) {
        hf_free(a, cache);
        return hf_fail(error, err, "key_prefix: at most %d bytes and no '@'",
                       HF_KEY_PREFIX_MAX);
    }
    cache->client = client;
    cache->tracer = hf_client_tracer(client);
    cache->allocator = a;
    cache->tags = hf_alloc_zero(a, 1, sizeof *cache->tags);
    err = cache->tags ? open_loaders(cache, options) : HF_E_NOMEM;
    if (err) {
        hf_free(a, cache->tags);
        hf_free(a, cache);
        return hf_fail(error, err, "loaders");
    }
    cache->metrics = hf_client_metrics(client);
    cache->default_ttl = options->default_ttl.ns ? options->default_ttl
                                                 : hf_seconds(DEFAULT_TTL_S);
    cache->timeout = general->socket_timeout;
    cache->is_sliding = options->sliding;
    cache->stale_limit_ms = hf_to_ms(options->stale_limit);
    cache->serves_stale = options->stale_on_error;
    cache->value_size_max = general->value_size_max;
    cache->large_size_max = general->large_size_max;
    hf_namespace_init(&cache->namespace);
    hf_flights_init(&cache->flights, a);
    hf_replay_init(&cache->replay, client, &cache->namespace, hf_str(cache->keyspace.token));
    err = hf_packer_init(&cache->packer, a, cache->metrics, options,
                         general->compression_threshold, error);
    if (!err) err = hf_cache_near_open(cache, options, error);
    if (!err) err = hf_cache_access_open(cache, options, error);
    if (err) {
        hf_cache_close(cache);
        return err;
    }
    *opened = cache;
    return HF_OK;
}

void hf_cache_close(struct hf_cache *cache)
{
    if (!cache) return;
    const int cancels = hf_cancel_defer();
    hf_loader_pool_close(cache->loaders, LOADER_PATIENCE);
    hf_cache_access_close(cache);
    hf_replay_deinit(&cache->replay); /* Its thread empties the near cache. */
    hf_cache_near_close(cache);
    hf_packer_deinit(&cache->packer);
    if (!hf_client_is_forked(cache->client)) hf_flights_deinit(&cache->flights);
    hf_namespace_deinit(&cache->namespace);
    hf_free(cache->allocator, cache->tags);
    hf_free(cache->allocator, cache);
    hf_cancel_restore(cancels);
}

hf_duration hf_cache_default_ttl(const struct hf_cache *cache)
{
    return cache->default_ttl;
}

hf_err hf_cache_ttl_ms(hf_duration ttl, int64_t *ms, struct hf_error *error)
{
    if (ttl.ns <= 0 || ttl.ns > HF_CACHE_TTL_MAX.ns) {
        return hf_fail(error, HF_E_RANGE, "ttl of %lld ns: above 0 and at most ten years",
                       (long long)ttl.ns);
    }
    *ms = (ttl.ns + 999999) / 1000000;
    return HF_OK;
}

struct hf_cache_limit hf_cache_limit(const struct hf_cache *cache, const struct hf_call *call,
                                     hf_instant start)
{
    struct hf_cache_limit limit = { 0 };
    if (call) limit.call = *call;
    limit.end = hf_later(start, limit.call.timeout.ns ? limit.call.timeout : cache->timeout);
    return limit;
}

struct hf_call hf_cache_call(const struct hf_cache_limit *limit, enum hf_command_class class)
{
    struct hf_call    call = limit->call;
    const hf_duration left = hf_between(hf_now(), limit->end);
    call.timeout = left.ns ? left : hf_ns(1);
    if (call.command_class == HF_COMMAND_AUTO) call.command_class = class;
    return call;
}

/* Draws a token where there is none, and reads the one that is there, in one round trip. */
static hf_err ask_for_token(struct hf_cache *cache, const struct hf_call *call,
                            struct hf_bytes *text, struct hf_batch *batch,
                            struct hf_error *error)
{
    char drawn[HF_NAMESPACE_TEXT + 1];
    snprintf(drawn, sizeof drawn, "%016" PRIx64, hf_rng_seed() | 1);
    const struct hf_bytes name = hf_str(cache->keyspace.token);
    const struct hf_bytes set[] = { hf_str("SET"), name, hf_str(drawn), hf_str("NX") };
    const struct hf_bytes get[] = { hf_str("GET"), name };

    hf_err err = hf_batch_add(batch, set, 4);
    if (!err) err = hf_batch_add(batch, get, 2);
    if (!err) err = hf_client_batch(cache->client, call, batch, error);
    if (err) return err;

    const struct hf_reply *reply;
    err = hf_batch_result(batch, 1, &reply, error);
    if (err) return err;
    if (!hf_reply_is_null(reply)) return hf_reply_bytes(reply, text);

    /* Not there, and not to be put there: a full server, for example. */
    err = hf_batch_result(batch, 0, &reply, error);
    return err ? err : hf_fail(error, HF_E_PROTOCOL, "no namespace token");
}

hf_err hf_cache_token(struct hf_cache *cache, const struct hf_cache_limit *limit,
                      hf_instant now, uint64_t *token, struct hf_error *error)
{
    struct hf_namespace_reading reading;
    const uint64_t              known = hf_namespace_token(&cache->namespace, now, &reading);
    if (known) {
        *token = known;
        return HF_OK;
    }
    struct hf_call call = hf_cache_call(limit, HF_COMMAND_IDEMPOTENT);
    call.command_class = HF_COMMAND_IDEMPOTENT;

    struct hf_batch *batch;
    struct hf_bytes  text = { 0 };
    hf_err           err = hf_batch_open(cache->client, &batch);
    if (err) return hf_fail(error, err, "namespace token");

    err = ask_for_token(cache, &call, &text, batch, error);
    const uint64_t read = err ? 0 : hf_namespace_parse(text);
    hf_batch_close(batch);
    if (read) {
        hf_namespace_read(&cache->namespace, reading, read);
        *token = read;
        return HF_OK;
    }
    if (err && err != HF_E_WRONGTYPE) return err;

    /* Somebody else's value: what the token was is lost, so a new one is due. */
    hf_replay_void(&cache->replay);
    return HF_MISS;
}

static void start_span(struct hf_cache_op *op)
{
    const struct hf_tracer *tracer = op->cache->tracer;
    if (!tracer || op->is_part) return;
    op->has_span = true;
    hf_tracer_start(tracer, &op->span, HF_SPAN_CACHE, op->name, &op->limit.call.trace);
    op->limit.call.trace = op->span.context;
}

static hf_err end_span(struct hf_cache_op *op, hf_err err)
{
    if (op->has_span) hf_tracer_end(op->cache->tracer, &op->span, err);
    return err;
}

hf_err hf_cache_op_begin(struct hf_cache_op *op, const struct hf_call *call,
                         struct hf_bytes key)
{
    op->start = hf_now();
    op->limit = hf_cache_limit(op->cache, call, op->start);
    const hf_err err = hf_key_init(&op->key, &op->cache->keyspace, key);
    if (!err) {
        start_span(op);
        return HF_OK;
    }

    hf_metrics_cache_error(op->cache->metrics, err);
    return hf_fail(op->error, err, "%s: key of %zu bytes", op->name, key.size);
}

bool hf_cache_distrusts(struct hf_cache *cache, struct hf_bytes wire)
{
    if (!hf_replay_covers(&cache->replay, wire)) return false;
    hf_metrics_inc(cache->metrics, HF_STAT_CACHE_DISTRUSTED);
    return true;
}

hf_err hf_cache_op_trust(struct hf_cache_op *op)
{
    if (hf_cache_distrusts(op->cache, op->key.wire)) return HF_MISS;

    uint64_t     token;
    const hf_err err = hf_cache_token(op->cache, &op->limit, op->start, &token, op->error);
    if (!err) op->hash = hf_hash64(op->key.wire, token);
    return err;
}

hf_err hf_cache_op_end(struct hf_cache_op *op, hf_err err)
{
    hf_key_deinit(&op->key);
    hf_metrics_record_since(op->cache->metrics, op->latency, op->start);
    if (!err || err == HF_MISS) return end_span(op, err);

    hf_metrics_cache_error(op->cache->metrics, err);
    (void)hf_fail_in(op->error, err, "%s", op->name);
    return end_span(op, err);
}

hf_err hf_cache_run(struct hf_cache_op    *op, enum hf_command_class class,
                    const struct hf_bytes *argv, size_t argc, struct hf_reply **reply)
{
    const struct hf_call call = hf_cache_call(&op->limit, class);
    return hf_client_command(op->cache->client, &call, argv, argc, reply, op->error);
}

hf_err hf_cache_count_unusable(struct hf_cache *cache, enum hf_envelope_status status)
{
    static const enum hf_stat counted_as[] = {
        [HF_ENVELOPE_FOREIGN] = HF_STAT_CACHE_FOREIGN,
        [HF_ENVELOPE_OTHER_VERSION] = HF_STAT_CACHE_FOREIGN,
        [HF_ENVELOPE_TRUNCATED] = HF_STAT_CACHE_CORRUPT,
        [HF_ENVELOPE_DAMAGED] = HF_STAT_CACHE_CORRUPT,
        [HF_ENVELOPE_MISPLACED] = HF_STAT_CACHE_CORRUPT,
        [HF_ENVELOPE_UNSEALED] = HF_STAT_CACHE_UNSEALED,
        [HF_ENVELOPE_NO_KEY] = HF_STAT_CACHE_NO_KEY,
        [HF_ENVELOPE_FORGED] = HF_STAT_CACHE_FORGED,
    };
    hf_assert(status > HF_ENVELOPE_OK && status <= HF_ENVELOPE_FORGED);
    hf_metrics_inc(cache->metrics, counted_as[status]);
    return HF_MISS;
}
