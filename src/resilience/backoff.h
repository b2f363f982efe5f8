/* backoff.h - how long to wait before the next try: exponential, with full jitter.
 *
 *     failures so far    1        2        3     ...
 *     pause in           [0, b]   [0, 2b]  [0, 4b]   never over the cap
 *
 * Full jitter (any wait from zero up) spreads many clients that failed together better than
 * a fixed wait with some noise, at half the mean wait.
 *
 * Threads:  none; the generator belongs to the caller.
 * Time:     none is read; randomness is handed in. */

#ifndef HF_RESILIENCE_BACKOFF_H
#define HF_RESILIENCE_BACKOFF_H

#include "core/rng.h"

#include <holdfast/time.h>

struct hf_backoff {
    hf_duration base; /* > 0. */
    hf_duration cap;  /* >= base. */
};

/* The longest pause after so many failures in a row, >= 1. */
hf_duration hf_backoff_ceiling(struct hf_backoff b, uint32_t failures);

/* Uniform between zero and the ceiling. */
hf_duration hf_backoff_pause(struct hf_backoff b, uint32_t failures, struct hf_rng *rng);

#endif
