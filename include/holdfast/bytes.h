/* bytes.h - a view of bytes that somebody else owns.
 *
 * Keys and values are binary: any byte may occur, and nothing needs a terminating NUL. */

#ifndef HOLDFAST_BYTES_H
#define HOLDFAST_BYTES_H

#include <holdfast/api.h>
#include <stddef.h>
#include <string.h>

HF_BEGIN_DECLS

struct hf_bytes {
    const void *data; /* May be NULL when size is 0. */
    size_t      size;
};

static inline struct hf_bytes hf_bytes(const void *data, size_t size)
{
    struct hf_bytes b = { data, size };
    return b;
}

/* A NUL-terminated string without its NUL. */
static inline struct hf_bytes hf_str(const char *text)
{
    return hf_bytes(text, strlen(text));
}

HF_END_DECLS

#endif
