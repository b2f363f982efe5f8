/* child.h - one run of a command for a task: payload in, progress lines and result out.
 *
 *     struct child child;
 *     if (!child_start(&child, command, task, why)) return fail(why);
 *     while (!child_wait(&child, 100, told, ctx)) if (enough) child_kill(&child, SIGTERM);
 *     ... child.status as of waitpid(), the result in child.result_fd ...
 *     child_end(&child);
 *
 * The command runs by sh -c in a process group of its own, with signals as a shell starts
 * with. Its standard input is the payload, descriptor 3 takes the result, standard error
 * is ours.
 *
 * Threads:  one per child.
 * Memory:   payload and result are in memory files, the result at most as large as the
 *           system lets them be; a longer progress line is cut. */

#ifndef CLI_TASKS_CHILD_H
#define CLI_TASKS_CHILD_H

#include <holdfast/tasks.h>
#include <stdbool.h>
#include <sys/types.h>

enum { CHILD_WHY_MAX = 160 };

struct child {
    pid_t  pid;
    int    pid_fd;
    int    lines_fd; /* Its standard output; -1 once that has ended. */
    int    result_fd;
    int    status;
    size_t line_size;
    char   line[HF_TASK_TEXT_MAX + 1];
};

/* A line that tells progress: "40% drawing", "0.4", "drawing". progress is negative without.
 */
typedef void (*child_line_fn)(double progress, const char *message, void *ctx);

/* False with the reason in why. */
bool child_start(struct child *child, const char *command, const struct hf_task *task,
                 char why[CHILD_WHY_MAX]);

/* Passes lines on for up to so long; true when the command has ended. */
bool child_wait(struct child *child, int ms, child_line_fn told, void *ctx);

/* To its whole process group. */
void child_kill(const struct child *child, int signal);

void child_end(struct child *child);

/* What a line says; message points into it. */
double child_read_line(const char *line, const char **message);

#endif
