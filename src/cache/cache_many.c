#include "cache/cache.h"
#include "core/alloc.h"
#include "core/buffer.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/wall_clock.h"

#include <holdfast/batch.h>
#include <stdatomic.h>
#include <string.h>

/* The batch of a get_many, shared by the values that came in it. */
struct shared_batch {
    const struct hf_allocator *allocator;
    atomic_uint                references;
    struct hf_batch           *batch;
};

struct entry {
    uint64_t              hash;   /* Of the wire key, seeded with the token. */
    uint64_t              ticket; /* See hf_replay_ticket(). */
    struct hf_near_ticket asked;
    bool                  is_near; /* It was in the near cache: done. */
};

/* One call for many keys. Those that errs does not refuse are the batch's commands, in order.
 */
struct many {
    struct hf_cache       *cache;
    const char            *name;
    enum hf_latency_of     latency;
    hf_err                *errs;
    size_t                 count;
    struct hf_error       *error;
    hf_instant             start;
    struct hf_cache_limit  limit;
    struct hf_batch       *batch;
    struct entry          *entries;
    uint64_t               token;
    const struct hf_bytes *keys;
    hf_instant             since; /* When the entries had been read. */
    bool                   has_span;
    struct hf_span         span;
};

static void release_shared(void *object)
{
    struct shared_batch *shared = object;
    if (atomic_fetch_sub_explicit(&shared->references, 1, memory_order_acq_rel) > 1) return;
    hf_batch_close(shared->batch);
    hf_free(shared->allocator, shared);
}

static void start_span(struct many *m)
{
    const struct hf_tracer *tracer = m->cache->tracer;
    if (!tracer) return;
    m->has_span = true;
    hf_tracer_start(tracer, &m->span, HF_SPAN_CACHE, m->name, &m->limit.call.trace);
    m->limit.call.trace = m->span.context;
}

static hf_err end_span(struct many *m, hf_err err)
{
    if (m->has_span) hf_tracer_end(m->cache->tracer, &m->span, err);
    return err;
}

static hf_err fail_all(struct many *m, hf_err err)
{
    for (size_t i = 0; i < m->count; i++) m->errs[i] = err;
    hf_metrics_cache_error(m->cache->metrics, err);
    (void)hf_fail_in(m->error, err, "%s", m->name);
    return end_span(m, err);
}

static hf_err begin(struct many *m, const struct hf_call *call)
{
    m->start = hf_now();
    m->limit = hf_cache_limit(m->cache, call, m->start);
    if (m->error) m->error->detail[0] = '\0';
    if (m->count > HF_BATCH_COMMANDS_MAX) return fail_all(m, HF_E_TOO_LARGE);

    start_span(m);
    m->entries = hf_alloc_zero(m->cache->allocator, m->count, sizeof *m->entries);
    if (!m->entries) return fail_all(m, HF_E_NOMEM);

    const hf_err err = hf_batch_open(m->cache->client, &m->batch);
    if (!err) return HF_OK;
    hf_free(m->cache->allocator, m->entries);
    return fail_all(m, err);
}

/* Takes the first failure for the whole, counts, and frees what is still ours. */
static hf_err end(struct many *m)
{
    hf_err first = HF_OK;
    for (size_t i = 0; i < m->count; i++) {
        if (m->errs[i] == HF_OK || m->errs[i] == HF_MISS) continue;
        hf_metrics_cache_error(m->cache->metrics, m->errs[i]);
        if (!first) first = m->errs[i];
    }
    hf_batch_close(m->batch);
    hf_free(m->cache->allocator, m->entries);
    hf_metrics_record_since(m->cache->metrics, m->latency, m->start);
    if (first) (void)hf_fail_in(m->error, first, "%s", m->name);
    return end_span(m, first);
}

/* Gives up before anything was sent. */
static hf_err give_up(struct many *m, hf_err err)
{
    hf_batch_close(m->batch);
    hf_free(m->cache->allocator, m->entries);
    return fail_all(m, err);
}

/* What failed is in the results. */
static void run(struct many *m, enum hf_command_class class)
{
    const struct hf_call call = hf_cache_call(&m->limit, class);
    if (hf_batch_count(m->batch) == 0) return;
    (void)!hf_client_batch(m->cache->client, &call, m->batch, m->error);
}

