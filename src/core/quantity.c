#include "core/quantity.h"

#include <holdfast/options.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct unit {
    const char *name;
    uint64_t    worth;
};

static const struct unit durations[] = {
    { "", 1000000000 },
    { "ns", 1 },
    { "us", 1000 },
    { "ms", 1000000 },
    { "s", 1000000000 },
    { "m", UINT64_C(60000000000) },
    { "min", UINT64_C(60000000000) },
    { "h", UINT64_C(3600000000000) },
    { "d", UINT64_C(86400000000000) },
    { NULL, 0 },
};

static const struct unit sizes[] = {
    { "", 1 },          { "b", 1 },        { "k", 1 << 10 },   { "kb", 1 << 10 },
    { "kib", 1 << 10 }, { "m", 1 << 20 },  { "mb", 1 << 20 },  { "mib", 1 << 20 },
    { "g", 1 << 30 },   { "gb", 1 << 30 }, { "gib", 1 << 30 }, { NULL, 0 },
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const struct unit *find_unit(const struct unit *units, const char *name)
{
    for (; units->name; units++) {
        if (strcasecmp(units->name, name) == 0) return units;
    }
    return NULL;
}

/* Digits at *text, at least one, into *value; moves *text behind them. */
static hf_err read_digits(const char **text, uint64_t *value)
{
    if (!is_digit(**text)) return HF_E_INVALID;

    uint64_t sum = 0;
    bool     overflow = false;
    for (; is_digit(**text); ++*text) {
        overflow |= __builtin_mul_overflow(sum, 10, &sum);
        overflow |= __builtin_add_overflow(sum, (uint64_t)(**text - '0'), &sum);
    }
    if (overflow) return HF_E_RANGE;
    *value = sum;
    return HF_OK;
}

/* Digits behind the point at *text, as parts of `worth`, rounded down. */
static hf_err read_fraction(const char **text, const struct unit *units, uint64_t *value)
{
    const char *digits = *text;
    if (!is_digit(*digits)) return HF_E_INVALID;
    while (is_digit(**text)) ++*text;

    const struct unit *unit = find_unit(units, *text);
    if (!unit) return HF_E_INVALID;

    uint64_t numerator = 0, denominator = 1;
    for (int i = 0; i < 9 && is_digit(digits[i]); i++) {
        numerator = numerator * 10 + (uint64_t)(digits[i] - '0');
        denominator *= 10;
    }
    *value = unit->worth / denominator * numerator +
             unit->worth % denominator * numerator / denominator;
    return HF_OK;
}

static hf_err read_quantity(const char *text, const struct unit *units, uint64_t *value)
{
    uint64_t whole, fraction = 0;
    hf_err   err = read_digits(&text, &whole);
    if (err == HF_E_INVALID) return err;
    const bool fits = err == HF_OK;

    if (*text == '.') {
        text++;
        err = read_fraction(&text, units, &fraction);
        if (err) return err;
    }
    const struct unit *unit = find_unit(units, text);
    if (!unit) return HF_E_INVALID;

    if (!fits || __builtin_mul_overflow(whole, unit->worth, &whole) ||
        __builtin_add_overflow(whole, fraction, &whole)) {
        return HF_E_RANGE;
    }
    *value = whole;
    return HF_OK;
}

hf_err hf_count_parse(const char *text, uint64_t *count)
{
    uint64_t     value = 0;
    const hf_err err = read_digits(&text, &value);
    if (*text != '\0') return HF_E_INVALID;
    if (err) return err;

    *count = value;
    return HF_OK;
}

hf_err hf_size_parse(const char *text, uint64_t *bytes)
{
    return read_quantity(text, sizes, bytes);
}

hf_err hf_duration_parse(const char *text, hf_duration *duration)
{
    uint64_t     ns;
    const hf_err err = read_quantity(text, durations, &ns);
    if (err) return err;
    if (ns > INT64_MAX) return HF_E_RANGE;

    *duration = hf_ns((int64_t)ns);
    return HF_OK;
}

hf_err hf_switch_parse(const char *text, bool *on)
{
    static const char *const words[2][4] = { { "false", "no", "off", "0" },
                                             { "true", "yes", "on", "1" } };
    for (int value = 0; value < 2; value++) {
        for (int i = 0; i < 4; i++) {
            if (strcasecmp(text, words[value][i]) != 0) continue;
            *on = value;
            return HF_OK;
        }
    }
    return HF_E_INVALID;
}
