#include "cache/cache.h"
#include "client/client.h"
#include "client/tracking.h"
#include "core/alloc.h"
#include "core/error.h"
#include "core/rng.h"
#include "core/wall_clock.h"

#include <string.h>
#include <time.h>

/* The near cache of a cache, and the connection that vouches for it. Names are keys as the
 * user knows them. */

enum {
    COHERENCE_S = 1,
    COHERENCE_MS_MIN = 100,
    COHERENCE_S_MAX = 60,
};

struct hf_cache_near {
    struct hf_cache   *cache;
    struct hf_near     near;
    struct hf_tracking tracking;
    _Atomic int64_t    offset_ms; /* What to add to our clock for the time of day. */
};

/* ---- What Redis tells ---------------------------------------------------------- */

static void compare_clocks(struct hf_cache_near *n)
{
    atomic_store_explicit(&n->offset_ms, hf_unix_ms() - hf_now().ns / 1000000,
                          memory_order_relaxed);
}

static void flush(void *ctx)
{
    struct hf_cache_near *n = ctx;
    hf_near_flush(&n->near);
}

/* A token that was read before changes were told may be an old one: it is read again before
 * anything is kept. It goes first, so that nothing is asked for with it after the flush. So
 * do the versions of tags; each that is known from then on stays right until told of. */
static void live(void *ctx, hf_instant since)
{
    struct hf_cache_near *n = ctx;
    hf_namespace_replace(&n->cache->namespace, since, 0);
    hf_tag_table_forget_all(n->cache->tags);
    compare_clocks(n);
    hf_near_live(&n->near, since);
}

/* Last: who sees it counted finds that it is so. */
static void count_news(struct hf_cache_near *n)
{
    hf_metrics_inc(n->cache->metrics, HF_STAT_CACHE_NEAR_CHANGES);
}

static void changed(void *ctx, struct hf_bytes wire)
{
    struct hf_cache_near     *n = ctx;
    const struct hf_keyspace *space = &n->cache->keyspace;
    const size_t              tag_at = strlen(space->tags);
    if (wire.size > space->head_size &&
        memcmp(wire.data, space->head, space->head_size) == 0) {
        hf_cache_near_evict(n->cache, hf_cache_name(n->cache, wire));
    } else if (wire.size > tag_at && memcmp(wire.data, space->tags, tag_at) == 0) {
        hf_tag_table_forget(n->cache->tags,
                            hf_bytes((const char *)wire.data + tag_at, wire.size - tag_at));
    } else {
        hf_namespace_replace(&n->cache->namespace, hf_now(), 0);
    }
    count_news(n);
}

static void all_changed(void *ctx)
{
    struct hf_cache_near *n = ctx;
    hf_tag_table_forget_all(n->cache->tags);
    hf_namespace_replace(&n->cache->namespace, hf_now(), 0);
    count_news(n);
}

static void heard(void *ctx, hf_instant since)
{
    struct hf_cache_near *n = ctx;
    compare_clocks(n);
    hf_near_heard(&n->near, since);
}

static void lost(void *ctx)
{
    struct hf_cache_near *n = ctx;
    hf_near_lost(&n->near);
}

static void settle(void *ctx)
{
    struct hf_cache_near *n = ctx;
    hf_near_settle(&n->near);
}

/* ---- Opening and closing ------------------------------------------------------- */

static hf_err check(const struct hf_cache_options *options, struct hf_error *error)
{
    const int64_t max_ns = options->near_coherence_max.ns;
    if (options->near_bytes < HF_CACHE_NEAR_BYTES_MIN) {
        return hf_fail(error, HF_E_RANGE, "near_bytes of %zu: at least %d",
                       options->near_bytes, HF_CACHE_NEAR_BYTES_MIN);
    }
    if (max_ns &&
        (max_ns < hf_ms(COHERENCE_MS_MIN).ns || max_ns > hf_seconds(COHERENCE_S_MAX).ns)) {
        return hf_fail(error, HF_E_RANGE, "near_coherence_max: %d ms to %d s",
                       COHERENCE_MS_MIN, COHERENCE_S_MAX);
    }
    return HF_OK;
}

