/* time.h - moments and spans, which the compiler will not let you mix up.
 *
 * Both are nanoseconds in a one-field struct: adding two instants, or passing milliseconds
 * where a duration belongs, does not compile. Arithmetic saturates, so "forever" stays
 * forever and nothing runs below zero. */

#ifndef HOLDFAST_TIME_H
#define HOLDFAST_TIME_H

#include <holdfast/api.h>
#include <stdbool.h>
#include <stdint.h>

HF_BEGIN_DECLS

/* A moment on CLOCK_MONOTONIC. Only differences carry meaning. */
typedef struct hf_instant {
    int64_t ns;
} hf_instant;

/* A span of time, never negative. */
typedef struct hf_duration {
    int64_t ns;
} hf_duration;

/* The present moment (CLOCK_MONOTONIC, about 25 ns). */
HF_API hf_instant hf_now(void);

static inline hf_duration hf_ns(int64_t ns)
{
    hf_duration d = { ns };
    return d;
}

static inline hf_duration hf_us(uint32_t us)
{
    return hf_ns((int64_t)us * 1000);
}

static inline hf_duration hf_ms(uint32_t ms)
{
    return hf_ns((int64_t)ms * 1000000);
}

static inline hf_duration hf_seconds(uint32_t seconds)
{
    return hf_ns((int64_t)seconds * 1000000000);
}

/* For arithmetic with "no limit": later than every other instant. */
static inline hf_instant hf_never(void)
{
    hf_instant t = { INT64_MAX };
    return t;
}

static inline hf_instant hf_later(hf_instant t, hf_duration d)
{
    hf_instant sum;
    if (__builtin_add_overflow(t.ns, d.ns, &sum.ns)) sum.ns = INT64_MAX;
    return sum;
}

static inline bool hf_before(hf_instant a, hf_instant b)
{
    return a.ns < b.ns;
}

static inline hf_instant hf_earlier_of(hf_instant a, hf_instant b)
{
    return hf_before(a, b) ? a : b;
}

/* From `from` until `to`; zero when `to` is not later. */
static inline hf_duration hf_between(hf_instant from, hf_instant to)
{
    int64_t ns;
    if (!hf_before(from, to)) return hf_ns(0);
    if (__builtin_sub_overflow(to.ns, from.ns, &ns)) ns = INT64_MAX;
    return hf_ns(ns);
}

/* Whole milliseconds, rounded down. */
static inline int64_t hf_to_ms(hf_duration d)
{
    return d.ns / 1000000;
}

HF_END_DECLS

#endif
