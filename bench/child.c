#include "child.h"

#include "die.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

pid_t child_start(void (*run)(void *ctx), void *ctx)
{
    const pid_t parent = getpid();
    fflush(NULL);
    const pid_t child = fork();
    if (child < 0) die("fork: the system refuses");
    if (child > 0) return child;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent) run(ctx);
    fflush(stderr);
    _exit(0);
}

void child_stop(pid_t child)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

struct figure_call {
    double (*measure)(void *ctx);
    void *ctx;
    int   fd;
};

static void send_figure(void *ctx)
{
    const struct figure_call *call = ctx;
    const double              figure = call->measure(call->ctx);
    if (write(call->fd, &figure, sizeof figure) != sizeof figure) die("figure lost");
}

double child_figure(double (*measure)(void *ctx), void *ctx)
{
    int    ends[2];
    double figure;
    if (pipe2(ends, O_CLOEXEC)) die("pipe: no descriptors left");
    struct figure_call call = { measure, ctx, ends[1] };
    const pid_t        child = child_start(send_figure, &call);
    close(ends[1]);
    const ssize_t got = read(ends[0], &figure, sizeof figure);
    close(ends[0]);
    waitpid(child, NULL, 0);
    if (got != sizeof figure) die("a measuring process ended early");
    return figure;
}

void child_burn(void *unused)
{
    (void)unused;
    for (volatile unsigned long turns = 0;; turns++) {
    }
}
