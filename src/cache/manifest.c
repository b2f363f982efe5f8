#include "cache/manifest.h"

#include "core/assert.h"
#include "core/little_endian.h"

enum { VERSION = 1 };

enum offset {
    AT_VERSION = 0,
    AT_ZERO = 1,
    AT_CHUNK_SIZE = 4,
    AT_SIZE = 8,
    AT_GENERATION = 16,
    AT_CHECKSUM = 32,
};

static bool is_sound(const struct hf_manifest *m)
{
    return m->chunk_size > 0 && m->chunk_size <= HF_CHUNK_SIZE_MAX &&
           m->size <= (uint64_t)m->chunk_size * HF_CHUNK_COUNT_MAX;
}

void hf_manifest_encode(const struct hf_manifest *m, unsigned char bytes[HF_MANIFEST_SIZE])
{
    hf_assert(is_sound(m));
    memset(bytes, 0, HF_MANIFEST_SIZE);
    bytes[AT_VERSION] = VERSION;
    hf_put_u32(bytes + AT_CHUNK_SIZE, m->chunk_size);
    hf_put_u64(bytes + AT_SIZE, m->size);
    memcpy(bytes + AT_GENERATION, m->generation.bytes, HF_GENERATION_SIZE);
    hf_put_u64(bytes + AT_CHECKSUM, m->checksum.low);
    hf_put_u64(bytes + AT_CHECKSUM + 8, m->checksum.high);
}

bool hf_manifest_decode(struct hf_bytes bytes, struct hf_manifest *m)
{
    const unsigned char *at = bytes.data;
    if (bytes.size != HF_MANIFEST_SIZE || at[AT_VERSION] != VERSION) return false;
    if (at[AT_ZERO] || hf_take_u16(at + AT_ZERO + 1)) return false;

    struct hf_manifest read = {
        .chunk_size = hf_take_u32(at + AT_CHUNK_SIZE),
        .size = hf_take_u64(at + AT_SIZE),
        .checksum = { hf_take_u64(at + AT_CHECKSUM), hf_take_u64(at + AT_CHECKSUM + 8) },
    };
    memcpy(read.generation.bytes, at + AT_GENERATION, HF_GENERATION_SIZE);
    if (!is_sound(&read)) return false;
    *m = read;
    return true;
}

uint32_t hf_manifest_chunks(const struct hf_manifest *m)
{
    return (uint32_t)(m->size / m->chunk_size + (m->size % m->chunk_size != 0));
}

size_t hf_manifest_chunk_size(const struct hf_manifest *m, uint32_t index)
{
    hf_assert(index < hf_manifest_chunks(m));
    const uint64_t left = m->size - (uint64_t)index * m->chunk_size;
    return left < m->chunk_size ? (size_t)left : m->chunk_size;
}
