/* quantity.h - the numbers that a command's own flags take.
 *
 * Errors:   false, after complaining. A flag that was not given leaves *value as it is. */

#ifndef CLI_QUANTITY_H
#define CLI_QUANTITY_H

#include <holdfast/time.h>
#include <stdint.h>

/* A whole number from low to high. */
bool quantity_count(const char *flag, const char *text, uint64_t low, uint64_t high,
                    uint64_t *value);

/* A time to live. */
bool quantity_ttl(const char *flag, const char *text, hf_duration *value);

#endif
