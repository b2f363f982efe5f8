#include "support/wait.h"

#include <time.h>

static void nap(void)
{
    nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

bool wait_until(wait_condition_fn condition, void *ctx, hf_duration bound)
{
    const hf_instant end = hf_later(hf_now(), bound);
    while (!condition(ctx)) {
        if (!hf_before(hf_now(), end)) return condition(ctx);
        nap();
    }
    return true;
}

bool stays_true(wait_condition_fn condition, void *ctx, hf_duration span)
{
    const hf_instant end = hf_later(hf_now(), span);
    while (hf_before(hf_now(), end)) {
        if (!condition(ctx)) return false;
        nap();
    }
    return true;
}
