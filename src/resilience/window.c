#include "resilience/window.h"

#include "core/assert.h"

#include <string.h>

/* Rounds down, also below zero. */
static int64_t bucket_of(const struct hf_window *w, hf_instant now)
{
    const int64_t number = now.ns / w->bucket.ns;
    return now.ns % w->bucket.ns < 0 ? number - 1 : number;
}

static struct hf_window_counts *bucket_at(struct hf_window *w, int64_t number)
{
    const int64_t at = number % HF_WINDOW_BUCKETS;
    return &w->buckets[at < 0 ? at + HF_WINDOW_BUCKETS : at];
}

void hf_window_init(struct hf_window *w, hf_duration span)
{
    hf_assert(span.ns >= 1000);
    *w = (struct hf_window){ .bucket = { span.ns / HF_WINDOW_BUCKETS } };
}

void hf_window_clear(struct hf_window *w, hf_instant now)
{
    memset(w->buckets, 0, sizeof w->buckets);
    w->at = bucket_of(w, now);
}

void hf_window_turn(struct hf_window *w, hf_instant now)
{
    const int64_t number = bucket_of(w, now);
    if (number <= w->at - HF_WINDOW_BUCKETS || number >= w->at + HF_WINDOW_BUCKETS) {
        hf_window_clear(w, now);
        return;
    }
    while (w->at < number) {
        w->at++;
        *bucket_at(w, w->at) = (struct hf_window_counts){ 0 };
    }
}

void hf_window_add(struct hf_window *w, struct hf_window_counts counts)
{
    struct hf_window_counts *bucket = bucket_at(w, w->at);
    bucket->calls += counts.calls;
    bucket->failures += counts.failures;
    bucket->slow += counts.slow;
}

struct hf_window_counts hf_window_sum(const struct hf_window *w)
{
    struct hf_window_counts sum = { 0 };
    for (int i = 0; i < HF_WINDOW_BUCKETS; i++) {
        sum.calls += w->buckets[i].calls;
        sum.failures += w->buckets[i].failures;
        sum.slow += w->buckets[i].slow;
    }
    return sum;
}

hf_instant hf_window_bucket_end(const struct hf_window *w)
{
    hf_instant end;
    if (__builtin_add_overflow(w->at, 1, &end.ns) ||
        __builtin_mul_overflow(end.ns, w->bucket.ns, &end.ns)) {
        return hf_never();
    }
    return end;
}
