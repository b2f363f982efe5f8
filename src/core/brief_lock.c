#include "core/brief_lock.h"

#include <time.h>

enum { LOOKS = 200, NAP_NS = 50000 };

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

void hf_brief_lock_wait(struct hf_brief_lock *lock)
{
    const struct timespec nap = { 0, NAP_NS };
    for (unsigned looks = 1;; looks++) {
        if (!atomic_load_explicit(&lock->held, memory_order_relaxed) &&
            !atomic_exchange_explicit(&lock->held, 1, memory_order_acquire)) {
            return;
        }
        relax();
        if (looks % LOOKS == 0) nanosleep(&nap, NULL);
    }
}
