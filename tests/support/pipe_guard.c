#include "support/pipe_guard.h"

#include <pthread.h>
#include <time.h>

static sigset_t only_sigpipe(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    return set;
}

void pipe_guard_begin(struct pipe_guard *guard)
{
    const sigset_t set = only_sigpipe();
    pthread_sigmask(SIG_BLOCK, &set, &guard->before);
}

void pipe_guard_end(struct pipe_guard *guard)
{
    const sigset_t        set = only_sigpipe();
    const struct timespec no_time = { 0 };
    if (!sigismember(&guard->before, SIGPIPE)) sigtimedwait(&set, NULL, &no_time);
    pthread_sigmask(SIG_SETMASK, &guard->before, NULL);
}