/* MGET and the wire keys that may be believed; entries without errs are its keys, in order.
 */
struct wanted {
    struct hf_buffer bytes; /* Of the wire keys. */
    struct hf_bytes *argv;
    size_t           argc;
};

static void wanted_deinit(struct many *m, struct wanted *w)
{
    hf_buffer_deinit(&w->bytes);
    hf_free(m->cache->allocator, w->argv);
}

/* Any key that is not to be asked for has its result then. */
static hf_err want(struct many *m, struct wanted *w, size_t i, struct hf_bytes name)
{
    struct hf_key key;
    if (m->entries[i].is_near) return HF_OK;
    m->errs[i] = hf_key_init(&key, &m->cache->keyspace, name);
    if (m->errs[i]) return HF_OK;

    hf_err err = HF_OK;
    if (hf_cache_distrusts(m->cache, key.wire)) {
        m->errs[i] = hf_cache_count_read(m->cache, HF_MISS);
    } else {
        char *at = hf_buffer_end(&w->bytes);
        err = hf_buffer_append(&w->bytes, key.wire.data, key.wire.size);
        m->entries[i].hash = hf_hash64(key.wire, m->token);
        w->argv[w->argc++] = hf_bytes(at, key.wire.size);
    }
    hf_key_deinit(&key);
    return err;
}

/* Room for all is made first, so that the keys stay where they are put. */
static hf_err want_all(struct many *m, struct wanted *w, const struct hf_bytes *keys)
{
    size_t room = 1;
    for (size_t i = 0; i < m->count; i++) {
        if (keys[i].size > HF_KEY_MAX) continue;
        room += m->cache->keyspace.head_size + keys[i].size;
    }
    hf_buffer_init(&w->bytes, m->cache->allocator, HF_BATCH_BYTES_MAX);
    w->argv = hf_alloc_zero(m->cache->allocator, m->count + 1, sizeof *w->argv);
    hf_err err = w->argv ? hf_buffer_reserve(&w->bytes, room) : HF_E_NOMEM;

    if (!err) w->argv[0] = hf_str("MGET");
    w->argc = 1;
    for (size_t i = 0; i < m->count && !err; i++) err = want(m, w, i, keys[i]);
    return err;
}

/* One MGET; where the server refuses it, as a cluster does for keys of several slots, a GET
 * for each key. Either way in one round trip. True when it was one MGET. */
static bool ask(struct many *m, const struct wanted *w, hf_err *err)
{
    const struct hf_reply *reply;
    *err = w->argc > 1 ? hf_batch_add(m->batch, w->argv, w->argc) : HF_OK;
    if (*err || w->argc == 1) return true;

    run(m, HF_COMMAND_READ);
    if (hf_batch_result(m->batch, 0, &reply, NULL) != HF_E_REPLY) return true;

    hf_batch_clear(m->batch);
    for (size_t i = 1; i < w->argc && !*err; i++) {
        const struct hf_bytes argv[] = { hf_str("GET"), w->argv[i] };
        *err = hf_batch_add(m->batch, argv, 2);
    }
    if (!*err) run(m, HF_COMMAND_READ);
    return false;
}

/* The answer for key number `index` of those asked for. */
static hf_err answer(const struct hf_batch *batch, bool is_one, size_t index,
                     const struct hf_reply **reply)
{
    const hf_err err = hf_batch_result(batch, is_one ? 0 : index, reply, NULL);
    if (err || !is_one) return err;
    *reply = hf_reply_at(*reply, index);
    return *reply ? HF_OK : HF_E_PROTOCOL;
}

