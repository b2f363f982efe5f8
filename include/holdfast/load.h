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
 * Threads:  any; the loader runs in the thread that asked.
 * Memory:   a value, while it is loaded; the caller's reference after that.
 * Time:     as each function says.
 * Errors:   those of cache.h, and the loader's own. */

#ifndef HOLDFAST_LOAD_H
#define HOLDFAST_LOAD_H

#include <holdfast/cache.h>

HF_BEGIN_DECLS

/* What a loader computed; belongs to the library, for the time of the loader's call. */
struct hf_loaded;

/* The value: copied. HF_E_TOO_LARGE, HF_E_NOMEM. */
HF_API HF_NODISCARD hf_err hf_loaded_set(struct hf_loaded *loaded, struct hf_bytes value);

/* Computes the value of a key in the calling thread. HF_OK after hf_loaded_set(); HF_MISS
 * when there is no such thing; anything else is a failure. */
typedef hf_err (*hf_load_fn)(struct hf_bytes key, struct hf_loaded *loaded, void *ctx);

/* Zero-initialised means the defaults. */
struct hf_load {
    hf_duration ttl;          /* 0: the cache's default. */
    hf_duration negative_ttl; /* How long to remember HF_MISS; 0: not at all. */
    hf_duration lease;        /* How long other processes wait for this one's load before they
                               * load too; 0: 10 s. */
    uint32_t    jitter_percent; /* TTLs are shortened at random by up to that, at most 50, so
                                 * that what was stored together does not expire together. */
    bool        refresh_early;  /* In the last tenth of the TTL some caller, with growing
                                 * probability, loads anew while the others still hit. */
    bool stale_while_loading;   /* Who finds a stale value and a load under way takes it. */
};

/* get; and when there is nothing, load, once for all callers who ask meanwhile, in this and
 * in other processes, and set. how NULL: the defaults.
 *
 * HF_OK: a value. HF_MISS: the loader said so, now or within negative_ttl. Otherwise what the
 * loader returned; HF_E_TIMEOUT for a caller whose deadline passed while somebody else was
 * loading. In both cases a stale value within the cache's stale_limit is given instead, with
 * HF_OK. While Redis is down the loader is called, and its value is not stored.
 *
 * A delete or a clear during the load voids it: those who wait get the value, but it is not
 * stored. The call's timeout bounds everything but the loader itself. */
HF_API HF_NODISCARD hf_err hf_cache_load(struct hf_cache *cache, const struct hf_call *call,
                                         struct hf_bytes key, const struct hf_load *how,
                                         hf_load_fn load, void *ctx, struct hf_value **value,
                                         struct hf_error *error);

HF_END_DECLS

#endif
