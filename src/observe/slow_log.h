/* slow_log.h - the last slow calls of a client, and what made them slow.
 *
 *     if (hf_slow_log_wants(took, timeout)) hf_slow_log_add(&client->slow_log, &call);
 *
 * Threads:  any. The lock is held for a copy of a few hundred bytes, by calls that took
 *           milliseconds.
 * Memory:   about 8 KiB, fixed. */

#ifndef HF_OBSERVE_SLOW_LOG_H
#define HF_OBSERVE_SLOW_LOG_H

#include "core/brief_lock.h"

#include <holdfast/stats.h>
#include <stdbool.h>

/* Zero-initialised is empty. */
struct hf_slow_log {
    struct hf_brief_lock lock;
    uint64_t             count; /* Since the beginning. */
    struct hf_slow_call  ring[HF_SLOW_CALLS];
};

static inline bool hf_slow_log_wants(hf_duration took, hf_duration timeout)
{
    return took.ns >= 100 * 1000000 || took.ns >= timeout.ns / 2;
}

void   hf_slow_log_add(struct hf_slow_log *log, const struct hf_slow_call *call);
size_t hf_slow_log_read(struct hf_slow_log *log, struct hf_slow_call *calls, size_t max);

#endif
