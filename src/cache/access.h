/* access.h - counts reads here and brings the counts to Redis.
 *
 *     read -> 1 in sample -> [ counting ] -> every interval -> [ going ] -> Redis
 *
 * What is going stays until Redis has it, or may have it; so both tables are all there ever
 * is, also during an outage.
 *
 * Threads:  any.
 * Memory:   two tables of heavy.h. */

#ifndef HF_CACHE_ACCESS_H
#define HF_CACHE_ACCESS_H

#include <holdfast/access.h>

struct hf_cache_access;

/* Sets cache->access, where the options ask for it. HF_E_RANGE, HF_E_NOMEM, HF_E_SYSTEM. */
HF_NODISCARD hf_err hf_cache_access_open(struct hf_cache               *cache,
                                         const struct hf_cache_options *options,
                                         struct hf_error               *error);

/* Brings what is left, for at most a second. */
void hf_cache_access_close(struct hf_cache *cache);

/* A value of this key was read. */
void hf_cache_access_note(struct hf_cache_access *access, struct hf_bytes key);

#endif
