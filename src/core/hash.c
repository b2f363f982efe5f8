#include "core/hash.h"

#include <xxhash.h>

uint64_t hf_hash64(struct hf_bytes bytes, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes.data, bytes.size, seed);
}

struct hf_hash128 hf_hash128(struct hf_bytes bytes, uint64_t seed)
{
    const XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data, bytes.size, seed);
    return (struct hf_hash128){ .low = hash.low64, .high = hash.high64 };
}
