/* cancel.h - keeps pthread_cancel() from ending a thread in the middle of the library.
 *
 *     const int before = hf_cancel_defer();
 *     ... locks, sockets, other threads' replies ...
 *     hf_cancel_restore(before);
 *
 * A thread that is cancelled meanwhile ends at its first cancellation point afterwards.
 *
 * Threads:  each for itself; pairs may nest.
 * Cost:     a few nanoseconds. */

#ifndef HF_CORE_CANCEL_H
#define HF_CORE_CANCEL_H

#include <pthread.h>

static inline int hf_cancel_defer(void)
{
    int before;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return before;
}

static inline void hf_cancel_restore(int before)
{
    pthread_setcancelstate(before, NULL);
}

#endif