static hf_err take_value(struct many *m, size_t i, struct shared_batch *shared,
                         const struct hf_reply *reply, struct hf_value **value)
{
    const struct hf_value_source source = { release_shared, shared };
    struct hf_value             *found;
    struct hf_key                key;
    hf_err                       err = hf_key_init(&key, &m->cache->keyspace, m->keys[i]);
    if (err) return err;

    atomic_fetch_add_explicit(&shared->references, 1, memory_order_relaxed);
    const struct hf_cache_found how = { .wire = key.wire,
                                        .hash = m->entries[i].hash,
                                        .limit = &m->limit,
                                        .since = m->since,
                                        .left_ms = HF_CACHE_LEFT_UNKNOWN };
    err = hf_cache_open_value(m->cache, &how, reply, source, &found);
    hf_key_deinit(&key);
    if (err) {
        release_shared(shared);
        return err;
    }
    /* How long a sliding one has left was not asked. */
    if (!hf_value_is_sliding(found)) {
        hf_cache_near_keep(m->cache, m->keys[i], m->entries[i].asked, found);
    }
    err = hf_cache_take_plain(HF_OK, &found);
    if (!err) *value = found;
    return err;
}

/* Going through the answers, for their tags. */
struct walk {
    const struct many         *m;
    const struct shared_batch *shared;
    bool                       is_one;
    size_t                     i, index;
};

static bool next_tagged(void *ctx, struct hf_envelope *e)
{
    struct walk *w = ctx;
    while (w->i < w->m->count) {
        const struct hf_reply *reply;
        struct hf_bytes        bytes;
        const size_t           i = w->i++;
        if (w->m->errs[i] || w->m->entries[i].is_near) continue;
        if (answer(w->shared->batch, w->is_one, w->index++, &reply)) continue;
        if (hf_reply_is_null(reply) || hf_reply_bytes(reply, &bytes)) continue;
        if (hf_envelope_decode_header(bytes, w->m->entries[i].hash, e)) continue;
        if (e->tags.size == 0 || bytes.size - HF_ENVELOPE_SIZE < e->tags.size) continue;
        e->tags.data = (const unsigned char *)bytes.data + HF_ENVELOPE_SIZE;
        return true;
    }
    return false;
}

static void take_values(struct many *m, struct shared_batch *shared, bool is_one,
                        struct hf_value **values)
{
    struct walk walk = { m, shared, is_one, 0, 0 };
    m->since = hf_now();
    hf_cache_learn_tags(m->cache, &m->limit, m->since, next_tagged, &walk);
    for (size_t i = 0, index = 0; i < m->count; i++) {
        const struct hf_reply *reply;
        if (m->errs[i] || m->entries[i].is_near) continue;
        hf_err err = answer(shared->batch, is_one, index++, &reply);
        if (err == HF_E_WRONGTYPE)
            err = hf_cache_count_unusable(m->cache, HF_ENVELOPE_FOREIGN);
        if (!err) err = take_value(m, i, shared, reply, &values[i]);
        m->errs[i] = hf_cache_count_read(m->cache, err);
    }
}

/* What the near cache has; the rest is to be asked for, and true then. */
static bool look_near(struct many *m, struct hf_value **values)
{
    size_t found = 0;
    for (size_t i = 0; i < m->count && m->cache->near; i++) {
        struct hf_value *value = hf_cache_near_get(m->cache, m->keys[i]);
        m->entries[i].is_near = value != NULL;
        if (value) {
            m->errs[i] = hf_cache_take_plain(HF_OK, &value);
            values[i] = value;
            found++;
        } else {
            m->entries[i].asked = hf_cache_near_ask(m->cache, m->keys[i]);
        }
    }
    return m->count == 0 || found < m->count;
}

/* What failed, where the cache serves what is stale rather than nothing. */
static void look_stale(struct many *m, struct hf_value **values)
{
    for (size_t i = 0; i < m->count && m->cache->serves_stale; i++) {
        if (m->errs[i] == HF_OK || m->errs[i] == HF_MISS) continue;
        values[i] = hf_cache_near_get_stale(m->cache, m->keys[i]);
        if (!values[i]) continue;
        hf_cache_count_stale(m->cache, values[i]);
        m->errs[i] = hf_cache_count_read(m->cache, HF_OK);
    }
}

/* Nothing could be asked for. */
static hf_err fail_rest(struct many *m, struct hf_value **values, hf_err err)
{
    for (size_t i = 0; i < m->count; i++) {
        if (!m->entries[i].is_near) m->errs[i] = err;
    }
    look_stale(m, values);
    return end(m);
}

