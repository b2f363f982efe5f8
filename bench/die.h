/* die.h - how the benchmark gives up: one line, exit status 1.
 *
 * Helper processes and the server notice that the program has ended and go away as well. */

#ifndef BENCH_DIE_H
#define BENCH_DIE_H

__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);

#endif
