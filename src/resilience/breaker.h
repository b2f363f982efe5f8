/* breaker.h - the breaker of <holdfast/breaker.h> as a struct to embed.
 *
 * One atomic word tells the number of the current state and which gate callers find: equal
 * words mean the same state. Everything else is decided under the lock, which callers take
 * only for failures, for probes and when the window turns.
 *
 * Memory:   caller-allocated, about 4 KiB; must not be moved. */

#ifndef HF_RESILIENCE_BREAKER_H
#define HF_RESILIENCE_BREAKER_H

#include "core/rng.h"
#include "resilience/window.h"

#include <holdfast/breaker.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { HF_BREAKER_SHARDS = 16 };

/* A cache line: threads that count in different ones do not disturb each other. */
struct hf_breaker_shard {
    _Atomic uint64_t successes;
    _Atomic uint64_t refused;
    char             line[48];
};

struct hf_breaker_probe {
    uint64_t   token; /* 0: the place is free. */
    hf_instant expires;
};

struct hf_breaker {
    _Atomic uint64_t word;
    _Atomic uint32_t failures_in_a_row;
    _Atomic int64_t  bucket_end; /* Instant from which the window must turn. */
    _Atomic int64_t  wake_at;    /* OPEN, HALF_OPEN: no call passes before. */
    _Atomic int64_t  ramp_began;
    _Atomic uint32_t ramp_seen; /* Calls that asked leave during the ramp. */
    int64_t          slow_after;
    hf_duration      wait_max; /* No wait is ever longer. */

    struct hf_breaker_opts  opts;
    struct hf_breaker_shard shards[HF_BREAKER_SHARDS];

    pthread_mutex_t lock;
    struct {
        uint64_t                     number; /* Of states and probes: the last one given. */
        struct hf_window             window;
        uint64_t                     successes_seen; /* Of the shards' sum, in the window. */
        uint64_t                     failures;
        uint64_t                     slow;
        double                       stretch; /* Of the next rest, >= 1. */
        struct hf_rng                rng;
        struct hf_breaker_probe      probes[HF_BREAKER_PROBES_MAX];
        uint32_t                     probe_successes;
        struct hf_breaker_transition history[HF_BREAKER_HISTORY_MAX];
        uint64_t                     moves; /* Transitions so far. */
        uint64_t                     told;  /* Of these, to the listener. */
        bool                         is_telling;
        hf_breaker_fn                listener;
        void                        *listener_ctx;
    } locked;
};

/* HF_E_INVALID for options that hf_breaker_opts_check() refuses. */
HF_NODISCARD hf_err hf_breaker_init(struct hf_breaker *b, const struct hf_breaker_opts *opts);

/* When no other thread is inside. */
void hf_breaker_deinit(struct hf_breaker *b);

#endif