static hf_err get_many(struct hf_cache *cache, const struct hf_call *call,
                       const struct hf_bytes *keys, size_t count, struct hf_value **values,
                       hf_err *errs, struct hf_error *error)
{
    struct many   m = { cache, "cache get_many", HF_LATENCY_CACHE_MANY, errs, count,
                        error, .keys = keys };
    struct wanted w;
    bool          is_one = true;
    for (size_t i = 0; i < count; i++) values[i] = NULL;
    hf_err err = begin(&m, call);
    if (err) return err;
    if (!look_near(&m, values)) return end(&m);

    struct shared_batch *shared = hf_alloc(cache->allocator, sizeof *shared);
    err = shared ? hf_cache_token(cache, &m.limit, m.start, &m.token, error) : HF_E_NOMEM;
    /* A miss: nothing is to be believed, and so each key will miss. */
    if (err == HF_MISS) err = HF_OK;
    if (!err) {
        err = want_all(&m, &w, keys);
        if (!err) is_one = ask(&m, &w, &err);
        wanted_deinit(&m, &w);
    }
    if (err) {
        hf_free(cache->allocator, shared);
        return fail_rest(&m, values, err);
    }
    *shared = (struct shared_batch){ cache->allocator, 1, m.batch };
    m.batch = NULL;
    take_values(&m, shared, is_one, values);
    release_shared(shared);
    look_stale(&m, values);
    return end(&m);
}

hf_err hf_cache_get_many(struct hf_cache *cache, const struct hf_call *call,
                         const struct hf_bytes *keys, size_t count, struct hf_value **values,
                         hf_err *errs, struct hf_error *error)
{
    const hf_err err = get_many(cache, call, keys, count, values, errs, error);
    for (size_t i = 0; i < count && cache->access; i++) {
        if (values[i]) hf_cache_access_note(cache->access, keys[i]);
    }
    return err;
}

/* What is to be stored; hows is NULL, or one for each value, or one for all. */
struct given {
    const struct hf_bytes *keys;
    const struct hf_bytes *values;
    const struct hf_set   *hows;
    bool                   is_one_how;
};

static const struct hf_set *how_of(const struct given *g, size_t i)
{
    if (!g->hows) return NULL;
    return &g->hows[g->is_one_how ? 0 : i];
}

static enum hf_set_condition condition_of(const struct given *g, size_t i)
{
    const struct hf_set *how = how_of(g, i);
    return how ? how->condition : HF_SET_ALWAYS;
}

static hf_err add_command(struct many *m, struct hf_bytes wire, struct hf_bytes envelope,
                          int64_t ttl_ms, enum hf_set_condition condition)
{
    struct hf_cache_number px, now;
    const struct hf_bytes  expiry = hf_cache_decimal(&px, ttl_ms + m->cache->stale_limit_ms);
    if (condition == HF_SET_ALWAYS) {
        const struct hf_bytes argv[] = { hf_str("SET"), wire, envelope, hf_str("PX"),
                                         expiry };
        return hf_batch_add(m->batch, argv, 5);
    }
    const struct hf_bytes argv[] = { hf_str("EVAL"),
                                     hf_bytes(hf_cache_set_if.source, hf_cache_set_if.size),
                                     hf_str("1"),
                                     wire,
                                     envelope,
                                     expiry,
                                     hf_cache_decimal(&now, hf_unix_ms()),
                                     hf_cache_wanted(condition),
                                     hf_str(""),
                                     hf_str("") };
    return hf_batch_add(m->batch, argv, 10);
}

