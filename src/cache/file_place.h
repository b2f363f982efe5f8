/* file_place.h - where a path is valid: on this host, or in a root that hosts share.
 *
 * Threads:  read-only after init.
 * Memory:   caller-allocated; the roots' names and paths are copied. */

#ifndef HF_CACHE_FILE_PLACE_H
#define HF_CACHE_FILE_PLACE_H

#include "cache/file_ref.h"

#include <holdfast/alloc.h>

struct hf_file_places {
    const struct hf_allocator *allocator;
    char                       host[HF_FILE_PLACE_MAX + 1];
    size_t                     root_count;
    struct {
        char  name[HF_FILE_PLACE_MAX + 1];
        char *path; /* Resolved if it was there; without a slash at its end. */
    } roots[HF_FILE_ROOTS_MAX];
};

HF_NODISCARD hf_err hf_file_places_init(struct hf_file_places     *p,
                                        const struct hf_allocator *a, const char *host,
                                        const struct hf_file_root *roots, size_t root_count,
                                        struct hf_error *error);
void                hf_file_places_deinit(struct hf_file_places *p);

/* Sets place and path of the reference to a resolved path, into which they point. */
void hf_file_place_of(const struct hf_file_places *p, const char *resolved,
                      struct hf_file_ref *ref);

/* The path on this host. False when it is not valid here: of another host, of a root that is
 * not known, or that is missing or empty, as one that is not mounted. */
HF_NODISCARD bool hf_file_place_locate(const struct hf_file_places *p,
                                       const struct hf_file_ref    *ref,
                                       char path[2 * HF_FILE_PATH_MAX]);

#endif
