/* quantity.h - numbers with units, read from text that a person wrote.
 *
 *     "30"  "0.25"  "250ms"  "1.5h"      durations; without a unit, seconds
 *     "512" "64kb"  "1.5mb"  "2GiB"      sizes; units count in 1024, whatever their case
 *     "20"                               counts
 *     "true" "yes" "on" "1"              switches, and their opposites
 *
 * The whole text must be the number: no sign, no space, no exponent, nothing behind it.
 * hf_duration_parse() is public, in <holdfast/options.h>.
 *
 * Errors:   HF_E_INVALID for anything else, HF_E_RANGE when it does not fit. */

#ifndef HF_CORE_QUANTITY_H
#define HF_CORE_QUANTITY_H

#include <holdfast/error.h>
#include <holdfast/time.h>
#include <stdint.h>

HF_NODISCARD hf_err hf_count_parse(const char *text, uint64_t *count);

/* Bytes, rounded down. */
HF_NODISCARD hf_err hf_size_parse(const char *text, uint64_t *bytes);

HF_NODISCARD hf_err hf_switch_parse(const char *text, bool *on);

#endif
