#include <holdfast/stats.h>

#include <string.h>

static const struct hf_stat_info rows[] = {
#define X(id, field, kind, help) { #field, HF_STAT_##kind, help },
    HF_STATS_MAP(X)
#undef X
};

enum { ROWS = sizeof rows / sizeof rows[0] };

_Static_assert(sizeof(struct hf_stats) == ROWS * sizeof(uint64_t), "one field for each row");

const struct hf_stat_info *hf_stat_at(size_t index)
{
    return index < ROWS ? &rows[index] : NULL;
}

uint64_t hf_stat_value(const struct hf_stats *stats, size_t index)
{
    uint64_t value = 0;
    if (index < ROWS) {
        memcpy(&value, (const char *)stats + index * sizeof value, sizeof value);
    }
    return value;
}

hf_duration hf_latency_bound(size_t bucket)
{
    static const int64_t steps[] = { 1, 2, 5 };
    if (bucket >= HF_LATENCY_BUCKETS - 1) return hf_ns(INT64_MAX);
    int64_t ns = 10000 * steps[bucket % 3];
    for (size_t i = 0; i < bucket / 3; i++) ns *= 10;
    return hf_ns(ns);
}

const char *hf_latency_name(enum hf_latency_of what)
{
    static const char *const names[] = {
#define X(id, name, help) name,
        HF_LATENCY_MAP(X)
#undef X
    };
    return (unsigned)what < HF_LATENCY_COUNT ? names[what] : "unknown";
}
