/* amount.h - numbers for people: some three digits and a unit.
 *
 *     printf("%s\n", amount_bytes(1536).text);       1.5 KB
 *
 * Threads:  any; pure. */

#ifndef CLI_AMOUNT_H
#define CLI_AMOUNT_H

#include <stdint.h>

struct amount {
    char text[32];
};

struct amount amount_count(double value); /* "99999", "100k", "1.5M" */
struct amount amount_rate(double value);  /* The same; below 100 with a digit more. */
struct amount amount_bytes(double value); /* "12 B", "1.5 MB" */
struct amount
amount_seconds(double seconds); /* "80 us", "1.50 ms", "12.0 s"; "-": below 0. */

/* The noun behind a number: one, or many. */
const char *amount_noun(uint64_t count, const char *one, const char *many);

#endif
