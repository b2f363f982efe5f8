#include "cache/access_names.h"
#include "cache/estimate.h"
#include "cache/manifest.h"
#include "cache/scan.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/wall_clock.h"

#include <holdfast/batch.h>
#include <math.h>
#include <string.h>

enum { KEYS_A_BATCH = 1000, COMMANDS_A_KEY = 4 };

struct survey {
    struct hf_cache      *cache;
    struct hf_cache_limit limit; /* Of this step. */
    struct hf_batch      *batch;
    uint64_t              token;
    struct hf_usage       usage;
    struct hf_sample      entries, leftovers, values, stored, memory, reads;
    double                ages_ms, ttls_ms;
    int64_t               oldest_ms, newest_ms;
    struct hf_error      *error;
};

_Static_assert(HF_ENVELOPE_SIZE + HF_MANIFEST_SIZE == 112, "what is read of each key");

static bool is_ours(const struct hf_cache *cache, struct hf_bytes wire)
{
    const size_t size = cache->keyspace.head_size;
    return wire.size > size && memcmp(wire.data, cache->keyspace.head, size) == 0;
}

static int64_t int_of(const struct hf_batch *batch, size_t index)
{
    const struct hf_reply *reply;
    int64_t                value = 0;
    if (hf_batch_result(batch, index, &reply, NULL) || hf_reply_int(reply, &value)) return 0;
    return value;
}

/* The envelope when the key is a live entry; *ttl_ms is what is left of it then. */
static bool is_live(const struct survey *s, struct hf_bytes wire, struct hf_bytes header,
                    int64_t left_ms, struct hf_envelope *e, int64_t *ttl_ms)
{
    const uint64_t hash = hf_hash64(wire, s->token);
    if (s->token == 0 || hf_envelope_decode_header(header, hash, e)) return false;
    *ttl_ms = e->sliding ? left_ms - s->cache->stale_limit_ms : e->expires_ms - hf_unix_ms();
    return *ttl_ms > 0;
}

/* Of a large value the manifest tells, if it is neither sealed nor behind anything. */
static uint64_t size_of(const struct hf_envelope *e, struct hf_bytes begin)
{
    struct hf_manifest    m;
    const struct hf_bytes behind = hf_bytes((const char *)begin.data + HF_ENVELOPE_SIZE,
                                            begin.size - HF_ENVELOPE_SIZE);
    const bool            is_readable = e->is_large && !e->is_sealed && !e->has_metadata &&
                             e->tags.size == 0;
    return is_readable && hf_manifest_decode(behind, &m) ? m.size : e->raw_size;
}

static void note_entry(struct survey *s, const struct hf_envelope *e, uint64_t size,
                       int64_t ttl_ms)
{
    const int64_t now_ms = hf_unix_ms();
    const int64_t age_ms = now_ms > e->created_ms ? now_ms - e->created_ms : 0;
    if (s->usage.entries_seen == 0) s->oldest_ms = s->newest_ms = age_ms;
    if (age_ms > s->oldest_ms) s->oldest_ms = age_ms;
    if (age_ms < s->newest_ms) s->newest_ms = age_ms;
    s->ages_ms += (double)age_ms;
    s->ttls_ms += (double)ttl_ms;
    s->usage.entries_seen++;
    s->usage.compressed_seen += e->codec != HF_CODEC_RAW;
    hf_sample_add(&s->entries, 1);
    hf_sample_add(&s->values, (double)size);
    hf_sample_add(&s->stored, (double)(e->is_large ? size : e->body.size));
}

/* 0: it has no count. */
static void note_reads(struct survey *s, int64_t reads)
{
    s->usage.counted_seen += reads > 0;
    hf_sample_add(&s->reads, reads > 0 ? (double)reads : 0);
}

/* The answers for one key, from number `index` of the batch on. */
static void note(struct survey *s, struct hf_bytes wire, size_t index)
{
    const struct hf_reply *reply;
    struct hf_bytes        header;
    struct hf_envelope     envelope;
    int64_t                ttl_ms;
    const hf_err           err = hf_batch_result(s->batch, index, &reply, NULL);
    if (!err && (hf_reply_bytes(reply, &header) || header.size == 0)) return; /* Gone. */

    hf_sample_add(&s->memory, (double)int_of(s->batch, index + 2));
    if (!err && is_live(s, wire, header, int_of(s->batch, index + 1), &envelope, &ttl_ms)) {
        note_entry(s, &envelope, size_of(&envelope, header), ttl_ms);
        note_reads(s, int_of(s->batch, index + 3));
    } else {
        hf_sample_add(&s->leftovers, 1);
    }
}

static hf_err add_questions(struct survey *s, struct hf_bytes wire)
{
    const struct hf_bytes header[] = { hf_str("GETRANGE"), wire, hf_str("0"),
                                       hf_str("111") }; /* With a manifest. */
    const struct hf_bytes left[] = { hf_str("PTTL"), wire };
    const struct hf_bytes memory[] = { hf_str("MEMORY"), hf_str("USAGE"), wire };
    char                  room[HF_ACCESS_KEY_ROOM];
    struct hf_bytes       name = hf_cache_name(s->cache, wire);
    if (name.size > HF_HEAVY_KEY_MAX) name.size = 0; /* There are no counts of it. */
    const struct hf_bytes reads[] = { hf_str("HGET"),
                                      hf_access_key(room, s->cache, "/access:", name),
                                      hf_str("n") };
    hf_err                err = hf_batch_add(s->batch, header, 4);
    if (!err) err = hf_batch_add(s->batch, left, 2);
    if (!err) err = hf_batch_add(s->batch, memory, 3);
    return err ? err : hf_batch_add(s->batch, reads, 3);
}

