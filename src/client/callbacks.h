/* callbacks.h - a few threads in which a client calls its user back.
 *
 * Started at the first job, so that a client that uses no callbacks has no such threads.
 * Jobs run in the order they were posted, several at once.
 *
 * Threads:  post from any thread; it never waits for a job.
 * Memory:   jobs are the poster's, and embedded in what they are about.
 * Errors:   HF_E_SYSTEM when no thread can be started. */

#ifndef HF_CLIENT_CALLBACKS_H
#define HF_CLIENT_CALLBACKS_H

#include <holdfast/error.h>
#include <pthread.h>
#include <stdbool.h>

enum { HF_CALLBACK_THREADS = 2 };

struct hf_job {
    void (*run)(struct hf_job *job); /* May free the job. */
    struct hf_job *next;
};

struct hf_callbacks {
    pthread_mutex_t lock;
    pthread_cond_t  posted;
    struct {
        struct hf_job *first, *last;
        pthread_t      threads[HF_CALLBACK_THREADS];
        unsigned       thread_count;
        bool           is_stopping;
    } locked;
};

void hf_callbacks_init(struct hf_callbacks *pool);

/* Makes sure that jobs will be run. */
HF_NODISCARD hf_err hf_callbacks_start(struct hf_callbacks *pool);

/* Only after hf_callbacks_start() succeeded. */
void hf_callbacks_post(struct hf_callbacks *pool, struct hf_job *job);

/* Runs what was posted, then ends the threads. Not from a job, and not in a forked child,
 * where the threads do not exist and their condition would be waited for without end. */
void hf_callbacks_deinit(struct hf_callbacks *pool);

#endif
