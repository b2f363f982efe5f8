/* load.h - get, or else load: once for all who ask.
 *
 *     static hf_err render(struct hf_bytes key, struct hf_loaded *page, void *ctx)
 *     {
 *         ...
 *         return hf_loaded_set(page, html);
 *     }
 *
 *     err = hf_cache_load(cache, &call, hf_str("page:1"), NULL, render, site, &value, NULL);
 *
 * Loaders run in threads of the cache, as many as struct hf_cache_options allows, so that one
 * that is slow or hangs holds nobody past his deadline: the call returns, the load goes on
 * and its value is stored when it comes. When all threads are busy and as many loads wait as
 * may, further ones end with HF_E_OVERLOAD.
 *
 * Threads:  any. Loaders of different keys run at once; of one key there is one at a time in
 *           all processes, but for those that outlive their lease or a delete, and while
 *           Redis is down one in each process.
 * Memory:   a value, while it is loaded; the caller's reference after that.
 * Time:     each call ends by its deadline, unless it asks for in_caller.
 * Errors:   those of cache.h, and the loader's own. */

#ifndef HOLDFAST_LOAD_H
#define HOLDFAST_LOAD_H

#include <holdfast/cache.h>

HF_BEGIN_DECLS

/* What a loader computed; belongs to the library, for the time of the loader's call. */
struct hf_loaded;

/* The value: copied. HF_E_TOO_LARGE, HF_E_NOMEM. */
HF_API HF_NODISCARD hf_err hf_loaded_set(struct hf_loaded *loaded, struct hf_bytes value);

/* The same with what hf_value_metadata() is to give; see struct hf_set. */
HF_API HF_NODISCARD hf_err hf_loaded_set_with(struct hf_loaded *loaded, struct hf_bytes value,
                                              struct hf_bytes metadata);

/* Computes the value of a key. HF_OK after hf_loaded_set(); HF_MISS when there is no such
 * thing; anything else is a failure. It may call the cache, but not hf_cache_close(). One
 * that still runs a second after the cache was told to close is left behind: it ends in its
 * own time, what it gives is dropped, and until then it needs the allocator and its context,
 * but must not use the cache. */
typedef hf_err (*hf_load_fn)(struct hf_bytes key, struct hf_loaded *loaded, void *ctx);

/* Zero-initialised means the defaults. */
struct hf_load {
    hf_duration ttl;          /* 0: the cache's default. */
    hf_duration negative_ttl; /* How long to remember HF_MISS; 0: not at all. */
    hf_duration lease;        /* How long other processes wait for this one's load before they
                               * load too; 0: 10 s. */
    uint32_t    jitter_percent; /* TTLs are shortened at random by up to that, at most 50, so
                                 * that what was stored together does not expire together. */
    bool        refresh_early;  /* In the last tenth of the TTL a hit has, with growing
                                 * probability, the value loaded anew in the background. */
    bool        stale_while_loading; /* Who finds a stale value takes it at once; it is loaded
                                      * in the background. */
    hf_duration soft_timeout;    /* Who finds a stale value waits that long for the load, then
                                  * takes the stale value; 0: to the call's deadline. */
    const struct hf_bytes *tags; /* As those of struct hf_set; their versions are read before
                                  * the loader runs, so invalidating one during the load voids
                                  * it. Copied. */
    size_t                 tag_count;
    bool in_caller; /* The first who asks loads in his own thread, which the call's
                     * timeout then does not bound; the others wait or take what
                     * they have. */
    void (*release_ctx)(void *ctx); /* Called once for each hf_cache_load(), perhaps after it
                                     * has returned, when ctx is not used any more; from the
                                     * caller's thread or a loader's. NULL: none. */
};

/* get; and when there is nothing, load, once for all callers who ask meanwhile, in this and
 * in other processes, and set. how NULL: the defaults.
 *
 * HF_OK: a value. HF_MISS: the loader said so, now or within negative_ttl. Otherwise what the
 * loader returned; HF_E_TIMEOUT when the deadline passed first; HF_E_OVERLOAD. In these cases
 * a stale value within the cache's stale_limit is given instead, with HF_OK. While Redis is
 * down the loader is called, and its value is not stored.
 *
 * A delete or a clear during the load voids it: those who wait get the value, but it is not
 * stored. ctx must last until release_ctx, or, without, until the loader has ended, which may
 * be after the call. */
HF_API HF_NODISCARD hf_err hf_cache_load(struct hf_cache *cache, const struct hf_call *call,
                                         struct hf_bytes key, const struct hf_load *how,
                                         hf_load_fn load, void *ctx, struct hf_value **value,
                                         struct hf_error *error);

HF_END_DECLS

#endif
