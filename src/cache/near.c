#include "cache/near.h"

#include "core/alloc.h"
#include "core/assert.h"
#include "core/hash.h"

#include <sched.h>
#include <unistd.h>

enum { LANE_BYTES = 256 * 1024 }; /* Below that for each, fewer lanes. */

static uint32_t lanes_for(size_t bytes)
{
    uint32_t lanes = 1;
    while (lanes < HF_NEAR_SHARDS_MAX && (size_t)lanes * 2 * LANE_BYTES <= bytes) lanes *= 2;
    return lanes;
}

static uint32_t gates_wanted(void)
{
    const long processors = sysconf(_SC_NPROCESSORS_CONF);
    uint32_t   gates = 1;
    while (gates < HF_NEAR_GATES_MAX && gates < processors) gates *= 2;
    return gates;
}

static void count_change(const struct hf_near *near, const struct hf_near_shard *shard,
                         size_t bytes, size_t count)
{
    hf_metrics_add(near->metrics, HF_STAT_CACHE_NEAR_BYTES, (int64_t)(shard->bytes - bytes));
    hf_metrics_add(near->metrics, HF_STAT_CACHE_NEAR_ENTRIES,
                   (int64_t)(shard->count - count));
}

hf_err hf_near_init(struct hf_near *near, const struct hf_allocator *a,
                    struct hf_metrics *metrics, size_t bytes, hf_duration coherence_max,
                    uint64_t seed)
{
    const uint32_t lanes = lanes_for(bytes);
    const size_t   line = _Alignof(struct hf_near_lane);
    *near = (struct hf_near){
        .allocator = a, .metrics = metrics, .seed = seed, .coherence_max = coherence_max
    };
    near->block = hf_alloc_zero(a, 1, lanes * sizeof *near->lanes + line);
    if (!near->block) return HF_E_NOMEM;
    const uintptr_t edge = ((uintptr_t)near->block + line - 1) / line * line;
    near->lanes = (struct hf_near_lane *)((char *)near->block +
                                          (edge - (uintptr_t)near->block));
    near->lane_mask = lanes - 1;
    near->gate_mask = gates_wanted() - 1;
    for (uint32_t i = 0; i < lanes; i++) {
        if (!hf_near_shard_init(&near->lanes[i].shard, a, bytes / lanes)) {
            count_change(near, &near->lanes[i].shard, 0, 0);
            continue;
        }
        near->lane_mask = i; /* The rest is not there to be given back. */
        hf_near_deinit(near);
        return HF_E_NOMEM;
    }
    return HF_OK;
}

/* In a forked child: by a thread that did not come along. Who changes a shard holds all. */
static bool is_torn(const struct hf_near *near, const struct hf_near_lane *lane)
{
    for (uint32_t i = 0; i <= near->gate_mask; i++) {
        if (!atomic_load(&lane->gates[i].lock.held)) return false;
    }
    return true;
}

void hf_near_deinit(struct hf_near *near)
{
    for (uint32_t i = 0; near->lanes && i <= near->lane_mask; i++) {
        struct hf_near_lane *lane = &near->lanes[i];
        if (is_torn(near, lane)) continue;
        const size_t bytes = lane->shard.bytes, count = lane->shard.count;
        hf_near_shard_deinit(&lane->shard);
        count_change(near, &lane->shard, bytes, count);
    }
    if (near->block) hf_free(near->allocator, near->block);
    *near = (struct hf_near){ 0 };
}

struct hf_near_key hf_near_key(const struct hf_near *near, struct hf_bytes key)
{
    return (struct hf_near_key){ key, hf_hash64(key, near->seed) };
}

static struct hf_near_gate *lock_to_read(const struct hf_near *near,
                                         struct hf_near_lane  *lane)
{
    struct hf_near_gate *gate = &lane->gates[(unsigned)sched_getcpu() & near->gate_mask];
    hf_brief_lock(&gate->lock);
    return gate;
}

static void lock_to_write(const struct hf_near *near, struct hf_near_lane *lane)
{
    for (uint32_t i = 0; i <= near->gate_mask; i++) hf_brief_lock(&lane->gates[i].lock);
}

static void unlock_to_write(const struct hf_near *near, struct hf_near_lane *lane)
{
    for (uint32_t i = 0; i <= near->gate_mask; i++) hf_brief_unlock(&lane->gates[i].lock);
}

static struct hf_near_lane *lane_of(const struct hf_near *near, const struct hf_near_key *key)
{
    return &near->lanes[(uint32_t)(key->hash >> 32) & near->lane_mask];
}

static bool is_heard_of(struct hf_near *near, hf_instant now)
{
    return now.ns < atomic_load_explicit(&near->fresh_until_ns, memory_order_acquire);
}

static inline struct hf_value *get(struct hf_near *near, const struct hf_near_key *key,
                                   struct hf_near_time at, bool is_counted)
{
    struct hf_near_lane *lane = lane_of(near, key);
    if (!is_heard_of(near, at.now)) return NULL;

    struct hf_near_gate *gate = lock_to_read(near, lane);
    struct hf_value     *value = hf_near_shard_find(&lane->shard, key);
    if (value && at.unix_ms >= hf_near_shard_fresh_until_ms(value)) value = NULL;
    if (value) value = hf_near_shard_share(value);
    if (value && is_counted && hf_near_counts(value) && hf_metrics_count()) gate->hits++;
    hf_brief_unlock(&gate->lock);
    return value;
}

struct hf_value *hf_near_look(struct hf_near *near, const struct hf_near_key *key,
                              struct hf_near_time at)
{
    return get(near, key, at, false);
}

