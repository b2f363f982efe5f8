#include "cache/file.h"
#include "cache/manifest.h"
#include "cache/metadata.h"
#include "cache/tag_block.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/wall_clock.h"

#include <holdfast/batch.h>
#include <holdfast/explain.h>
#include <stdio.h>

/* The questions, in the order in which they are asked. */
enum { TOKEN, TYPE, KEPT, SIZE, ENTRY };

struct look {
    struct hf_cache       *cache;
    struct hf_bytes        wire;
    uint64_t               hash;
    int64_t                kept_ms; /* Below 0: for ever. */
    struct hf_tag          tags[HF_TAGS_MAX];
    bool                   is_of_files;
    struct hf_explanation *e;
};

/* ---- Asking -------------------------------------------------------------------- */

static hf_err ask(const struct look *l, const struct hf_call *call, struct hf_batch *batch,
                  struct hf_error *error)
{
    struct hf_cache_number n;
    const int64_t          last = (int64_t)l->cache->value_size_max + HF_ENVELOPE_SIZE +
                         HF_ENVELOPE_SEAL_SIZE + HF_TAG_BLOCK_MAX;
    const struct hf_bytes token[] = { hf_str("GET"), hf_str(l->cache->keyspace.token) };
    const struct hf_bytes type[] = { hf_str("TYPE"), l->wire };
    const struct hf_bytes kept[] = { hf_str("PTTL"), l->wire };
    const struct hf_bytes size[] = { hf_str("STRLEN"), l->wire };
    const struct hf_bytes entry[] = { hf_str("GETRANGE"), l->wire, hf_str("0"),
                                      hf_cache_decimal(&n, last) };
    hf_err                err = hf_batch_add(batch, token, 2);
    if (!err) err = hf_batch_add(batch, type, 2);
    if (!err) err = hf_batch_add(batch, kept, 2);
    if (!err) err = hf_batch_add(batch, size, 2);
    if (!err) err = hf_batch_add(batch, entry, 4);
    return err ? hf_fail(error, err, "batch")
               : hf_client_batch(l->cache->client, call, batch, error);
}

static hf_err bytes_of(const struct hf_batch *batch, size_t index, struct hf_bytes *bytes,
                       struct hf_error *error)
{
    const struct hf_reply *reply;
    const hf_err           err = hf_batch_result(batch, index, &reply, error);
    if (err) return err;
    *bytes = hf_bytes(NULL, 0);
    if (hf_reply_is_null(reply)) return HF_OK;
    return hf_reply_bytes(reply, bytes) ? hf_fail(error, HF_E_PROTOCOL, "explain") : HF_OK;
}

static int64_t int_of(const struct hf_batch *batch, size_t index, int64_t otherwise)
{
    const struct hf_reply *reply;
    int64_t                value = otherwise;
    if (hf_batch_result(batch, index, &reply, NULL) || hf_reply_int(reply, &value)) {
        return otherwise;
    }
    return value;
}

/* ---- Understanding ------------------------------------------------------------- */

static enum hf_entry_state state_of(enum hf_envelope_status status)
{
    static const enum hf_entry_state states[] = {
        [HF_ENVELOPE_OK] = HF_ENTRY_FRESH,
        [HF_ENVELOPE_FOREIGN] = HF_ENTRY_FOREIGN,
        [HF_ENVELOPE_OTHER_VERSION] = HF_ENTRY_UNKNOWN,
        [HF_ENVELOPE_TRUNCATED] = HF_ENTRY_DAMAGED,
        [HF_ENVELOPE_DAMAGED] = HF_ENTRY_DAMAGED,
        [HF_ENVELOPE_MISPLACED] = HF_ENTRY_CLEARED,
        [HF_ENVELOPE_UNSEALED] = HF_ENTRY_UNSEALED,
        [HF_ENVELOPE_NO_KEY] = HF_ENTRY_SEALED,
        [HF_ENVELOPE_FORGED] = HF_ENTRY_FORGED,
    };
    return states[status];
}

/* None below 0, and none that would not fit. */
static hf_duration duration_of(int64_t ms)
{
    const int64_t max = HF_CACHE_TTL_MAX.ns / 1000000;
    return hf_ns((ms < 0 ? 0 : ms > max ? max : ms) * 1000000);
}

/* By its times alone. */
static enum hf_entry_state note_times(struct look *l, const struct hf_envelope *v)
{
    const int64_t now_ms = hf_unix_ms(), stale_ms = l->cache->stale_limit_ms;
    const int64_t left_ms = v->sliding && l->kept_ms >= 0 ? l->kept_ms - stale_ms
                                                          : v->expires_ms - now_ms;
    l->e->age = duration_of(now_ms - v->created_ms);
    l->e->ttl = duration_of(left_ms);
    l->e->ttl_whole = duration_of(v->expires_ms - v->created_ms);
    if (left_ms > 0) return v->is_absent ? HF_ENTRY_NO_VALUE : HF_ENTRY_FRESH;
    return left_ms + stale_ms > 0 && !v->is_absent ? HF_ENTRY_STALE : HF_ENTRY_EXPIRED;
}