/* Keys from number first on, at most KEYS_A_BATCH. */
static hf_err look_at(struct survey *s, const struct hf_reply *keys, size_t first)
{
    struct hf_bytes wires[KEYS_A_BATCH];
    size_t          count = 0;
    hf_err          err = HF_OK;
    hf_batch_clear(s->batch);
    for (size_t i = first; i < hf_reply_count(keys) && i - first < KEYS_A_BATCH; i++) {
        struct hf_bytes wire;
        s->usage.keys_seen++;
        if (hf_reply_bytes(hf_reply_at(keys, i), &wire) || !is_ours(s->cache, wire)) continue;
        err = add_questions(s, wire);
        if (err) return hf_fail(s->error, err, "batch");
        wires[count++] = wire;
    }
    if (count == 0) return HF_OK;
    const struct hf_call call = hf_cache_call(&s->limit, HF_COMMAND_READ);
    err = hf_client_batch(s->cache->client, &call, s->batch, s->error);
    for (size_t i = 0; i < count && !err; i++) note(s, wires[i], i * COMMANDS_A_KEY);
    return err;
}

static hf_err count_keys(struct survey *s)
{
    const struct hf_call  call = hf_cache_call(&s->limit, HF_COMMAND_READ);
    const struct hf_bytes argv[] = { hf_str("DBSIZE") };
    struct hf_reply      *reply;
    int64_t               count = 0;
    hf_err err = hf_client_command(s->cache->client, &call, argv, 1, &reply, s->error);
    if (err) return err;
    err = hf_reply_int(reply, &count);
    hf_reply_free(reply);
    s->usage.keys = (uint64_t)count;
    return err ? hf_fail(s->error, HF_E_PROTOCOL, "DBSIZE") : HF_OK;
}

static hf_err step(struct survey *s, const struct hf_call *call, uint64_t *cursor)
{
    struct hf_scan_step found;
    s->limit = hf_cache_limit(s->cache, call, hf_now());
    hf_err err = hf_cache_token(s->cache, &s->limit, hf_now(), &s->token, s->error);
    if (err == HF_MISS) s->token = 0; /* Nothing there is to be believed. */
    if (err && err != HF_MISS) return err;
    err = hf_scan_step(s->cache, &s->limit, hf_bytes(NULL, 0), *cursor, &found, s->error);
    if (err) return err;
    for (size_t at = 0; at < hf_reply_count(found.keys) && !err; at += KEYS_A_BATCH) {
        err = look_at(s, found.keys, at);
    }
    *cursor = found.next;
    hf_scan_step_free(&found);
    return err;
}

static hf_err survey(struct survey *s, const struct hf_call *call, uint64_t keys_max)
{
    uint64_t cursor = 0;
    hf_err   err;
    s->limit = hf_cache_limit(s->cache, call, hf_now());
    err = count_keys(s);
    do {
        if (!err) err = step(s, call, &cursor);
    } while (!err && cursor != 0 && s->usage.keys_seen < keys_max);
    if (err) return err;
    s->usage.is_exact = cursor == 0;
    if (s->usage.is_exact || s->usage.keys < s->usage.keys_seen) {
        s->usage.keys = s->usage.keys_seen;
    }
    return HF_OK;
}

static hf_duration mean_of(double sum_ms, uint64_t count)
{
    return hf_ns(count ? (int64_t)(sum_ms / (double)count * 1e6) : 0);
}

/* How much it is for each of all the entries, whose number may itself be an estimate. */
static struct hf_estimate mean_reads(const struct survey *s)
{
    const struct hf_usage *u = &s->usage;
    if (u->counted_seen == 0) return (struct hf_estimate){ 0 };
    const double             entries = fmax(u->entries.value, (double)u->entries_seen);
    const struct hf_estimate all = hf_sample_estimate(&s->reads, u->entries_seen,
                                                      (uint64_t)entries);
    return (struct hf_estimate){ all.value / entries, all.low / entries, all.high / entries };
}

static void conclude(struct survey *s)
{
    struct hf_usage *u = &s->usage;
    u->entries = hf_sample_estimate(&s->entries, u->keys_seen, u->keys);
    u->leftovers = hf_sample_estimate(&s->leftovers, u->keys_seen, u->keys);
    u->value_bytes = hf_sample_estimate(&s->values, u->keys_seen, u->keys);
    u->stored_bytes = hf_sample_estimate(&s->stored, u->keys_seen, u->keys);
    u->memory_bytes = hf_sample_estimate(&s->memory, u->keys_seen, u->keys);
    u->value_size_max = (uint64_t)s->values.max;
    u->reads_mean = mean_reads(s);
    u->age_mean = mean_of(s->ages_ms, u->entries_seen);
    u->ttl_mean = mean_of(s->ttls_ms, u->entries_seen);
    u->age_oldest = hf_ns(s->oldest_ms * 1000000);
    u->age_newest = hf_ns(s->newest_ms * 1000000);
}

hf_err hf_cache_usage(struct hf_cache *cache, const struct hf_call *call, uint64_t keys_max,
                      struct hf_usage *usage, struct hf_error *error)
{
    struct survey s = { .cache = cache, .error = error };
    hf_err        err = hf_batch_open(cache->client, &s.batch);
    if (err) return hf_fail(error, err, "cache usage");

    err = survey(&s, call, keys_max ? keys_max : HF_USAGE_KEYS);
    hf_batch_close(s.batch);
    if (err) {
        hf_metrics_cache_error(cache->metrics, err);
        return hf_fail_in(error, err, "cache usage");
    }
    conclude(&s);
    *usage = s.usage;
    return HF_OK;
}
