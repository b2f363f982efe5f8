/* The envelope of a cached value: any bytes are told apart without reading past them, a value
 * that is read is really what was stored, and one flipped bit anywhere unmakes it. */

#include "cache/envelope.h"
#include "cache/metadata.h"
#include "cache/tag_block.h"
#include "core/assert.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KEY_HASH = 42 };

static void check_read(struct hf_bytes bytes)
{
    struct hf_envelope e;
    if (hf_envelope_decode(bytes, KEY_HASH, &e)) return;
    hf_assert(e.tags.size + e.body.size == bytes.size - HF_ENVELOPE_SIZE);
    hf_assert(e.created_ms >= 0 && e.expires_ms >= e.created_ms);

    struct hf_tag   tags[HF_TAGS_MAX];
    struct hf_bytes metadata;
    if (e.tags.size) hf_assert(hf_tag_block_read(e.tags, KEY_HASH, tags) <= HF_TAGS_MAX);
    if (e.has_metadata && hf_metadata_read(e.body, &metadata)) {
        hf_assert(hf_metadata_block_size(metadata) <= e.body.size);
    }
    /* Written again it is the same: nothing in it went unread. */
    unsigned char header[HF_ENVELOPE_SIZE];
    hf_envelope_encode(&e, header);
    hf_assert(memcmp(header, bytes.data, sizeof header) == 0);
}

/* Wraps the input as a body, then flips the bit that its first two bytes choose. */
static void check_written(const uint8_t *data, size_t size)
{
    unsigned char *bytes = malloc(HF_ENVELOPE_SIZE + size);
    if (!bytes) return;

    const struct hf_envelope in = {
        .created_ms = (int64_t)size,
        .expires_ms = (int64_t)size + data[0],
        .raw_size = size,
        .key_hash = KEY_HASH,
        .body = { data, size },
    };
    hf_envelope_encode(&in, bytes);
    memcpy(bytes + HF_ENVELOPE_SIZE, data, size);

    struct hf_envelope    out;
    const struct hf_bytes whole = { bytes, HF_ENVELOPE_SIZE + size };
    hf_assert(hf_envelope_decode(whole, KEY_HASH, &out) == HF_ENVELOPE_OK);
    hf_assert(out.body.size == size && memcmp(out.body.data, data, size) == 0);

    const size_t bit = (data[0] | (size_t)data[1] << 8) % (whole.size * 8);
    bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
    hf_assert(hf_envelope_decode(whole, KEY_HASH, &out) != HF_ENVELOPE_OK);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_read((struct hf_bytes){ data, size });
    if (size >= 2) check_written(data, size);
    return 0;
}
