/* progress.h - a bar on standard error, where that is a terminal; else nothing.
 *
 * Threads:  one. */

#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    uint64_t whole; /* 0: not known. */
    uint64_t done;
    int      drawn; /* Hundredths, as on the screen; -1: nothing is. */
    bool     is_shown;
};

void progress_begin(struct progress *p, uint64_t whole);
void progress_add(struct progress *p, uint64_t size);
/* Clears the line. */
void progress_end(const struct progress *p);

#endif
