#include "die.h"
#include "figures.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void become(const struct lab *lab, const char *name, const char *library)
{
    char slice[32];
    snprintf(slice, sizeof slice, "%lld", (long long)lab->slice.ns);
    if (library && setenv("LD_PRELOAD", library, 1)) die("out of memory");
    execl("/proc/self/exe", "holdfast-bench", FIGURE_ALONE, name, slice,
          lab->server.unix_address.unix_path, (char *)NULL);
    die("cannot run itself");
}

/* The library is loaded with the process, so that each figure takes a fresh one. */
static double figure_with(const struct lab *lab, const char *name, const char *library)
{
    int    ends[2];
    double figure = 0;
    int    status;
    fflush(NULL);
    if (pipe2(ends, O_CLOEXEC)) die("pipe: no descriptors left");
    const pid_t child = fork();
    if (child < 0) die("fork: the system refuses");
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        become(lab, name, library);
    }
    close(ends[1]);
    FILE *from = fdopen(ends[0], "r");
    if (!from || fscanf(from, "%lf", &figure) != 1) die("a measuring process ended early");
    fclose(from);
    waitpid(child, &status, 0);
    return figure;
}

static const struct load gets = { 64, GET, SMALL_VALUE, UNIX_SOCKET, 0 };

int figure_alone(char **arguments)
{
    const hf_duration slice = hf_ns(atoll(arguments[1]));
    struct lab        lab = { .slice = slice };
    lab.server.unix_address.unix_path = arguments[2];
    const bool is_near = strcmp(arguments[0], "near_hit") == 0;
    printf("%.17g\n",
           is_near ? near_hit_ns(&lab, &gets, NULL) : throughput(&lab, &gets, &holdfast));
    return 0;
}

double throughput_counted(struct lab *lab, const struct load *load,
                          const struct driver *driver)
{
    (void)load;
    (void)driver;
    return figure_with(lab, "throughput", NULL);
}

double throughput_uncounted(struct lab *lab, const struct load *load,
                            const struct driver *driver)
{
    (void)load;
    (void)driver;
    return figure_with(lab, "throughput", BENCH_UNCOUNTED);
}

double near_hit_counted(struct lab *lab, const struct load *load, const struct driver *driver)
{
    (void)load;
    (void)driver;
    return figure_with(lab, "near_hit", NULL);
}

double near_hit_uncounted(struct lab *lab, const struct load *load,
                          const struct driver *driver)
{
    (void)load;
    (void)driver;
    return figure_with(lab, "near_hit", BENCH_UNCOUNTED);
}
