/* breaker.h - stops calling what keeps failing, and finds out when it is well again.
 *
 *                failures in a row, or too large a share of them
 *     CLOSED ---------------------------------------------------> OPEN
 *       ^                                                         ^  |
 *       | probes succeed, then a ramp                probe fails  |  | rest is over, or a
 *       +--------------------- HALF_OPEN -------------------------+  | health check succeeded
 *                                  ^---------------------------------+
 *
 * It knows nothing of Redis and guards any operation:
 *
 *     struct hf_permit permit;
 *     if (hf_breaker_admit(breaker, hf_now(), &permit)) return serve_without_it();
 *     const bool ok = operation();
 *     hf_breaker_report(breaker, hf_now(), permit,
 *                       ok ? HF_OUTCOME_SUCCESS : HF_OUTCOME_FAILURE, hf_ns(0));
 *
 * A permit is bound to the state it was issued in: news of a call that began before the last
 * transition is ignored, so a late success cannot close a breaker that opened meanwhile. In
 * HALF_OPEN a few probes pass at a time; the place of one that never reports is given away
 * after probe_timeout. After closing, admission rises from a tenth to all within `ramp`; the
 * first ten calls always pass, so that a client of few calls is not held up.
 *
 * A person may hold it in FORCED_OPEN (nothing passes), DISABLED (all pass, nothing is
 * counted) or METRICS_ONLY (all pass, all is counted, it never opens), until a reset.
 *
 * Liveness: no history wedges it. Whatever callers do, never reporting included, a call is
 * admitted at the latest open_for * open_growth_max, or probe_timeout if that is longer,
 * after the last news, unless a person holds it open.
 *
 * Threads:  all functions from any thread, except open and close. While CLOSED neither admit
 *           nor the report of a success takes a lock; nor does refusing while OPEN.
 * Memory:   about 4 KiB, fixed.
 * Time:     handed in, and must be of one clock. It may stand still. A jump ahead lets a
 *           probe out early; a jump back never makes a wait longer than the longest rest.
 * Cost:     admit and report of a success while CLOSED some 4 ns together; refusing some 8.
 * Counts:   failures, refusals and transitions are exact. Successes are counted without an
 *           atomic read-modify-write, in one of 16 places by thread; two threads that share
 *           a place may now and then lose counts to each other, which makes the share of
 *           failures look larger, hardly ever by a percent. Within one thread they are exact.
 */

#ifndef HOLDFAST_BREAKER_H
#define HOLDFAST_BREAKER_H

#include <holdfast/alloc.h>
#include <holdfast/api.h>
#include <holdfast/error.h>
#include <holdfast/time.h>
#include <stdint.h>

HF_BEGIN_DECLS

struct hf_breaker;

enum {
    HF_BREAKER_PROBES_MAX = 16,  /* Ceiling of the option probes_max. */
    HF_BREAKER_HISTORY_MAX = 32, /* Transitions remembered. */
};

enum hf_breaker_state {
    HF_BREAKER_CLOSED,       /* Calls pass. */
    HF_BREAKER_OPEN,         /* No call passes until the rest is over. */
    HF_BREAKER_HALF_OPEN,    /* A few calls pass, as probes. */
    HF_BREAKER_FORCED_OPEN,  /* By hand: no call passes. */
    HF_BREAKER_DISABLED,     /* By hand: calls pass, nothing is counted. */
    HF_BREAKER_METRICS_ONLY, /* By hand: calls pass and are counted, it never opens. */
};

enum hf_outcome {
    HF_OUTCOME_SUCCESS,
    HF_OUTCOME_FAILURE,
    HF_OUTCOME_NEUTRAL, /* Says nothing of the callee: cancelled, or the caller's mistake. */
};

/* Start from hf_breaker_opts_default(), whose values stand in parentheses. */
struct hf_breaker_opts {
    uint32_t    failures_to_open; /* Failures in a row that open it, >= 1 (5). */
    double      failure_rate; /* Share of failed calls that opens it, 0 to 1; 0: off (0.5). */
    double      slow_rate;    /* Share of slow calls that opens it; 0: off (0). */
    uint32_t    calls_min;    /* In the window, before a share means anything, >= 1 (10). */
    hf_duration window;       /* What the shares look back on, 10 ms to 1 h (10 s). */
    hf_duration slow_after;   /* A call that took longer is slow; 0: none is (0). */

    hf_duration open_for;    /* Rest before probing, 1 ms to 24 h (60 s). */
    double      open_jitter; /* Each rest is shorter by up to this share, 0 to 0.9 (0.2). */
    double      open_growth; /* A failed probe makes the rest longer, 1 to 10 times (2). */
    double      open_growth_max; /* ... up to this many times open_for, 1 to 100 (4). */

