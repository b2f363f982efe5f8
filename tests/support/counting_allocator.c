#include "support/counting_allocator.h"

#include <stdlib.h>

static void *resize(void *block, size_t size, void *ctx)
{
    struct counting_allocator *memory = ctx;
    const long                 number = atomic_fetch_add(&memory->requests, 1) + 1;
    const long                 fail_at = atomic_load(&memory->fail_at);
    if (fail_at && (number == fail_at || (memory->fail_after && number > fail_at))) {
        return NULL;
    }

    void *moved = realloc(block, size);
    if (moved && !block) atomic_fetch_add(&memory->blocks, 1);
    return moved;
}

static void release(void *block, void *ctx)
{
    struct counting_allocator *memory = ctx;
    atomic_fetch_sub(&memory->blocks, 1);
    free(block);
}

void counting_allocator_init(struct counting_allocator *memory)
{
    *memory = (struct counting_allocator){ .base = { resize, release, memory } };
}
