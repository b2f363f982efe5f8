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
    snprintf(space->tags, sizeof space->tags, "%.*s/tag:", (int)space->head_size - 1,
             space->head);
    return HF_OK;
}

/* Room for size bytes. */
static hf_err make_room(struct hf_key *key, const struct hf_allocator *a, size_t size)
{
    key->allocator = a;
    key->block = NULL;
    if (size > HF_KEY_INLINE) {
        key->block = hf_alloc(a, size);
        if (!key->block) return HF_E_NOMEM;
    }
    key->wire = hf_bytes(key->block ? key->block : key->inline_bytes, size);
    return HF_OK;
}

static char *bytes_of(struct hf_key *key)
{
    return key->block ? key->block : key->inline_bytes;
}

hf_err hf_key_init(struct hf_key *key, const struct hf_keyspace *space, struct hf_bytes name)
{
    if (name.size == 0) return HF_E_INVALID;
    if (name.size > HF_KEY_MAX - space->head_size) return HF_E_TOO_LARGE;

    const hf_err err = make_room(key, space->allocator, space->head_size + name.size);
    if (err) return err;
    memcpy(bytes_of(key), space->head, space->head_size);
    memcpy(bytes_of(key) + space->head_size, name.data, name.size);
    return HF_OK;
}

/* As Redis Cluster sees it: something between the first brace and the next closing one. */
static bool has_hash_tag(struct hf_bytes wire)
{
    const char *open = memchr(wire.data, '{', wire.size);
    if (!open) return false;
    const size_t behind = wire.size - (size_t)(open + 1 - (const char *)wire.data);
    const char  *close = memchr(open + 1, '}', behind);
    return close && close > open + 1;
}

hf_err hf_key_init_lease(struct hf_key *lease, const struct hf_allocator *a,
                         struct hf_bytes entry)
{
    const bool   is_tagged = has_hash_tag(entry);
    const char  *head = is_tagged ? "lease:" : "lease{";
    const size_t head_size = strlen(head);
    const size_t size = head_size + entry.size + !is_tagged;
    const hf_err err = make_room(lease, a, size);
    if (err) return err;

    char *at = bytes_of(lease);
    memcpy(at, head, head_size);
    memcpy(at + head_size, entry.data, entry.size);
    if (!is_tagged) at[size - 1] = '}';
    return HF_OK;
}

void hf_key_deinit(struct hf_key *key)
{
    hf_free(key->allocator, key->block);
    key->block = NULL;
}

void hf_tag_key_init(struct hf_tag_key *key, const struct hf_keyspace *space,
                     struct hf_bytes name)
{
    const size_t front = strlen(space->tags);
    hf_assert(name.size > 0 && name.size <= HF_TAG_SIZE_MAX);
    memcpy(key->bytes, space->tags, front);
    memcpy(key->bytes + front, name.data, name.size);
    key->wire = hf_bytes(key->bytes, front + name.size);
}
