/* near_shard.h - a table of values that keeps within its bytes those that are asked for
 * again.
 *
 *     insert --> small queue --> asked for again? --> main queue --> asked for again? --> to
 *                (a tenth)  \                                   \                     its end
 *                            `--> evicted, remembered ---.       `--> evicted
 *     insert of what is remembered ----------------------'--> main queue
 *
 * That is S3-FIFO (Yang and others, 2023; docs/adr/0016): what is read once, as in a scan,
 * passes through the small queue and never displaces what is read often. Of what left the
 * small queue only a fingerprint of 16 bits is remembered, in a table that overwrites itself.
 *
 * A slot for each few keys carries a number that changes when one of them is removed: who
 * noted it before asking for a value learns afterwards whether the answer may be kept.
 *
 * Threads:  none; the owner serialises.
 * Memory:   charges what the allocator takes for each entry, and its share of the tables;
 *           never above bytes_max in all. Values that are still held after they were
 *           removed are the holders'.
 * Cost:     O(1), amortised; clearing is O(entries).
 * Errors:   none: what cannot be kept is not. */

#ifndef HF_CACHE_NEAR_SHARD_H
#define HF_CACHE_NEAR_SHARD_H

#include "cache/value.h"

enum {
    HF_NEAR_STRIPES = 64,
    HF_NEAR_KEY_MAX = UINT16_MAX,
    HF_NEAR_SHARD_BYTES_MIN = 16 * 1024,
};

struct hf_near_queue {
    struct hf_inline_value *oldest, *newest;
    size_t                  bytes;
};

struct hf_near_shard {
    const struct hf_allocator *allocator;
    size_t                     bytes_max; /* >= HF_NEAR_SHARD_BYTES_MIN */
    size_t                     bytes;     /* Charged, tables included. */
    size_t                     count;
    uint64_t                   evictions; /* Ever, for want of room. */
    struct hf_near_queue       small, main;
    struct hf_inline_value   **buckets;
    uint16_t                  *ghosts; /* Two for each bucket; 0: none. */
    uint32_t                   bucket_mask;
    uint32_t                   versions[HF_NEAR_STRIPES];
};

/* A key with its hash, whose upper half tells the shard and the lower half all else. */
struct hf_near_key {
    struct hf_bytes bytes;
    uint64_t        hash;
};

/* What is to be kept, copied. */
struct hf_near_entry {
    struct hf_bytes data;
    int64_t         created_ms;
    int64_t         expires_ms;
    int64_t         sliding_ms; /* Whole TTL of an entry that reading prolongs; or 0. */
    bool            is_absent;
    bool            has_metadata;
    size_t          tag_count;

    const struct hf_tag_mark *tags;
};

/* HF_E_NOMEM. */
HF_NODISCARD hf_err hf_near_shard_init(struct hf_near_shard *s, const struct hf_allocator *a,
                                       size_t bytes_max);
void                hf_near_shard_deinit(struct hf_near_shard *s);

/* The value under a key, still the shard's, or NULL. Counts as asking for it. Several readers
 * may be in here, and in the next, at once. */
struct hf_value *hf_near_shard_find(struct hf_near_shard *s, const struct hf_near_key *key);

/* A reference to a value that was found, for the caller to release: a copy of a small one,
 * NULL without memory. */
struct hf_value *hf_near_shard_share(struct hf_value *found);

/* Keeps it, in the place of what was there; larger than an eighth of the shard, or without
 * memory, nothing is kept, and what was there goes. True when it is kept. */
bool hf_near_shard_put(struct hf_near_shard *s, const struct hf_near_key *key,
                       const struct hf_near_entry *entry);

/* Removes it, and changes its slot's number, whether it was there or not. True if it was. */
bool hf_near_shard_remove(struct hf_near_shard *s, const struct hf_near_key *key);

/* Removes all and changes all numbers. */
void hf_near_shard_clear(struct hf_near_shard *s);

/* The number of the key's slot. */
uint32_t hf_near_shard_version(const struct hf_near_shard *s, const struct hf_near_key *key);

/* When half of a sliding TTL is left. */
int64_t hf_near_shard_half_left_ms(const struct hf_value *value);

/* When a kept value stops being fresh by itself: its expiry, or half of a sliding TTL, so
 * that the next read is one that prolongs it. */
static inline int64_t hf_near_shard_fresh_until_ms(const struct hf_value *value)
{
    return value->is_sliding ? hf_near_shard_half_left_ms(value) : value->expires_ms;
}

#endif
