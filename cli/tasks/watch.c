#include "bar.h"
#include "session.h"
#include "shown.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_MS = 200 };

static bool has_changed(const struct hf_task *before, const struct hf_task *task)
{
    return !before || before->status != task->status || before->progress != task->progress ||
           strcmp(before->message, task->message) != 0;
}

static bool has_ended(const struct hf_task *task)
{
    return task->status != HF_TASK_PENDING && task->status != HF_TASK_RUNNING;
}

static void show(const struct session *s, const struct hf_task *task, bool is_terminal)
{
    const char *status = hf_task_status_name(task->status);
    char        bar[BAR_SIZE], message[4 * HF_TASK_TEXT_MAX];
    shown(hf_str(task->message), message, sizeof message);
    bar_print(bar, task->progress);
    if (s->inv->json) {
        show_task_line(s->inv, task);
    } else if (is_terminal) {
        printf("\r\033[K" BAR_CUT "%s %s %s" BAR_WRAP, bar, status, message);
        if (has_ended(task)) putchar('\n');
    } else {
        printf("%s %d%%%s%s\n", status, (int)(task->progress * 100), *message ? " " : "",
               message);
    }
    fflush(stdout);
}

static enum exit_status watch(struct session *s)
{
    const bool       is_terminal = isatty(STDOUT_FILENO);
    struct hf_task  *before = NULL, *task;
    enum exit_status status = EXIT_OK;
    for (;;) {
        const hf_err err = hf_tasks_get(s->tasks, NULL, s->inv->args[0], &task, &s->error);
        if (err) {
            status = session_fail_for(s, err, s->inv->args[0]);
            break;
        }
        if (has_changed(before, task)) show(s, task, is_terminal);
        hf_task_free(before);
        before = task;
        if (has_ended(task)) {
            status = task->status == HF_TASK_SUCCESS ? EXIT_OK : EXIT_MISS;
            break;
        }
        poll(NULL, 0, LOOK_MS);
    }
    hf_task_free(before);
    return status;
}

enum exit_status run_tasks_watch(const struct invocation *inv)
{
    struct session   s;
    enum exit_status status = session_open(&s, inv, true);
    if (status == EXIT_OK) status = watch(&s);
    session_close(&s);
    return status;
}
