/* input.h - a value read from a file or from standard input, up to a ceiling.
 *
 * Memory:   the caller frees what is given.
 * Errors:   false, after complaining. */

#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include <stdbool.h>
#include <stddef.h>

/* path "-" is standard input. */
bool input_read(const char *path, size_t size_max, char **data, size_t *size);

#endif
