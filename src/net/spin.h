/* spin.h - yields the processor for a moment before sleeping, where that pays.
 *
 *     struct hf_spin_round round;
 *     hf_spin_begin(&round, spin, HF_SPIN_FOLLOWER);
 *     while (!done && hf_spin_yield(&round)) {}
 *     hf_spin_end(&round, done);
 *
 * Waking a sleeping thread on another core costs tens of microseconds, about as long as
 * Redis takes for a whole command; a few sched_yield() calls often see the reply come in
 * meanwhile. Two things make that wrong, and both are noticed:
 *   - other programs want the processor: then one yield gives away a whole time slice.
 *     After a yield of over 1 ms the process looks how much of a processor it had lately:
 *     less than a quarter switches yielding off, for 20 ms, growing to 1 s. (A slow yield
 *     alone says little: among 64 threads of one's own it is the rule);
 *   - the server is slow: then the reply never comes during the yields. Rounds that end in
 *     vain make the next rounds rarer, down to one in 64; for each role apart, because a
 *     leader's reply is the next to come and a follower's may be far behind it.
 *
 * Threads:  any number share one; a lost update does no harm. A round is its caller's.
 * Cost:     an idle yield is about 0.3 us; a round, at most some tens of microseconds more
 *           than other threads take of the processor. */

#ifndef HF_NET_SPIN_H
#define HF_NET_SPIN_H

#include <holdfast/time.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum hf_spin_role {
    HF_SPIN_ALONE,  /* Waits for bytes, and nobody else is there: each yield is pure cost. */
    HF_SPIN_LEADER, /* Waits for bytes, while the yields let others add to the next send. */
    HF_SPIN_FOLLOWER, /* Waits for another thread. */
    HF_SPIN_ROLES,
};

struct hf_spin {
    _Atomic int64_t off_until_ns; /* CLOCK_MONOTONIC; yields resume then. */
    _Atomic int64_t penalty_ns;   /* How long the next switching-off lasts. */
    _Atomic int64_t sampled_ns;   /* When the share of the processor was last looked at. */
    _Atomic int64_t cpu_ns;       /* Processor time of this process then. */
    struct {
        _Atomic uint32_t vain_rounds; /* Rounds in a row that ended without a result. */
        _Atomic uint32_t skipped;     /* Rounds skipped since the last one played. */
    } roles[HF_SPIN_ROLES];
};

/* From the first yield until what was waited for is there, or it is given up. */
struct hf_spin_round {
    struct hf_spin   *spin;
    enum hf_spin_role role;
    bool              is_played; /* Neither skipped nor ended. */
    bool              is_over;
    uint32_t          yields;
    int64_t           spent_ns; /* In yields. */
};

void hf_spin_begin(struct hf_spin_round *round, struct hf_spin *spin, enum hf_spin_role role);

/* One yield. False, perhaps without one, when it is time to sleep. */
bool hf_spin_yield(struct hf_spin_round *round);

/* Tells whether the round brought what was waited for. Only the first time counts. */
void hf_spin_end(struct hf_spin_round *round, bool found);

/* One yield that waits for nothing: it lets others run first, unless they take too much. */
void hf_spin_step_aside(struct hf_spin *spin);

#endif
