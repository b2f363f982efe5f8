/* The metadata in front of a value: any bytes are told apart without reading past them, and
 * what was read is what would be written. */

#include "cache/metadata.h"

#include "core/alloc.h"
#include "core/assert.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_read(struct hf_bytes bytes)
{
    struct hf_bytes metadata;
    if (!hf_metadata_read(bytes, &metadata)) return;

    const struct hf_bytes of = hf_metadata_of(bytes), rest = hf_metadata_skip(bytes);
    hf_assert(of.data == metadata.data && of.size == metadata.size);
    hf_assert(hf_metadata_block_size(metadata) + rest.size == bytes.size);
    unsigned char *again = hf_metadata_join(&hf_allocator_default, metadata, rest);
    if (!again) return;
    hf_assert(memcmp(again, bytes.data, bytes.size) == 0);
    hf_free(&hf_allocator_default, again);
}

/* The first byte says how much is metadata, the rest is both; then one flipped bit of the
 * block unmakes it. */
static void check_written(const uint8_t *data, size_t size)
{
    const size_t          length = 1 + data[0] % (size - 1);
    const struct hf_bytes metadata = hf_bytes(data + 1, length);
    const struct hf_bytes value = hf_bytes(data + 1 + length, size - 1 - length);
    if (length > HF_METADATA_MAX) return;

    unsigned char *both = hf_metadata_join(&hf_allocator_default, metadata, value);
    if (!both) return;
    const size_t front = hf_metadata_block_size(metadata);
    check_read(hf_bytes(both, front + value.size));
    const size_t bit = data[1] % (front * 8);
    both[bit / 8] ^= (unsigned char)(1u << bit % 8);
    struct hf_bytes found;
    hf_assert(!hf_metadata_read(hf_bytes(both, front + value.size), &found));
    hf_free(&hf_allocator_default, both);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_read(hf_bytes(data, size));
    if (size >= 2) check_written(data, size);
    return 0;
}
