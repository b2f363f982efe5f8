#include "cache/cache.h"
#include "client/client.h"
#include "core/error.h"
#include "core/rng.h"

#include <holdfast/batch.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The version of a tag is a random number in Redis, written as the namespace's token is,
 * under a key of its own. An entry carries the versions that its tags had before its value
 * was computed, and is valid while they are the same; so deleting a tag's key invalidates it,
 * and a failed invalidation is a failed delete like any other. */

enum {
    LIVES = 2,       /* A version is kept for that many lives of the entry that needs it. */
    AT_ONCE = 256,   /* Tags in one round trip for many entries. */
    COMMANDS_MAX = 3 /* For each tag. */
};

/* A tag whose version is asked for. */
struct query {
    struct hf_bytes       name;
    struct hf_tag_reading reading;
    bool                  is_distrusted; /* What comes is not to be remembered. */
    bool                  is_foreign;    /* What is there is no version. */
    uint64_t              version;       /* 0: none. */
};

struct queries {
    struct hf_cache             *cache;
    const struct hf_cache_limit *limit;
    int64_t                      need_ms; /* How long versions must last. */
    bool                         creates; /* Versions that are not there. */
    struct hf_batch             *batch;
    struct hf_error             *error;
    size_t                       count;
    struct query                *list;
};

static size_t commands_of(const struct queries *q)
{
    return q->creates ? COMMANDS_MAX : COMMANDS_MAX - 1;
}

/* The reading begins before the list of failed deletes is looked at: who fails to invalidate
 * puts the tag there first, and forgets what was read afterwards. */
static void begin(struct hf_cache *cache, struct query *query, struct hf_bytes name)
{
    struct hf_tag_key key;
    hf_tag_key_init(&key, &cache->keyspace, name);
    *query = (struct query){ .name = name,
                             .reading = hf_tag_table_ask(cache->tags, name, hf_now()) };
    query->is_distrusted = hf_replay_covers(&cache->replay, key.wire);
}

static hf_err add_commands(struct queries *q, const struct query *query)
{
    struct hf_cache_number px;
    struct hf_tag_key      key;
    char                   drawn[HF_NAMESPACE_TEXT + 1];
    hf_err                 err = HF_OK;
    hf_tag_key_init(&key, &q->cache->keyspace, query->name);
    if (q->creates) {
        snprintf(drawn, sizeof drawn, "%016" PRIx64, hf_rng_seed() | 1);
        const struct hf_bytes set[] = {
            hf_str("SET"), key.wire,     hf_str(drawn),
            hf_str("NX"),  hf_str("PX"), hf_cache_decimal(&px, LIVES * q->need_ms)
        };
        err = hf_batch_add(q->batch, set, 6);
    }
    const struct hf_bytes get[] = { hf_str("GET"), key.wire };
    const struct hf_bytes ttl[] = { hf_str("PTTL"), key.wire };
    if (!err) err = hf_batch_add(q->batch, get, 2);
    if (!err) err = hf_batch_add(q->batch, ttl, 2);
    return err;
}

/* Until when Redis keeps the version; makes it longer where that is too short. */
static hf_instant lasts(struct queries *q, const struct query *query,
                        const struct hf_reply *ttl)
{
    struct hf_tag_key key;
    int64_t           left_ms;
    if (hf_reply_int(ttl, &left_ms) || left_ms == -1) return hf_never();
    if (left_ms < q->need_ms) {
        hf_tag_key_init(&key, &q->cache->keyspace, query->name);
        hf_cache_prolong(q->cache, q->limit, key.wire, LIVES * q->need_ms);
    }
    return hf_later(query->reading.asked, hf_ns((left_ms > 0 ? left_ms : 0) * 1000000));
}

static hf_err take_answer(struct queries *q, size_t i)
{
    struct query          *query = &q->list[i];
    const size_t           last = (i + 1) * commands_of(q) - 1;
    const struct hf_reply *get, *ttl, *set;
    struct hf_bytes        text;
    hf_err                 err = hf_batch_result(q->batch, last - 1, &get, q->error);
    if (!err && !hf_reply_is_null(get)) {
        query->version = hf_reply_bytes(get, &text) ? 0 : hf_namespace_parse(text);
        query->is_foreign = query->version == 0;
    } else if (err == HF_E_WRONGTYPE) {
        query->is_foreign = true;
        err = HF_OK;
    } else if (!err && q->creates) {
        /* Not there, and not to be put there: a full server, for example. */
        err = hf_batch_result(q->batch, last - 2, &set, q->error);
        if (!err) err = hf_fail(q->error, HF_E_PROTOCOL, "no version of a tag");
    }
    if (!err) err = hf_batch_result(q->batch, last, &ttl, q->error);
    if (err) return err;
    if (query->is_distrusted || query->is_foreign) return HF_OK;
    hf_tag_table_note(q->cache->tags, query->name, query->reading, query->version,
                      query->version ? lasts(q, query, ttl) : query->reading.asked);
    return HF_OK;
}

