/* rng.h - small, fast random numbers for jitter; not for secrets.
 *
 * Splitmix64 (Steele, Lea, Flood 2014). Policies are handed a generator, so that a test
 * with a seed replays to the bit.
 *
 * Threads:  none; the owner serialises.
 * Cost:     a few nanoseconds. */

#ifndef HF_CORE_RNG_H
#define HF_CORE_RNG_H

#include <stdint.h>

struct hf_rng {
    uint64_t state; /* Any value is a seed. */
};

static inline uint64_t hf_rng_next(struct hf_rng *rng)
{
    uint64_t z = (rng->state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* Only a compiler extension multiplies 64 by 64 bits. */
__extension__ typedef unsigned __int128 hf_uint128;

/* Uniform in [0, bound); 0 when bound is 0. The bias, bound / 2^64, does not matter here. */
static inline uint64_t hf_rng_below(struct hf_rng *rng, uint64_t bound)
{
    return (uint64_t)(((hf_uint128)hf_rng_next(rng) * bound) >> 64);
}

/* A seed from the system's entropy, or from the clock where there is none. */
uint64_t hf_rng_seed(void);

#endif
