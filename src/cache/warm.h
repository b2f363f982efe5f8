/* warm.h - warming from any source of entries; see <holdfast/warm.h>.
 *
 * The caller's thread reads entries into a ring of slots, each a batch that a thread of its
 * own sends. Slots are collected in the order in which they were filled, so that everything
 * before the position is really done:
 *
 *        fill, send ->  | 5 | 6 | 3 | 4 |  <- collect 3 before it is filled again
 *
 * Threads:  the source is asked in the caller's thread only. */

#ifndef HF_CACHE_WARM_H
#define HF_CACHE_WARM_H

#include "cache/cache.h"

#include <holdfast/warm.h>

/* Where entries come from. */
struct hf_warm_source {
    hf_warm_next_fn next;
    void           *ctx;
    uint64_t        position; /* Of the last entry given; kept by the source. */
    uint64_t        offset;
};

HF_NODISCARD hf_err hf_cache_warm_from(struct hf_cache *cache, const struct hf_call *call,
                                       const struct hf_warm    *how,
                                       struct hf_warm_source   *source,
                                       struct hf_warm_progress *progress,
                                       struct hf_error         *error);

#endif
