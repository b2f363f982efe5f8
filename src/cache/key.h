/* key.h - how the entries of a cache are called in Redis.
 *
 *     <prefix>@<version>:<key>          myapp@1:user:42      an entry
 *     lease{<prefix>@<version>:<key>}                         see cache_load.c
 *     <prefix>@<version>/chunk:<generation>:<index>          see chunk.h
 *     <prefix>@<version>/namespace      myapp@1/namespace    see namespace.h
 *     <prefix>@<version>/tag:<name>     myapp@1/tag:prices   see cache_tags.c
 *
 * A prefix holds no '@', so two caches with another prefix or version never share a key. Each
 * entry is a key of its own and no command touches two, so Redis Cluster may spread them; a
 * prefix with a hash tag, "{myapp}", keeps them on one node.
 *
 * Threads:  a keyspace is read-only after init; a key belongs to one caller.
 * Memory:   caller-allocated; a key over HF_KEY_INLINE bytes takes one block.
 * Cost:     one copy of the key. */

#ifndef HF_CACHE_KEY_H
#define HF_CACHE_KEY_H

#include "cache/tag_block.h"

#include <holdfast/alloc.h>
#include <holdfast/bytes.h>
#include <holdfast/error.h>
#include <stdint.h>

enum {
    HF_KEY_MAX = 64 * 1024, /* Bytes, prefix and version included. */
    HF_KEY_PREFIX_MAX = 128,
    HF_KEY_INLINE = 240,
};

struct hf_keyspace {
    const struct hf_allocator *allocator;
    char                       head[HF_KEY_PREFIX_MAX + 16]; /* "<prefix>@<version>:" */
    size_t                     head_size;
    char                       token[HF_KEY_PREFIX_MAX + 32]; /* The namespace token's key. */
    char                       tags[HF_KEY_PREFIX_MAX + 24];  /* "<prefix>@<version>/tag:" */
};

/* Where the version of a tag is kept. Must not be copied or moved. */
struct hf_tag_key {
    struct hf_bytes wire;
    char            bytes[HF_KEY_PREFIX_MAX + 24 + HF_TAG_SIZE_MAX];
};

struct hf_key {
    const struct hf_allocator *allocator;
    struct hf_bytes            wire;  /* As Redis knows it. */
    char                      *block; /* NULL while it fits inline. */
    char                       inline_bytes[HF_KEY_INLINE];
};

/* HF_E_INVALID for a prefix with '@', HF_E_TOO_LARGE. */
HF_NODISCARD hf_err hf_keyspace_init(struct hf_keyspace *space, const struct hf_allocator *a,
                                     struct hf_bytes prefix, uint32_t version);

/* HF_E_INVALID for an empty key, HF_E_TOO_LARGE over HF_KEY_MAX, HF_E_NOMEM. On HF_OK
 * hf_key_deinit() must follow; the key must not be copied or moved. */
HF_NODISCARD hf_err hf_key_init(struct hf_key *key, const struct hf_keyspace *space,
                                struct hf_bytes name);
void                hf_key_deinit(struct hf_key *key);

/* The key of the lease on the entry with this wire key: on the same node of a cluster, unless
 * the key has braces that are no hash tag. HF_E_NOMEM. */
HF_NODISCARD hf_err hf_key_init_lease(struct hf_key *lease, const struct hf_allocator *a,
                                      struct hf_bytes entry);

/* The key of a tag whose name is 1 to HF_TAG_SIZE_MAX bytes. */
void hf_tag_key_init(struct hf_tag_key *key, const struct hf_keyspace *space,
                     struct hf_bytes name);

#endif
