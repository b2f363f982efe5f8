/* scan.h - one step of SCAN, and the pattern that finds a cache's own keys.
 *
 * Never KEYS: a step looks at some hundred keys and holds the server up for no longer.
 *
 * Threads:  any; a step belongs to one caller.
 * Memory:   what a step found, until it is freed.
 * Errors:   those of the client, HF_E_PROTOCOL. */

#ifndef HF_CACHE_SCAN_H
#define HF_CACHE_SCAN_H

#include "cache/cache.h"
#include "core/buffer.h"

struct hf_scan_step {
    struct hf_reply       *reply;
    const struct hf_reply *keys;
    uint64_t               next; /* Cursor; 0: that was all. */
};

/* The literal head of the cache's keys, and behind it the glob-style pattern. */
HF_NODISCARD hf_err hf_scan_match(const struct hf_keyspace *space, struct hf_bytes pattern,
                                  struct hf_buffer *match);

/* match of size 0: all keys there are. */
HF_NODISCARD hf_err hf_scan_step(struct hf_cache *cache, const struct hf_cache_limit *limit,
                                 struct hf_bytes match, uint64_t cursor,
                                 struct hf_scan_step *step, struct hf_error *error);

void hf_scan_step_free(struct hf_scan_step *step);

#endif
