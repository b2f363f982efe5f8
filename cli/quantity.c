#include "quantity.h"

#include "command.h"

#include <errno.h>
#include <holdfast/cache.h>
#include <inttypes.h>
#include <stdlib.h>

bool quantity_count(const char *flag, const char *text, uint64_t low, uint64_t high,
                    uint64_t *value)
{
    char *end = NULL;
    if (!text) return true;
    errno = 0;
    const uint64_t number = strtoull(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && number >= low &&
        number <= high) {
        *value = number;
        return true;
    }
    complain("%s: \"%s\" is not a whole number from %" PRIu64 " to %" PRIu64, flag, text, low,
             high);
    return false;
}

bool quantity_ttl(const char *flag, const char *text, hf_duration *value)
{
    hf_duration d = hf_ns(0);
    if (!text) return true;
    const hf_err err = hf_duration_parse(text, &d);
    if (!err && d.ns >= 1 && d.ns <= HF_CACHE_TTL_MAX.ns) {
        *value = d;
        return true;
    }
    if (err == HF_E_INVALID) {
        complain("%s: \"%s\" is no duration, such as 30, 250ms, 10min or 1.5h", flag, text);
    } else {
        complain("%s: \"%s\" is out of range; allowed: more than 0 to 10 years", flag, text);
    }
    return false;
}
