/* estimate.h - a total over all keys, from those that were looked at.
 *
 * Each key that is looked at contributes x, which is 0 for most. With the mean m and the
 * variance s2 of n of N keys, the total is N m, and its standard error
 * N sqrt(s2 / n * (1 - n / N)): the last factor because nothing is drawn twice. Where nothing
 * but 0 was seen the upper end is by the rule of three.
 *
 * Threads:  any; pure.
 * Memory:   caller-allocated, no cleanup. */

#ifndef HF_CACHE_ESTIMATE_H
#define HF_CACHE_ESTIMATE_H

#include <holdfast/usage.h>

/* Sums over the keys that were looked at. */
struct hf_sample {
    double sum;
    double squares;
    double max;
};

void hf_sample_add(struct hf_sample *s, double x);

/* seen of all keys were looked at. One that is not less than what was seen is exact. */
struct hf_estimate hf_sample_estimate(const struct hf_sample *s, uint64_t seen, uint64_t all);

#endif
