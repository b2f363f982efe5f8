/* admission.h - how many calls may be under way, when the server is slow but does not fail.
 *
 *     struct hf_ticket ticket;
 *     if ((err = hf_admission_enter(admission, &ticket))) return err;
 *     ...
 *     hf_admission_leave(admission, now, ticket, outcome, took, timeout);
 *
 * A server that serves one after the other makes everybody wait for everybody: with enough
 * callers every call ends at its deadline, its work is done for nobody, and nothing gets
 * through. Then fewer calls under way mean more answers. So the limit is sought at which the
 * mean call takes half of the time it is allowed; whoever comes on top is refused at once.
 *
 *     off duty: nobody is counted                      while calls take less than half
 *     on duty:  counted; after some 64 calls the limit
 *                 shrinks to a half or three quarters  calls take more than half on average
 *                 grows by an eighth                   they take less, and the limit is felt
 *                 doubles                              they take less than an eighth
 *                 is lifted for 5 s                    shrinking cost answers: not a queue,
 *                                                      but a long way makes the calls slow
 *               and off duty again                     after four rounds that felt no limit
 *
 * Liveness: the limit is never under one, so a call that finds nobody inside gets in.
 *
 * Threads:  any.
 * Memory:   caller-allocated; must not be moved.
 * Time:     handed in. Whatever the clock does, only the limit may be off for a while.
 * Cost:     off duty a load to enter and one to leave; on duty no lock to enter or to be
 *           refused, a short one to leave.
 * Errors:   HF_E_OVERLOAD. */

#ifndef HF_RESILIENCE_ADMISSION_H
#define HF_RESILIENCE_ADMISSION_H

#include <holdfast/breaker.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct hf_ticket {
    bool is_counted;
};

struct hf_admission {
    _Atomic uint32_t limit;  /* 0: off duty. */
    _Atomic uint32_t inside; /* Counted ones. */
    _Atomic uint64_t refused;

    pthread_mutex_t lock;
    struct {
        /* This round: calls that began and ended in it. */
        hf_instant began;
        uint32_t   calls;
        double     shares;  /* Sum of: time taken / time allowed. */
        uint32_t   answers; /* These, and of calls that began before. */
        uint32_t   peak;    /* Most inside at a time. */

        double     answers_due; /* A second, or shrinking the last time was wrong; or 0. */
        uint32_t   quiet;       /* Rounds in a row that felt no limit. */
        hf_instant lifted_until;
    } locked;
};

void hf_admission_init(struct hf_admission *a);

/* When no other thread is inside. */
void hf_admission_deinit(struct hf_admission *a);

/* On HF_OK the caller must leave once. */
HF_NODISCARD hf_err hf_admission_enter(struct hf_admission *a, struct hf_ticket *ticket);

/* SUCCESS: the server answered. FAILURE: it did not within timeout. NEUTRAL: neither, and
 * only the place is given back. */
void hf_admission_leave(struct hf_admission *a, hf_instant now, struct hf_ticket ticket,
                        enum hf_outcome outcome, hf_duration took, hf_duration timeout);

#endif
