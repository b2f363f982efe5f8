/* wall_clock.h - the time of day, for what is stored or shown to others.
 *
 * It may jump and differs between machines. Deadlines and intervals use hf_now(). */

#ifndef HF_CORE_WALL_CLOCK_H
#define HF_CORE_WALL_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds since 1970-01-01 UTC. */
static inline int64_t hf_unix_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

#endif
