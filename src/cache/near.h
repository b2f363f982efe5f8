/* near.h - values kept in the process for as long as somebody vouches that they are right.
 *
 *     lost -- live --> fresh while heard of -- nothing heard for coherence_max --> not fresh
 *       ^                     |        ^------------------ heard ---------------------'
 *       `------- lost --------'
 *
 *     ticket = hf_near_ticket(near, &key)     before the value is asked for
 *     ... the value is asked for, and comes ...
 *     hf_near_keep(near, &key, ticket, ...)   kept only if nothing was told of it meanwhile
 *
 * Whoever is told of changes says so: `live` when it begins to be told of all, `evict` and
 * `flush` for what changed, `heard` each time that it knows to have been told of all up to a
 * moment, `lost` when it may miss some. Only what was asked for while live is ever kept; what
 * is kept when the vouching ends may still be had as stale, until it begins anew.
 *
 * Threads:  any; a hit takes one short lock of its processor's. live, heard and lost: one
 * thread. Memory:   see near_shard.h: never above the given bytes, save what readers still
 * hold. Time:     handed in; may be coarse by up to HF_NEAR_COARSE. Cost:     a hit some tens
 * of nanoseconds. A small value is copied out, because to count references to one that two
 * processors read costs more; a larger one is not. */

#ifndef HF_CACHE_NEAR_H
#define HF_CACHE_NEAR_H

#include "cache/near_shard.h"
#include "core/brief_lock.h"
#include "observe/metrics.h"

#define HF_NEAR_COARSE hf_ms(10)

enum { HF_NEAR_SHARDS_MAX = 64, HF_NEAR_GATES_MAX = 8 };

/* A reader takes the one of its processor, so that readers on two of them share nothing that
 * is written; who writes takes all of a lane, in order. */
struct hf_near_gate {
    _Alignas(64) struct hf_brief_lock lock;
    uint64_t hits; /* Guarded by it: those that the metrics do not know of yet. */
};

struct hf_near_lane {
    struct hf_near_gate  gates[HF_NEAR_GATES_MAX];
    struct hf_near_shard shard; /* Guarded by them. */
};

struct hf_near {
    const struct hf_allocator *allocator;
    struct hf_metrics         *metrics;
    uint64_t                   seed; /* Of the hashes. */
    hf_duration                coherence_max;
    struct hf_near_lane       *lanes;
    void                      *block; /* Around the lanes, for their alignment. */
    uint32_t                   lane_mask;
    uint32_t                   gate_mask; /* Processors share gates when they are more. */

    _Atomic uint32_t generation;     /* Odd while live. */
    _Atomic int64_t  fresh_until_ns; /* 0 while not live. */
    _Atomic int64_t  heard_ns;       /* All up to then was told; kept when lost. */
};

/* From before a value is asked for until it is kept. */
struct hf_near_ticket {
    uint32_t generation;
    uint32_t version;
};

/* Both clocks, read together. */
struct hf_near_time {
    hf_instant now;
    int64_t    unix_ms;
};

/* bytes >= HF_NEAR_SHARD_BYTES_MIN. HF_E_NOMEM. */
HF_NODISCARD hf_err hf_near_init(struct hf_near *near, const struct hf_allocator *a,
                                 struct hf_metrics *metrics, size_t bytes,
                                 hf_duration coherence_max, uint64_t seed);

/* When nobody uses it; takes no lock, so a forked child may, in which what
 * another thread was just changing is left as it is. */
void hf_near_deinit(struct hf_near *near);

/* key.bytes must live as long as it is used. */
struct hf_near_key hf_near_key(const struct hf_near *near, struct hf_bytes key);

/* A reference of the caller's own, or NULL when there is none that is fresh. */
struct hf_value *hf_near_look(struct hf_near *near, const struct hf_near_key *key,
                              struct hf_near_time at);

/* The same, and counts a hit if hf_near_counts() the value. */
struct hf_value *hf_near_get(struct hf_near *near, const struct hf_near_key *key,
                             struct hf_near_time at);

/* What is absent is no hit, and what has tags may yet be rejected. */
static inline bool hf_near_counts(const struct hf_value *value)
{
    return !value->is_absent && !value->is_tagged;
}

/* Hits are counted at the gates, where it costs nothing; this hands them to the metrics. */
void hf_near_settle(struct hf_near *near);

/* The same for one that may not be fresh, but was within the last stale_ms. */
struct hf_value *hf_near_get_stale(struct hf_near *near, const struct hf_near_key *key,
                                   struct hf_near_time at, int64_t stale_ms);

struct hf_near_ticket hf_near_ticket(struct hf_near *near, const struct hf_near_key *key);

/* Keeps a copy, if the ticket is good and no fresh value is there already. True if it did. */
bool hf_near_keep(struct hf_near *near, const struct hf_near_key *key,
                  struct hf_near_ticket ticket, const struct hf_near_entry *entry,
                  struct hf_near_time at);

/* The value under this key is not what it was, or will not be. True if one was kept. */
bool hf_near_evict(struct hf_near *near, const struct hf_near_key *key);

/* No value is what it was. */
void hf_near_flush(struct hf_near *near);

/* All changes that anybody is told of after `since` will be told from now on. Forgets what
 * was kept before. */
void hf_near_live(struct hf_near *near, hf_instant since);

/* While live: all changes that others were told of before `since` have been told here. */
void hf_near_heard(struct hf_near *near, hf_instant since);

/* Changes may be missed from now on. */
void hf_near_lost(struct hf_near *near);

#endif
