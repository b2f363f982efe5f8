#include "cache/loader_pool.h"

#include "core/alloc.h"
#include "core/assert.h"
#include "core/condition.h"
#include "core/thread.h"

#include <unistd.h>

struct worker {
    struct hf_loader_pool *pool;
    pthread_t              thread;
    struct hf_loader_job  *outside;      /* NULL unless a job of it has stepped out. */
    bool                   is_busy;      /* With a job. */
    bool                   is_abandoned; /* The pool was closed without it. */
};

struct hf_loader_pool {
    struct hf_allocator allocator;
    pid_t               pid; /* Of the process whose threads they are. */
    unsigned            threads_max;
    unsigned            waiting_max;
    pthread_mutex_t     lock;
    pthread_cond_t      posted;
    pthread_cond_t      changed; /* A worker became idle, or stepped out. */
    struct {
        struct hf_loader_job *first, *last;
        unsigned              waiting;
        unsigned              idle;
        unsigned              thread_count;
        unsigned              holders; /* While closing: who may be the last to leave. */
        bool                  is_closing;
    } locked;
    struct worker workers[];
};

hf_err hf_loader_pool_open(const struct hf_allocator *a, unsigned threads_max,
                           unsigned waiting_max, struct hf_loader_pool **opened)
{
    struct hf_loader_pool *pool = hf_alloc_zero(
        a, 1, sizeof *pool + threads_max * sizeof pool->workers[0]);
    if (!pool) return HF_E_NOMEM;

    pool->allocator = *a;
    pool->pid = getpid();
    pool->threads_max = threads_max;
    pool->waiting_max = waiting_max;
    hf_condition_init(&pool->changed);
    pthread_cond_init(&pool->posted, NULL);
    pthread_mutex_init(&pool->lock, NULL);
    *opened = pool;
    return HF_OK;
}

static void free_pool(struct hf_loader_pool *pool)
{
    const struct hf_allocator a = pool->allocator;
    pthread_cond_destroy(&pool->posted);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    hf_free(&a, pool);
}

/* Locked, waits. NULL when the pool closes. */
static struct hf_loader_job *next_job(struct hf_loader_pool *pool)
{
    while (!pool->locked.first && !pool->locked.is_closing) {
        pool->locked.idle++;
        pthread_cond_wait(&pool->posted, &pool->lock);
        pool->locked.idle--;
    }
    struct hf_loader_job *job = pool->locked.first;
    if (job) {
        pool->locked.first = job->next;
        if (!job->next) pool->locked.last = NULL;
        pool->locked.waiting--;
    }
    return job;
}

static void *work(void *arg)
{
    struct worker         *me = arg;
    struct hf_loader_pool *pool = me->pool;
    struct hf_loader_job  *job;
    pthread_mutex_lock(&pool->lock);
    while (!me->is_abandoned && (job = next_job(pool))) {
        me->is_busy = true;
        pthread_mutex_unlock(&pool->lock);
        job->run(job);
        pthread_mutex_lock(&pool->lock);
        me->is_busy = false;
        pthread_cond_signal(&pool->changed);
    }
    const bool is_last = me->is_abandoned && --pool->locked.holders == 0;
    pthread_mutex_unlock(&pool->lock);
    if (is_last) free_pool(pool);
    return NULL;
}

/* Locked: one more thread where all are busy and more may be. */
static hf_err see_to_a_thread(struct hf_loader_pool *pool)
{
    struct worker *worker = &pool->workers[pool->locked.thread_count];
    if (pool->locked.idle > pool->locked.waiting) return HF_OK;
    if (pool->locked.thread_count == pool->threads_max) return HF_OK;

    worker->pool = pool;
    if (hf_thread_start(&worker->thread, work, worker) == HF_OK) pool->locked.thread_count++;
    return pool->locked.thread_count ? HF_OK : HF_E_SYSTEM;
}

hf_err hf_loader_pool_post(struct hf_loader_pool *pool, struct hf_loader_job *job)
{
    job->next = NULL;
    pthread_mutex_lock(&pool->lock);
    hf_err err = pool->locked.waiting < pool->waiting_max ? HF_OK : HF_E_OVERLOAD;
    if (!err) err = see_to_a_thread(pool);
    if (!err) {
        if (pool->locked.last) {
            pool->locked.last->next = job;
        } else {
            pool->locked.first = job;
        }
        pool->locked.last = job;
        pool->locked.waiting++;
        pthread_cond_signal(&pool->posted);
    }
    pthread_mutex_unlock(&pool->lock);
    return err;
}

