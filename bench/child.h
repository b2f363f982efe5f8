/* child.h - helper processes, which never outlive the benchmark.
 *
 * Threads:  the main thread, while it is the only one: fork copies no other. */

#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include <sys/types.h>

/* Runs run(ctx) in a process of its own, which ends when run returns. */
pid_t child_start(void (*run)(void *ctx), void *ctx);

/* Ends it now. */
void child_stop(pid_t child);

/* Takes a figure in a fresh process and brings it back; dies when the process did. */
double child_figure(double (*measure)(void *ctx), void *ctx);

/* Turns in a circle for ever: a neighbour who wants the processor too. */
void child_burn(void *unused);

#endif
