#include "net/number.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool has_sign(const char *text, size_t size)
{
    return size > 0 && (text[0] == '-' || text[0] == '+');
}

bool hf_number_int(const char *text, size_t size, int64_t *value)
{
    const bool negative = size > 0 && text[0] == '-';
    size_t     i = has_sign(text, size) ? 1 : 0;
    if (i == size) return false;

    int64_t sum = 0; /* Below zero, where there is room for one more. */
    for (; i < size; i++) {
        if (!is_digit(text[i])) return false;
        if (__builtin_mul_overflow(sum, 10, &sum)) return false;
        if (__builtin_sub_overflow(sum, text[i] - '0', &sum)) return false;
    }
    if (!negative && sum == INT64_MIN) return false;
    *value = negative ? sum : -sum;
    return true;
}

bool hf_number_is_big(const char *text, size_t size)
{
    size_t i = has_sign(text, size) ? 1 : 0;
    if (i == size) return false;
    while (i < size && is_digit(text[i])) i++;
    return i == size;
}

/* Digits with a point somewhere or not, and an exponent or not: what strtod takes beyond
 * that (blanks, hexadecimal, "infinity") is not the server's way to write. */
static bool is_decimal(const char *text, size_t size)
{
    size_t i = has_sign(text, size) ? 1 : 0;
    size_t digits = 0;
    for (; i < size && is_digit(text[i]); i++) digits++;
    if (i < size && text[i] == '.') i++;
    for (; i < size && is_digit(text[i]); i++) digits++;
    if (digits == 0) return false;
    if (i == size) return true;

    if (text[i] != 'e' && text[i] != 'E') return false;
    return hf_number_is_big(text + i + 1, size - i - 1);
}

static bool is_named(const char *text, size_t size)
{
    const size_t sign = has_sign(text, size) ? 1 : 0;
    if (size != sign + 3) return false;
    return strncasecmp(text + sign, "inf", 3) == 0 || strncasecmp(text + sign, "nan", 3) == 0;
}

bool hf_number_double(const char *text, size_t size, double *value)
{
    if (!is_decimal(text, size) && !is_named(text, size)) return false;

    const locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!plain) return false;
    *value = strtod_l(text, NULL, plain);
    freelocale(plain);
    return true;
}
