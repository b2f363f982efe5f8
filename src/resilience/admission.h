/* admission.h - how many calls may be under way when the server slows without failing.
 *
 *     while (calls come) {
 *         if (!hf_admission_enter(&a)) return HF_E_OVERLOAD;
 *         ...
 *         hf_admission_leave(&a, now, took);
 *     }
 *
 * Calls that queue at a slow server until their deadline keep it busy with work that nobody
 * waits for any more. So the limit follows the latency: every window, of at least
 * HF_ADMISSION_SAMPLES calls, it is multiplied by the best mean of the last half to whole
 * minute, times `tolerance`, over the present mean (a factor of 0.5 to 1), and grows by a
 * tenth and two if it was used at all. What has become slow for good counts as normal after a
 * minute.
 *
 * Threads:  any. Entering is one atomic operation; of several that leave at once some may not
 *           be sampled.
 * Memory:   caller-allocated.
 * Time:     handed in; while it stands still or runs backwards the limit stays.
 * Errors:   none. The limit is off unless asked for: see docs/adr/. */

#ifndef HF_RESILIENCE_ADMISSION_H
#define HF_RESILIENCE_ADMISSION_H

#include <holdfast/time.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { HF_ADMISSION_SAMPLES = 10 };

struct hf_admission_opts {
    uint32_t    limit_min; /* >= 1. */
    uint32_t    limit_max; /* >= limit_min; also where it begins. */
    double      tolerance; /* Of the mean latency against the best one, >= 1. */
    hf_duration window;    /* > 0. */
};

struct hf_admission {
    struct hf_admission_opts opts;
    _Atomic uint32_t         in_flight;
    _Atomic uint32_t         limit;
    pthread_mutex_t          lock;
    struct {
        hf_instant window_began;
        double     sum_ns; /* Of the window's samples. */
        uint32_t   samples;
        uint32_t   in_flight_max; /* Seen in the window. */
        hf_instant half_began;
        double best_ns[2]; /* Mean of the best window of this half minute, and the last. */
    } locked;
};

/* Limit 4 to 1000, tolerance 2, windows of 100 ms. */
struct hf_admission_opts hf_admission_opts_default(void);

void hf_admission_init(struct hf_admission *a, const struct hf_admission_opts *opts,
                       hf_instant now);
void hf_admission_deinit(struct hf_admission *a);

/* False when the limit is reached; then there is nothing to leave. */
bool hf_admission_enter(struct hf_admission *a);

/* A call that entered has ended: answered by the server, or given up on it. */
void hf_admission_leave(struct hf_admission *a, hf_instant now, hf_duration took);

/* ... or in a way that tells nothing of the server's pace, such as an open breaker. */
void hf_admission_leave_untimed(struct hf_admission *a);

uint32_t hf_admission_limit(const struct hf_admission *a);

#endif
