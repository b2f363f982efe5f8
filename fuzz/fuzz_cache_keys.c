/* The keys that values are encrypted with, as text: any bytes are keys with ids of their own,
 * or are refused and leave nothing behind. */

#include "core/assert.h"

#include <holdfast/seal.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KEYS = 4 };

static const struct hf_cache_key nothing[KEYS];

static void check(struct hf_bytes text)
{
    struct hf_cache_key keys[KEYS];
    struct hf_error     error;
    size_t              count = 99;
    memset(keys, 0x5a, sizeof keys);
    if (hf_cache_keys_parse(text, keys, KEYS, &count, &error)) {
        hf_assert(count == 99 && memcmp(keys, nothing, sizeof keys) == 0);
        return;
    }
    hf_assert(count >= 1 && count <= KEYS);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) hf_assert(keys[i].id != keys[j].id);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size ? size : 1); /* Of that size, so that a byte past it is seen. */
    if (!text) return 0;
    if (size) memcpy(text, data, size);
    check(hf_bytes(text, size));
    free(text);
    return 0;
}
