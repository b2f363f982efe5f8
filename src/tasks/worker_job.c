#include "core/alloc.h"
#include "tasks/name.h"
#include "tasks/worker.h"

#include <string.h>

const struct hf_task *hf_job_task(const struct hf_job *job)
{
    return job->task;
}

hf_err hf_job_check(struct hf_job *job)
{
    const bool is_over = !hf_before(hf_now(), job->deadline);
    pthread_mutex_lock(&job->worker->lock);
    if (!job->guarded.verdict && is_over) job->guarded.verdict = HF_E_TIMEOUT;
    const hf_err verdict = job->guarded.verdict;
    pthread_mutex_unlock(&job->worker->lock);
    return verdict;
}

void hf_job_progress(struct hf_job *job, double progress, const char *message)
{
    pthread_mutex_lock(&job->worker->lock);
    if (progress >= 0 && progress <= 1) job->guarded.progress = progress;
    if (message) {
        const size_t seen = strnlen(message, HF_TASK_TEXT_MAX + 1);
        const size_t size = hf_task_line(hf_bytes(message, seen), job->guarded.message);
        job->guarded.message[size] = '\0';
        job->guarded.has_message = true;
    }
    job->guarded.has_news = true;
    pthread_mutex_unlock(&job->worker->lock);
}

hf_err hf_job_result(struct hf_job *job, struct hf_bytes result)
{
    if (result.size > HF_TASK_PAYLOAD_MAX) return HF_E_TOO_LARGE;
    const struct hf_allocator *a = job->worker->allocator;
    char                      *copy = hf_copy_text(a, result.data, result.size);
    if (!copy) return HF_E_NOMEM;
    hf_free(a, job->result);
    job->result = copy;
    job->result_size = result.size;
    return HF_OK;
}
