/* histogram.h - durations counted in buckets that widen with what they count.
 *
 *     ns    0 1 2 ... 31 | 32 33 ... 63 | 64 66 ... 126 | 128 132 ... 252 | ... 137 s
 *     width      1       |      1       |       2       |        4        |
 *
 * Below 32 ns each value has a bucket; from there each power of two is cut into 32. So a
 * quantile, given as its bucket's last value, is at most 1/32 above the true one. All from
 * 2^37 ns (137 s) on share the last bucket; the maximum is kept exactly.
 *
 * Threads:  recording from any number; reading meanwhile sees some of what is under way.
 * Memory:   caller-allocated, all zero is empty, 8.4 KiB, needs no cleanup.
 * Cost:     recording is three relaxed atomics, no system call; reading O(buckets). */

#ifndef HF_OBSERVE_HISTOGRAM_H
#define HF_OBSERVE_HISTOGRAM_H

#include <holdfast/time.h>
#include <stdatomic.h>

enum {
    HF_HISTOGRAM_STEP_BITS = 5, /* 2^5 buckets for each power of two. */
    HF_HISTOGRAM_TOP_BITS = 37, /* Values from 2^37 on are not told apart. */
    HF_HISTOGRAM_BUCKETS = (HF_HISTOGRAM_TOP_BITS - HF_HISTOGRAM_STEP_BITS + 1)
                           << HF_HISTOGRAM_STEP_BITS,
};

struct hf_histogram {
    _Atomic uint64_t buckets[HF_HISTOGRAM_BUCKETS];
    _Atomic uint64_t sum_ns; /* Wraps after 584 years. */
    _Atomic int64_t  max_ns;
};

/* A copy that stands still; several histograms may be added up in one. */
struct hf_histogram_view {
    uint64_t buckets[HF_HISTOGRAM_BUCKETS];
    uint64_t count;
    uint64_t sum_ns;
    int64_t  max_ns;
};

void hf_histogram_record(struct hf_histogram *h, hf_duration d);

/* Adds what h holds to the view, which was zeroed before the first. */
void hf_histogram_add_to(const struct hf_histogram *h, struct hf_histogram_view *view);

/* How many were at most value, but for those in the bucket that the value cuts. */
uint64_t hf_histogram_up_to(const struct hf_histogram_view *view, hf_duration value);

/* The duration that a share q of all, 0 < q <= 1, did not exceed; zero when empty. */
hf_duration hf_histogram_quantile(const struct hf_histogram_view *view, double q);

#endif
