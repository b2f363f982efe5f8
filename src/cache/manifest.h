/* manifest.h - what is stored under the key of a large value: where its chunks are.
 *
 *      0  version 1
 *      1  zero (3)
 *      4  chunk size      bytes of each chunk but the last, which may be shorter
 *      8  size            bytes of the whole
 *     16  generation      16 random bytes, in the names of the chunks
 *     32  checksum        XXH3-128 of the whole, low half first
 *     48  end
 *
 * All little-endian; an envelope with the flag for large values is in front of it.
 *
 * Threads:  any; pure.
 * Memory:   none. */

#ifndef HF_CACHE_MANIFEST_H
#define HF_CACHE_MANIFEST_H

#include "core/hash.h"

#include <holdfast/api.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    HF_MANIFEST_SIZE = 48,
    HF_GENERATION_SIZE = 16,
    HF_CHUNK_SIZE_MAX = 1024 * 1024,
    HF_CHUNK_COUNT_MAX = 1024 * 1024,
};

struct hf_generation {
    unsigned char bytes[HF_GENERATION_SIZE];
};

struct hf_manifest {
    uint32_t             chunk_size; /* 1 to HF_CHUNK_SIZE_MAX. */
    uint64_t             size;       /* At most HF_CHUNK_COUNT_MAX chunks. */
    struct hf_generation generation;
    struct hf_hash128    checksum;
};

void hf_manifest_encode(const struct hf_manifest *m, unsigned char bytes[HF_MANIFEST_SIZE]);

/* False for what no encode wrote, and then *m is not. */
HF_NODISCARD bool hf_manifest_decode(struct hf_bytes bytes, struct hf_manifest *m);

uint32_t hf_manifest_chunks(const struct hf_manifest *m);

/* Bytes of chunk number index. */
size_t hf_manifest_chunk_size(const struct hf_manifest *m, uint32_t index);

#endif
