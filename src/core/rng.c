#include "core/rng.h"

#include <holdfast/time.h>
#include <sys/random.h>
#include <unistd.h>

uint64_t hf_rng_seed(void)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) == sizeof seed) return seed;
    return (uint64_t)hf_now().ns ^ (uint64_t)getpid() << 32;
}
