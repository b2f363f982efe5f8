/* pace.h - so many a second and no more, evenly and without catching up.
 *
 *     const hf_duration wait = hf_pace_take(&pace, hf_now(), 100);
 *     hf_sleep(wait);
 *     ... do 100 ...
 *
 * After a pause it goes on at its rate; what was not done meanwhile is not made up for.
 *
 * Threads:  none; the owner serialises.
 * Memory:   caller-allocated, no cleanup.
 * Time:     handed in. */

#ifndef HF_CORE_PACE_H
#define HF_CORE_PACE_H

#include <holdfast/time.h>
#include <stdint.h>

struct hf_pace {
    uint32_t   rate; /* A second; 0: no limit. */
    hf_instant due;  /* When the next may be done; zero: at once. */
};

/* How long to wait before the next count may be done; they are taken as done then. */
hf_duration hf_pace_take(struct hf_pace *pace, hf_instant now, uint32_t count);

/* Suspends the thread; a signal does not shorten it. */
void hf_sleep(hf_duration d);

#endif