hf_err hf_cache_near_open(struct hf_cache *cache, const struct hf_cache_options *options,
                          struct hf_error *error)
{
    if (options->near_bytes == 0) return HF_OK;
    hf_err err = check(options, error);
    if (err) return err;

    struct hf_cache_near *n = hf_alloc_zero(cache->allocator, 1, sizeof *n);
    if (!n) return hf_fail(error, HF_E_NOMEM, "near cache");
    const hf_duration silence = options->near_coherence_max.ns ? options->near_coherence_max
                                                               : hf_seconds(COHERENCE_S);
    n->cache = cache;
    n->tracking = (struct hf_tracking){
        .client = cache->client,
        .listener = { live, changed, all_changed, heard, lost, settle, n },
        .prefixes = { hf_bytes(cache->keyspace.head, cache->keyspace.head_size),
                      hf_str(cache->keyspace.token), hf_str(cache->keyspace.tags) },
        .silence_max = silence,
    };
    err = hf_near_init(&n->near, cache->allocator, cache->metrics, options->near_bytes,
                       silence, hf_rng_seed());
    if (err) {
        hf_free(cache->allocator, n);
        return hf_fail(error, err, "near cache of %zu bytes", options->near_bytes);
    }
    cache->near = n;
    hf_namespace_on_replace(&cache->namespace, flush, n);
    err = hf_tracking_add(&n->tracking);
    if (!err) return HF_OK;

    hf_namespace_on_replace(&cache->namespace, NULL, NULL);
    cache->near = NULL;
    hf_near_deinit(&n->near);
    hf_free(cache->allocator, n);
    return hf_fail(error, err, "at most %d near caches for a client", HF_TRACKINGS_MAX);
}

void hf_cache_near_close(struct hf_cache *cache)
{
    struct hf_cache_near *n = cache->near;
    if (!n) return;
    hf_tracking_remove(&n->tracking);
    hf_near_deinit(&n->near);
    hf_free(cache->allocator, n);
    cache->near = NULL;
}

/* ---- Reading ------------------------------------------------------------------- */

/* The time of day by the other clock: the two are compared each time that something is heard,
 * and nothing is fresh without. */
static struct hf_near_time coarse_time(const struct hf_cache_near *n)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    const int64_t offset_ms = atomic_load_explicit(&n->offset_ms, memory_order_relaxed);
    return (struct hf_near_time){ { t.tv_sec * INT64_C(1000000000) + t.tv_nsec },
                                  t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000 +
                                      offset_ms };
}

static bool is_child(const struct hf_cache *cache)
{
    return hf_fork_guard_is_child(&cache->client->fork_guard);
}

/* Whether all its tags have the versions that were read last, within that time. What is known
 * of a tag goes as soon as it is invalidated here, or Redis tells of it. */
static bool has_known_tags(struct hf_cache_near *n, const struct hf_value *value,
                           hf_instant now, hf_duration within)
{
    struct hf_tag_mark marks[HF_TAGS_MAX];
    const size_t       count = hf_value_tags(value, marks);
    for (size_t i = 0; i < count; i++) {
        if (!hf_tag_table_knew(n->cache->tags, marks[i], now, within)) return false;
    }
    return true;
}

/* The value, or NULL if it cannot be vouched for any more, and is released. */
static struct hf_value *check_tags(struct hf_cache_near *n, struct hf_value *value,
                                   hf_instant now, hf_duration within)
{
    if (!value || !hf_value_is_tagged(value)) return value;
    if (has_known_tags(n, value, now, within)) return value;
    hf_value_release(value);
    return NULL;
}

static struct hf_value *look(struct hf_cache *cache, struct hf_bytes name,
                             struct hf_value *(*find)(struct hf_near           *near,
                                                      const struct hf_near_key *key,
                                                      struct hf_near_time       at))
{
    struct hf_cache_near *n = cache->near;
    if (!n || is_child(cache)) return NULL;

