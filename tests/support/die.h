/* die.h - ends a test program whose surroundings are broken, saying why.
 *
 * For what is not the tested code's fault (no redis-server, no memory, no port), from any
 * thread, where a failed assertion would have to be in the test's own. */

#ifndef HF_TESTS_DIE_H
#define HF_TESTS_DIE_H

#include <holdfast/api.h>

/* Prints one line to standard error and aborts. */
_Noreturn void die(const char *format, ...) HF_PRINTF(1, 2);

#endif
