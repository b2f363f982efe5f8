#define XXH_STATIC_LINKING_ONLY /* For the size of its state. */

#include "core/hash.h"

#include "core/assert.h"

#include <xxhash.h>

static struct hf_hash128 from_xxhash(XXH128_hash_t hash)
{
    return (struct hf_hash128){ .low = hash.low64, .high = hash.high64 };
}

uint64_t hf_hash64(struct hf_bytes bytes, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes.data, bytes.size, seed);
}

struct hf_hash128 hf_hash128(struct hf_bytes bytes, uint64_t seed)
{
    return from_xxhash(XXH3_128bits_withSeed(bytes.data, bytes.size, seed));
}

static XXH3_state_t *state_of(const struct hf_hash_stream *stream)
{
    _Static_assert(sizeof(XXH3_state_t) + 64 <= sizeof stream->state, "too small");
    _Static_assert(_Alignof(XXH3_state_t) <= 64, "not aligned enough");
    const size_t up = -(uintptr_t)stream->state & 63;
    return (XXH3_state_t *)(stream->state + up);
}

void hf_hash_stream_init(struct hf_hash_stream *stream)
{
    memset(stream, 0, sizeof *stream);
    const XXH_errorcode code = XXH3_128bits_reset(state_of(stream));
    hf_assert(code == XXH_OK);
    (void)code;
}

void hf_hash_stream_add(struct hf_hash_stream *stream, struct hf_bytes bytes)
{
    const XXH_errorcode code = XXH3_128bits_update(state_of(stream), bytes.data, bytes.size);
    hf_assert(code == XXH_OK || bytes.size == 0);
    (void)code;
}

struct hf_hash128 hf_hash_stream_end(const struct hf_hash_stream *stream)
{
    return from_xxhash(XXH3_128bits_digest(state_of(stream)));
}
