/* spares.h - a few objects that are dear to make, kept for the next who needs one.
 *
 *     void *state = hf_spares_take(&spares);
 *     if (!state) state = make();
 *     ...
 *     if (!hf_spares_put(&spares, state)) destroy(state);
 *
 * So as many are in use as threads are at work, and at most HF_SPARES_MAX lie idle.
 *
 * Threads:  any.
 * Memory:   caller-allocated, all zero is empty; what is in it is taken out before it ends.
 * Cost:     some atomics, no lock. */

#ifndef HF_CACHE_SPARES_H
#define HF_CACHE_SPARES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum { HF_SPARES_MAX = 8 };

struct hf_spares {
    _Atomic(void *) slots[HF_SPARES_MAX];
};

/* NULL when there is none. */
void *hf_spares_take(struct hf_spares *spares);

/* False when there is no room: the object stays the caller's. */
bool hf_spares_put(struct hf_spares *spares, void *object);

#endif