/* One set, its envelope built in scratch, which grows to the largest of them. */
static hf_err add_set(struct many *m, const struct hf_key *key, struct hf_bytes value,
                      int64_t ttl_ms, const struct hf_set *how, struct hf_buffer *scratch)
{
    struct hf_envelope e = hf_cache_envelope(m->cache, value, hf_hash64(key->wire, m->token),
                                             ttl_ms);
    struct hf_packed   packed;
    unsigned char      tags[HF_TAG_BLOCK_MAX];
    void              *joined = NULL;
    hf_err err = hf_cache_add_tags(m->cache, &m->limit, &e, how, ttl_ms, tags, m->error);
    if (!err && how) err = hf_cache_add_metadata(m->cache, &e, how->metadata, &joined, NULL);
    if (err) return err;

    const size_t room = HF_ENVELOPE_SIZE + e.tags.size + e.body.size + HF_ENVELOPE_SEAL_SIZE;
    hf_buffer_clear(scratch, SIZE_MAX);
    err = hf_buffer_reserve(scratch, room);
    if (!err) {
        err = hf_cache_pack(m->cache, &e, key->wire, (unsigned char *)hf_buffer_end(scratch),
                            room, &packed, NULL);
    }
    hf_free(m->cache->allocator, joined);
    if (err) return err;
    err = add_command(m, key->wire, packed.bytes, ttl_ms,
                      how ? how->condition : HF_SET_ALWAYS);
    hf_packed_free(&m->cache->packer, &packed);
    return err;
}

static void evict_near(struct many *m, const struct hf_bytes *keys)
{
    for (size_t i = 0; i < m->count && m->cache->near; i++) {
        hf_cache_near_evict(m->cache, keys[i]);
    }
}

static hf_err add_sets(struct many *m, const struct given *g)
{
    struct hf_buffer scratch;
    hf_err           err = HF_OK;
    hf_buffer_init(&scratch, m->cache->allocator,
                   HF_ENVELOPE_SIZE + HF_TAG_BLOCK_MAX + m->cache->value_size_max +
                       HF_ENVELOPE_SEAL_SIZE);
    for (size_t i = 0; i < m->count && !err; i++) {
        struct hf_key key;
        int64_t       ttl_ms;
        m->errs[i] = hf_cache_check_set(m->cache, g->values[i], how_of(g, i), &ttl_ms, NULL);
        if (!m->errs[i]) m->errs[i] = hf_key_init(&key, &m->cache->keyspace, g->keys[i]);
        if (m->errs[i]) continue;

        m->entries[i].ticket = hf_replay_ticket(&m->cache->replay, key.wire);
        err = add_set(m, &key, g->values[i], ttl_ms, how_of(g, i), &scratch);
        hf_key_deinit(&key);
    }
    hf_buffer_deinit(&scratch);
    return err;
}

/* The outstanding delete of a key that was written now. */
static void settle(struct many *m, size_t i, struct hf_bytes name)
{
    struct hf_key key;
    if (m->entries[i].ticket == 0) return;
    if (hf_key_init(&key, &m->cache->keyspace, name)) return;
    hf_replay_settle(&m->cache->replay, key.wire, m->entries[i].ticket);
    hf_key_deinit(&key);
}

/* What came of a set: an answer of 0 says that its condition was not met. */
static hf_err set_outcome(struct many *m, size_t command, enum hf_set_condition condition,
                          bool *is_unjudged)
{
    const struct hf_reply *reply;
    int64_t                is_set = 1;
    hf_err                 err = hf_batch_result(m->batch, command, &reply, NULL);
    if (!err && condition != HF_SET_ALWAYS) err = hf_reply_int(reply, &is_set);
    *is_unjudged = !err && is_set == HF_CACHE_SET_UNJUDGED;
    return err || is_set ? err : HF_MISS;
}

/* A set whose condition hangs on tags, which a set of its own judges. */
static hf_err set_alone(struct many *m, const struct given *g, size_t i)
{
    const struct hf_call call = hf_cache_call(&m->limit, HF_COMMAND_AUTO);
    return hf_cache_set(m->cache, &call, g->keys[i], g->values[i], how_of(g, i), NULL);
}

