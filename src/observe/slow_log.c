#include "observe/slow_log.h"

void hf_slow_log_add(struct hf_slow_log *log, const struct hf_slow_call *call)
{
    hf_brief_lock(&log->lock);
    log->ring[log->count++ % HF_SLOW_CALLS] = *call;
    hf_brief_unlock(&log->lock);
}

size_t hf_slow_log_read(struct hf_slow_log *log, struct hf_slow_call *calls, size_t max)
{
    hf_brief_lock(&log->lock);
    const uint64_t there = log->count < HF_SLOW_CALLS ? log->count : HF_SLOW_CALLS;
    const size_t   count = there < max ? (size_t)there : max;
    for (size_t i = 0; i < count; i++) {
        calls[i] = log->ring[(log->count - 1 - i) % HF_SLOW_CALLS];
    }
    hf_brief_unlock(&log->lock);
    return count;
}
