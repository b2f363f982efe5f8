#include "histogram.h"

/* Below 64 ns one bucket per ns; above, 64 for each power of two. */
static size_t bucket_of(uint64_t ns)
{
    if (ns < HISTOGRAM_SUB) return ns;
    const unsigned exponent = 63u - (unsigned)__builtin_clzll(ns);
    const size_t   sub = (ns >> (exponent - 6)) & (HISTOGRAM_SUB - 1);
    const size_t   bucket = (exponent - 5) * HISTOGRAM_SUB + sub;
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

static uint64_t lower_edge(size_t bucket)
{
    if (bucket < HISTOGRAM_SUB) return bucket;
    const size_t exponent = bucket / HISTOGRAM_SUB + 5;
    return (UINT64_C(1) << exponent) + ((uint64_t)(bucket % HISTOGRAM_SUB) << (exponent - 6));
}

void histogram_add(struct histogram *h, uint64_t ns)
{
    h->counts[bucket_of(ns)]++;
    h->total++;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) into->counts[i] += from->counts[i];
    into->total += from->total;
}

double histogram_quantile(const struct histogram *h, double quantile)
{
    const uint64_t rank = (uint64_t)((double)h->total * quantile);
    uint64_t       seen = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->counts[i];
        if (seen > rank) return (double)lower_edge(i);
    }
    return 0;
}
