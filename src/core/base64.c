#include "core/base64.h"

#include <stdbool.h>
#include <stdint.h>

enum { NOT_A_DIGIT = 64 };

static uint32_t digit(char c)
{
    if (c >= 'A' && c <= 'Z') return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z') return (uint32_t)(c - 'a') + 26;
    if (c >= '0' && c <= '9') return (uint32_t)(c - '0') + 52;
    if (c == '+') return 62;
    return c == '/' ? 63 : NOT_A_DIGIT;
}

/* Four digits, of which the last `padding` stand for nothing and must say so: their bits are
 * zero. */
static bool decode_group(const char *at, size_t padding, unsigned char *out)
{
    uint32_t word = 0;
    for (size_t i = 0; i < 4; i++) {
        const uint32_t d = i < 4 - padding ? digit(at[i]) : 0;
        if (d == NOT_A_DIGIT) return false;
        word = word << 6 | d;
    }
    if (word & ((1u << 8 * padding) - 1)) return false;
    for (size_t i = 0; i < 3 - padding; i++) out[i] = (unsigned char)(word >> (16 - 8 * i));
    return true;
}

hf_err hf_base64_decode(struct hf_bytes text, unsigned char *bytes, size_t *size)
{
    const char *at = text.data;
    size_t      written = 0;
    if (text.size % 4) return HF_E_INVALID;
    for (size_t i = 0; i < text.size; i += 4) {
        const bool   is_last = i + 4 == text.size;
        const size_t padding = !is_last || at[i + 3] != '=' ? 0 : at[i + 2] == '=' ? 2 : 1;
        if (!decode_group(at + i, padding, bytes + written)) return HF_E_INVALID;
        written += 3 - padding;
    }
    *size = written;
    return HF_OK;
}
