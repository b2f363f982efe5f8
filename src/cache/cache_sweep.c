#include "cache/cache.h"
#include "cache/scan.h"
#include "core/buffer.h"
#include "core/error.h"

struct sweep {
    struct hf_cache      *cache;
    const struct hf_call *call;
    struct hf_bytes       match; /* The pattern behind the escaped head of our keys. */
    struct hf_error      *error;
};

/* What was read of them in this process, and what is being loaded. */
static void forget(struct hf_cache *cache, const struct hf_reply *keys)
{
    for (size_t i = 0; i < hf_reply_count(keys); i++) {
        struct hf_bytes wire;
        if (hf_reply_bytes(hf_reply_at(keys, i), &wire)) continue;
        if (wire.size < cache->keyspace.head_size) continue;
        hf_flight_forget(&cache->flights, wire);
        hf_cache_near_evict(cache, hf_cache_name(cache, wire));
    }
}

static hf_err delete_found(struct sweep *s, const struct hf_cache_limit *limit,
                           const struct hf_reply *keys, uint64_t *deleted)
{
    const size_t     count = hf_reply_count(keys);
    struct hf_batch *batch;
    if (count == 0) return HF_OK;

    hf_err err = hf_batch_open(s->cache->client, &batch);
    if (err) return hf_fail(s->error, err, "batch");
    for (size_t i = 0; i < count && !err; i++) {
        struct hf_bytes key;
        err = hf_reply_bytes(hf_reply_at(keys, i), &key);
        if (!err) err = hf_replay_add_commands(batch, s->cache->allocator, key);
    }
    const struct hf_call call = hf_cache_call(limit, HF_COMMAND_IDEMPOTENT);
    forget(s->cache, keys);
    if (!err) err = hf_client_batch(s->cache->client, &call, batch, s->error);
    forget(s->cache, keys);

    uint64_t gone = 0;
    for (size_t i = 0; i < count && !err; i++) {
        const hf_err outcome = hf_replay_outcome(batch, i, s->error);
        if (outcome == HF_OK) gone++;
        if (outcome != HF_MISS) err = outcome;
    }
    hf_batch_close(batch);
    *deleted += gone;
    return err;
}

/* The cursor moves on only when all that the step found is deleted. */
static hf_err step(struct sweep *s, struct hf_sweep *sweep)
{
    const struct hf_cache_limit limit = hf_cache_limit(s->cache, s->call, hf_now());
    struct hf_scan_step         found;
    hf_err err = hf_scan_step(s->cache, &limit, s->match, sweep->cursor, &found, s->error);
    if (err) return err;

    const uint64_t next = found.next;
    err = delete_found(s, &limit, found.keys, &sweep->deleted);
    hf_scan_step_free(&found);
    if (err) return err;
    sweep->cursor = next;
    sweep->steps++;
    return HF_OK;
}

static hf_err run(struct sweep *s, struct hf_sweep *sweep, hf_sweep_fn progress, void *ctx)
{
    for (;;) {
        const uint64_t before = sweep->deleted;
        const hf_err   err = step(s, sweep);
        hf_metrics_add(s->cache->metrics, HF_STAT_CACHE_DELETES,
                       (int64_t)(sweep->deleted - before));
        if (err) return err;
        if (sweep->cursor == 0) return HF_OK;
        if (progress && !progress(sweep, ctx)) return HF_MISS;
    }
}

hf_err hf_cache_delete_matching(struct hf_cache *cache, const struct hf_call *call,
                                struct hf_bytes pattern, struct hf_sweep *sweep,
                                hf_sweep_fn progress, void *ctx, struct hf_error *error)
{
    if (pattern.size == 0) return hf_fail(error, HF_E_INVALID, "empty pattern");

    struct sweep     s = { .cache = cache, .call = call, .error = error };
    struct hf_buffer match;
    hf_buffer_init(&match, cache->allocator, HF_KEY_MAX);
    hf_err err = hf_scan_match(&cache->keyspace, pattern, &match);
    if (err) {
        hf_fail(error, err, "pattern of %zu bytes", pattern.size);
    } else {
        s.match = hf_bytes(hf_buffer_bytes(&match), hf_buffer_size(&match));
        err = run(&s, sweep, progress, ctx);
    }
    hf_buffer_deinit(&match);
    if (!err || err == HF_MISS) return err;

    hf_metrics_cache_error(cache->metrics, err);
    return hf_fail_in(error, err, "cache delete_matching");
}
