/* shown.h - bytes of others as they may be put on a terminal: printable, on one line.
 *
 *     shown(key, text, sizeof text)       "user:\x1b[31m" with the backslash and all
 *
 * UTF-8 stays as it is. Control characters, what turns the direction of writing, and what is
 * no UTF-8 come as \xNN; a backslash stays, for it does no harm.
 *
 * Memory:   the caller's; what does not fit is cut at a character, with "..." behind it. */

#ifndef CLI_SHOWN_H
#define CLI_SHOWN_H

#include <holdfast/bytes.h>
#include <stdio.h>

/* Bytes of the UTF-8 sequence at text, 0 when it is none: overlong, surrogate, too high. */
size_t shown_utf8(const unsigned char *text, size_t size);

/* Gives text. size >= 8. */
const char *shown(struct hf_bytes bytes, char *text, size_t size);

/* Without a bound. */
void shown_write(struct hf_bytes bytes, FILE *to);

#endif
