/* alloc.h - memory through the allocator that the user gave.
 *
 * Everything a client owns is taken and given back here, so that a test can count it and
 * make each request fail once.
 *
 * Threads:  as safe as the allocator behind it.
 * Memory:   hf_free(a, NULL) is fine.
 * Errors:   NULL, which callers turn into HF_E_NOMEM. Sizes that overflow give NULL. */

#ifndef HF_CORE_ALLOC_H
#define HF_CORE_ALLOC_H

#include <holdfast/alloc.h>
#include <stddef.h>

/* malloc and free. */
extern const struct hf_allocator hf_allocator_default;

void *hf_alloc(const struct hf_allocator *a, size_t size);

/* count elements of size bytes, all zero. */
void *hf_alloc_zero(const struct hf_allocator *a, size_t count, size_t size);

/* On NULL the old block is still there. */
void *hf_resize(const struct hf_allocator *a, void *block, size_t size);

/* A NUL-terminated copy of size bytes. */
char *hf_copy_text(const struct hf_allocator *a, const char *text, size_t size);

void hf_free(const struct hf_allocator *a, void *block);

#endif
