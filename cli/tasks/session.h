/* session.h - what the commands on tasks share: a handle, flags that are numbers, and how a
 * task is shown.
 *
 *     struct session   s;
 *     enum exit_status status = session_open(&s, inv, true);
 *     if (status == EXIT_OK) status = work(&s);
 *     session_close(&s);
 *
 * Errors:   as connection.h. What a task's state does not allow ends with EXIT_MISS. */

#ifndef CLI_TASKS_SESSION_H
#define CLI_TASKS_SESSION_H

#include "command.h"

#include <holdfast/tasks.h>

struct session {
    const struct invocation *inv;
    struct hf_tasks         *tasks;
    struct hf_error          error; /* Of the last call. */
};

/* Flag 0 of each command is --prefix. Close it whatever comes back. */
enum exit_status session_open(struct session *s, const struct invocation *inv,
                              bool is_passive);
void             session_close(struct session *s);

/* Says why a call failed, and gives the status for it. */
enum exit_status session_fail(const struct session *s, hf_err err);

/* The same for a call about one of several, which it names. */
enum exit_status session_fail_for(struct session *s, hf_err err, const char *what);

/* The flag's value, or what is there when it was not given. False after complaint. */
bool flag_count(const struct invocation *inv, size_t flag, uint64_t min, uint64_t max,
                uint64_t *count);
bool flag_duration(const struct invocation *inv, size_t flag, hf_duration *duration);
bool flag_priority(const struct invocation *inv, size_t flag,
                   enum hf_task_priority *priority);

/* All of it: lines of name and value, or an object. */
void show_task(const struct invocation *inv, const struct hf_task *task);

/* One line: what a list prints. */
void show_task_line(const struct invocation *inv, const struct hf_task *task);

/* " 50% [#####.....]" into text. */
enum { BAR_SIZE = 40 };
void bar_print(char text[BAR_SIZE], double progress);

enum exit_status run_tasks_create(const struct invocation *inv);
enum exit_status run_tasks_get(const struct invocation *inv);
enum exit_status run_tasks_list(const struct invocation *inv);
enum exit_status run_tasks_watch(const struct invocation *inv);
enum exit_status run_tasks_cancel(const struct invocation *inv);
enum exit_status run_tasks_requeue(const struct invocation *inv);
enum exit_status run_tasks_pause(const struct invocation *inv);
enum exit_status run_tasks_resume(const struct invocation *inv);
enum exit_status run_tasks_stats(const struct invocation *inv);
enum exit_status run_tasks_cleanup(const struct invocation *inv);
enum exit_status run_tasks_work(const struct invocation *inv);

#endif
