/* window.h - counts calls over a sliding span of time.
 *
 *     buckets: [ 3 | 0 | 7 | 1 | ... | 4 ]     each a tenth of the span
 *                                      ^ now
 *
 * A call is forgotten between 0.9 and 1 span after it was counted.
 *
 * Threads:  none; the owner serialises.
 * Memory:   caller-allocated, no cleanup.
 * Time:     handed in. Somewhat late news counts into the current bucket; a jump back by the
 *           whole span or more empties the window.
 * Cost:     O(buckets). */

#ifndef HF_RESILIENCE_WINDOW_H
#define HF_RESILIENCE_WINDOW_H

#include <holdfast/time.h>
#include <stdint.h>

enum { HF_WINDOW_BUCKETS = 10 };

struct hf_window_counts {
    uint64_t calls;
    uint64_t failures; /* Of these. */
    uint64_t slow;     /* Of these; may have failed too. */
};

struct hf_window {
    hf_duration             bucket; /* Length, > 0. */
    int64_t                 at;     /* Number of the current bucket: time / length. */
    struct hf_window_counts buckets[HF_WINDOW_BUCKETS];
};

/* span >= 1 us. */
void hf_window_init(struct hf_window *w, hf_duration span);

/* Forgets everything and starts at now. */
void hf_window_clear(struct hf_window *w, hf_instant now);

/* Makes the bucket of `now` the current one, forgetting what is too old for it. */
void hf_window_turn(struct hf_window *w, hf_instant now);

/* Into the current bucket. */
void hf_window_add(struct hf_window *w, struct hf_window_counts counts);

struct hf_window_counts hf_window_sum(const struct hf_window *w);

/* When the current bucket ends. */
hf_instant hf_window_bucket_end(const struct hf_window *w);

#endif
