#include "observe/metrics.h"

#include "core/alloc.h"

#include <string.h>
#include <unistd.h>

/* The shards sit behind the struct in the same block, on a cache line's edge. */
enum { LINE = _Alignof(struct hf_metrics_shard) };

#ifdef HF_SWITCHED_STATISTICS
atomic_bool hf_metrics_on = true;

void hf_metrics_switch(bool on)
{
    atomic_store(&hf_metrics_on, on);
}
#endif

static unsigned shards_for_this_machine(void)
{
    const long cpus = sysconf(_SC_NPROCESSORS_CONF);
    unsigned   shards = 1;
    while (shards < cpus && shards < HF_METRICS_SHARDS_MAX) shards *= 2;
    return shards;
}

hf_err hf_metrics_open(const struct hf_allocator *a, struct hf_metrics **metrics)
{
    const unsigned shards = shards_for_this_machine();
    const size_t   size = sizeof(struct hf_metrics) + LINE +
                        shards * sizeof *(*metrics)->shards;

    struct hf_metrics *m = hf_alloc_zero(a, 1, size);
    if (!m) return HF_E_NOMEM;

    const uintptr_t behind = (uintptr_t)(m + 1);
    const uintptr_t edge = (behind + LINE - 1) / LINE * LINE;
    m->allocator = a;
    m->shards = (struct hf_metrics_shard *)((char *)(m + 1) + (edge - behind));
    m->shard_mask = shards - 1;
    *metrics = m;
    return HF_OK;
}

void hf_metrics_close(struct hf_metrics *m)
{
    if (m) hf_free(m->allocator, m);
}

/* NONE is not counted; what is not an error stands for it. */
enum { HF_STAT_ERRORS_NONE = HF_STAT_CALLS_OK, HF_STAT_CACHE_ERRORS_NONE = HF_STAT_CALLS_OK };

_Static_assert(HF_STAT_COUNT <= UINT8_MAX, "the number of a row is a byte");

/* The row of each category. */
static const unsigned char rows[] = {
#define X(category, name, retry, counts)                                                     \
    [HF_CATEGORY_##category] = (unsigned char)HF_STAT_ERRORS_##category,
    HF_CATEGORY_MAP(X)
#undef X
};

static const unsigned char cache_rows[] = {
#define X(category, name, retry, counts)                                                     \
    [HF_CATEGORY_##category] = (unsigned char)HF_STAT_CACHE_ERRORS_##category,
    HF_CATEGORY_MAP(X)
#undef X
};

void hf_metrics_error(struct hf_metrics *m, hf_err err)
{
    const enum hf_category category = hf_err_category(err);
    if (category != HF_CATEGORY_NONE) hf_metrics_inc(m, (enum hf_stat)rows[category]);
}

void hf_metrics_cache_error(struct hf_metrics *m, hf_err err)
{
    const enum hf_category category = hf_err_category(err);
    if (category == HF_CATEGORY_NONE) return;
    hf_metrics_inc(m, HF_STAT_CACHE_ERRORS);
    hf_metrics_inc(m, (enum hf_stat)cache_rows[category]);
}

static uint64_t sum_of(const struct hf_metrics *m, enum hf_stat stat)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i <= m->shard_mask; i++) {
        sum += atomic_load_explicit(&m->shards[i].stats[stat], memory_order_relaxed);
    }
    return sum;
}

static uint64_t never_negative(uint64_t sum)
{
    return (int64_t)sum < 0 ? 0 : sum;
}

void hf_metrics_read(const struct hf_metrics *m, struct hf_stats *stats)
{
    for (size_t i = 0; i < HF_STAT_COUNT; i++) {
        const uint64_t sum = sum_of(m, (enum hf_stat)i);
        const uint64_t shown = hf_stat_at(i)->kind == HF_STAT_GAUGE ? never_negative(sum)
                                                                    : sum;
        memcpy((char *)stats + i * sizeof shown, &shown, sizeof shown); /* See stats.c. */
    }
    /* Every call ends in one of these; counting it once more would cost twice. */
    stats->calls = 0;
    for (size_t i = 0; i < sizeof rows; i++) stats->calls += hf_stat_value(stats, rows[i]);
}

static void view_all(const struct hf_metrics *m, enum hf_latency_of what,
                     struct hf_histogram_view *view)
{
    memset(view, 0, sizeof *view);
    for (unsigned i = 0; i <= m->shard_mask; i++) {
        hf_histogram_add_to(&m->shards[i].latency[what], view);
    }
}

void hf_metrics_buckets(const struct hf_metrics *m, enum hf_latency_of what,
                        struct hf_latency_buckets *buckets)
{
    struct hf_histogram_view view;
    view_all(m, what, &view);
    for (size_t i = 0; i < HF_LATENCY_BUCKETS; i++) {
        buckets->up_to[i] = hf_histogram_up_to(&view, hf_latency_bound(i));
    }
    buckets->sum = hf_ns((int64_t)view.sum_ns);
}

void hf_metrics_latency(const struct hf_metrics *m, enum hf_latency_of what,
                        struct hf_latency *latency)
{
    struct hf_histogram_view view;
    view_all(m, what, &view);
    *latency = (struct hf_latency){
        .count = view.count,
        .sum = hf_ns((int64_t)view.sum_ns),
        .p50 = hf_histogram_quantile(&view, 0.5),
        .p90 = hf_histogram_quantile(&view, 0.9),
        .p99 = hf_histogram_quantile(&view, 0.99),
        .p999 = hf_histogram_quantile(&view, 0.999),
        .max = hf_ns(view.max_ns),
    };
}