/* False: the block is not whole. */
static bool note_tags(struct look *l, const struct hf_envelope *v)
{
    if (!v->tags.data || v->tags.size == 0) return true;
    l->e->tag_count = hf_tag_block_read(v->tags, l->hash, l->tags);
    for (size_t i = 0; i < l->e->tag_count; i++) {
        const struct hf_bytes name = l->tags[i].name;
        snprintf(l->e->tags[i], sizeof l->e->tags[i], "%.*s", (int)name.size,
                 (const char *)name.data);
    }
    return l->e->tag_count > 0;
}

static void note_form(struct look *l, const struct hf_envelope *v)
{
    static const char *const codecs[] = { "none", "lz4", "zstd" };
    struct hf_explanation   *e = l->e;
    e->is_readable = true;
    e->is_sliding = v->sliding;
    e->is_sealed = v->is_sealed;
    e->codec = codecs[v->codec];
    e->stored_size = v->body.size;
    e->raw_size = v->raw_size;
    e->kind = v->is_large ? HF_KIND_LARGE : HF_KIND_VALUE;
    if (l->is_of_files) e->kind = HF_KIND_FILE_CONTENT;
}

/* What can only be told with the value at hand. False: its manifest makes no sense. */
static bool note_value(struct look *l, const struct hf_envelope *v, struct hf_bytes value)
{
    struct hf_manifest m;
    struct hf_bytes    metadata;
    if (v->has_metadata && hf_metadata_read(value, &metadata)) {
        l->e->metadata_size = metadata.size;
        value = hf_metadata_skip(value);
    }
    l->e->raw_size = value.size;
    if (v->is_large) {
        if (!hf_manifest_decode(value, &m) || m.size > l->cache->large_size_max) return false;
        l->e->raw_size = m.size;
        l->e->chunk_size = m.chunk_size;
        l->e->chunk_count = hf_manifest_chunks(&m);
    } else if (l->is_of_files && value.size && *(const char *)value.data == 'R') {
        l->e->kind = HF_KIND_FILE_REFERENCE;
    }
    return true;
}

static hf_err unpack(struct look *l, const struct hf_envelope *v,
                     enum hf_envelope_status *status)
{
    struct hf_unpacked unpacked;
    const hf_err       err = hf_unpack(&l->cache->packer, v, l->wire, &unpacked, status);
    if (err || *status) return err;
    if (!note_value(l, v, unpacked.value)) *status = HF_ENVELOPE_OTHER_VERSION;
    if (unpacked.is_block) unpacked.block.release(unpacked.block.object);
    return HF_OK;
}

static hf_err understand(struct look *l, struct hf_bytes bytes)
{
    struct hf_envelope      v;
    enum hf_envelope_status status;
    const bool              is_whole = bytes.size == l->e->size;
    status = is_whole ? hf_envelope_decode(bytes, l->hash, &v)
                      : hf_envelope_decode_header(bytes, l->hash, &v);
    l->e->state = state_of(status);
    if (status) return HF_OK;

    const enum hf_entry_state by_time = note_times(l, &v);
    note_form(l, &v);
    if (!is_whole || v.raw_size > l->cache->value_size_max) {
        l->e->state = HF_ENTRY_UNKNOWN;
        return HF_OK;
    }
    const bool   has_tags = note_tags(l, &v);
    const hf_err err = unpack(l, &v, &status);
    if (!err && !status && !has_tags) status = HF_ENVELOPE_DAMAGED;
    l->e->state = status ? state_of(status) : by_time;
    return err;
}

/* Compares the versions of the tags with those in Redis. */
static hf_err check_tags(struct look *l, const struct hf_call *call, struct hf_error *error)
{
    struct hf_tag_key key;
    struct hf_batch  *batch;
    struct hf_bytes   text;
    bool              is_valid = true;
    hf_err            err = hf_batch_open(l->cache->client, &batch);
    if (err) return hf_fail(error, err, "batch");
    for (size_t i = 0; i < l->e->tag_count && !err; i++) {
        hf_tag_key_init(&key, &l->cache->keyspace, l->tags[i].name);
        const struct hf_bytes get[] = { hf_str("GET"), key.wire };
        err = hf_batch_add(batch, get, 2);
    }
    err = err ? hf_fail(error, err, "batch")
              : hf_client_batch(l->cache->client, call, batch, error);
    for (size_t i = 0; i < l->e->tag_count && !err; i++) {
        hf_tag_key_init(&key, &l->cache->keyspace, l->tags[i].name);
        if (bytes_of(batch, i, &text, NULL)) text = hf_bytes(NULL, 0);
        l->e->is_tag_valid[i] = hf_namespace_parse(text) == l->tags[i].version &&
                                !hf_replay_covers(&l->cache->replay, key.wire);
        is_valid = is_valid && l->e->is_tag_valid[i];
    }
    hf_batch_close(batch);
    const bool is_live = l->e->state == HF_ENTRY_FRESH || l->e->state == HF_ENTRY_STALE ||
                         l->e->state == HF_ENTRY_NO_VALUE;
    if (!err && is_live && !is_valid) l->e->state = HF_ENTRY_INVALID;
    return err;
}

