/* resp_scanner.h - finds where each message of a RESP stream ends, and nothing else.
 *
 *     while (size > 0) {
 *         bool   whole;
 *         size_t used = resp_scan(&scanner, data, size, &whole);
 *         ...                  whole: a command or reply, with its attributes, ends here
 *     }
 *
 * Of its own, so that it does not share a mistake with the library's reader. Commands, RESP2,
 * RESP3 and inline commands; not the streamed types, which no server sends.
 *
 * Memory:   a value that starts as zeros; no byte is kept.
 * Errors:   none: bytes that make no sense count as lines. */

#ifndef HF_TESTS_RESP_SCANNER_H
#define HF_TESTS_RESP_SCANNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RESP_SCANNER_DEPTH = 32 };

struct resp_scanner {
    struct {
        uint64_t owed; /* Elements still to come. */
        bool     is_attribute;
    } nested[RESP_SCANNER_DEPTH];
    int      depth;
    bool     in_line;
    char     type; /* Of the line. */
    bool     negative;
    uint64_t number;
    uint64_t bulk_left; /* Its CRLF included. */
};

/* Takes bytes up to the end of the message under way at most; returns how many. */
size_t resp_scan(struct resp_scanner *s, const char *data, size_t size, bool *whole);

#endif
