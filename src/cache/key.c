#include "cache/key.h"

#include "core/alloc.h"
#include "core/assert.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

hf_err hf_keyspace_init(struct hf_keyspace *space, const struct hf_allocator *a,
                        struct hf_bytes prefix, uint32_t version)
{
    if (prefix.size > HF_KEY_PREFIX_MAX) return HF_E_TOO_LARGE;
    if (prefix.size && memchr(prefix.data, '@', prefix.size)) return HF_E_INVALID;

    *space = (struct hf_keyspace){ .allocator = a };
    if (prefix.size) memcpy(space->head, prefix.data, prefix.size);
    const int tail = snprintf(space->head + prefix.size, sizeof space->head - prefix.size,
                              "@%" PRIu32 ":", version);
    hf_assert(tail > 0 && prefix.size + (size_t)tail < sizeof space->head);
    space->head_size = prefix.size + (size_t)tail;
    snprintf(space->token, sizeof space->token, "%.*s/namespace", (int)space->head_size - 1,
             space->head);
    return HF_OK;
}

hf_err hf_key_init(struct hf_key *key, const struct hf_keyspace *space, struct hf_bytes name)
{
    if (name.size == 0) return HF_E_INVALID;
    if (name.size > HF_KEY_MAX - space->head_size) return HF_E_TOO_LARGE;

    const size_t size = space->head_size + name.size;
    char        *block = NULL;
    if (size > HF_KEY_INLINE) {
        block = hf_alloc(space->allocator, size);
        if (!block) return HF_E_NOMEM;
    }
    char *at = block ? block : key->inline_bytes;
    memcpy(at, space->head, space->head_size);
    memcpy(at + space->head_size, name.data, name.size);

    key->allocator = space->allocator;
    key->wire = hf_bytes(at, size);
    key->block = block;
    return HF_OK;
}

void hf_key_deinit(struct hf_key *key)
{
    hf_free(key->allocator, key->block);
    key->block = NULL;
}
