/* last_will.h - what shall happen to a server and its folder when the test program dies.
 *
 * A child that outlives the test program, however that ends (SIGKILL by a timeout included):
 * then it kills the process it was told of and removes the folder.
 *
 * Threads:  opened and closed by one; last_will_name() is for the heir itself, after its
 * fork. Errors:   aborts with a message when there is no process to be had. */

#ifndef HF_TESTS_LAST_WILL_H
#define HF_TESTS_LAST_WILL_H

#include <sys/types.h>

struct last_will {
    pid_t minder;
    pid_t author; /* The test program. */
    int  *heir;   /* Shared memory: the process to kill, 0 when there is none. */
};

/* The folder's path is copied. */
void last_will_open(struct last_will *will, const char *folder);

/* Makes the calling child, fresh from fork(), the process to kill. Exits when the author has
 * died meanwhile, so that nothing can slip through. Makes system calls only. */
void last_will_name(struct last_will *will);

/* The named process is gone. */
void last_will_forget(struct last_will *will);

/* Nothing shall happen any more. */
void last_will_close(struct last_will *will);

#endif
