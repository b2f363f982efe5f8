/* fork_at_rest.h - fork() amid threads, also under AddressSanitizer.
 *
 *     const pid_t child = fork_at_rest();
 *     if (child == 0) _exit(close_what_was_inherited());
 *
 * The C library makes its allocator fit for the child of a process with threads; gcc's
 * AddressSanitizer does not: what a thread had locked at the fork stays locked in the child,
 * whose first free() then hangs. So under AddressSanitizer this waits until all other threads
 * are asleep. Elsewhere it is fork() and nothing else. */

#ifndef HF_TESTS_FORK_AT_REST_H
#define HF_TESTS_FORK_AT_REST_H

#include <sys/types.h>

/* As fork(); aborts with a message when the threads do not come to rest. */
pid_t fork_at_rest(void);

#endif
