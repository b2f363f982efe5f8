#include "cache/manifest.h"

#include "core/assert.h"

enum { VERSION = 1 };

enum offset {
    AT_VERSION = 0,
    AT_ZERO = 1,
    AT_CHUNK_SIZE = 4,
    AT_SIZE = 8,
    AT_GENERATION = 16,
    AT_CHECKSUM = 32,
};

static void put(unsigned char *at, uint64_t value, int size)
{
    for (int i = 0; i < size; i++) at[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t take(const unsigned char *at, int size)
{
    uint64_t value = 0;
    for (int i = 0; i < size; i++) value |= (uint64_t)at[i] << (8 * i);
    return value;
}

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
    put(bytes + AT_CHUNK_SIZE, m->chunk_size, 4);
    put(bytes + AT_SIZE, m->size, 8);
    memcpy(bytes + AT_GENERATION, m->generation.bytes, HF_GENERATION_SIZE);
    put(bytes + AT_CHECKSUM, m->checksum.low, 8);
    put(bytes + AT_CHECKSUM + 8, m->checksum.high, 8);
}

bool hf_manifest_decode(struct hf_bytes bytes, struct hf_manifest *m)
{
    const unsigned char *at = bytes.data;
    if (bytes.size != HF_MANIFEST_SIZE || at[AT_VERSION] != VERSION) return false;
    if (take(at + AT_ZERO, AT_CHUNK_SIZE - AT_ZERO) != 0) return false;

    struct hf_manifest read = {
        .chunk_size = (uint32_t)take(at + AT_CHUNK_SIZE, 4),
        .size = take(at + AT_SIZE, 8),
        .checksum = { take(at + AT_CHECKSUM, 8), take(at + AT_CHECKSUM + 8, 8) },
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
