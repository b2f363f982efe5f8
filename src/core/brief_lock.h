/* brief_lock.h - a lock for a few dozen nanoseconds of work, where a mutex would double it.
 *
 *     hf_brief_lock(&lane->lock);
 *     ...                              no call that can block, no other lock
 *     hf_brief_unlock(&lane->lock);
 *
 * Unlocking is a plain store: nobody is woken. Who finds it held looks again a few times, and
 * then naps: so a holder that was preempted, of whatever priority, gets to run.
 *
 * Threads:  any. Not fair, not recursive; a forked child may find it held for ever.
 * Memory:   a word; zero is unlocked.
 * Cost:     one atomic exchange. A collision, tens of nanoseconds; with a preempted holder,
 *           naps of 50 us. */

#ifndef HF_CORE_BRIEF_LOCK_H
#define HF_CORE_BRIEF_LOCK_H

#include <stdatomic.h>

struct hf_brief_lock {
    atomic_uint held;
};

/* Waits for a lock that was found held, and takes it. */
void hf_brief_lock_wait(struct hf_brief_lock *lock);

static inline void hf_brief_lock(struct hf_brief_lock *lock)
{
    if (atomic_exchange_explicit(&lock->held, 1, memory_order_acquire)) {
        hf_brief_lock_wait(lock);
    }
}

static inline void hf_brief_unlock(struct hf_brief_lock *lock)
{
    atomic_store_explicit(&lock->held, 0, memory_order_release);
}

#endif