/* ---- All ----------------------------------------------------------------------- */

static hf_err read_answers(struct look *l, const struct hf_batch *batch,
                           struct hf_error *error)
{
    struct hf_bytes type, token, bytes;
    hf_err          err = bytes_of(batch, TYPE, &type, error);
    if (err) return err;
    snprintf(l->e->redis_type, sizeof l->e->redis_type, "%.*s", (int)type.size,
             (const char *)type.data);
    l->kept_ms = int_of(batch, KEPT, -1);
    l->e->has_kept = l->kept_ms >= 0;
    if (l->e->has_kept) l->e->kept = duration_of(l->kept_ms);
    l->e->state = HF_ENTRY_NONE;
    if (strcmp(l->e->redis_type, "none") == 0) return HF_OK;

    l->e->state = HF_ENTRY_FOREIGN;
    if (strcmp(l->e->redis_type, "string") != 0) return HF_OK;
    l->e->size = (uint64_t)int_of(batch, SIZE, 0);

    /* Without a token nothing is believed. */
    if (bytes_of(batch, TOKEN, &token, NULL)) token = hf_bytes(NULL, 0);
    const uint64_t drawn = hf_namespace_parse(token);
    l->hash = hf_hash64(l->wire, drawn);
    err = bytes_of(batch, ENTRY, &bytes, error);
    if (!err) err = understand(l, bytes);
    if (!err && drawn == 0 && l->e->state == HF_ENTRY_FRESH) l->e->state = HF_ENTRY_CLEARED;
    return err;
}

static hf_err explain(struct look *l, const struct hf_call *call, struct hf_error *error)
{
    const struct hf_cache_limit limit = hf_cache_limit(l->cache, call, hf_now());
    const struct hf_call        step = hf_cache_call(&limit, HF_COMMAND_READ);
    struct hf_batch            *batch;
    hf_err                      err = hf_batch_open(l->cache->client, &batch);
    if (err) return hf_fail(error, err, "batch");

    err = ask(l, &step, batch, error);
    if (!err) err = read_answers(l, batch, error);
    if (!err && l->e->tag_count) { /* Their names are in the batch. */
        const struct hf_call next = hf_cache_call(&limit, HF_COMMAND_READ);
        err = check_tags(l, &next, error);
    }
    hf_batch_close(batch);
    if (err) return err;

    const bool is_near = hf_cache_near_has(l->cache, hf_cache_name(l->cache, l->wire));
    if (hf_replay_covers(&l->cache->replay, l->wire)) l->e->state = HF_ENTRY_DELETED;
    l->e->tier = is_near                         ? HF_TIER_NEAR
                 : l->e->state == HF_ENTRY_FRESH ? HF_TIER_REDIS
                                                 : HF_TIER_NONE;
    return HF_OK;
}

static hf_err look_at(struct hf_cache *cache, bool is_of_files, const struct hf_call *call,
                      struct hf_bytes key, struct hf_explanation *explanation,
                      struct hf_error *error)
{
    struct hf_key         name;
    struct hf_explanation e = { .codec = "none" };
    hf_err                err = hf_key_init(&name, &cache->keyspace, key);
    if (err) return hf_fail(error, err, "cache explain: key of %zu bytes", key.size);

    struct look l = {
        .cache = cache, .wire = name.wire, .is_of_files = is_of_files, .e = &e
    };
    err = explain(&l, call, error);
    hf_key_deinit(&name);
    if (err) return hf_fail_in(error, err, "cache explain");
    *explanation = e;
    return HF_OK;
}

hf_err hf_cache_explain(struct hf_cache *cache, const struct hf_call *call,
                        struct hf_bytes key, struct hf_explanation *explanation,
                        struct hf_error *error)
{
    return look_at(cache, false, call, key, explanation, error);
}

hf_err hf_files_explain(struct hf_files *files, const struct hf_call *call,
                        struct hf_bytes key, struct hf_explanation *explanation,
                        struct hf_error *error)
{
    return look_at(files->cache, true, call, key, explanation, error);
}

const char *hf_entry_state_name(enum hf_entry_state state)
{
    static const char *const names[] = {
#define X(id, name, text) name,
        HF_ENTRY_STATE_MAP(X)
#undef X
    };
    return state < sizeof names / sizeof names[0] ? names[state] : "?";
}

const char *hf_entry_state_text(enum hf_entry_state state)
{
    static const char *const texts[] = {
#define X(id, name, text) text,
        HF_ENTRY_STATE_MAP(X)
#undef X
    };
    return state < sizeof texts / sizeof texts[0] ? texts[state] : "?";
}

const char *hf_tier_name(enum hf_tier tier)
{
    static const char *const names[] = { "none", "near", "redis" };
    return tier < sizeof names / sizeof names[0] ? names[tier] : "?";
}
