/* fork_guard.h - tells a forked child that the client it sees is its parent's.
 *
 * One page that the kernel wipes in the child (MADV_WIPEONFORK): no handler to install, and
 * the check is one load.
 *
 * Threads:  any.
 * Memory:   one page, from mmap.
 * Errors:   HF_E_SYSTEM. */

#ifndef HF_CLIENT_FORK_GUARD_H
#define HF_CLIENT_FORK_GUARD_H

#include <holdfast/error.h>
#include <stdatomic.h>
#include <stdbool.h>

struct hf_fork_guard {
    atomic_int *mark; /* 1 in the process that made it, 0 in its children. */
};

HF_NODISCARD hf_err hf_fork_guard_init(struct hf_fork_guard *guard);
void                hf_fork_guard_deinit(struct hf_fork_guard *guard);

static inline bool hf_fork_guard_is_child(const struct hf_fork_guard *guard)
{
    return atomic_load_explicit(guard->mark, memory_order_relaxed) == 0;
}

#endif