struct hf_value *hf_near_get(struct hf_near *near, const struct hf_near_key *key,
                             struct hf_near_time at)
{
    return get(near, key, at, true);
}

/* The metrics get them first: so who reads after settling never finds fewer than before. */
static void settle(struct hf_near_gate *gate, struct hf_metrics *metrics)
{
    hf_brief_lock(&gate->lock);
    if (gate->hits) hf_metrics_add(metrics, HF_STAT_CACHE_NEAR_HITS, (int64_t)gate->hits);
    gate->hits = 0;
    hf_brief_unlock(&gate->lock);
}

void hf_near_settle(struct hf_near *near)
{
    for (uint32_t i = 0; i <= near->lane_mask; i++) {
        struct hf_near_lane *lane = &near->lanes[i];
        for (uint32_t j = 0; j <= near->gate_mask; j++)
            settle(&lane->gates[j], near->metrics);
    }
}

struct hf_value *hf_near_get_stale(struct hf_near *near, const struct hf_near_key *key,
                                   struct hf_near_time at, int64_t stale_ms)
{
    struct hf_near_lane *lane = lane_of(near, key);
    const hf_instant heard = { atomic_load_explicit(&near->heard_ns, memory_order_acquire) };
    const hf_instant vouched_until = hf_later(heard, near->coherence_max);
    if (hf_to_ms(hf_between(vouched_until, at.now)) > stale_ms) return NULL;

    struct hf_near_gate *gate = lock_to_read(near, lane);
    struct hf_value     *value = hf_near_shard_find(&lane->shard, key);
    if (value && at.unix_ms - stale_ms >= value->expires_ms) value = NULL;
    if (value) value = hf_near_shard_share(value);
    hf_brief_unlock(&gate->lock);
    return value;
}

struct hf_near_ticket hf_near_ticket(struct hf_near *near, const struct hf_near_key *key)
{
    struct hf_near_lane  *lane = lane_of(near, key);
    struct hf_near_ticket ticket = { atomic_load(&near->generation), 0 };
    if (ticket.generation % 2 == 0) return ticket;

    struct hf_near_gate *gate = lock_to_read(near, lane);
    ticket.version = hf_near_shard_version(&lane->shard, key);
    hf_brief_unlock(&gate->lock);
    return ticket;
}

/* The generation is compared under the lock, so that who clears the shards after it ended
 * leaves nothing of it behind. */
static bool is_good(struct hf_near *near, const struct hf_near_shard *shard,
                    const struct hf_near_key *key, struct hf_near_ticket ticket)
{
    return ticket.generation % 2 == 1 &&
           ticket.generation == atomic_load(&near->generation) &&
           ticket.version == hf_near_shard_version(shard, key);
}

bool hf_near_keep(struct hf_near *near, const struct hf_near_key *key,
                  struct hf_near_ticket ticket, const struct hf_near_entry *entry,
                  struct hf_near_time at)
{
    struct hf_near_lane  *lane = lane_of(near, key);
    struct hf_near_shard *shard = &lane->shard;
    bool                  is_kept = false;
    if (ticket.generation % 2 == 0) return false;

    lock_to_write(near, lane);
    const size_t   bytes = shard->bytes, count = shard->count;
    const uint64_t evictions = shard->evictions;
    if (is_good(near, shard, key, ticket)) {
        const struct hf_value *there = hf_near_shard_find(shard, key);
        if (!there || at.unix_ms >= hf_near_shard_fresh_until_ms(there)) {
            is_kept = hf_near_shard_put(shard, key, entry);
        }
    }
    count_change(near, shard, bytes, count);
    const uint64_t evicted = shard->evictions - evictions;
    unlock_to_write(near, lane);
    if (evicted)
        hf_metrics_add(near->metrics, HF_STAT_CACHE_NEAR_EVICTIONS, (int64_t)evicted);
    return is_kept;
}

bool hf_near_evict(struct hf_near *near, const struct hf_near_key *key)
{
    struct hf_near_lane *lane = lane_of(near, key);
    lock_to_write(near, lane);
    const size_t bytes = lane->shard.bytes, count = lane->shard.count;
    const bool   was_there = hf_near_shard_remove(&lane->shard, key);
    if (was_there) count_change(near, &lane->shard, bytes, count);
    unlock_to_write(near, lane);
    return was_there;
}

void hf_near_flush(struct hf_near *near)
{
    for (uint32_t i = 0; i <= near->lane_mask; i++) {
        struct hf_near_lane *lane = &near->lanes[i];
        lock_to_write(near, lane);
        const size_t bytes = lane->shard.bytes, count = lane->shard.count;
        hf_near_shard_clear(&lane->shard);
        count_change(near, &lane->shard, bytes, count);
        unlock_to_write(near, lane);
    }
}

void hf_near_live(struct hf_near *near, hf_instant since)
{
    hf_near_lost(near);
    hf_near_flush(near);
    atomic_fetch_add(&near->generation, 1);
    hf_near_heard(near, since);
}

void hf_near_heard(struct hf_near *near, hf_instant since)
{
    hf_assert(atomic_load(&near->generation) % 2 == 1);
    const hf_instant until = hf_later(since, near->coherence_max);
    atomic_store_explicit(&near->heard_ns, since.ns, memory_order_release);
    atomic_store_explicit(&near->fresh_until_ns, until.ns - HF_NEAR_COARSE.ns,
                          memory_order_release);
}

void hf_near_lost(struct hf_near *near)
{
    if (atomic_load(&near->generation) % 2 == 0) return;
    atomic_fetch_add(&near->generation, 1);
    atomic_store_explicit(&near->fresh_until_ns, 0, memory_order_release);
}
