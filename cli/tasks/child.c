#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RESULT_FD = 3 };

/* ---- Starting ---- */

/* Everything that is made before the fork, because nothing can be allocated after it. */
struct launch {
    int    payload_fd;
    int    pipe[2];
    int    result_fd;
    char   texts[4][HF_TASK_ID_MAX + 64];
    char **environment;
};

static bool write_all(int fd, struct hf_bytes bytes)
{
    const char *at = bytes.data;
    size_t      left = bytes.size;
    while (left > 0) {
        const ssize_t n = write(fd, at, left);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        at += n;
        left -= (size_t)n;
    }
    return lseek(fd, 0, SEEK_SET) == 0;
}

static bool set_environment(struct launch *l, const struct hf_task *task)
{
    size_t count = 0;
    while (environ[count]) count++;
    l->environment = calloc(count + 5, sizeof *l->environment);
    if (!l->environment) return false;
    memcpy(l->environment, environ, count * sizeof *environ);
    snprintf(l->texts[0], sizeof l->texts[0], "HOLDFAST_TASK_ID=%s", task->id);
    snprintf(l->texts[1], sizeof l->texts[1], "HOLDFAST_TASK_TYPE=%s", task->type);
    snprintf(l->texts[2], sizeof l->texts[2], "HOLDFAST_TASK_TOKEN=%" PRIu64, task->token);
    snprintf(l->texts[3], sizeof l->texts[3], "HOLDFAST_TASK_STARTS=%" PRIu32, task->starts);
    for (size_t i = 0; i < 4; i++) l->environment[count + i] = l->texts[i];
    return true;
}

static bool prepare(struct launch *l, const struct hf_task *task)
{
    *l = (struct launch){ .payload_fd = -1, .pipe = { -1, -1 }, .result_fd = -1 };
    if (!set_environment(l, task)) return false;
    l->payload_fd = memfd_create("payload", MFD_CLOEXEC);
    l->result_fd = memfd_create("result", MFD_CLOEXEC);
    return l->payload_fd >= 0 && l->result_fd >= 0 && pipe2(l->pipe, O_CLOEXEC) == 0 &&
           write_all(l->payload_fd, task->payload);
}

static void close_if_open(int fd)
{
    if (fd >= 0) close(fd);
}

/* What follows fork() in the child: system calls only. */
static void become(const struct launch *l, const char *command)
{
    const char *const argv[] = { "sh", "-c", command, NULL };
    sigset_t          none;
    /* Above the three that are to be taken, so that none is overwritten before its turn. */
    const int         payload = fcntl(l->payload_fd, F_DUPFD_CLOEXEC, 10);
    const int         lines = fcntl(l->pipe[1], F_DUPFD_CLOEXEC, 10);
    const int         result = fcntl(l->result_fd, F_DUPFD_CLOEXEC, 10);
    setpgid(0, 0);
    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (dup2(payload, STDIN_FILENO) < 0 || dup2(lines, STDOUT_FILENO) < 0 ||
        dup2(result, RESULT_FD) < 0) {
        _exit(126);
    }
    execve("/bin/sh", (char *const *)argv, l->environment);
    _exit(127);
}

static bool launch(struct child *child, struct launch *l, const char *command)
{
    child->pid = fork();
    if (child->pid < 0) return false;
    if (child->pid == 0) become(l, command);
    setpgid(child->pid, child->pid); /* Whoever comes first. */
    child->pid_fd = (int)syscall(SYS_pidfd_open, child->pid, 0);
    if (child->pid_fd >= 0) return true;
    child_kill(child, SIGKILL);
    waitpid(child->pid, NULL, 0);
    return false;
}

bool child_start(struct child *child, const char *command, const struct hf_task *task,
                 char why[CHILD_WHY_MAX])
{
    struct launch l;
    *child = (struct child){ .pid_fd = -1, .lines_fd = -1, .result_fd = -1 };
    const bool started = prepare(&l, task) && launch(child, &l, command);
    if (!started) snprintf(why, CHILD_WHY_MAX, "cannot start: %s", strerror(errno));
    close_if_open(l.payload_fd);
    close_if_open(l.pipe[1]);
    if (started) {
        child->lines_fd = l.pipe[0];
        child->result_fd = l.result_fd;
    } else {
        close_if_open(l.pipe[0]);
        close_if_open(l.result_fd);
    }
    free(l.environment);
    return started;
}

/* ---- Running ---- */

double child_read_line(const char *line, const char **message)
{
    char        *end;
    const bool   is_number = *line >= '0' && *line <= '9';
    const double number = is_number ? strtod(line, &end) : -1;
    *message = line;
    if (!is_number || (*end && *end != '%' && *end != ' ')) return -1;
    const double progress = *end == '%' ? number / 100 : number;
    if (!(progress <= 1)) return -1;
    if (*end == '%') end++;
    while (*end == ' ') end++;
    *message = end;
    return progress;
}

static void end_line(struct child *child, child_line_fn told, void *ctx)
{
    const char *message;
    child->line[child->line_size] = '\0';
    child->line_size = 0;
    const double progress = child_read_line(child->line, &message);
    told(progress, *message ? message : NULL, ctx);
}

static void read_lines(struct child *child, child_line_fn told, void *ctx)
{
    char          bytes[1024];
    const ssize_t n = read(child->lines_fd, bytes, sizeof bytes);
    if (n < 0 && errno == EINTR) return;
    if (n <= 0) {
        if (child->line_size) end_line(child, told, ctx);
        close(child->lines_fd);
        child->lines_fd = -1;
        return;
    }
    for (ssize_t i = 0; i < n; i++) {
        if (bytes[i] == '\n') {
            end_line(child, told, ctx);
        } else if (child->line_size < HF_TASK_TEXT_MAX) {
            child->line[child->line_size++] = bytes[i];
        }
    }
}

/* What it wrote is passed on before its end is noticed; what its own children write after
 * that is not waited for. */
bool child_wait(struct child *child, int ms, child_line_fn told, void *ctx)
{
    struct pollfd fds[] = { { child->pid_fd, POLLIN, 0 }, { child->lines_fd, POLLIN, 0 } };
    if (poll(fds, 2, ms) <= 0) return false;
    if (fds[1].revents) {
        read_lines(child, told, ctx);
        return false;
    }
    return waitpid(child->pid, &child->status, WNOHANG) == child->pid;
}

void child_kill(const struct child *child, int signal)
{
    kill(-child->pid, signal);
}

void child_end(struct child *child)
{
    close_if_open(child->pid_fd);
    close_if_open(child->lines_fd);
    close_if_open(child->result_fd);
}
