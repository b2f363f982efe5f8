/* A line of a file to warm from: any bytes are an entry within its bounds, or are refused;
 * and what one line says, another does not find. */

#include "cache/warm_line.h"

#include "core/alloc.h"
#include "core/assert.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct hf_warm_line *l, const char *at, size_t size)
{
    struct hf_warm_entry entry = { .ttl = hf_ns(0) };
    struct hf_error      error;
    if (hf_warm_line_parse(l, hf_bytes(at, size), &entry, &error)) {
        hf_assert(error.detail[0] != '\0');
        return;
    }
    /* Base64 and JSON only make it shorter, "\u0000" too. */
    hf_assert(entry.key.size + entry.value.size <= size);
    hf_assert(entry.ttl.ns >= 0 && entry.ttl.ns <= HF_CACHE_TTL_MAX.ns);
    char *copy = malloc(entry.key.size + entry.value.size + 1); /* All of it can be read. */
    if (!copy) return;
    memcpy(copy, entry.key.data, entry.key.size);
    memcpy(copy + entry.key.size, entry.value.data, entry.value.size);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_warm_line l;
    char               *text = malloc(size + 1);
    if (!text) return 0;
    if (size) memcpy(text, data, size);
    text[size] = '\n';
    hf_warm_line_init(&l, &hf_allocator_default);
    for (const char *at = text; at < text + size;) {
        const char *end = memchr(at, '\n', (size_t)(text + size + 1 - at));
        check(&l, at, (size_t)(end - at));
        at = end + 1;
    }
    hf_warm_line_deinit(&l);
    free(text);
    return 0;
}
