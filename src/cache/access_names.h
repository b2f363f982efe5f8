/* access_names.h - how what is known of reads is called in Redis.
 *
 *     <prefix>@<version>/access:<key>      a hash of n, reads, and t, unix ms of the last
 *     <prefix>@<version>/hot:<window>      a sorted set of keys by reads, for ten minutes
 *
 * Threads:  any; pure.
 * Memory:   the caller's room. */

#ifndef HF_CACHE_ACCESS_NAMES_H
#define HF_CACHE_ACCESS_NAMES_H

#include "cache/cache.h"
#include "cache/heavy.h"

enum {
    HF_ACCESS_WINDOW_MS = 10 * 60 * 1000,
    HF_ACCESS_KEY_ROOM = HF_KEY_PREFIX_MAX + 32 + HF_HEAVY_KEY_MAX,
};

/* `what` with its slash and colon, at most 8 bytes; rest at most HF_HEAVY_KEY_MAX. */
struct hf_bytes hf_access_key(char room[HF_ACCESS_KEY_ROOM], const struct hf_cache *cache,
                              const char *what, struct hf_bytes rest);

/* Number of the present window, and the key of one. */
int64_t         hf_access_window(void);
struct hf_bytes hf_access_window_key(char                   room[HF_ACCESS_KEY_ROOM],
                                     const struct hf_cache *cache, int64_t window);

#endif
