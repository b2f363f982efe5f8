#include "client/callbacks.h"

#include "core/thread.h"

void hf_callbacks_init(struct hf_callbacks *pool)
{
    *pool = (struct hf_callbacks){ 0 };
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->posted, NULL);
}

/* Locked, waits. NULL when the pool stops and nothing is left. */
static struct hf_job *next_job(struct hf_callbacks *pool)
{
    while (!pool->locked.first && !pool->locked.is_stopping) {
        pthread_cond_wait(&pool->posted, &pool->lock);
    }
    struct hf_job *job = pool->locked.first;
    if (job) {
        pool->locked.first = job->next;
        if (!job->next) pool->locked.last = NULL;
    }
    return job;
}

static void *work(void *arg)
{
    struct hf_callbacks *pool = arg;
    struct hf_job       *job;
    pthread_mutex_lock(&pool->lock);
    while ((job = next_job(pool))) {
        pthread_mutex_unlock(&pool->lock);
        job->run(job);
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

hf_err hf_callbacks_start(struct hf_callbacks *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->locked.thread_count < HF_CALLBACK_THREADS) {
        pthread_t *thread = &pool->locked.threads[pool->locked.thread_count];
        if (hf_thread_start(thread, work, pool)) break;
        pool->locked.thread_count++;
    }
    const bool started = pool->locked.thread_count > 0;
    pthread_mutex_unlock(&pool->lock);
    return started ? HF_OK : HF_E_SYSTEM;
}

void hf_callbacks_post(struct hf_callbacks *pool, struct hf_job *job)
{
    job->next = NULL;
    pthread_mutex_lock(&pool->lock);
    if (pool->locked.last) {
        pool->locked.last->next = job;
    } else {
        pool->locked.first = job;
    }
    pool->locked.last = job;
    pthread_cond_signal(&pool->posted);
    pthread_mutex_unlock(&pool->lock);
}

void hf_callbacks_deinit(struct hf_callbacks *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->locked.is_stopping = true;
    pthread_cond_broadcast(&pool->posted);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->locked.thread_count; i++) {
        pthread_join(pool->locked.threads[i], NULL);
    }
    pthread_cond_destroy(&pool->posted);
    pthread_mutex_destroy(&pool->lock);
}