/* One round trip. */
static hf_err ask(struct queries *q)
{
    struct hf_call call = hf_cache_call(q->limit, HF_COMMAND_IDEMPOTENT);
    hf_err         err = hf_batch_open(q->cache->client, &q->batch);
    if (err) return hf_fail(q->error, err, "tags");

    call.command_class = q->creates ? HF_COMMAND_IDEMPOTENT : HF_COMMAND_READ;
    hf_metrics_inc(q->cache->metrics, HF_STAT_CACHE_TAG_CHECKS);
    for (size_t i = 0; i < q->count && !err; i++) err = add_commands(q, &q->list[i]);
    if (!err) err = hf_client_batch(q->cache->client, &call, q->batch, q->error);
    for (size_t i = 0; i < q->count && !err; i++) err = take_answer(q, i);
    hf_batch_close(q->batch);
    return err ? hf_fail_in(q->error, err, "tags") : HF_OK;
}

/* ---- Writing ------------------------------------------------------------------- */

hf_err hf_cache_check_tags(const struct hf_bytes *names, size_t count, struct hf_error *error)
{
    if (count > HF_TAGS_MAX) {
        return hf_fail(error, HF_E_INVALID, "%zu tags, limit %d", count, HF_TAGS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        if (names[i].size == 0) return hf_fail(error, HF_E_INVALID, "a tag without a name");
        if (names[i].size > HF_TAG_SIZE_MAX) {
            return hf_fail(error, HF_E_TOO_LARGE, "name of a tag of %zu bytes, limit %d",
                           names[i].size, HF_TAG_SIZE_MAX);
        }
    }
    return HF_OK;
}

/* What is there is none of ours, so what the version was is lost. */
static void replace(struct hf_cache *cache, struct hf_bytes name)
{
    struct hf_tag_key key;
    hf_tag_key_init(&key, &cache->keyspace, name);
    hf_replay_add(&cache->replay, key.wire, HF_E_TYPE);
    hf_tag_table_forget(cache->tags, name);
}

hf_err hf_cache_bind_tags(struct hf_cache *cache, const struct hf_cache_limit *limit,
                          const struct hf_bytes *names, size_t count, int64_t ttl_ms,
                          struct hf_tag tags[HF_TAGS_MAX], struct hf_error *error)
{
    struct query     list[HF_TAGS_MAX];
    size_t           places[HF_TAGS_MAX];
    struct queries   q = { .cache = cache,
                           .limit = limit,
                           .need_ms = ttl_ms + cache->stale_limit_ms,
                           .creates = true,
                           .error = error,
                           .list = list };
    const hf_instant now = hf_now();
    const hf_instant until = hf_later(now, hf_ns(q.need_ms * 1000000));
    if (count && hf_client_is_forked(cache->client))
        return hf_fail(error, HF_E_FORKED, "tags");
    for (size_t i = 0; i < count; i++) {
        tags[i] = (struct hf_tag){ names[i],
                                   hf_tag_table_version(cache->tags, names[i], now, until) };
        if (tags[i].version) continue;
        places[q.count] = i;
        begin(cache, &list[q.count++], names[i]);
    }
    const size_t asked = q.count;
    const hf_err err = asked ? ask(&q) : HF_OK;
    if (err) return err;
    for (size_t i = 0; i < asked; i++) {
        if (list[i].is_foreign) {
            replace(cache, list[i].name);
            return hf_fail(error, HF_E_TYPE, "version of a tag");
        }
        tags[places[i]].version = list[i].version;
    }
    return HF_OK;
}

/* ---- Reading ------------------------------------------------------------------- */

static hf_err invalid(struct hf_cache *cache)
{
    hf_metrics_inc(cache->metrics, HF_STAT_CACHE_TAG_INVALID);
    return HF_MISS;
}

hf_err hf_cache_trust_tags(struct hf_cache *cache, const struct hf_cache_limit *limit,
                           const struct hf_envelope *e, hf_instant since, int64_t need_ms,
                           struct hf_error *error)
{
    struct hf_tag  tags[HF_TAGS_MAX];
    uint64_t       wanted[HF_TAGS_MAX];
    struct query   list[HF_TAGS_MAX];
    struct queries q = {
        .cache = cache, .limit = limit, .need_ms = need_ms, .error = error, .list = list
    };
    const hf_instant now = hf_now();
    const size_t     count = hf_tag_block_read(e->tags, e->key_hash, tags);
    if (count == 0) return hf_cache_count_unusable(cache, HF_ENVELOPE_DAMAGED);

    for (size_t i = 0; i < count; i++) {
        struct query *query = &list[q.count];
        begin(cache, query, tags[i].name);
        if (query->is_distrusted) return invalid(cache);

        const enum hf_tag_verdict verdict = hf_tag_table_judge(cache->tags, &tags[i], now,
                                                               since);
        if (verdict == HF_TAG_INVALID) return invalid(cache);
        if (verdict == HF_TAG_UNKNOWN) wanted[q.count++] = tags[i].version;
    }
    const hf_err err = q.count ? ask(&q) : HF_OK;
    if (err) return err;
    for (size_t i = 0; i < q.count; i++) {
        if (list[i].version != wanted[i]) return invalid(cache);
    }
    return HF_OK;
}

static bool is_in(const struct queries *q, struct hf_bytes name)
{
    for (size_t i = 0; i < q->count; i++) {
        const struct hf_bytes there = q->list[i].name;
        if (there.size == name.size && memcmp(there.data, name.data, name.size) == 0) {
            return true;
        }
    }
    return false;
}

/* Those of one entry that are not known. */
static void add_unknown(struct queries *q, const struct hf_envelope *e, hf_instant since)
{
    struct hf_tag    tags[HF_TAGS_MAX];
    const hf_instant now = hf_now();
    const size_t     count = e->tags.size ? hf_tag_block_read(e->tags, e->key_hash, tags) : 0;
    for (size_t i = 0; i < count && q->count < AT_ONCE; i++) {
        if (is_in(q, tags[i].name)) continue;
        if (hf_tag_table_judge(q->cache->tags, &tags[i], now, since) != HF_TAG_UNKNOWN) {
            continue;
        }
        begin(q->cache, &q->list[q->count++], tags[i].name);
    }
}

void hf_cache_learn_tags(struct hf_cache *cache, const struct hf_cache_limit *limit,
                         hf_instant since, bool (*next)(void *ctx, struct hf_envelope *e),
                         void      *ctx)
{
    struct query       list[AT_ONCE];
    struct queries     q = { .cache = cache, .limit = limit, .list = list };
    struct hf_envelope e;
    while (next(ctx, &e)) add_unknown(&q, &e, since);
    if (q.count) (void)!ask(&q);
}

/* ---- Invalidating -------------------------------------------------------------- */

static void forget(struct hf_cache *cache, const struct hf_bytes *names, size_t count)
{
    for (size_t i = 0; i < count; i++) hf_tag_table_forget(cache->tags, names[i]);
}

static hf_err unlink_all(struct hf_cache *cache, const struct hf_cache_limit *limit,
                         const struct hf_bytes *names, size_t count, struct hf_batch *batch,
                         struct hf_error *error)
{
    const struct hf_call call = hf_cache_call(limit, HF_COMMAND_IDEMPOTENT);
    hf_err               err = HF_OK;
    for (size_t i = 0; i < count && !err; i++) {
        struct hf_tag_key key;
        hf_tag_key_init(&key, &cache->keyspace, names[i]);
        err = hf_replay_add_commands(batch, cache->allocator, key.wire);
    }
    return err ? hf_fail(error, err, "batch")
               : hf_client_batch(cache->client, &call, batch, error);
}

/* What came of one: a failed one is made up for. */
static hf_err settle(struct hf_cache *cache, struct hf_bytes name, hf_err err)
{
    struct hf_tag_key key;
    hf_tag_key_init(&key, &cache->keyspace, name);
    if (!err || err == HF_MISS) {
        hf_metrics_inc(cache->metrics, HF_STAT_CACHE_TAG_INVALIDATIONS);
        return HF_OK;
    }
    if (err != HF_E_FORKED && err != HF_E_CLOSED) {
        hf_metrics_inc(cache->metrics, HF_STAT_CACHE_DELETES_LATE);
        hf_replay_add(&cache->replay, key.wire, err);
    }
    return err;
}

static hf_err invalidate(struct hf_cache *cache, const struct hf_call *given,
                         const struct hf_bytes *names, size_t count, struct hf_error *error)
{
    const hf_instant            start = hf_now();
    const struct hf_cache_limit limit = hf_cache_limit(cache, given, start);
    struct hf_batch            *batch = NULL;
    hf_err                      first = HF_OK;
    if (error) error->detail[0] = '\0';
    forget(cache, names, count);
    const hf_err opened = hf_batch_open(cache->client, &batch);
    const hf_err sent = opened ? opened
                               : unlink_all(cache, &limit, names, count, batch, error);
    for (size_t i = 0; i < count; i++) {
        hf_err err = sent;
        if (!opened) err = hf_replay_outcome(batch, i, sent ? NULL : error);
        if (err == HF_E_INVALID) err = sent; /* Never sent. */
        err = settle(cache, names[i], err);
        if (!first) first = err;
    }
    hf_batch_close(batch);
    forget(cache, names, count);
    hf_flight_forget_all(&cache->flights); /* Who comes now is not given what is computed. */
    hf_metrics_record_since(cache->metrics, HF_LATENCY_CACHE_DELETE, start);
    return first;
}

hf_err hf_cache_invalidate_tags(struct hf_cache *cache, const struct hf_call *call,
                                const struct hf_bytes *tags, size_t count,
                                struct hf_error *error)
{
    hf_err err = hf_cache_check_tags(tags, count, error);
    if (!err && hf_client_is_forked(cache->client)) err = hf_fail(error, HF_E_FORKED, "tags");
    if (!err && count) err = invalidate(cache, call, tags, count, error);
    if (!err) return HF_OK;
    hf_metrics_cache_error(cache->metrics, err);
    return hf_fail_in(error, err, "cache invalidate");
}

hf_err hf_cache_invalidate_tag(struct hf_cache *cache, const struct hf_call *call,
                               struct hf_bytes tag, struct hf_error *error)
{
    return hf_cache_invalidate_tags(cache, call, &tag, 1, error);
}
