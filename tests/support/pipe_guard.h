/* pipe_guard.h - keeps SIGPIPE away while hiredis, which writes without a guard, talks to a
 * server that may die; not longer, so that a test notices when the library raises one.
 *
 * Threads:  concerns the calling thread only. */

#ifndef HF_TESTS_PIPE_GUARD_H
#define HF_TESTS_PIPE_GUARD_H

#include <signal.h>

struct pipe_guard {
    sigset_t before;
};

void pipe_guard_begin(struct pipe_guard *guard);

/* Swallows the signal if there was one. */
void pipe_guard_end(struct pipe_guard *guard);

#endif
