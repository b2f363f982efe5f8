/* spin.h - yields the processor for a moment before sleeping, where that pays.
 *
 * Waking a sleeping thread on another core costs tens of microseconds, about as long as
 * Redis takes for a whole command; a few sched_yield() calls often see the reply come in
 * meanwhile. Two things make that wrong, and both are noticed:
 *   - other programs want the processor: then one yield gives away a whole time slice.
 *     After a yield of over 1 ms the process looks how much of a processor it had lately:
 *     less than a quarter switches yielding off, for 20 ms, growing to 1 s. (A slow yield
 *     alone says little: among 64 threads of one's own it is the rule);
 *   - the server is slow: then the reply never comes during the yields. Rounds that end in
 *     vain make the next rounds rarer, down to one in 64.
 *
 * Threads:  any number share one; a lost update does no harm.
 * Cost:     an idle yield is about 0.3 us. */

#ifndef HF_NET_SPIN_H
#define HF_NET_SPIN_H

#include <holdfast/time.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct hf_spin {
    _Atomic int64_t  off_until_ns; /* CLOCK_MONOTONIC; yields resume then. */
    _Atomic int64_t  penalty_ns;   /* How long the next switching-off lasts. */
    _Atomic int64_t  sampled_ns;   /* When the share of the processor was last looked at. */
    _Atomic int64_t  cpu_ns;       /* Processor time of this process then. */
    _Atomic uint32_t vain_rounds;  /* Rounds in a row that ended without a result. */
    _Atomic uint32_t skipped;      /* Rounds skipped since the last one played. */
};

/* Whether to yield at all in this round. */
bool hf_spin_begin(struct hf_spin *spin);

/* One yield; false when yielding has just turned out to be a bad idea. */
bool hf_spin_yield(struct hf_spin *spin);

/* Tells whether the round brought what was waited for. */
void hf_spin_end(struct hf_spin *spin, bool found);

#endif
