/* retry.h - whether and when a call that failed is tried again.
 *
 *     hf_retry_begin(&retry, opts, command_class, now, deadline);
 *     do {
 *         err = attempt(hf_retry_attempt_deadline(&retry, now));
 *     } while (err && hf_retry_again(&retry, err, now, budget, &pause) && wait_for(pause));
 *
 * The category of the error and the class of the command decide. What was surely not applied
 * may be sent again whatever it is; what may have been applied, only if it may be twice; a
 * timeout, only with retry_on_timeout. Then there must be time left, fewer than
 * HF_RETRIES_MAX retries behind, and a retry in the endpoint's budget, which is taken, except
 * when there was no connection: then nothing was sent, and nothing is multiplied.
 *
 * With retry_on_timeout the first attempt of a command that may be sent again gets less than
 * the whole time: attempt_timeout, or half of the call's where that is 0 or not shorter than
 * the call's. Each further one gets attempt_timeout, and the last one what is left.
 *
 * Threads:  a state belongs to one call; the budget to all.
 * Time:     handed in. No attempt ends after the deadline, no pause takes more than half of
 *           what is left. */

#ifndef HF_RESILIENCE_RETRY_H
#define HF_RESILIENCE_RETRY_H

#include "resilience/retry_budget.h"

#include <holdfast/client.h>

enum { HF_RETRIES_MAX = 3 }; /* Of one call. */

struct hf_retry_opts {
    hf_duration attempt_timeout; /* Of one attempt; 0: half of the call's. */
    bool        retry_on_timeout;
};

struct hf_retry_state {
    const struct hf_retry_opts *opts;
    enum hf_command_class       command_class; /* Never AUTO. */
    hf_instant                  begun, deadline;
    uint32_t                    retries; /* So far, <= HF_RETRIES_MAX. */
};

void hf_retry_begin(struct hf_retry_state *s, const struct hf_retry_opts *opts,
                    enum hf_command_class command_class, hf_instant now, hf_instant deadline);

/* When the attempt that begins now must be over. */
hf_instant hf_retry_attempt_deadline(const struct hf_retry_state *s, hf_instant now);

/* After an attempt that ended with err: true with *pause to wait before the next one. */
HF_NODISCARD bool hf_retry_again(struct hf_retry_state *s, hf_err err, hf_instant now,
                                 struct hf_retry_budget *budget, hf_duration *pause);

#endif
