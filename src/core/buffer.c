#include "core/buffer.h"

#include "core/alloc.h"
#include "core/assert.h"

#include <string.h>

enum { FIRST_CAPACITY = 256 };

static void check_invariant(const struct hf_buffer *b)
{
    hf_assert(b->limit >= 1);
    hf_assert(b->head <= b->tail && b->tail <= b->capacity);
    hf_assert(hf_buffer_size(b) <= b->limit);
}

void hf_buffer_init(struct hf_buffer *b, const struct hf_allocator *a, size_t limit)
{
    *b = (struct hf_buffer){ .allocator = a, .limit = limit };
    check_invariant(b);
}

void hf_buffer_deinit(struct hf_buffer *b)
{
    hf_free(b->allocator, b->data);
    *b = (struct hf_buffer){ .allocator = b->allocator, .limit = b->limit };
}

static void move_to_front(struct hf_buffer *b)
{
    if (b->head == 0) return;
    memmove(b->data, b->data + b->head, hf_buffer_size(b));
    b->tail -= b->head;
    b->head = 0;
}

static hf_err grow(struct hf_buffer *b, size_t needed)
{
    size_t capacity = b->capacity ? b->capacity : FIRST_CAPACITY;
    while (capacity < needed && capacity <= b->limit / 2) capacity *= 2;
    if (capacity < needed) capacity = b->limit;

    char *data = hf_resize(b->allocator, b->data, capacity);
    if (!data) return HF_E_NOMEM;

    b->data = data;
    b->capacity = capacity;
    return HF_OK;
}

hf_err hf_buffer_reserve(struct hf_buffer *b, size_t size)
{
    check_invariant(b);
    if (size <= b->capacity - b->tail) {
        return hf_buffer_size(b) + size <= b->limit ? HF_OK : HF_E_TOO_LARGE;
    }
    if (size > b->limit - hf_buffer_size(b)) return HF_E_TOO_LARGE;

    const size_t needed = hf_buffer_size(b) + size;
    move_to_front(b);
    return needed <= b->capacity ? HF_OK : grow(b, needed);
}

void hf_buffer_extend(struct hf_buffer *b, size_t size)
{
    hf_assert(size <= b->capacity - b->tail);
    b->tail += size;
    check_invariant(b);
}

hf_err hf_buffer_append(struct hf_buffer *b, const void *data, size_t size)
{
    if (size == 0) return HF_OK;
    const hf_err err = hf_buffer_reserve(b, size);
    if (err) return err;

    memcpy(hf_buffer_end(b), data, size);
    hf_buffer_extend(b, size);
    return HF_OK;
}

void hf_buffer_consume(struct hf_buffer *b, size_t size)
{
    hf_assert(size <= hf_buffer_size(b));
    b->head += size;
    if (b->head == b->tail) b->head = b->tail = 0;
}

void hf_buffer_clear(struct hf_buffer *b, size_t keep)
{
    b->head = b->tail = 0;
    if (b->capacity > keep) hf_buffer_deinit(b);
}
