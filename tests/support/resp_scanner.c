#include "support/resp_scanner.h"

#include <string.h>

/* True when that was the last one of a message. */
static bool complete_element(struct resp_scanner *s)
{
    while (s->depth > 0) {
        if (--s->nested[s->depth - 1].owed > 0) return false;
        s->depth--;
        if (s->nested[s->depth].is_attribute) return false; /* What it is about follows. */
    }
    return true;
}

static bool open_aggregate(struct resp_scanner *s, uint64_t count, bool is_attribute)
{
    if (count == 0 || s->depth == RESP_SCANNER_DEPTH) {
        return !is_attribute && complete_element(s);
    }
    s->nested[s->depth].owed = count;
    s->nested[s->depth].is_attribute = is_attribute;
    s->depth++;
    return false;
}

static bool end_line(struct resp_scanner *s)
{
    s->in_line = false;
    switch (s->type) {
    case '$':
    case '=':
    case '!':
        if (s->negative) return complete_element(s);
        s->bulk_left = s->number + 2;
        return false;
    case '*':
    case '~':
    case '>': return open_aggregate(s, s->negative ? 0 : s->number, false);
    case '%': return open_aggregate(s, 2 * s->number, false);
    case '|': return open_aggregate(s, 2 * s->number, true);
    default: return complete_element(s);
    }
}

static bool take_byte(struct resp_scanner *s, char byte)
{
    if (byte == '\n') return end_line(s);
    if (!s->in_line) {
        s->in_line = true;
        s->type = byte;
        s->negative = false;
        s->number = 0;
    } else if (byte == '-') {
        s->negative = true;
    } else if (byte >= '0' && byte <= '9' && s->number < UINT64_C(1) << 40) {
        s->number = 10 * s->number + (uint64_t)(byte - '0');
    }
    return false;
}

size_t resp_scan(struct resp_scanner *s, const char *data, size_t size, bool *whole)
{
    *whole = false;
    size_t used = 0;
    while (used < size && !*whole) {
        if (s->bulk_left > 0) {
            const size_t left = size - used;
            const size_t step = s->bulk_left < left ? (size_t)s->bulk_left : left;
            used += step;
            s->bulk_left -= step;
            *whole = s->bulk_left == 0 && complete_element(s);
        } else {
            *whole = take_byte(s, data[used++]);
        }
    }
    return used;
}