    uint32_t    probes_max;         /* Under way at a time, 1 to HF_BREAKER_PROBES_MAX (3). */
    uint32_t    successes_to_close; /* Probes that must succeed, 1 to 1000 (1). */
    hf_duration probe_timeout; /* A silent probe's place is given away, 1 ms to 1 h (5 s). */
    hf_duration ramp;          /* From a tenth to all after closing, 0 to 60 s (300 ms). */

    uint64_t                   seed;      /* Of the jitter; 0: a random one (0). */
    const struct hf_allocator *allocator; /* Of the handle; NULL: malloc (NULL). */
};

struct hf_permit {
    uint64_t token; /* Zero is issued only while DISABLED, and its report is ignored. */
};

struct hf_breaker_transition {
    hf_instant            at;
    enum hf_breaker_state from;
    enum hf_breaker_state to;
    const char           *why; /* Constant, such as "failures in a row". */
};

struct hf_breaker_snapshot {
    enum hf_breaker_state state;
    hf_instant            since;         /* Of the last transition; {0} before the first. */
    hf_duration           next_probe_in; /* While OPEN or all probes are out; else 0. */
    uint32_t              failures_in_a_row;
    uint32_t              failures_to_open; /* As it was opened with. */
    uint32_t              probes_out;
    uint64_t              window_calls; /* In the window, neutral ones left out. */
    uint64_t              window_failures;
    uint64_t              window_slow;
    uint64_t              successes; /* These are totals since it was opened. */
    uint64_t              failures;
    uint64_t              slow;
    uint64_t              refused;
    uint64_t              transitions;
    uint32_t              history_count;
    struct hf_breaker_transition history[HF_BREAKER_HISTORY_MAX]; /* The oldest first. */
};

/* Told of each transition, after it and in order, one at a time, by a thread that was in a
 * call of this breaker; never under a lock. It may call back into the breaker, except to
 * close it; what it causes is told after it returns. One that falls more than
 * HF_BREAKER_HISTORY_MAX transitions behind misses the oldest. */
typedef void (*hf_breaker_fn)(const struct hf_breaker_transition *transition, void *ctx);

HF_API struct hf_breaker_opts hf_breaker_opts_default(void);

/* HF_E_INVALID, naming the option, its value and the range. error may be NULL. */
HF_API HF_NODISCARD hf_err hf_breaker_opts_check(const struct hf_breaker_opts *opts,
                                                 struct hf_error              *error);

/* A closed breaker. opts NULL: all defaults. HF_E_INVALID, HF_E_NOMEM. error may be NULL. */
HF_API HF_NODISCARD hf_err hf_breaker_open(const struct hf_breaker_opts *opts,
                                           struct hf_breaker           **breaker,
                                           struct hf_error              *error);

/* When no other thread is inside. NULL is fine. */
HF_API void hf_breaker_close(struct hf_breaker *b);

/* One listener; NULL for none. */
HF_API void hf_breaker_set_listener(struct hf_breaker *b, hf_breaker_fn listener, void *ctx);

/* Asks leave for one call. On HF_OK writes *permit, and the caller should report once. Else
 * HF_E_BREAKER_OPEN. */
HF_API HF_NODISCARD hf_err hf_breaker_admit(struct hf_breaker *b, hf_instant now,
                                            struct hf_permit *permit);

/* Tells how an admitted call ended, and how long it took (0: not measured). A stale permit,
 * one never issued, and a probe's second report are ignored. A second report of a call
 * admitted while CLOSED counts as a further call. */
HF_API void hf_breaker_report(struct hf_breaker *b, hf_instant now, struct hf_permit permit,
                              enum hf_outcome outcome, hf_duration took);

/* A health check beside the calls succeeded: OPEN becomes HALF_OPEN at once. */
HF_API void hf_breaker_hint_healthy(struct hf_breaker *b, hf_instant now);

/* Something beside the calls failed, such as connecting: counts as a failure while CLOSED. */
HF_API void hf_breaker_hint_failed(struct hf_breaker *b, hf_instant now);

/* Holds it in FORCED_OPEN, DISABLED or METRICS_ONLY. HF_E_INVALID for any other state. */
HF_API HF_NODISCARD hf_err hf_breaker_force(struct hf_breaker *b, hf_instant now,
                                            enum hf_breaker_state state);

/* From any state to CLOSED, without a ramp; the window and what is in a row begin anew. */
HF_API void hf_breaker_reset(struct hf_breaker *b, hf_instant now);

/* Takes no lock. */
HF_API enum hf_breaker_state hf_breaker_state(const struct hf_breaker *b);

HF_API void hf_breaker_snapshot(struct hf_breaker *b, hf_instant now,
                                struct hf_breaker_snapshot *snapshot);

/* "closed", "open", "half_open", "forced_open", "disabled", "metrics_only". Never NULL. */
HF_API const char *hf_breaker_state_name(enum hf_breaker_state state);

HF_END_DECLS

#endif
