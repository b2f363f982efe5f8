/* metrics.h - one client's counters, gauges and latencies, counted without contention.
 *
 *     struct hf_metrics *m;
 *     err = hf_metrics_open(allocator, &m);
 *     hf_metrics_inc(m, HF_STAT_CONNECTS);
 *     hf_metrics_add(m, HF_STAT_CONNECTIONS_OPEN, 1);   ... and -1 when it closes
 *     hf_metrics_error(m, err);
 *
 * The rows are those of <holdfast/stats.h>. Each CPU counts in a shard of its own, and a
 * reader adds the shards up, so that threads on different CPUs share no cache line.
 *
 * Threads:  any. Relaxed: a reader may see one number before another that came first.
 * Memory:   one block of about 60 KiB per CPU, for at most 16 CPUs; further ones share.
 * Cost:     counting 5-10 ns, recording a duration 15-25 ns, no system call. */

#ifndef HF_OBSERVE_METRICS_H
#define HF_OBSERVE_METRICS_H

#include "observe/histogram.h"

#include <holdfast/alloc.h>
#include <holdfast/error.h>
#include <holdfast/stats.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

enum hf_stat {
#define X(id, field, kind, help) HF_STAT_##id,
    HF_STATS_MAP(X)
#undef X
        HF_STAT_COUNT
};

enum { HF_METRICS_SHARDS_MAX = 16 };

struct hf_metrics_shard {
    _Alignas(64) _Atomic uint64_t stats[HF_STAT_COUNT];
    struct hf_histogram latency[HF_LATENCY_COUNT];
};

struct hf_metrics {
    const struct hf_allocator *allocator;
    struct hf_metrics_shard   *shards;
    unsigned                   shard_mask; /* Shards - 1, a power of two less one. */
};

HF_NODISCARD hf_err hf_metrics_open(const struct hf_allocator *a, struct hf_metrics **m);
void                hf_metrics_close(struct hf_metrics *m);

/* The CPU may change before the shard is used; that costs time, not counts. */
static inline struct hf_metrics_shard *hf_metrics_shard(const struct hf_metrics *m)
{
    return &m->shards[(unsigned)sched_getcpu() & m->shard_mask];
}

/* The library is built once more for the benchmark that says what they cost: there they can
 * be turned off and on while it runs. */
#ifdef HF_SWITCHED_STATISTICS
extern atomic_bool hf_metrics_on;
HF_API void        hf_metrics_switch(bool on);

static inline bool hf_metrics_count(void)
{
    return atomic_load_explicit(&hf_metrics_on, memory_order_relaxed);
}
#else
static inline bool hf_metrics_count(void)
{
    return true;
}
#endif

/* n may be negative for a gauge. */
static inline void hf_metrics_add(struct hf_metrics *m, enum hf_stat stat, int64_t n)
{
    if (!hf_metrics_count()) return;
    atomic_fetch_add_explicit(&hf_metrics_shard(m)->stats[stat], (uint64_t)n,
                              memory_order_relaxed);
}

static inline void hf_metrics_inc(struct hf_metrics *m, enum hf_stat stat)
{
    hf_metrics_add(m, stat, 1);
}

static inline void hf_metrics_record(struct hf_metrics *m, enum hf_latency_of what,
                                     hf_duration d)
{
    if (hf_metrics_count()) hf_histogram_record(&hf_metrics_shard(m)->latency[what], d);
}

/* Both at once, in one place. */
static inline void hf_metrics_inc_and_record(struct hf_metrics *m, enum hf_stat stat,
                                             enum hf_latency_of what, hf_duration d)
{
    if (!hf_metrics_count()) return;
    struct hf_metrics_shard *shard = hf_metrics_shard(m);
    atomic_fetch_add_explicit(&shard->stats[stat], 1, memory_order_relaxed);
    hf_histogram_record(&shard->latency[what], d);
}

/* What began then ends now. */
static inline void hf_metrics_record_since(struct hf_metrics *m, enum hf_latency_of what,
                                           hf_instant start)
{
    if (hf_metrics_count()) hf_metrics_record(m, what, hf_between(start, hf_now()));
}

/* Counts err under its category; HF_OK and HF_MISS count nowhere. */
void hf_metrics_error(struct hf_metrics *m, hf_err err);

/* The same of an operation of a cache, and as one of its errors. */
void hf_metrics_cache_error(struct hf_metrics *m, hf_err err);

/* A gauge that a race made negative for a moment reads 0. */
void hf_metrics_read(const struct hf_metrics *m, struct hf_stats *stats);

void hf_metrics_latency(const struct hf_metrics *m, enum hf_latency_of what,
                        struct hf_latency *latency);

void hf_metrics_buckets(const struct hf_metrics *m, enum hf_latency_of what,
                        struct hf_latency_buckets *buckets);

#endif
