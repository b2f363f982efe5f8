/* worker.h - a worker as its own files see it.
 *
 *     worker.c        opening, stopping, closing
 *     worker_job.c    what a handler sees
 *     worker_run.c    a thread: claim, run the handler, deliver the outcome
 *     worker_trade.c  what threads deliver and claim at once goes in one trip
 *     worker_beat.c   the thread that sends heartbeats, and ends what must end
 *
 * Who tells the server: the thread of the job once the handler has returned; before that the
 * beating thread, which may fail or release the task over the handler's head. Both may do so
 * at once: with the same token they come to the same end.
 *
 * Threads:  the lock guards what is in the structs called guarded; nobody calls Redis or
 *           a handler under it. */

#ifndef HF_TASKS_WORKER_H
#define HF_TASKS_WORKER_H

#include <holdfast/alloc.h>
#include <holdfast/worker.h>
#include <pthread.h>

/* What a thread gets for what it gives. */
struct hf_offer {
    hf_err          err;       /* HF_OK, HF_MISS: there is no task; else unknown. */
    struct hf_task *task;      /* May be NULL with HF_OK, too: ask again. */
    hf_instant      asked;     /* Before the claim. */
    hf_err          completed; /* With HF_OK and HF_MISS, if a task was completed. */
};

enum hf_deal_state {
    HF_DEAL_MADE,
    HF_DEAL_WAITS, /* Some thread is to take it along. */
    HF_DEAL_IS_UNDER_WAY,
};

struct hf_job {
    struct hf_worker *worker;
    struct hf_task   *task;     /* Set while it has one. */
    hf_instant        deadline; /* Of the handler. */
    char             *result;
    size_t            result_size;
    pthread_cond_t    dealt; /* Its deal is made, or its thread may lead. */

    struct {
        enum hf_deal_state deal;
        bool               completes; /* The deal does. */
        struct hf_offer    offer;
        char               id[HF_TASK_ID_MAX + 1];
        uint64_t           token;      /* 0: no task that a heartbeat could be for. */
        bool               is_running; /* The handler has not returned. */
        hf_err             verdict;    /* What hf_job_check() says. */
        bool               is_settled; /* The server knows of the verdict. */
        bool               has_news;
        double             progress;
        bool               has_message;
        char               message[HF_TASK_TEXT_MAX + 1];
        hf_instant         beat_at;
    } guarded;
};

struct hf_worker {
    struct hf_tasks           *tasks;
    const struct hf_allocator *allocator;
    hf_work_fn                 work;
    void                      *ctx;
    struct hf_claim            claim; /* Its texts are copies. */
    hf_duration                beat_every;
    hf_duration                task_timeout;
    uint32_t                   thread_count; /* Of those that were started. */
    pthread_t                  threads[HF_WORKER_THREADS_MAX];
    pthread_t                  beat_thread;
    bool                       has_beat_thread;
    struct hf_job             *jobs; /* One for each thread. */

    pthread_mutex_t lock;
    pthread_cond_t  scout_is_gone;
    pthread_cond_t  changed; /* Stopping, giving up, the end of a thread. */
    struct {
        bool                   is_stopping; /* No more claims. */
        bool                   has_scout;   /* A thread waits for tasks. */
        bool                   gives_up;    /* The grace is over. */
        bool                   is_closing;  /* The beating thread ends. */
        uint32_t               alive;       /* Threads that have not ended. */
        uint32_t               trades;      /* Under way. */
        struct hf_worker_stats stats;
    } guarded;
};

/* The two bodies; arg is a struct hf_job and a struct hf_worker. */
void *hf_worker_run(void *arg);
void *hf_worker_beat(void *arg);

/* Claims, and first completes the job's task, together with other threads of the worker that
 * do so now. False when the worker stops: nothing was done. */
bool hf_worker_trade(struct hf_job *job, bool completes, struct hf_offer *offer);

/* Waits on `changed`, under the lock, at most until then. */
void hf_worker_nap(struct hf_worker *worker, hf_instant until);

#endif
