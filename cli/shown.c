#include "shown.h"

#include <stdbool.h>
#include <string.h>

size_t shown_utf8(const unsigned char *text, size_t size)
{
    static const struct {
        unsigned char first_low, first_high, second_low, second_high;
        size_t        length;
    } forms[] = {
        { 0x00, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 },
        { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
        { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
        { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
        { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (text[0] < forms[i].first_low || text[0] > forms[i].first_high) continue;
        if (forms[i].length > size) return 0;
        if (forms[i].length == 1) return 1;
        if (text[1] < forms[i].second_low || text[1] > forms[i].second_high) return 0;
        for (size_t j = 2; j < forms[i].length; j++) {
            if ((text[j] & 0xc0) != 0x80) return 0;
        }
        return forms[i].length;
    }
    return 0;
}

/* C0, DEL, C1, line separators, and U+200E.., U+202A.., U+2066..: marks of direction. */
static bool is_harmful(const unsigned char *c, size_t length)
{
    if (length == 1) return c[0] < 0x20 || c[0] == 0x7f;
    if (length == 2) return c[0] == 0xc2 && c[1] < 0xa0;
    if (length != 3 || c[0] != 0xe2) return false;
    if (c[1] == 0x80) return c[2] >= 0x8b && c[2] <= 0xae && (c[2] <= 0x8f || c[2] >= 0xa8);
    return c[1] == 0x81 && c[2] >= 0xa0 && c[2] <= 0xaf;
}

/* One character at *at as it is shown; *at moves on. */
static size_t next(struct hf_bytes bytes, size_t *at, char piece[32])
{
    const unsigned char *c = (const unsigned char *)bytes.data + *at;
    const size_t         length = shown_utf8(c, bytes.size - *at);
    if (length && !is_harmful(c, length)) {
        memcpy(piece, c, length);
        *at += length;
        return length;
    }
    size_t size = 0;
    for (size_t i = 0; i < (length ? length : 1); i++) {
        size += (size_t)snprintf(piece + size, 32 - size, "\\x%02x", c[i]);
    }
    *at += length ? length : 1;
    return size;
}

const char *shown(struct hf_bytes bytes, char *text, size_t size)
{
    char   piece[32];
    size_t used = 0, fits = 0; /* fits: with room for the dots behind it. */
    for (size_t at = 0; at < bytes.size;) {
        const size_t length = next(bytes, &at, piece);
        if (used + length >= size) {
            memcpy(text + fits, "...", 4);
            return text;
        }
        memcpy(text + used, piece, length);
        used += length;
        if (used + 4 <= size) fits = used;
    }
    text[used] = '\0';
    return text;
}

void shown_write(struct hf_bytes bytes, FILE *to)
{
    char piece[32];
    for (size_t at = 0; at < bytes.size;) fwrite(piece, 1, next(bytes, &at, piece), to);
}
