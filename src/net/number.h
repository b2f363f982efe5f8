/* number.h - numbers as the server writes them in text, read strictly.
 *
 * The whole text must be the number: no blanks, nothing in front or behind. The locale of
 * the process does not matter.
 *
 * Threads:  any.
 * Errors:   false, and nothing is written. */

#ifndef HF_NET_NUMBER_H
#define HF_NET_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal digits, with "-" or "+" in front or without, in the range of int64_t. */
bool hf_number_int(const char *text, size_t size, int64_t *value);

/* As "-1.5e3", "10", "inf", "-inf" or "nan" in any case; text is NUL-terminated. Too large
 * for a double is infinite. */
bool hf_number_double(const char *text, size_t size, double *value);

/* Decimal digits with a sign or without, however many. */
bool hf_number_is_big(const char *text, size_t size);

#endif
