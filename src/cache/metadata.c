#include "cache/metadata.h"

#include "core/alloc.h"
#include "core/assert.h"
#include "core/hash.h"
#include "core/little_endian.h"

#include <string.h>

enum { AT_SIZE = 8 };

static size_t size_at(const unsigned char *block)
{
    return hf_take_u16(block + AT_SIZE);
}

/* Of the size and the metadata. */
static uint64_t checksum(const unsigned char *block, size_t size)
{
    return hf_hash64(hf_bytes(block + AT_SIZE, HF_METADATA_HEAD_SIZE - AT_SIZE + size), 0);
}

void hf_metadata_write(struct hf_bytes metadata, unsigned char *at)
{
    hf_assert(metadata.size > 0 && metadata.size <= HF_METADATA_MAX);
    hf_put_u16(at + AT_SIZE, (uint16_t)metadata.size);
    memcpy(at + HF_METADATA_HEAD_SIZE, metadata.data, metadata.size);
    hf_put_u64(at, checksum(at, metadata.size));
}

bool hf_metadata_read(struct hf_bytes bytes, struct hf_bytes *metadata)
{
    const unsigned char *block = bytes.data;
    if (bytes.size < HF_METADATA_HEAD_SIZE) return false;
    const size_t size = size_at(block);
    if (size == 0 || size > HF_METADATA_MAX) return false;
    if (bytes.size - HF_METADATA_HEAD_SIZE < size) return false;
    if (hf_take_u64(block) != checksum(block, size)) return false;
    *metadata = hf_bytes(block + HF_METADATA_HEAD_SIZE, size);
    return true;
}

struct hf_bytes hf_metadata_of(struct hf_bytes bytes)
{
    const unsigned char *block = bytes.data;
    return hf_bytes(block + HF_METADATA_HEAD_SIZE, size_at(block));
}

struct hf_bytes hf_metadata_skip(struct hf_bytes bytes)
{
    const unsigned char *block = bytes.data;
    const size_t         size = HF_METADATA_HEAD_SIZE + size_at(block);
    return hf_bytes(block + size, bytes.size - size);
}

unsigned char *hf_metadata_join(const struct hf_allocator *a, struct hf_bytes metadata,
                                struct hf_bytes value)
{
    const size_t   front = hf_metadata_block_size(metadata);
    unsigned char *both = hf_alloc(a, front + value.size);
    if (!both) return NULL;
    hf_metadata_write(metadata, both);
    if (value.size) memcpy(both + front, value.data, value.size);
    return both;
}
