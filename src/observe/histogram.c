#include "observe/histogram.h"

#include "core/assert.h"

enum {
    STEPS = 1 << HF_HISTOGRAM_STEP_BITS,
    LAST = HF_HISTOGRAM_BUCKETS - 1,
};

static unsigned bucket_of(uint64_t ns)
{
    if (ns < STEPS) return (unsigned)ns;
    if (ns >> HF_HISTOGRAM_TOP_BITS) return LAST;

    const unsigned shift = 63u - (unsigned)__builtin_clzll(ns) - HF_HISTOGRAM_STEP_BITS;
    return ((shift + 1) << HF_HISTOGRAM_STEP_BITS) + (unsigned)((ns >> shift) & (STEPS - 1));
}

/* The largest value that falls into the bucket. */
static int64_t last_of(unsigned bucket)
{
    if (bucket < STEPS) return bucket;

    const unsigned shift = (bucket >> HF_HISTOGRAM_STEP_BITS) - 1;
    const int64_t  step = STEPS + (int64_t)(bucket & (STEPS - 1));
    return ((step + 1) << shift) - 1;
}

static void raise_to(_Atomic int64_t *max, int64_t value)
{
    int64_t seen = atomic_load_explicit(max, memory_order_relaxed);
    while (seen < value &&
           !atomic_compare_exchange_weak_explicit(max, &seen, value, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
}

void hf_histogram_record(struct hf_histogram *h, hf_duration d)
{
    hf_assert(d.ns >= 0);
    const uint64_t ns = (uint64_t)d.ns;
    atomic_fetch_add_explicit(&h->buckets[bucket_of(ns)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->sum_ns, ns, memory_order_relaxed);
    raise_to(&h->max_ns, d.ns);
}

void hf_histogram_add_to(const struct hf_histogram *h, struct hf_histogram_view *view)
{
    for (unsigned i = 0; i < HF_HISTOGRAM_BUCKETS; i++) {
        const uint64_t n = atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
        view->buckets[i] += n;
        view->count += n;
    }
    view->sum_ns += atomic_load_explicit(&h->sum_ns, memory_order_relaxed);

    const int64_t max_ns = atomic_load_explicit(&h->max_ns, memory_order_relaxed);
    if (view->max_ns < max_ns) view->max_ns = max_ns;
}

uint64_t hf_histogram_up_to(const struct hf_histogram_view *view, hf_duration value)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < LAST && last_of(i) <= value.ns; i++) count += view->buckets[i];
    return value.ns < view->max_ns ? count : view->count;
}

hf_duration hf_histogram_quantile(const struct hf_histogram_view *view, double q)
{
    hf_assert(q > 0 && q <= 1);
    const double wanted = q * (double)view->count;
    uint64_t     seen = 0;
    for (unsigned i = 0; i < LAST; i++) {
        seen += view->buckets[i];
        if (seen == 0 || (double)seen < wanted) continue;
        return hf_ns(last_of(i) < view->max_ns ? last_of(i) : view->max_ns);
    }
    return hf_ns(view->max_ns);
}
