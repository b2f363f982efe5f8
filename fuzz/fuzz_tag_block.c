/* The tags of an entry: any bytes are read or refused without reading past them, also with a
 * checksum that is right, and what was read is what would be written. */

#include "cache/tag_block.h"

#include "core/assert.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KEY_HASH = 42, CHECKSUM_SIZE = 8 };

static void check_read(struct hf_bytes block)
{
    struct hf_tag tags[HF_TAGS_MAX];
    unsigned char again[HF_TAG_BLOCK_MAX];
    const size_t  count = hf_tag_block_read(block, KEY_HASH, tags);
    if (count == 0) return;

    hf_assert(count <= HF_TAGS_MAX && hf_tag_block_size(tags, count) == block.size);
    for (size_t i = 0; i < count; i++) {
        if (tags[i].version == 0) return; /* Is read, and never written. */
    }
    hf_tag_block_write(tags, count, KEY_HASH, again);
    hf_assert(memcmp(again, block.data, block.size) == 0);
}

/* As one who forges would: with the checksum put right. */
static void check_signed(const uint8_t *data, size_t size)
{
    unsigned char *block = malloc(size);
    if (!block) return;
    memcpy(block, data, size);
    hf_tag_block_bind(block, size, KEY_HASH);
    check_read(hf_bytes(block, size));
    free(block);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_read(hf_bytes(data, size));
    if (size > CHECKSUM_SIZE) check_signed(data, size);
    return 0;
}
