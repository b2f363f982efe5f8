/* leaks.h - counts what a process holds of the system, to compare before and after.
 *
 *     struct leaks before = leaks_count();
 *     use_and_close_everything();
 *     assert_true(leaks_settle(&before));
 *
 * Threads:  any, but the count is of the whole process. Memory is not counted here: the
 *           counting allocator and the sanitizers do that. */

#ifndef HF_TESTS_LEAKS_H
#define HF_TESTS_LEAKS_H

#include <stdbool.h>

struct leaks {
    int descriptors; /* Open now, without the one used for counting. */
    int threads;
    int children; /* Zombies included. */
};

struct leaks leaks_count(void);

/* Waits up to 5 s (threads that ended take a moment to go) until nothing is more than it was
 * in *before. False after printing both counts and what is open to standard error. */
bool leaks_settle(const struct leaks *before);

#endif
