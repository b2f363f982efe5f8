#include <holdfast/time.h>

#include <time.h>

hf_instant hf_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (hf_instant){ (int64_t)t.tv_sec * 1000000000 + t.tv_nsec };
}
