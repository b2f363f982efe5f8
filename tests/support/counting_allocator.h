/* counting_allocator.h - an allocator that knows what is out, and fails on demand.
 *
 *     struct counting_allocator memory;
 *     counting_allocator_init(&memory);
 *     use(&memory.base);
 *     assert_int_equal(memory.blocks, 0);       nothing leaked
 *
 * Threads:  any. */

#ifndef HF_TESTS_COUNTING_ALLOCATOR_H
#define HF_TESTS_COUNTING_ALLOCATOR_H

#include <holdfast/alloc.h>
#include <stdatomic.h>

typedef void (*counting_hook_fn)(void);

struct counting_allocator {
    struct hf_allocator base;       /* Its ctx is set by counting_allocator_init(). */
    atomic_long         blocks;     /* Out now. */
    atomic_long         bytes;      /* Out now, as malloc rounds them up. */
    atomic_long         bytes_peak; /* Most ever out at once; may be set back. */
    atomic_long         requests;   /* Ever made. */
    atomic_long         fail_at;    /* The request with this number fails, from 1; 0: none. */
    atomic_bool         fail_after; /* ... and so do all after it. */
    /* Called before each request, in whatever thread makes it; NULL: nothing is. */
    _Atomic(counting_hook_fn) hook;
};

void counting_allocator_init(struct counting_allocator *memory);

#endif
