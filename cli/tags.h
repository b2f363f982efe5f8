/* tags.h - names of tags on the command line: "prices,user:42".
 *
 * Memory:   they point into the text.
 * Errors:   false after one line of complaint. */

#ifndef CLI_TAGS_H
#define CLI_TAGS_H

#include <holdfast/cache.h>
#include <stdbool.h>

struct tags {
    struct hf_bytes names[HF_TAGS_MAX];
    size_t          count;
};

/* text NULL: none. */
bool tags_read(const char *text, struct tags *tags);

#endif
