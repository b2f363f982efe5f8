#include "core/alloc.h"
#include "core/rng.h"
#include "tasks/tasks.h"
#include "tasks/worker.h"

#include <string.h>

enum {
    WAIT_MS = 500, /* How long a stop may find the scout waiting for a task. */
    DELIVER_MS = 2000,
    SMALL_RESULT = 16 * 1024, /* Does not hold others up. */
    NAP_MS_MIN = 20, /* Between two tries while Redis is down, doubled for each, ... */
    NAP_MS_MAX = 1280,
    LAST_CALL_MS = 500, /* When the grace is over. */
};

static hf_duration within(hf_duration timeout, uint32_t ms)
{
    return timeout.ns < hf_ms(ms).ns ? timeout : hf_ms(ms);
}

/* How long to rest after so many failures in a row: half of it by chance, so that the
 * threads of many workers do not come back at once. */
static hf_duration rest_after(uint32_t failures)
{
    struct hf_rng rng = { hf_rng_seed() };
    uint32_t      ms = NAP_MS_MIN;
    while (failures-- > 0 && ms < NAP_MS_MAX) ms *= 2;
    return hf_ms(ms / 2 + (uint32_t)hf_rng_below(&rng, ms / 2));
}

static void begin(struct hf_job *job, struct hf_task *task, hf_instant claimed)
{
    struct hf_worker *worker = job->worker;
    const hf_duration timeout = worker->task_timeout;
    job->task = task;
    job->deadline = timeout.ns ? hf_later(hf_now(), timeout) : hf_never();
    pthread_mutex_lock(&worker->lock);
    memcpy(job->guarded.id, task->id, strlen(task->id) + 1);
    job->guarded.token = task->token;
    job->guarded.is_running = true;
    job->guarded.verdict = HF_OK;
    job->guarded.is_settled = false;
    job->guarded.has_news = false;
    job->guarded.has_message = false;
    job->guarded.progress = -1;
    job->guarded.beat_at = hf_later(claimed, worker->beat_every);
    worker->guarded.stats.started++;
    worker->guarded.stats.running++;
    pthread_mutex_unlock(&worker->lock);
}

static void finish(struct hf_job *job)
{
    struct hf_worker *worker = job->worker;
    pthread_mutex_lock(&worker->lock);
    job->guarded.token = 0;
    pthread_mutex_unlock(&worker->lock);
    hf_task_free(job->task);
    hf_free(worker->allocator, job->result);
    job->task = NULL;
    job->result = NULL;
    job->result_size = 0;
}

static hf_err send(struct hf_job *job, enum hf_job_end end, bool is_late,
                   const struct hf_call *call)
{
    struct hf_tasks      *tasks = job->worker->tasks;
    const char           *id = job->task->id;
    const uint64_t        token = job->task->token;
    const struct hf_bytes result = hf_bytes(job->result, job->result_size);
    if (is_late) {
        return hf_tasks_fail(tasks, call, id, token, hf_str("timed out"), false, NULL, NULL);
    }
    switch (end) {
    case HF_JOB_DONE: return hf_tasks_complete(tasks, call, id, token, result, NULL);
    case HF_JOB_RELEASE: return hf_tasks_release(tasks, call, id, token, hf_ns(0), NULL);
    default:
        return hf_tasks_fail(tasks, call, id, token, job->result ? result : hf_str("failed"),
                             end == HF_JOB_DEAD, NULL, NULL);
    }
}

/* Whether Redis may take later what it did not take now. */
static bool may_pass(hf_err err)
{
    switch (hf_err_category(err)) {
    case HF_CATEGORY_NONE:
    case HF_CATEGORY_USAGE:
    case HF_CATEGORY_REPLY: return false;
    case HF_CATEGORY_LOCAL: return err != HF_E_CLOSED && err != HF_E_FORKED;
    default: return true;
    }
}

static bool has_given_up(struct hf_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    const bool gives_up = worker->guarded.gives_up;
    pthread_mutex_unlock(&worker->lock);
    return gives_up;
}

/* Tries until the server has answered, or the worker gives up. */
static hf_err deliver(struct hf_job *job, enum hf_job_end end, bool is_late)
{
    struct hf_worker *worker = job->worker;
    bool              is_held = false, is_last = has_given_up(worker);
    hf_err            err;
    for (uint32_t failures = 0;; failures++) {
        const struct hf_call call = {
            .timeout = within(worker->tasks->timeout, is_last ? LAST_CALL_MS : DELIVER_MS),
        };
        err = send(job, end, is_late, &call);
        if (!may_pass(err) || is_last) break;

        pthread_mutex_lock(&worker->lock);
        if (!is_held) worker->guarded.stats.holding++;
        is_held = true;
        if (!worker->guarded.gives_up) {
            hf_worker_nap(worker, hf_later(hf_now(), rest_after(failures)));
        }
        is_last = worker->guarded.gives_up;
        pthread_mutex_unlock(&worker->lock);
    }
    if (is_held) {
        pthread_mutex_lock(&worker->lock);
        worker->guarded.stats.holding--;
        pthread_mutex_unlock(&worker->lock);
    }
    return err;
}

/* Where a run is counted. Under the lock. */
static uint64_t *count_of(struct hf_worker_stats *stats, enum hf_job_end end, bool is_late,
                          hf_err err)
{
    if (err == HF_E_TASK_CANCELLED) return &stats->cancelled;
    if (is_late && (!err || err == HF_E_TASK_TOKEN)) return &stats->timed_out;
    if (err == HF_E_TASK_TOKEN && end == HF_JOB_RELEASE) return &stats->released;
    if (err == HF_E_TASK_TOKEN || err == HF_E_TASK_UNKNOWN) return &stats->lost;
    if (err) return &stats->undelivered;
    if (end == HF_JOB_DONE) return &stats->succeeded;
    return end == HF_JOB_RELEASE ? &stats->released : &stats->failed;
}