static hf_err set_all(struct many *m, const struct hf_call *call, const struct given *g)
{
    struct hf_cache *cache = m->cache;
    bool             is_conditional = false;
    hf_err           err = begin(m, call);
    if (err) return err;
    err = hf_cache_token(cache, &m->limit, m->start, &m->token, m->error);
    if (err == HF_MISS) err = HF_E_TYPE;
    if (!err) err = add_sets(m, g);
    if (err) return give_up(m, err);

    for (size_t i = 0; i < m->count; i++) is_conditional |= condition_of(g, i) != 0;
    evict_near(m, g->keys);
    run(m, is_conditional ? HF_COMMAND_ACCUMULATING : HF_COMMAND_IDEMPOTENT);
    for (size_t i = 0, command = 0; i < m->count; i++) {
        bool is_unjudged;
        if (m->errs[i]) continue;
        m->errs[i] = set_outcome(m, command++, condition_of(g, i), &is_unjudged);
        if (is_unjudged) {
            m->errs[i] = set_alone(m, g, i);
            continue;
        }
        if (m->errs[i] == HF_MISS) hf_metrics_inc(cache->metrics, HF_STAT_CACHE_SETS_REFUSED);
        if (m->errs[i]) continue;
        settle(m, i, g->keys[i]);
        hf_metrics_inc(cache->metrics, HF_STAT_CACHE_SETS);
        hf_metrics_add(cache->metrics, HF_STAT_CACHE_BYTES_WRITTEN,
                       (int64_t)g->values[i].size);
    }
    evict_near(m, g->keys);
    return end(m);
}

hf_err hf_cache_set_many(struct hf_cache *cache, const struct hf_call *call,
                         const struct hf_bytes *keys, const struct hf_bytes *values,
                         size_t count, const struct hf_set *how, hf_err *errs,
                         struct hf_error *error)
{
    struct many        m = { cache, "cache set_many", HF_LATENCY_CACHE_MANY, errs, count,
                             error, .batch = NULL };
    const struct given g = { keys, values, how, true };
    return set_all(&m, call, &g);
}

hf_err hf_cache_set_each(struct hf_cache *cache, const struct hf_call *call,
                         const struct hf_bytes *keys, const struct hf_bytes *values,
                         size_t count, const struct hf_set *hows, hf_err *errs,
                         struct hf_error *error)
{
    struct many        m = { cache, "cache set_many", HF_LATENCY_CACHE_MANY, errs, count,
                             error, .batch = NULL };
    const struct given g = { keys, values, hows, false };
    return set_all(&m, call, &g);
}

static void deleted(struct many *m, size_t i, struct hf_bytes name)
{
    struct hf_key key;
    if (hf_key_init(&key, &m->cache->keyspace, name)) {
        /* No memory for the key: a failed delete of it can only be made up for by all. */
        if (m->errs[i] && m->errs[i] != HF_MISS) hf_replay_void(&m->cache->replay);
        hf_cache_near_evict(m->cache, name);
        return;
    }
    hf_cache_deleted(m->cache, key.wire, m->errs[i], m->entries[i].ticket);
    hf_key_deinit(&key);
}

static hf_err add_delete(struct many *m, size_t i, struct hf_bytes name)
{
    struct hf_key key;
    m->errs[i] = hf_key_init(&key, &m->cache->keyspace, name);
    if (m->errs[i] == HF_E_NOMEM) return HF_E_NOMEM;
    if (m->errs[i]) return HF_OK;

    m->entries[i].ticket = hf_replay_ticket(&m->cache->replay, key.wire);
    const hf_err err = hf_replay_add_commands(m->batch, m->cache->allocator, key.wire);
    hf_key_deinit(&key);
    return err;
}

hf_err hf_cache_delete_many(struct hf_cache *cache, const struct hf_call *call,
                            const struct hf_bytes *keys, size_t count, hf_err *errs,
                            struct hf_error *error)
{
    struct many m = { cache, "cache delete_many", HF_LATENCY_CACHE_MANY, errs, count,
                      error, .batch = NULL };
    hf_err      err = begin(&m, call);
    if (!err) {
        for (size_t i = 0; i < count && !err; i++) err = add_delete(&m, i, keys[i]);
        if (err) err = give_up(&m, err);
    }
    if (err == HF_E_NOMEM) hf_replay_void(&cache->replay); /* Which keys cannot be noted. */
    if (err) return err;

    evict_near(&m, keys);
    run(&m, HF_COMMAND_IDEMPOTENT);
    for (size_t i = 0, number = 0; i < count; i++) {
        if (errs[i]) continue;
        errs[i] = hf_replay_outcome(m.batch, number++, NULL);
        deleted(&m, i, keys[i]);
    }
    return end(&m);
}