    const struct hf_near_key  key = hf_near_key(&n->near, name);
    const struct hf_near_time at = coarse_time(n);
    return check_tags(n, find(&n->near, &key, at), at.now, hf_ns(INT64_MAX));
}

struct hf_value *hf_cache_near_look(struct hf_cache *cache, struct hf_bytes name)
{
    return look(cache, name, hf_near_look);
}

void hf_cache_near_count(struct hf_cache *cache, const struct hf_value *value)
{
    if (!cache->near) return;
    hf_metrics_inc(cache->metrics, !value             ? HF_STAT_CACHE_NEAR_MISSES
                                   : value->is_absent ? HF_STAT_CACHE_MISSES
                                                      : HF_STAT_CACHE_NEAR_HITS);
}

struct hf_value *hf_cache_near_get(struct hf_cache *cache, struct hf_bytes name)
{
    struct hf_value *value = look(cache, name, hf_near_get);
    if (!value || !hf_near_counts(value)) hf_cache_near_count(cache, value);
    return value;
}

bool hf_cache_near_has(struct hf_cache *cache, struct hf_bytes name)
{
    struct hf_value *value = hf_cache_near_look(cache, name);
    const bool       has = value && !value->is_absent;
    hf_value_release(value);
    return has;
}

struct hf_value *hf_cache_near_get_stale(struct hf_cache *cache, struct hf_bytes name)
{
    struct hf_cache_near *n = cache->near;
    struct hf_value      *stale;
    if (!n || cache->stale_limit_ms == 0 || is_child(cache)) return NULL;

    const struct hf_near_time at = coarse_time(n);
    const struct hf_near_key  key = hf_near_key(&n->near, name);
    struct hf_value *value = hf_near_get_stale(&n->near, &key, at, cache->stale_limit_ms);
    value = check_tags(n, value, at.now, hf_ns(cache->stale_limit_ms * 1000000));
    if (!value) return NULL;
    if (hf_value_is_absent(value) || hf_value_open_stale(value, at.unix_ms, &stale)) {
        hf_value_release(value);
        return NULL;
    }
    hf_metrics_inc(cache->metrics, HF_STAT_CACHE_NEAR_STALE);
    return stale;
}

/* ---- Keeping ------------------------------------------------------------------- */

struct hf_near_ticket hf_cache_near_ask(struct hf_cache *cache, struct hf_bytes name)
{
    struct hf_cache_near *n = cache->near;
    if (!n || is_child(cache)) return (struct hf_near_ticket){ 0 };

    const struct hf_near_key key = hf_near_key(&n->near, name);
    return hf_near_ticket(&n->near, &key);
}

void hf_cache_near_keep(struct hf_cache *cache, struct hf_bytes name,
                        struct hf_near_ticket ticket, const struct hf_value *value)
{
    struct hf_cache_near *n = cache->near;
    const int64_t         sliding_ms = hf_value_sliding_ms(value);
    if (!n || hf_value_is_stale(value) || hf_value_is_large(value)) return;
    if (hf_to_ms(hf_value_ttl(value)) <= sliding_ms / 2) return; /* To be prolonged. */

    struct hf_tag_mark         marks[HF_TAGS_MAX];
    const struct hf_near_key   key = hf_near_key(&n->near, name);
    const struct hf_near_entry entry = { .tags = marks,
                                         .tag_count = hf_value_tags(value, marks),
                                         .data = hf_value_whole(value),
                                         .created_ms = value->created_ms,
                                         .expires_ms = value->expires_ms,
                                         .sliding_ms = sliding_ms,
                                         .is_absent = hf_value_is_absent(value),
                                         .has_metadata = value->has_metadata };
    (void)hf_near_keep(&n->near, &key, ticket, &entry, coarse_time(n));
}

void hf_cache_near_evict(struct hf_cache *cache, struct hf_bytes name)
{
    struct hf_cache_near *n = cache->near;
    if (!n || is_child(cache)) return;

    const struct hf_near_key key = hf_near_key(&n->near, name);
    (void)hf_near_evict(&n->near, &key);
}
