/* invalidate.h - makes many entries of a cache miss, not only one.
 *
 *     struct hf_sweep sweep = { 0 };
 *     err = hf_cache_delete_matching(cache, NULL, hf_str("user:42:*"), &sweep, NULL, NULL,
 *                                    &error);
 *
 *     hf_cache_invalidate_tag    those that were stored with a tag; O(1)
 *     hf_cache_delete_matching   those whose keys match a pattern; looks at all keys
 *     hf_cache_clear             all of them at once (cache.h)
 *
 * Threads:  any.
 * Memory:   constant, however many entries there are.
 * Errors:   those of cache.h. */

#ifndef HOLDFAST_INVALIDATE_H
#define HOLDFAST_INVALIDATE_H

#include <holdfast/cache.h>

HF_BEGIN_DECLS

/* Every entry stored with this tag (struct hf_set, struct hf_load) misses: at once here, and
 * within 3 s in other processes; what is being loaded with it now is not stored. It is never
 * served stale either. What is set later is valid again, whatever it was computed from: who
 * computes while others invalidate uses hf_cache_load(), which tells the two apart. (What
 * another process sets within a second may miss too: it has not heard yet.)
 *
 * Each tag has a version in Redis, which is deleted; entries carry the versions that their
 * tags had and are compared with them on reading. Versions are read once a second at most for
 * each tag that is in use, by one more round trip then. One that was evicted, or cannot be
 * read, makes its entries miss.
 *
 * A failure is not forgotten: the tag's entries miss here until it was made up for, as those
 * of a failed hf_cache_delete(). HF_E_INVALID for an empty name or more than HF_TAGS_MAX,
 * HF_E_TOO_LARGE for a long one. */
HF_API HF_NODISCARD hf_err hf_cache_invalidate_tag(struct hf_cache      *cache,
                                                   const struct hf_call *call,
                                                   struct hf_bytes       tag,
                                                   struct hf_error      *error);

/* Several in one round trip. On a failure some may be invalidated and others not yet. */
HF_API HF_NODISCARD hf_err hf_cache_invalidate_tags(struct hf_cache       *cache,
                                                    const struct hf_call  *call,
                                                    const struct hf_bytes *tags, size_t count,
                                                    struct hf_error *error);

/* How far a sweep has come. Zero-initialised to begin with; kept as it is to go on with. */
struct hf_sweep {
    uint64_t cursor;  /* Of SCAN. */
    uint64_t steps;   /* So far. */
    uint64_t deleted; /* Entries so far. */
};

/* Called after each step but the last, in the caller's thread; false ends the sweep there. */
typedef bool (*hf_sweep_fn)(const struct hf_sweep *sweep, void *ctx);

/* Deletes the entries whose keys match a glob-style pattern ("user:42:*"; `?`, `[ab]` and `\`
 * as in Redis), by SCAN and UNLINK in small steps, so that the server is never held up. The
 * call's timeout bounds each step. What is stored while it runs may stay.
 *
 * HF_OK when it is through, and then the cursor is 0; HF_MISS when progress ended it. After
 * that or an error, calling it again with the same *sweep goes on. progress may be NULL. On
 * one server only: not on a cluster. */
HF_API HF_NODISCARD hf_err hf_cache_delete_matching(
    struct hf_cache *cache, const struct hf_call *call, struct hf_bytes pattern,
    struct hf_sweep *sweep, hf_sweep_fn progress, void *ctx, struct hf_error *error);

HF_END_DECLS

#endif
