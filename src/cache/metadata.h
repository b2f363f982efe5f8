/* metadata.h - what an application says about a value, as it stands in front of it.
 *
 *      0  checksum    XXH3 of what follows, up to the value
 *      8  size        of the metadata, 1 to HF_METADATA_MAX (2)
 *     10  metadata
 *         value
 *
 * Little-endian. It is sealed together with the value, and never compressed: where nothing is
 * sealed it can be read without the value. An entry without metadata has no block.
 *
 * Threads:  any; pure.
 * Memory:   what is read points into the block. */

#ifndef HF_CACHE_METADATA_H
#define HF_CACHE_METADATA_H

#include <holdfast/alloc.h>
#include <holdfast/cache.h>

enum {
    HF_METADATA_HEAD_SIZE = 10,
    HF_METADATA_BLOCK_MAX = HF_METADATA_HEAD_SIZE + HF_METADATA_MAX,
};

static inline size_t hf_metadata_block_size(struct hf_bytes metadata)
{
    return metadata.size ? HF_METADATA_HEAD_SIZE + metadata.size : 0;
}

/* Writes that many bytes. Not of none. */
void hf_metadata_write(struct hf_bytes metadata, unsigned char *at);

/* Of bytes that begin with a block; false for what is none, or is damaged. */
HF_NODISCARD bool hf_metadata_read(struct hf_bytes bytes, struct hf_bytes *metadata);

/* The same of bytes that were read once. */
struct hf_bytes hf_metadata_of(struct hf_bytes bytes);

/* What is behind the block, likewise. */
struct hf_bytes hf_metadata_skip(struct hf_bytes bytes);

/* A new block with both, of hf_metadata_block_size() and the value's size; or NULL. */
HF_NODISCARD unsigned char *hf_metadata_join(const struct hf_allocator *a,
                                             struct hf_bytes metadata, struct hf_bytes value);

#endif
