#include "core/pace.h"

#include <errno.h>
#include <time.h>

hf_duration hf_pace_take(struct hf_pace *pace, hf_instant now, uint32_t count)
{
    if (pace->rate == 0) return hf_ns(0);
    if (hf_before(pace->due, now)) pace->due = now;
    const hf_duration wait = hf_between(now, pace->due);
    pace->due = hf_later(pace->due, hf_ns((int64_t)count * 1000000000 / pace->rate));
    return wait;
}

void hf_sleep(hf_duration d)
{
    struct timespec left = { d.ns / 1000000000, d.ns % 1000000000 };
    if (d.ns == 0) return;
    while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}