/* What the heartbeats had no time for. */
static void tell_news(struct hf_job *job)
{
    struct hf_worker *worker = job->worker;
    pthread_mutex_lock(&worker->lock);
    const bool   has_news = job->guarded.has_news;
    const double progress = job->guarded.progress;
    const char  *message = job->guarded.has_message ? job->guarded.message : NULL;
    job->guarded.has_news = false;
    pthread_mutex_unlock(&worker->lock);
    if (!has_news) return;

    const struct hf_call call = { .timeout = hf_ms(LAST_CALL_MS) };
    const hf_err         err = hf_tasks_heartbeat(worker->tasks, &call, job->task->id,
                                                  job->task->token, progress, message, NULL);
    if (err) return; /* It is but news. */
}

/* With a task that is done a new one is asked for. */
static hf_err conclude(struct hf_job *job, enum hf_job_end end, bool is_late,
                       struct hf_offer *offer)
{
    const bool is_small = job->result_size <= SMALL_RESULT;
    if (end == HF_JOB_DONE && !is_late && is_small && hf_worker_trade(job, true, offer)) {
        const bool is_told = !offer->err || offer->err == HF_MISS;
        if (is_told && !may_pass(offer->completed)) return offer->completed;
    }
    tell_news(job);
    return deliver(job, end, is_late);
}

static void run(struct hf_job *job, struct hf_offer *offer)
{
    struct hf_worker     *worker = job->worker;
    const enum hf_job_end end = worker->work(job, worker->ctx);
    const bool            is_over = !hf_before(hf_now(), job->deadline);

    pthread_mutex_lock(&worker->lock);
    if (!job->guarded.verdict && is_over) job->guarded.verdict = HF_E_TIMEOUT;
    const hf_err verdict = job->guarded.verdict;
    job->guarded.is_running = false;
    worker->guarded.stats.running--;
    pthread_mutex_unlock(&worker->lock);

    const bool   is_late = verdict == HF_E_TIMEOUT;
    const bool   is_lost = verdict == HF_E_TASK_CANCELLED || verdict == HF_E_TASK_TOKEN;
    const hf_err err = is_lost ? verdict : conclude(job, end, is_late, offer);

    pthread_mutex_lock(&worker->lock);
    ++*count_of(&worker->guarded.stats, end, is_late, err);
    pthread_mutex_unlock(&worker->lock);
}

/* One thread of the worker at a time waits for tasks. False when it is time to stop. */
static bool become_scout(struct hf_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    while (worker->guarded.has_scout && !worker->guarded.is_stopping) {
        pthread_cond_wait(&worker->scout_is_gone, &worker->lock);
    }
    const bool stops = worker->guarded.is_stopping;
    if (!stops) worker->guarded.has_scout = true;
    pthread_mutex_unlock(&worker->lock);
    return !stops;
}

static void leave_scouting(struct hf_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    worker->guarded.has_scout = false;
    pthread_cond_signal(&worker->scout_is_gone);
    pthread_mutex_unlock(&worker->lock);
}

/* At once after a task; else as the scout, who waits. */
static void claim(struct hf_job *job, bool is_idle, struct hf_offer *offer)
{
    struct hf_worker *worker = job->worker;
    if (!is_idle) {
        if (!hf_worker_trade(job, false, offer)) *offer = (struct hf_offer){ .err = HF_MISS };
        return;
    }
    struct hf_claim      claim = worker->claim;
    const struct hf_call call = { .timeout = hf_ms(WAIT_MS) };
    claim.waits = true;
    *offer = (struct hf_offer){ .err = HF_MISS, .asked = hf_now() };
    if (!become_scout(worker)) return;
    offer->err = hf_tasks_claim(worker->tasks, &call, &claim, &offer->task, NULL);
    leave_scouting(worker);
}

static void rest(struct hf_worker *worker, uint32_t failures)
{
    pthread_mutex_lock(&worker->lock);
    if (!worker->guarded.is_stopping) {
        hf_worker_nap(worker, hf_later(hf_now(), rest_after(failures)));
    }
    pthread_mutex_unlock(&worker->lock);
}

static bool is_stopping(struct hf_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    const bool stops = worker->guarded.is_stopping;
    pthread_mutex_unlock(&worker->lock);
    return stops;
}

/* A task that came when the worker was told to stop goes back. */
static void give_back(struct hf_worker *worker, struct hf_task *task)
{
    const struct hf_call call = { .timeout = hf_ms(LAST_CALL_MS) };
    const hf_err err = hf_tasks_release(worker->tasks, &call, task->id, task->token, hf_ns(0),
                                        NULL);
    hf_task_free(task);
    if (err) return; /* Its lease ends by itself. */
}

void *hf_worker_run(void *arg)
{
    struct hf_job    *job = arg;
    struct hf_worker *worker = job->worker;
    struct hf_offer   offer = { .err = HF_OK };
    uint32_t          failures = 0;
    while (!is_stopping(worker)) {
        if (!offer.task) claim(job, offer.err == HF_MISS, &offer);
        if (offer.err && offer.err != HF_MISS) {
            rest(worker, failures++);
            continue;
        }
        failures = 0;
        if (!offer.task) continue;
        if (is_stopping(worker)) break;
        begin(job, offer.task, offer.asked);
        offer = (struct hf_offer){ .err = HF_OK };
        run(job, &offer);
        finish(job);
    }
    if (offer.task) give_back(worker, offer.task);
    pthread_mutex_lock(&worker->lock);
    worker->guarded.alive--;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
    return NULL;
}
