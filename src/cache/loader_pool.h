/* loader_pool.h - the threads of a cache in which its users' loaders run.
 *
 *     post -> [ waiting ] -> a thread: run(job) { ... step_out, the user's loader, step_in
 * ... } |                                                 |
 *                +--- close: drop(job)                             +--- close: abandon(job)
 *
 * Threads are started when there is work for them, and kept. Between step_out and step_in a
 * job may hang: closing waits for that no longer than it was told to, and then leaves the job
 * and its thread behind, which end by themselves whenever the loader does.
 *
 * Threads:  post from any, but not while it closes. drop and abandon are called by the thread
 *           that closes; abandon under the pool's lock, so it must not call the pool.
 * Memory:   one block; jobs are the poster's. A job left behind keeps the block, with its
 *           copy of the allocator, until it ends.
 * Errors:   HF_E_OVERLOAD when as many wait as may, HF_E_SYSTEM without a thread. */

#ifndef HF_CACHE_LOADER_POOL_H
#define HF_CACHE_LOADER_POOL_H

#include <holdfast/alloc.h>
#include <holdfast/error.h>
#include <holdfast/time.h>
#include <stdbool.h>

struct hf_loader_pool;

struct hf_loader_job {
    void (*run)(struct hf_loader_job *job);     /* May free the job. */
    void (*drop)(struct hf_loader_job *job);    /* It will not run. May free the job. */
    void (*abandon)(struct hf_loader_job *job); /* step_in will give false. */
    struct hf_loader_job *next;
};

HF_NODISCARD hf_err hf_loader_pool_open(const struct hf_allocator *a, unsigned threads_max,
                                        unsigned waiting_max, struct hf_loader_pool **pool);

/* Waits for the jobs that run; once `patience` has passed, only for those that are not
 * between step_out and step_in. In a forked child, which has no such threads, it only lets
 * go. NULL is fine. */
void hf_loader_pool_close(struct hf_loader_pool *pool, hf_duration patience);

HF_NODISCARD hf_err hf_loader_pool_post(struct hf_loader_pool *pool,
                                        struct hf_loader_job  *job);

/* The pool's copy, which is there as long as a job is. */
const struct hf_allocator *hf_loader_pool_allocator(const struct hf_loader_pool *pool);

/* Called by a job that runs: from here on it touches nothing but itself and the user's. */
void hf_loader_pool_step_out(struct hf_loader_pool *pool, struct hf_loader_job *job);

/* False when the job was left behind: it frees what is its own and returns. */
HF_NODISCARD bool hf_loader_pool_step_in(struct hf_loader_pool *pool,
                                         struct hf_loader_job  *job);

#endif
