#include "cache/cache.h"

#include "client/client.h"
#include "core/alloc.h"
#include "core/error.h"
#include "core/options.h"

enum { DEFAULT_TTL_S = 3600 };

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
    return HF_OK;
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
    cache->allocator = a;
    cache->metrics = hf_client_metrics(client);
    cache->default_ttl = options->default_ttl.ns ? options->default_ttl
                                                 : hf_seconds(DEFAULT_TTL_S);
    cache->stale_limit_ms = hf_to_ms(options->stale_limit);
    cache->value_size_max = general->value_size_max;
    *opened = cache;
    return HF_OK;
}

void hf_cache_close(struct hf_cache *cache)
{
    if (cache) hf_free(cache->allocator, cache);
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

hf_err hf_cache_op_begin(struct hf_cache_op *op, struct hf_bytes key)
{
    op->start = hf_now();
    const hf_err err = hf_key_init(&op->key, &op->cache->keyspace, key);
    if (!err) return HF_OK;

    hf_metrics_inc(op->cache->metrics, HF_STAT_CACHE_ERRORS);
    return hf_fail(op->error, err, "%s: key of %zu bytes", op->name, key.size);
}

hf_err hf_cache_op_end(struct hf_cache_op *op, hf_err err)
{
    hf_key_deinit(&op->key);
    hf_metrics_record(op->cache->metrics, op->latency, hf_between(op->start, hf_now()));
    if (!err || err == HF_MISS) return err;

    hf_metrics_inc(op->cache->metrics, HF_STAT_CACHE_ERRORS);
    return hf_fail_in(op->error, err, "%s", op->name);
}

hf_err hf_cache_run(struct hf_cache_op *op, const struct hf_call *call,
                    enum hf_command_class command_class, const struct hf_bytes *argv,
                    size_t argc, struct hf_reply **reply)
{
    struct hf_call with = { 0 };
    if (call) with = *call;
    if (with.command_class == HF_COMMAND_AUTO) with.command_class = command_class;
    return hf_client_command(op->cache->client, &with, argv, argc, reply, op->error);
}

hf_err hf_cache_count_unusable(struct hf_cache *cache, enum hf_envelope_status status)
{
    const bool damaged = status == HF_ENVELOPE_TRUNCATED || status == HF_ENVELOPE_DAMAGED ||
                         status == HF_ENVELOPE_MISPLACED;
    hf_metrics_inc(cache->metrics, damaged ? HF_STAT_CACHE_CORRUPT : HF_STAT_CACHE_FOREIGN);
    return HF_MISS;
}
