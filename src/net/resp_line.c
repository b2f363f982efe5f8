#include "net/resp_line.h"

#include <stdbool.h>
#include <string.h>

enum {
    DIGITS_MAX = 19, /* So many always fit in 64 bits. */
    END_SIZE = 2,
};

static enum hf_resp_found malformed(const char **reason, const char *why)
{
    *reason = why;
    return HF_RESP_MALFORMED;
}

enum hf_resp_found hf_resp_find_line(struct hf_bytes input, size_t size_max, size_t *scanned,
                                     struct hf_bytes *text, const char **reason)
{
    const char  *start = input.data;
    const char  *end = memchr(start + *scanned, '\r', input.size - *scanned);
    const size_t before = end ? (size_t)(end - start) : input.size;
    const size_t size = end ? before + END_SIZE : input.size;

    if (size > size_max) return HF_RESP_TOO_LONG;
    if (!end || size > input.size) {
        *scanned = before;
        return HF_RESP_MORE;
    }
    if (end[1] != '\n') return malformed(reason, "carriage return inside a line");
    if (memchr(start, '\n', before)) return malformed(reason, "line feed inside a line");
    *text = hf_bytes(start + 1, before - 1);
    return HF_RESP_FOUND;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

enum hf_resp_found hf_resp_find_count(struct hf_bytes input, size_t size_max,
                                      struct hf_resp_count *count, const char **reason)
{
    const char             *start = input.data;
    size_t                  at = 1;
    uint64_t                value = 0;
    enum hf_resp_count_kind kind = HF_RESP_COUNT_PLAIN;
    for (; at < input.size && is_digit(start[at]); at++) {
        if (at > DIGITS_MAX) return malformed(reason, "length is too long");
        value = value * 10 + (uint64_t)(start[at] - '0');
    }
    if (at == input.size) return HF_RESP_MORE;

    if (at == 1) {
        const char sign = start[at++];
        kind = sign == '?' ? HF_RESP_COUNT_STREAMED : HF_RESP_COUNT_NULL;
        if (sign != '?' && sign != '-') return malformed(reason, "length is not a number");
        if (sign == '-' && at < input.size && start[at++] != '1') {
            return malformed(reason, "length is negative");
        }
    }
    if (at < input.size && start[at] != '\r')
        return malformed(reason, "length is not a number");
    if (at + 1 < input.size && start[at + 1] != '\n') {
        return malformed(reason, "length has no end");
    }
    at += END_SIZE;
    if (at > input.size) return HF_RESP_MORE;
    if (at > size_max) return HF_RESP_TOO_LONG;
    *count = (struct hf_resp_count){ kind, value, at };
    return HF_RESP_FOUND;
}
