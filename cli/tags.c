#include "tags.h"

#include "command.h"

#include <string.h>

bool tags_read(const char *text, struct tags *tags)
{
    tags->count = 0;
    while (text) {
        const char  *comma = strchr(text, ',');
        const size_t size = comma ? (size_t)(comma - text) : strlen(text);
        if (size == 0 || size > HF_TAG_SIZE_MAX) {
            complain("--tag: a name has 1 to %d bytes", HF_TAG_SIZE_MAX);
            return false;
        }
        if (tags->count == HF_TAGS_MAX) {
            complain("--tag: at most %d names", HF_TAGS_MAX);
            return false;
        }
        tags->names[tags->count++] = hf_bytes(text, size);
        text = comma ? comma + 1 : NULL;
    }
    return true;
}
