/* buffer.h - bytes in one block that grows up to a ceiling.
 *
 *     data: [ consumed | kept ............ | free ]
 *           0          head                tail    capacity
 *
 * Appending goes to the tail, consuming takes from the head; what is kept is moved to the
 * front only when the free part is too small. A buffer cannot be made without a ceiling.
 *
 * Threads:  none; the owner serialises.
 * Memory:   caller-allocated struct; the block grows by doubling, never past limit.
 * Cost:     amortised O(1) per byte.
 * Errors:   HF_E_TOO_LARGE past the ceiling, HF_E_NOMEM; the content is then unchanged. */

#ifndef HF_CORE_BUFFER_H
#define HF_CORE_BUFFER_H

#include <holdfast/alloc.h>
#include <holdfast/error.h>
#include <stddef.h>

struct hf_buffer {
    const struct hf_allocator *allocator;
    char                      *data;
    size_t                     head;     /* First kept byte. */
    size_t                     tail;     /* One past the last kept byte. */
    size_t                     capacity; /* Bytes in data. */
    size_t                     limit;    /* Most bytes ever kept, >= 1. */
};

void hf_buffer_init(struct hf_buffer *b, const struct hf_allocator *a, size_t limit);
void hf_buffer_deinit(struct hf_buffer *b);

/* Bytes kept. */
static inline size_t hf_buffer_size(const struct hf_buffer *b)
{
    return b->tail - b->head;
}

/* The kept bytes, hf_buffer_size() of them; valid until the next call that appends. */
static inline char *hf_buffer_bytes(const struct hf_buffer *b)
{
    return b->data + b->head;
}

/* Makes room for size more bytes; then writing at hf_buffer_end() cannot fail. */
HF_NODISCARD hf_err hf_buffer_reserve(struct hf_buffer *b, size_t size);

/* Where reserved bytes go; follow with hf_buffer_extend(). */
static inline char *hf_buffer_end(const struct hf_buffer *b)
{
    return b->data + b->tail;
}

/* Takes size reserved and written bytes in. */
void hf_buffer_extend(struct hf_buffer *b, size_t size);

HF_NODISCARD hf_err hf_buffer_append(struct hf_buffer *b, const void *data, size_t size);

/* Drops size bytes, at most all, from the front. */
void hf_buffer_consume(struct hf_buffer *b, size_t size);

/* Drops everything and keeps the block, unless it is larger than keep bytes. */
void hf_buffer_clear(struct hf_buffer *b, size_t keep);

#endif
