#include "core/condition.h"

#include <time.h>

void hf_condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

bool hf_condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, hf_instant until)
{
    const struct timespec at = { until.ns / 1000000000, until.ns % 1000000000 };
    (void)pthread_cond_timedwait(condition, mutex, &at);
    return hf_before(hf_now(), until);
}
