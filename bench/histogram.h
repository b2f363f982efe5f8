/* histogram.h - how long calls took, in buckets of 1.6 % width.
 *
 * Threads:  one writer; merge when it has ended.
 * Cost:     O(1) and no allocation to add; 10 KB each. */

#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum {
    HISTOGRAM_SUB = 64, /* Buckets per power of two. */
    HISTOGRAM_BUCKETS = HISTOGRAM_SUB * 40,
};

struct histogram {
    uint32_t counts[HISTOGRAM_BUCKETS];
    uint64_t total;
};

void histogram_add(struct histogram *h, uint64_t ns);
void histogram_merge(struct histogram *into, const struct histogram *from);

/* The value, in ns, that the fraction `quantile` of all calls stayed within; 0 if empty. */
double histogram_quantile(const struct histogram *h, double quantile);

#endif
