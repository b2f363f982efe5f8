/* utf8.h - reads UTF-8 that others wrote, character by character.
 *
 * Threads:  any; pure.
 * Errors:   overlong forms, surrogates and numbers past U+10FFFF are not UTF-8. */

#ifndef HF_CORE_UTF8_H
#define HF_CORE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The character at text, of size >= 1 bytes; returns how many bytes it has, or 0 when there
 * is none. */
size_t hf_utf8_read(const char *text, size_t size, uint32_t *character);

#endif
