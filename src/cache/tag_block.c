#include "cache/tag_block.h"

#include "core/assert.h"
#include "core/hash.h"
#include "core/little_endian.h"

#include <string.h>

enum {
    CHECKSUM = 8,
    AT_SIZE = 8, /* Of a tag. */
    AT_NAME = 9,
};

size_t hf_tag_block_size(const struct hf_tag *tags, size_t count)
{
    size_t size = CHECKSUM;
    if (count == 0) return 0;
    for (size_t i = 0; i < count; i++) size += AT_NAME + tags[i].name.size;
    return size;
}

void hf_tag_block_write(const struct hf_tag *tags, size_t count, uint64_t key_hash,
                        unsigned char *at)
{
    unsigned char *next = at + CHECKSUM;
    hf_assert(count <= HF_TAGS_MAX);
    if (count == 0) return;
    for (size_t i = 0; i < count; i++) {
        const struct hf_bytes name = tags[i].name;
        hf_assert(name.size > 0 && name.size <= HF_TAG_SIZE_MAX && tags[i].version);
        hf_put_u64(next, tags[i].version);
        next[AT_SIZE] = (unsigned char)name.size;
        memcpy(next + AT_NAME, name.data, name.size);
        next += AT_NAME + name.size;
    }
    const struct hf_bytes rest = hf_bytes(at + CHECKSUM, (size_t)(next - at) - CHECKSUM);
    hf_put_u64(at, hf_hash64(rest, key_hash));
}

size_t hf_tag_block_read(struct hf_bytes block, uint64_t key_hash,
                         struct hf_tag tags[HF_TAGS_MAX])
{
    const unsigned char *at = block.data;
    size_t               left = block.size;
    size_t               count = 0;
    if (left < CHECKSUM) return 0;

    at += CHECKSUM;
    left -= CHECKSUM;
    if (hf_take_u64(block.data) != hf_hash64(hf_bytes(at, left), key_hash)) return 0;
    while (left) {
        if (count == HF_TAGS_MAX || left < AT_NAME) return 0;
        const size_t size = at[AT_SIZE];
        if (size == 0 || size > HF_TAG_SIZE_MAX || left < AT_NAME + size) return 0;

        tags[count++] = (struct hf_tag){ hf_bytes(at + AT_NAME, size), hf_take_u64(at) };
        at += AT_NAME + size;
        left -= AT_NAME + size;
    }
    return count;
}

void hf_tag_block_bind(unsigned char *block, size_t size, uint64_t key_hash)
{
    hf_assert(size > CHECKSUM);
    hf_put_u64(block, hf_hash64(hf_bytes(block + CHECKSUM, size - CHECKSUM), key_hash));
}

struct hf_tag_mark hf_tag_mark(const struct hf_tag *tag)
{
    return (struct hf_tag_mark){ hf_hash64(tag->name, 0), tag->version };
}