const struct hf_allocator *hf_loader_pool_allocator(const struct hf_loader_pool *pool)
{
    return &pool->allocator;
}

/* Locked. */
static struct worker *self(struct hf_loader_pool *pool)
{
    for (unsigned i = 0; i < pool->locked.thread_count; i++) {
        if (pthread_equal(pool->workers[i].thread, pthread_self())) return &pool->workers[i];
    }
    return NULL;
}

void hf_loader_pool_step_out(struct hf_loader_pool *pool, struct hf_loader_job *job)
{
    pthread_mutex_lock(&pool->lock);
    struct worker *me = self(pool);
    hf_assert(me && !me->outside);
    me->outside = job;
    pthread_cond_signal(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
}

bool hf_loader_pool_step_in(struct hf_loader_pool *pool, struct hf_loader_job *job)
{
    pthread_mutex_lock(&pool->lock);
    struct worker *me = self(pool);
    hf_assert(me && me->outside == job);
    (void)job;
    me->outside = NULL;
    const bool is_in = !me->is_abandoned;
    pthread_mutex_unlock(&pool->lock);
    return is_in;
}

/* Locked: how many have a job; those whose loader runs too, or not. */
static unsigned busy_workers(const struct hf_loader_pool *pool, bool outside_too)
{
    unsigned count = 0;
    for (unsigned i = 0; i < pool->locked.thread_count; i++) {
        const struct worker *worker = &pool->workers[i];
        count += worker->is_busy && (outside_too || !worker->outside);
    }
    return count;
}

/* Locked: waits until none has; past `end` only for those who touch the cache. */
static void wait_for_workers(struct hf_loader_pool *pool, hf_instant end)
{
    while (busy_workers(pool, true) > 0 &&
           hf_condition_wait(&pool->changed, &pool->lock, end)) {
    }
    while (busy_workers(pool, false) > 0) pthread_cond_wait(&pool->changed, &pool->lock);
}

static struct hf_loader_job *take_waiting(struct hf_loader_pool *pool)
{
    struct hf_loader_job *jobs = pool->locked.first;
    pool->locked.first = pool->locked.last = NULL;
    pool->locked.waiting = 0;
    return jobs;
}

/* Locked, so that none of them steps in meanwhile. */
static void abandon_the_rest(struct hf_loader_pool *pool)
{
    for (unsigned i = 0; i < pool->locked.thread_count; i++) {
        struct worker *worker = &pool->workers[i];
        if (!worker->outside) continue;
        worker->is_abandoned = true;
        pool->locked.holders++;
        worker->outside->abandon(worker->outside);
        pthread_detach(worker->thread);
    }
}

static void drop_all(struct hf_loader_job *jobs)
{
    while (jobs) {
        struct hf_loader_job *job = jobs;
        jobs = job->next;
        job->drop(job);
    }
}

void hf_loader_pool_close(struct hf_loader_pool *pool, hf_duration patience)
{
    if (!pool || getpid() != pool->pid) return;

    const hf_instant end = hf_later(hf_now(), patience);
    pthread_mutex_lock(&pool->lock);
    pool->locked.is_closing = true;
    struct hf_loader_job *dropped = take_waiting(pool);
    pthread_cond_broadcast(&pool->posted);
    pthread_mutex_unlock(&pool->lock);
    drop_all(dropped);
    pthread_mutex_lock(&pool->lock);
    wait_for_workers(pool, end);
    pool->locked.holders = 1; /* This thread, until all is done. */
    abandon_the_rest(pool);
    for (unsigned i = 0; i < pool->locked.thread_count; i++) {
        if (pool->workers[i].is_abandoned) continue;
        pthread_mutex_unlock(&pool->lock);
        pthread_join(pool->workers[i].thread, NULL);
        pthread_mutex_lock(&pool->lock);
    }
    const bool is_last = --pool->locked.holders == 0;
    pthread_mutex_unlock(&pool->lock);
    if (is_last) free_pool(pool);
}
