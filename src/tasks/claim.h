/* claim.h - several tasks claimed in one trip, and others completed on the way.
 *
 * For workers, whose threads ask together: the server does once for all what it would have
 * to do for each.
 *
 * Threads:  any.
 * Errors:   as hf_tasks_claim(). */

#ifndef HF_TASKS_CLAIM_H
#define HF_TASKS_CLAIM_H

#include <holdfast/tasks.h>

enum { HF_TRADE_MAX = 16 };

struct hf_completion {
    const char     *id; /* These come from a claimed task, and what its handler did. */
    uint64_t        token;
    const char     *message; /* Of its last progress; NULL: none. */
    struct hf_bytes result;
    hf_err          err; /* As of hf_tasks_complete(), once the trade is HF_OK or HF_MISS. */
};

/* Completes these, then claims 1 to `wanted` tasks, without waiting; both at most
 * HF_TRADE_MAX. Fewer come when there are no more, or when their payloads are large. HF_MISS:
 * there was none. Else nothing is known of the completions: they may be sent again. */
HF_NODISCARD hf_err hf_tasks_trade(struct hf_tasks *tasks, const struct hf_call *call,
                                   const struct hf_claim *claim,
                                   struct hf_completion *completions, size_t completion_count,
                                   struct hf_task **claimed, size_t wanted,
                                   size_t *claimed_count, struct hf_error *error);

#endif
