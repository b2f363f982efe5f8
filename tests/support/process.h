/* process.h - looks at processes from outside, through /proc.
 *
 * Threads:  any. */

#ifndef HF_TESTS_PROCESS_H
#define HF_TESTS_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/* A number of /proc/PID/status, such as "PPid:" or "RssAnon:" (in kB); -1 without one. */
long process_number(pid_t pid, const char *field);

/* For wait_until(); ctx is a pid_t. A zombie has gone: it waits to be taken note of. */
bool process_is_gone(void *pid);

/* For wait_until(); ctx is the path of a file or a folder. */
bool path_is_gone(void *path);

/* SIGKILL for a child of this process, and waits for its end. */
void process_kill(pid_t child);

#endif
