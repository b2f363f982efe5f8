#include "support/counting_allocator.h"

#include <malloc.h>
#include <stdlib.h>

static void add_bytes(struct counting_allocator *memory, long bytes)
{
    const long now = atomic_fetch_add(&memory->bytes, bytes) + bytes;
    long       peak = atomic_load(&memory->bytes_peak);
    while (now > peak && !atomic_compare_exchange_weak(&memory->bytes_peak, &peak, now)) {
    }
}

static void *resize(void *block, size_t size, void *ctx)
{
    struct counting_allocator *memory = ctx;
    const counting_hook_fn     hook = atomic_load(&memory->hook);
    if (hook) hook();
    const long number = atomic_fetch_add(&memory->requests, 1) + 1;
    const long fail_at = atomic_load(&memory->fail_at);
    if (fail_at && (number == fail_at || (memory->fail_after && number > fail_at))) {
        return NULL;
    }

    const size_t before = malloc_usable_size(block);
    void        *moved = realloc(block, size);
    if (!moved) return NULL;
    if (!block) atomic_fetch_add(&memory->blocks, 1);
    add_bytes(memory, (long)malloc_usable_size(moved) - (long)before);
    return moved;
}

static void release(void *block, void *ctx)
{
    struct counting_allocator *memory = ctx;
    atomic_fetch_sub(&memory->blocks, 1);
    add_bytes(memory, -(long)malloc_usable_size(block));
    free(block);
}

void counting_allocator_init(struct counting_allocator *memory)
{
    *memory = (struct counting_allocator){ .base = { resize, release, memory } };
}
