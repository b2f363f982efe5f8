/* meter.h - what the application's threads count, and how it is read while they run.
 *
 *     meter_add(own, METER_HITS);                             a thread, its own meter
 *     meter_read(meters, count, &tally);                       the sampler
 *     meter_quantile(&tally, &earlier, 0.99);                  ... of what came between
 *
 * Threads:  each meter has one writer; meter_read() may run at any time in one thread.
 * Memory:   fixed.
 * Cost:     a few nanoseconds per request; reading some 10 us. */

#ifndef CLI_DEMO_METER_H
#define CLI_DEMO_METER_H

#include <holdfast/time.h>
#include <stdatomic.h>
#include <stddef.h>

/* Buckets of a latency in us: 16 to each doubling, so a quantile is at most 6.25 % high. */
enum { METER_BUCKETS = 400 };

enum meter_count {
    METER_REQUESTS,
    METER_HITS,       /* Answered from the cache. */
    METER_COMPUTED,   /* Answered by computing, on a miss or a failure. */
    METER_APP_ERRORS, /* Not answered. */
    METER_WRONG,      /* Answered from the cache, with something else than was stored. */
    METER_FAILED,     /* Reads that failed rather than missed. */
    METER_UNSTORED,   /* Writes that failed. */
    METER_OVERRUNS,   /* Calls that outlived their deadline by too much. */
    METER_COUNTS,
};

struct meter {
    _Alignas(64) _Atomic uint64_t counts[METER_COUNTS];
    _Atomic uint32_t buckets[METER_BUCKETS];
    _Atomic int64_t  max_ns;  /* Since the last reading. */
    _Atomic int64_t  late_ns; /* Longest that the machine held the thread up, ever. */
};

struct tally {
    uint64_t    counts[METER_COUNTS];
    uint64_t    buckets[METER_BUCKETS];
    hf_duration max;  /* Since the last reading, not since the beginning. */
    hf_duration late; /* Of all time. */
};

void meter_add(struct meter *m, enum meter_count what);

/* One request took this long. */
void meter_latency(struct meter *m, hf_duration latency);

/* The thread was to wake up, and did so this much later. */
void meter_late(struct meter *m, hf_duration late);

/* Sums count meters, and begins new maxima. */
void meter_read(struct meter *const *meters, size_t count, struct tally *tally);

/* Of the requests between two readings; earlier NULL: of all. Zero when there were none. */
hf_duration meter_quantile(const struct tally *tally, const struct tally *earlier,
                           double quantile);

/* Adds to sum what came between two readings. */
void meter_accumulate(struct tally *sum, const struct tally *tally,
                      const struct tally *earlier);

#endif
