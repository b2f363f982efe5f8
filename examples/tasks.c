/* A task from its creation to its result, with a failure on the way. */

#include <holdfast/holdfast.h>
#include <inttypes.h>
#include <stdio.h>

static int report(const char *what, const struct hf_error *error)
{
    printf("%s: %s\n", what, error->detail);
    return 1;
}

int main(void)
{
    /* One task for a page, however often it is asked for; tried again at once, for show. */
    const struct hf_tasks_options settings = { .retry_base = hf_ms(1) };
    const struct hf_new_task      new_task = { .type = "render",
                                               .payload = hf_str("page 7"),
                                               .priority = HF_TASK_HIGH,
                                               .owner = "ada",
                                               .unique = "render/7" };
    const struct hf_claim         next = { .waits = true, .lease = hf_seconds(10) };
    struct hf_options            *options;
    struct hf_tasks              *tasks;
    struct hf_task               *task;
    struct hf_error               error;
    enum hf_task_status           status;
    char                          id[HF_TASK_ID_MAX + 1], same[HF_TASK_ID_MAX + 1];
    bool                          is_new;

    if (hf_options_open(&options) || hf_options_set(options, "url", "embedded:", NULL))
        return 1;
    if (hf_tasks_open(options, &settings, &tasks, &error)) return report("open", &error);
    if (hf_client_wait_ready(hf_tasks_client(tasks), hf_seconds(10), &error)) return 1;

    if (hf_tasks_create(tasks, NULL, &new_task, id, &is_new, &error) ||
        hf_tasks_create(tasks, NULL, &new_task, same, &is_new, &error))
        return report("create", &error);
    printf("asked for again: %s\n", is_new ? "a second task" : "the same task");

    /* What a worker does; hf_worker does it with threads. */
    if (hf_tasks_claim(tasks, NULL, &next, &task, &error)) return report("claim", &error);
    printf("%s, start %u: %s\n", task->type, task->starts, (const char *)task->payload.data);
    if (hf_tasks_fail(tasks, NULL, id, task->token, hf_str("no paper"), false, &status,
                      &error))
        return report("fail", &error);
    printf("failed, so %s\n", hf_task_status_name(status));
    hf_task_free(task);

    if (hf_tasks_claim(tasks, NULL, &next, &task, &error)) return report("claim", &error);
    printf("%s, start %u: last error: %s\n", task->type, task->starts,
           (const char *)task->errors[0].text.data);
    if (hf_tasks_heartbeat(tasks, NULL, id, task->token, 0.5, "half way", &error) ||
        hf_tasks_complete(tasks, NULL, id, task->token, hf_str("page-7.pdf"), &error))
        return report("work", &error);
    if (hf_tasks_complete(tasks, NULL, id, task->token - 1, hf_str("late"), &error) ==
        HF_E_TASK_TOKEN)
        puts("an older token ends nothing");
    hf_task_free(task);

    if (hf_tasks_get_as(tasks, NULL, "ada", id, &task, &error)) return report("get", &error);
    printf("%s: %s\n", hf_task_status_name(task->status), (const char *)task->result.data);
    hf_task_free(task);
    hf_tasks_close(tasks);
    hf_options_close(options);
}
