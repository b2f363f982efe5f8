#include "core/alloc.h"

#include <stdlib.h>
#include <string.h>

static void *resize_by_libc(void *block, size_t size, void *ctx)
{
    (void)ctx;
    return realloc(block, size);
}

static void release_by_libc(void *block, void *ctx)
{
    (void)ctx;
    free(block);
}

const struct hf_allocator hf_allocator_default = {
    .resize = resize_by_libc,
    .release = release_by_libc,
};

void *hf_resize(const struct hf_allocator *a, void *block, size_t size)
{
    return a->resize(block, size ? size : 1, a->ctx);
}

void *hf_alloc(const struct hf_allocator *a, size_t size)
{
    return hf_resize(a, NULL, size);
}

void *hf_alloc_zero(const struct hf_allocator *a, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) return NULL;

    void *block = hf_alloc(a, bytes);
    if (block) memset(block, 0, bytes);
    return block;
}

char *hf_copy_text(const struct hf_allocator *a, const char *text, size_t size)
{
    char *copy = hf_alloc(a, size + 1);
    if (!copy) return NULL;

    if (size) memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

void hf_free(const struct hf_allocator *a, void *block)
{
    if (block) a->release(block, a->ctx);
}
