#include "tasks/claim.h"
#include "tasks/tasks.h"
#include "tasks/worker.h"

/* Two at once: while the server works for one, the other fills. */
enum { TRADES_AT_ONCE = 2, TRADE_MS = 2000 };

struct trade {
    struct hf_job       *jobs[HF_TRADE_MAX];
    size_t               count;
    struct hf_completion completions[HF_TRADE_MAX];
    size_t               completion_count;
    struct hf_task      *tasks[HF_TRADE_MAX];
    size_t               task_count;
};

static void add(struct trade *t, struct hf_job *job)
{
    t->jobs[t->count++] = job;
    job->guarded.deal = HF_DEAL_IS_UNDER_WAY;
    if (!job->guarded.completes) return;
    t->completions[t->completion_count++] = (struct hf_completion){
        .id = job->task->id,
        .token = job->task->token,
        .message = job->guarded.has_message ? job->guarded.message : NULL,
        .result = hf_bytes(job->result, job->result_size),
    };
}

/* The first that waits, from this one on round; NULL when none does. */
static struct hf_job *waiting_from(struct hf_worker *worker, size_t first)
{
    for (uint32_t i = 0; i < worker->thread_count; i++) {
        struct hf_job *job = &worker->jobs[(first + i) % worker->thread_count];
        if (job->guarded.deal == HF_DEAL_WAITS) return job;
    }
    return NULL;
}

static void hand_out(const struct trade *t, hf_err err, hf_instant asked)
{
    const bool is_told = !err || err == HF_MISS;
    size_t     completion = 0;
    for (size_t i = 0; i < t->count; i++) {
        struct hf_job *job = t->jobs[i];
        job->guarded.offer = (struct hf_offer){
            .err = err,
            .task = i < t->task_count ? t->tasks[i] : NULL,
            .asked = asked,
        };
        if (job->guarded.completes) {
            const hf_err completed = t->completions[completion++].err;
            if (is_told) job->guarded.offer.completed = completed;
        }
        job->guarded.deal = HF_DEAL_MADE;
        pthread_cond_signal(&job->dealt);
    }
}

/* Whether a trade may leave now. While another is under way the server is busy anyway: it
 * waits until all who are not in that one have come, or that one is through. */
static bool may_leave(const struct hf_worker *worker)
{
    uint32_t waiting = 0, away = 0;
    if (worker->guarded.trades == 0) return true;
    if (worker->guarded.trades >= TRADES_AT_ONCE) return false;
    for (uint32_t i = 0; i < worker->thread_count; i++) {
        waiting += worker->jobs[i].guarded.deal == HF_DEAL_WAITS;
        away += worker->jobs[i].guarded.deal == HF_DEAL_IS_UNDER_WAY;
    }
    return waiting + away >= worker->thread_count;
}

/* For this thread and as many as wait. Under the lock, which it gives up meanwhile. */
static void lead(struct hf_worker *worker, struct hf_job *job)
{
    const size_t   index = (size_t)(job - worker->jobs);
    struct trade   t = { .count = 0 };
    struct hf_job *next = job;
    while (next && t.count < HF_TRADE_MAX) {
        add(&t, next);
        next = waiting_from(worker, index);
    }
    worker->guarded.trades++;
    pthread_mutex_unlock(&worker->lock);

    const hf_duration    timeout = worker->tasks->timeout;
    const struct hf_call call = {
        .timeout = timeout.ns < hf_ms(TRADE_MS).ns ? timeout : hf_ms(TRADE_MS),
    };
    const hf_instant asked = hf_now();
    const hf_err     err = hf_tasks_trade(worker->tasks, &call, &worker->claim, t.completions,
                                          t.completion_count, t.tasks, t.count, &t.task_count,
                                          NULL);

    pthread_mutex_lock(&worker->lock);
    worker->guarded.trades--;
    hand_out(&t, err, asked);
    next = waiting_from(worker, index);
    if (next) pthread_cond_signal(&next->dealt);
}

bool hf_worker_trade(struct hf_job *job, bool completes, struct hf_offer *offer)
{
    struct hf_worker *worker = job->worker;
    pthread_mutex_lock(&worker->lock);
    job->guarded.completes = completes;
    job->guarded.deal = HF_DEAL_WAITS;
    while (job->guarded.deal == HF_DEAL_IS_UNDER_WAY ||
           (job->guarded.deal == HF_DEAL_WAITS && !worker->guarded.is_stopping &&
            !may_leave(worker))) {
        pthread_cond_wait(&job->dealt, &worker->lock);
    }
    const bool stops = worker->guarded.is_stopping;
    if (job->guarded.deal == HF_DEAL_WAITS && !stops) lead(worker, job);
    const bool is_made = job->guarded.deal == HF_DEAL_MADE;
    job->guarded.deal = HF_DEAL_MADE;
    if (is_made) *offer = job->guarded.offer;
    pthread_mutex_unlock(&worker->lock);
    return is_made;
}
