/* alloc.h - where a client gets its memory from.
 *
 * Give one to hf_options_set_allocator(); NULL, the default, means malloc. An allocator
 * belongs to one client and everything opened on it, so that two parts of a process can
 * account for their memory apart.
 *
 * Threads:  the functions are called from many threads at once.
 * Errors:   returning NULL is always allowed: the call at hand then fails with HF_E_NOMEM,
 *           and nothing is leaked or half done. */

#ifndef HOLDFAST_ALLOC_H
#define HOLDFAST_ALLOC_H

#include <holdfast/api.h>
#include <stddef.h>

HF_BEGIN_DECLS

struct hf_allocator {
    void *(*resize)(void *block, size_t size, void *ctx); /* As realloc; block may be NULL. */
    void (*release)(void *block, void *ctx);              /* As free; block is never NULL. */
    void *ctx;
};

HF_END_DECLS

#endif
