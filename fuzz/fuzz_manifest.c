/* The manifest of a large value: any bytes are told apart without reading past them, and one
 * that is read is really what was written, and leads to no chunk that cannot be. */

#include "cache/manifest.h"

#include "core/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_manifest m;
    if (!hf_manifest_decode(hf_bytes(data, size), &m)) return 0;

    unsigned char again[HF_MANIFEST_SIZE];
    hf_manifest_encode(&m, again);
    hf_assert(size == sizeof again && memcmp(again, data, size) == 0);

    const uint32_t chunks = hf_manifest_chunks(&m);
    hf_assert(chunks <= HF_CHUNK_COUNT_MAX && (chunks == 0) == (m.size == 0));
    if (chunks == 0) return 0;
    const size_t last = hf_manifest_chunk_size(&m, chunks - 1);
    hf_assert(last > 0 && last <= m.chunk_size && m.chunk_size <= HF_CHUNK_SIZE_MAX);
    hf_assert((uint64_t)(chunks - 1) * m.chunk_size + last == m.size);
    return 0;
}
