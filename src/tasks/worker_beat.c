#include "tasks/worker.h"

#include <string.h>

enum {
    TICK_MS = 500,
    CALL_MS = 2000,
    LAST_CALL_MS = 500, /* When the grace is over. */
};

/* What the server is to be told of a job, copied out of the lock. */
struct beat {
    char     id[HF_TASK_ID_MAX + 1];
    uint64_t token;
    hf_err   verdict;
    double   progress;
    bool     has_message;
    char     message[HF_TASK_TEXT_MAX + 1];
};

/* Under the lock. True when there is something to tell. */
static bool prepare(struct hf_job *job, hf_instant now, struct beat *beat)
{
    const bool gives_up = job->worker->guarded.gives_up;
    if (!job->guarded.token || job->guarded.is_settled) return false;
    if (job->guarded.is_running && !job->guarded.verdict) {
        if (gives_up) job->guarded.verdict = HF_E_CLOSED;
        if (!hf_before(now, job->deadline)) job->guarded.verdict = HF_E_TIMEOUT;
    }
    const hf_err verdict = job->guarded.verdict;
    if (verdict && !job->guarded.is_running) return false;
    if (!verdict && !job->guarded.has_news && hf_before(now, job->guarded.beat_at)) {
        return false;
    }
    memcpy(beat->id, job->guarded.id, sizeof beat->id);
    memcpy(beat->message, job->guarded.message, sizeof beat->message);
    beat->token = job->guarded.token;
    beat->verdict = verdict;
    beat->progress = job->guarded.has_news ? job->guarded.progress : -1;
    beat->has_message = job->guarded.has_news && job->guarded.has_message;
    job->guarded.has_news = false;
    return true;
}

static hf_err tell(struct hf_worker *worker, const struct beat *beat, bool gives_up)
{
    const struct hf_call call = { .timeout = hf_ms(gives_up ? LAST_CALL_MS : CALL_MS) };
    switch (beat->verdict) {
    case HF_OK:
        return hf_tasks_heartbeat(worker->tasks, &call, beat->id, beat->token, beat->progress,
                                  beat->has_message ? beat->message : NULL, NULL);
    case HF_E_TIMEOUT:
        return hf_tasks_fail(worker->tasks, &call, beat->id, beat->token, hf_str("timed out"),
                             false, NULL, NULL);
    default:
        return hf_tasks_release(worker->tasks, &call, beat->id, beat->token, hf_ns(0), NULL);
    }
}

static bool says_that_it_is_lost(hf_err err)
{
    return err == HF_E_TASK_TOKEN || err == HF_E_TASK_CANCELLED || err == HF_E_TASK_UNKNOWN;
}

/* Under the lock: what the answer means, unless the job has another task by now. */
static void note(struct hf_job *job, const struct beat *beat, hf_instant asked, hf_err err)
{
    if (job->guarded.token != beat->token) return;
    const bool is_lost = says_that_it_is_lost(err);
    if (!err || is_lost) {
        job->guarded.beat_at = hf_later(asked, job->worker->beat_every);
        job->guarded.is_settled = is_lost || beat->verdict;
    } else if (!beat->verdict && beat->progress >= 0) {
        job->guarded.has_news = true;
    }
    if (is_lost && !job->guarded.verdict && job->guarded.is_running) {
        job->guarded.verdict = err == HF_E_TASK_CANCELLED ? err : HF_E_TASK_TOKEN;
    }
}

/* Under the lock, which it gives up meanwhile. */
static void beat_all(struct hf_worker *worker)
{
    struct beat beat;
    for (uint32_t i = 0; i < worker->thread_count; i++) {
        struct hf_job   *job = &worker->jobs[i];
        const hf_instant now = hf_now();
        if (!prepare(job, now, &beat)) continue;

        const bool gives_up = worker->guarded.gives_up;
        pthread_mutex_unlock(&worker->lock);
        const hf_err err = tell(worker, &beat, gives_up);
        pthread_mutex_lock(&worker->lock);
        note(job, &beat, now, err);
    }
}

void *hf_worker_beat(void *arg)
{
    struct hf_worker *worker = arg;
    const hf_duration tick = worker->beat_every.ns < hf_ms(TICK_MS).ns ? worker->beat_every
                                                                       : hf_ms(TICK_MS);
    pthread_mutex_lock(&worker->lock);
    while (!worker->guarded.is_closing) {
        beat_all(worker);
        if (!worker->guarded.is_closing) hf_worker_nap(worker, hf_later(hf_now(), tick));
    }
    pthread_mutex_unlock(&worker->lock);
    return NULL;
}
