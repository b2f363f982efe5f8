/* Two threads that work off tasks: one that succeeds, one that never will. */

#include <holdfast/holdfast.h>
#include <stdio.h>
#include <string.h>

static enum hf_job_end count_letters(struct hf_job *job, void *ctx)
{
    const struct hf_task *task = hf_job_task(job);
    char                  text[40];
    (void)ctx;
    if (task->payload.size == 0) {
        return hf_job_result(job, hf_str("nothing to count")) ? HF_JOB_RETRY : HF_JOB_DEAD;
    }
    for (size_t i = 0; i < task->payload.size; i++) {
        if (hf_job_check(job)) return HF_JOB_RELEASE; /* Not wanted any more. */
        hf_job_progress(job, (double)i / (double)task->payload.size, "counting");
    }
    snprintf(text, sizeof text, "%zu letters", task->payload.size);
    return hf_job_result(job, hf_str(text)) ? HF_JOB_RETRY : HF_JOB_DONE;
}

static void create(struct hf_tasks *tasks, const char *id, const char *payload)
{
    const struct hf_new_task new_task = { .id = id,
                                          .type = "count",
                                          .payload = hf_str(payload) };
    char                     given[HF_TASK_ID_MAX + 1];
    struct hf_error          error;
    if (hf_tasks_create(tasks, NULL, &new_task, given, NULL, &error)) puts(error.detail);
}

static void wait_for_both(struct hf_tasks *tasks)
{
    for (uint64_t ended = 0; ended < 2;) {
        struct hf_task_stats *stats;
        if (hf_tasks_stats(tasks, NULL, &stats, NULL)) continue;
        ended = stats->by_status[HF_TASK_SUCCESS] + stats->by_status[HF_TASK_FAILURE];
        hf_task_stats_free(stats);
    }
}

static void show(struct hf_tasks *tasks, const char *id)
{
    struct hf_task *task;
    if (hf_tasks_get(tasks, NULL, id, &task, NULL)) return;
    const bool            is_done = task->status == HF_TASK_SUCCESS;
    const struct hf_bytes text = is_done ? task->result : task->errors[0].text;
    printf("%s: %s, %.*s\n", id, hf_task_status_name(task->status), (int)text.size,
           (const char *)text.data);
    hf_task_free(task);
}

int main(void)
{
    const struct hf_worker_options how = { .threads = 2, .task_timeout = hf_seconds(60) };
    struct hf_options             *options;
    struct hf_tasks               *tasks;
    struct hf_worker              *worker;
    struct hf_error                error;
    if (hf_options_open(&options)) return 1;
    hf_err err = hf_options_set(options, "url", "embedded:", &error);
    if (!err) err = hf_tasks_open(options, NULL, &tasks, &error);
    hf_options_close(options);
    if (err) return puts(error.detail), 1;
    err = hf_client_wait_ready(hf_tasks_client(tasks), hf_seconds(10), &error);
    if (!err) err = hf_worker_open(tasks, &how, count_letters, NULL, &worker, &error);
    if (err) return puts(error.detail), 1;

    create(tasks, "good", "holdfast");
    create(tasks, "bad", "");
    wait_for_both(tasks);
    show(tasks, "good");
    show(tasks, "bad");

    err = hf_worker_stop(worker, hf_seconds(20), &error);
    puts(err ? error.detail : "stopped");
    hf_worker_close(worker);
    hf_tasks_close(tasks);
    return 0;
}
