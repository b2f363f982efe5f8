#include "meter.h"

#include <string.h>

enum { SUB_BITS = 4, SUBS = 1 << SUB_BITS };

static size_t bucket_of(hf_duration latency)
{
    const uint64_t us = (uint64_t)latency.ns / 1000;
    if (us < SUBS) return (size_t)us;
    const unsigned doublings = 63 - (unsigned)__builtin_clzll(us) - SUB_BITS;
    const size_t   bucket = (size_t)(doublings << SUB_BITS) + (size_t)(us >> doublings);
    return bucket < METER_BUCKETS ? bucket : METER_BUCKETS - 1;
}

/* The longest latency that falls into the bucket. */
static hf_duration bucket_end(size_t bucket)
{
    if (bucket < SUBS) return hf_us((uint32_t)bucket + 1);
    const unsigned doublings = (unsigned)(bucket >> SUB_BITS) - 1;
    const uint64_t sub = (bucket & (SUBS - 1)) + SUBS;
    return hf_ns((int64_t)((sub + 1) << doublings) * 1000);
}

void meter_add(struct meter *m, enum meter_count what)
{
    atomic_fetch_add_explicit(&m->counts[what], 1, memory_order_relaxed);
}

static void keep_longer(_Atomic int64_t *kept, int64_t ns)
{
    int64_t known = atomic_load_explicit(kept, memory_order_relaxed);
    while (ns > known && !atomic_compare_exchange_weak(kept, &known, ns)) continue;
}

void meter_latency(struct meter *m, hf_duration latency)
{
    atomic_fetch_add_explicit(&m->buckets[bucket_of(latency)], 1, memory_order_relaxed);
    keep_longer(&m->max_ns, latency.ns);
}

void meter_late(struct meter *m, hf_duration late)
{
    keep_longer(&m->late_ns, late.ns);
}

void meter_read(struct meter *const *meters, size_t count, struct tally *tally)
{
    memset(tally, 0, sizeof *tally);
    for (size_t i = 0; i < count; i++) {
        struct meter *m = meters[i];
        for (size_t j = 0; j < METER_COUNTS; j++) tally->counts[j] += m->counts[j];
        for (size_t j = 0; j < METER_BUCKETS; j++) {
            tally->buckets[j] += atomic_load_explicit(&m->buckets[j], memory_order_relaxed);
        }
        const int64_t max = atomic_exchange(&m->max_ns, 0);
        if (max > tally->max.ns) tally->max = hf_ns(max);
        const int64_t late = atomic_load(&m->late_ns);
        if (late > tally->late.ns) tally->late = hf_ns(late);
    }
}

hf_duration meter_quantile(const struct tally *tally, const struct tally *earlier,
                           double quantile)
{
    static const struct tally none;
    if (!earlier) earlier = &none;
    uint64_t total = 0;
    for (size_t i = 0; i < METER_BUCKETS; i++) {
        total += tally->buckets[i] - earlier->buckets[i];
    }
    const uint64_t rank = (uint64_t)((double)total * quantile);
    uint64_t       below = 0;
    for (size_t i = 0; i < METER_BUCKETS; i++) {
        below += tally->buckets[i] - earlier->buckets[i];
        if (below > rank || (below == total && total > 0)) return bucket_end(i);
    }
    return hf_ns(0);
}

void meter_accumulate(struct tally *sum, const struct tally *tally,
                      const struct tally *earlier)
{
    for (size_t i = 0; i < METER_COUNTS; i++) {
        sum->counts[i] += tally->counts[i] - earlier->counts[i];
    }
    for (size_t i = 0; i < METER_BUCKETS; i++) {
        sum->buckets[i] += tally->buckets[i] - earlier->buckets[i];
    }
    if (tally->max.ns > sum->max.ns) sum->max = tally->max;
}
