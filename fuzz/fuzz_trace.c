/* The header traceparent: any text is a context that reads the same once it is written, or is
 * refused and leaves the context as it was. */

#include "core/assert.h"

#include <holdfast/trace.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LENGTH = HF_TRACE_TEXT_SIZE - 1, VERSION = 2, FLAGS = 2, KNOWN = 3 };

static void check(const char *text)
{
    struct hf_trace_context read, again;
    char                    written[HF_TRACE_TEXT_SIZE];
    memset(&read, 0x5a, sizeof read);
    const struct hf_trace_context before = read;
    if (hf_trace_parse(text, &read)) {
        hf_assert(memcmp(&read, &before, sizeof read) == 0);
        return;
    }
    hf_assert(hf_trace_is_set(&read));
    hf_trace_format(&read, written);
    hf_assert(strlen(written) == LENGTH);
    hf_assert(memcmp(written + VERSION, text + VERSION, LENGTH - VERSION - FLAGS) == 0);
    hf_assert(hf_trace_parse(written, &again) == HF_OK);
    hf_assert((again.flags & ~KNOWN) == 0); /* What nobody knows is not passed on. */
    again.flags = (unsigned char)(again.flags | (read.flags & ~KNOWN));
    hf_assert(memcmp(&again, &read, sizeof read) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text) return 0;
    if (size) memcpy(text, data, size);
    text[size] = '\0';
    check(text);
    free(text);
    return 0;
}
