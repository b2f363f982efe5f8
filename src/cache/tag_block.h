/* tag_block.h - the tags of an entry, as they stand between its envelope and its value.
 *
 *      0  checksum    XXH3 of what follows, seeded with the entry's key hash
 *      8  version     of the first tag
 *     16  size        of its name, 1 to HF_TAG_SIZE_MAX
 *     17  name
 *         version, size and name of the next, HF_TAGS_MAX at most
 *
 * Little-endian. An entry without tags has no block.
 *
 * Threads:  any; pure.
 * Memory:   none; names that were read point into the block. */

#ifndef HF_CACHE_TAG_BLOCK_H
#define HF_CACHE_TAG_BLOCK_H

#include <holdfast/cache.h>
#include <stdint.h>

struct hf_tag {
    struct hf_bytes name;
    uint64_t        version; /* Never 0. */
};

/* What of a tag is kept in the process: as much as tells it from others. */
struct hf_tag_mark {
    uint64_t name_hash;
    uint64_t version;
};

enum {
    HF_TAG_BLOCK_MAX = 8 + HF_TAGS_MAX * (8 + 1 + HF_TAG_SIZE_MAX),
};

/* 0 for no tags. */
size_t hf_tag_block_size(const struct hf_tag *tags, size_t count);

/* Writes that many bytes. At most HF_TAGS_MAX, each name within its bounds. */
void hf_tag_block_write(const struct hf_tag *tags, size_t count, uint64_t key_hash,
                        unsigned char *at);

/* Binds a block that was read to another key hash, in place. */
void hf_tag_block_bind(unsigned char *block, size_t size, uint64_t key_hash);

/* How many tags were read; 0 for what is not whole, or is another entry's. */
HF_NODISCARD size_t hf_tag_block_read(struct hf_bytes block, uint64_t key_hash,
                                      struct hf_tag tags[HF_TAGS_MAX]);

struct hf_tag_mark hf_tag_mark(const struct hf_tag *tag);

#endif
