/* load_job.h - one load of a key: the lease, the loader, what is stored.
 *
 *     open -> look, until the lease is ours -> run, in a thread of the pool or here
 *
 * Across processes there is a lease in Redis with a token of the loader's. Only its holder
 * stores, in the script that also gives it back; a delete takes the lease away, so what was
 * loaded before the delete is not stored after it. Who finds the lease taken looks again
 * until the value is there or the lease has run out.
 *
 * The result goes to the job's flight, on whose other end callers wait, or nobody does.
 *
 * Threads:  one at a time.
 * Memory:   one block and the loaded value, from the pool's allocator.
 * Time:     the loader's is its own; each dealing with Redis ends within the call's timeout.
 * Errors:   are offered to the flight. */

#ifndef HF_CACHE_LOAD_JOB_H
#define HF_CACHE_LOAD_JOB_H

#include "cache/cache.h"

/* What to load and how, checked; copied from struct hf_load. */
struct hf_load_plan {
    hf_load_fn load;
    void      *ctx;
    void (*release_ctx)(void *ctx); /* NULL for none. */
    int64_t                ttl_ms;
    int64_t                negative_ttl_ms; /* 0: not remembered. */
    int64_t                lease_ms;
    uint32_t               jitter_percent;
    const struct hf_bytes *tags; /* Copied on opening a job. */
    size_t                 tag_count;
};

struct hf_load_job;

/* The caller, who leads the flight, keeps its membership and in_hand (NULL, or what is to be
 * replaced). HF_E_NOMEM. */
HF_NODISCARD hf_err hf_load_job_open(struct hf_cache *cache, const struct hf_call *call,
                                     struct hf_bytes name, const struct hf_load_plan *plan,
                                     struct hf_flight *flight, struct hf_value *in_hand,
                                     struct hf_load_job **job);

/* Reads what the value will be bound to, of before the load, so that a clear during it is
 * seen. On an error Redis has nothing to say: it is not to be looked at. */
HF_NODISCARD hf_err hf_load_job_bind(struct hf_load_job *job, hf_instant end);

/* One look: HF_OK with a value that somebody else stored, HF_MISS when the lease is ours or
 * none is to be had from Redis now, HF_E_OVERLOAD when another process holds it. */
HF_NODISCARD hf_err hf_load_job_look(struct hf_load_job *job, hf_instant end,
                                     struct hf_value **value);

/* Loads in this thread. Ends the job and its flight. */
void hf_load_job_run_here(struct hf_load_job *job);

/* Loads in the pool. On an error, as of hf_loader_pool_post(), the job is still the
 * caller's. */
HF_NODISCARD hf_err hf_load_job_post(struct hf_load_job *job);

/* The same for a job that was not looked at: it does that there, and loads only with a
 * lease. */
HF_NODISCARD hf_err hf_load_job_post_refresh(struct hf_load_job *job);

/* Ends a job that is not run, and its flight; the context stays the caller's. */
void hf_load_job_close(struct hf_load_job *job);

/* A random number below bound, for spreading. */
uint64_t hf_load_below(uint64_t bound);

#endif
