/* value.h - what a read gives out: a counted value, read from Redis or kept in the process.
 *
 *     a reference into the replies it came in        an inline one
 *     [ hf_value | source ] --> reply                [ hf_value | its owner's | bytes ]
 *
 * Threads:  the count is atomic, the rest is read-only.
 * Memory:   one small block; the replies are released with the last reference. */

#ifndef HF_CACHE_VALUE_H
#define HF_CACHE_VALUE_H

#include "cache/envelope.h"
#include "cache/tag_block.h"

#include <holdfast/alloc.h>
#include <holdfast/cache.h>
#include <stdatomic.h>

/* Only value.c looks into it, and the near cache, which embeds it to keep entries small. */
struct hf_value {
    const struct hf_allocator *allocator;
    int64_t                    created_ms;
    int64_t                    expires_ms;
    atomic_uint                references;
    bool                       is_absent : 1;
    bool                       is_inline : 1; /* The bytes follow a struct hf_inline_value. */
    bool                       is_sliding : 1;
    bool                       is_tagged : 1;
    bool                       is_large : 1;
    bool                       has_metadata : 1; /* In front of the value: metadata.h. */
    _Atomic uint8_t            frequency;        /* The near shard's, under its lock. */
    uint16_t                   key_size; /* Likewise, of the key behind inline bytes. */
    uint32_t                   tag;      /* Likewise. */
    uint32_t                   size;     /* Of the bytes, metadata and marks included. */
};

/* One that is kept: bytes[size] of the value, then what its owner puts there. Where it has
 * tags, the first bytes are their number and then their marks. */
struct hf_inline_value {
    struct hf_value         value;                /* First. */
    struct hf_inline_value *next, *older, *newer; /* The owner's. */
    unsigned char           bytes[];
};

/* hf_value_acquire(), inlined. */
static inline void hf_value_hold(struct hf_value *value)
{
    atomic_fetch_add_explicit(&value->references, 1, memory_order_relaxed);
}

/* What the bytes of a value live in. */
struct hf_value_source {
    void (*release)(void *object);
    void *object;
};

/* The source of a value that came alone. */
struct hf_value_source hf_value_from_reply(struct hf_reply *reply);

/* Takes the source over on HF_OK only; e->body points into it. expires_ms is
 * what holds, whatever *e says. HF_E_NOMEM. */
HF_NODISCARD hf_err hf_value_open(const struct hf_allocator *a, struct hf_value_source source,
                                  const struct hf_envelope *e, int64_t now_ms,
                                  int64_t expires_ms, struct hf_value **value);

/* The same value marked stale, as of now_ms, at which it may not be fresh for other reasons
 * than its expiry. Takes the reference over on HF_OK only. HF_E_NOMEM. */
HF_NODISCARD hf_err hf_value_open_stale(struct hf_value *kept, int64_t now_ms,
                                        struct hf_value **value);

/* The value, with its metadata in front of it where it has any. */
struct hf_bytes hf_value_whole(const struct hf_value *value);

/* True when what was read says that there is no value. */
bool hf_value_is_absent(const struct hf_value *value);

/* True for one that may be declared invalid by a tag. */
bool hf_value_is_tagged(const struct hf_value *value);

/* The tags it was stored with; how many. */
size_t hf_value_tags(const struct hf_value *value, struct hf_tag_mark marks[HF_TAGS_MAX]);

/* What stands for that many marks in front of a kept value, and how long that is. */
size_t hf_value_marks_size(size_t count);
void   hf_value_marks_write(const struct hf_tag_mark *marks, size_t count, unsigned char *at);

/* True when it is the manifest of a large value. */
bool hf_value_is_large(const struct hf_value *value);

/* True for one that reading prolongs. */
bool hf_value_is_sliding(const struct hf_value *value);

/* The whole TTL of one that was read now and that reading prolongs; 0 for any other. */
int64_t hf_value_sliding_ms(const struct hf_value *value);

/* True when both were read from an entry stored at the same moment. */
bool hf_value_is_same(const struct hf_value *a, const struct hf_value *b);

#endif
