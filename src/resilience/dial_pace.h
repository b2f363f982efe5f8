/* dial_pace.h - when an endpoint may be dialled, so that it is found again soon and never in
 * a storm.
 *
 *     while dials fail or hang     the next begins 100 to 200 ms after the last one began
 *     after one that succeeded     the next may begin at once
 *     credentials were refused     1 s, doubled up to 30 s, and up to a quarter more
 *     whatever happens             at most 20 at once, then 10 a second
 *
 * The jitter keeps many clients of a server that comes back apart.
 *
 * Threads:  none; the owner serialises.
 * Memory:   caller-allocated, no cleanup.
 * Time:     handed in, not negative, and not to run backwards. */

#ifndef HF_RESILIENCE_DIAL_PACE_H
#define HF_RESILIENCE_DIAL_PACE_H

#include "core/rng.h"

#include <holdfast/error.h>
#include <holdfast/time.h>

enum {
    HF_DIALS_AT_ONCE = 20,
    HF_DIALS_PER_SECOND = 10,
};

struct hf_dial_pace {
    struct hf_rng rng;
    hf_instant    next_at;  /* By what the last dials came to. */
    hf_instant    paid_at;  /* When all dials begun so far will have been paid for. */
    uint32_t      refusals; /* For reasons of credentials, in a row. */
};

void hf_dial_pace_init(struct hf_dial_pace *p, uint64_t seed);

/* When the next dial may begin; in the past when it may at once. */
hf_instant hf_dial_pace_next(const struct hf_dial_pace *p);

/* A dial begins. */
void hf_dial_pace_started(struct hf_dial_pace *p, hf_instant now);

/* One has ended. */
void hf_dial_pace_ended(struct hf_dial_pace *p, hf_instant now, hf_err err);

/* A connection was lost just now: the next dial need not wait for the last ones' sake. */
void hf_dial_pace_hurry(struct hf_dial_pace *p);

#endif
