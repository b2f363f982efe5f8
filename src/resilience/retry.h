/* retry.h - whether and when a call that failed is tried again.
 *
 * The category of the error and the class of the command decide: what was surely not applied
 * may be sent again whatever it is; what may have been applied only if it may be twice.
 *
 * Threads:  none; a state belongs to one call.
 * Time:     handed in. */

#ifndef HF_RESILIENCE_RETRY_H
#define HF_RESILIENCE_RETRY_H

#include "core/error.h"

#include <holdfast/client.h>

struct hf_retry_opts {
    hf_duration attempt_timeout; /* Of one attempt; 0: half of the call's. */
    bool        retry_on_timeout;
};

struct hf_retry_budget {
    int tokens;
};

struct hf_retry_state {
    const struct hf_retry_opts *opts;
    enum hf_command_class       command_class;
    hf_instant                  begun, deadline;
    unsigned                    attempts;
};

static inline void hf_retry_begin(struct hf_retry_state *s, const struct hf_retry_opts *opts,
                                  enum hf_command_class command_class, hf_instant now,
                                  hf_instant deadline)
{
    *s = (struct hf_retry_state){ opts, command_class, now, deadline, 0 };
}

static inline void hf_retry_budget_deposit(struct hf_retry_budget *b, hf_instant now)
{
    (void)b;
    (void)now;
}

/* When the attempt that begins now must be over. */
static inline hf_instant hf_retry_attempt_deadline(const struct hf_retry_state *s,
                                                   hf_instant                   now)
{
    if (s->command_class == HF_COMMAND_ACCUMULATING || s->attempts > 0) return s->deadline;
    if (!s->opts->retry_on_timeout) return s->deadline;
    hf_duration share = s->opts->attempt_timeout;
    if (share.ns == 0) share.ns = hf_between(s->begun, s->deadline).ns / 2;
    return hf_earlier_of(s->deadline, hf_later(now, share));
}

static inline bool hf_retry_again(struct hf_retry_state *s, hf_err err, hf_instant now,
                                  struct hf_retry_budget *budget, hf_duration *pause)
{
    (void)budget;
    *pause = hf_ns(0);
    if (++s->attempts > 3 || !hf_before(now, s->deadline)) return false;
    const enum hf_retry rule = hf_err_retry(err);
    return rule == HF_RETRY_ANY ||
           (rule == HF_RETRY_SAFE && s->command_class != HF_COMMAND_ACCUMULATING);
}

#endif
