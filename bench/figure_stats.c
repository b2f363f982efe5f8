#include "die.h"
#include "figures.h"
#include "pairs.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAIRS = 11 };

static const struct load gets = { 64, GET, SMALL_VALUE, UNIX_SOCKET, 0 };

static void become(const struct lab *lab, const char *name)
{
    char slice[32];
    snprintf(slice, sizeof slice, "%lld", (long long)lab->slice.ns);
    if (setenv("LD_PRELOAD", BENCH_SWITCHED, 1)) die("out of memory");
    execl("/proc/self/exe", "holdfast-bench", FIGURE_ALONE, name, slice,
          lab->server.unix_address.unix_path, (char *)NULL);
    die("cannot run itself");
}

/* The library is loaded with the process, so another one takes another process. */
static double figure_of(const struct lab *lab, const char *name)
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
        become(lab, name);
    }
    close(ends[1]);
    FILE *from = fdopen(ends[0], "r");
    if (!from || fscanf(from, "%lf", &figure) != 1) die("a measuring process ended early");
    fclose(from);
    waitpid(child, &status, 0);
    return figure;
}

static void turn_statistics(bool on)
{
    void (*turn)(bool on);
    void *const found = dlsym(RTLD_DEFAULT, "hf_metrics_switch");
    if (!found) die("this library's statistics cannot be turned off");
    memcpy(&turn, &found, sizeof turn);
    turn(on);
}

static double measure(struct lab *lab, bool is_near, bool on)
{
    turn_statistics(on);
    return is_near ? near_hit_ns(lab, &gets, NULL) : throughput(lab, &gets, &holdfast);
}

int figure_alone(char **arguments)
{
    const bool is_near = strcmp(arguments[0], "near_hit") == 0;
    struct lab lab = { .slice = hf_ns(atoll(arguments[1]) / PAIRS) };
    double     costs[PAIRS];
    lab.server.unix_address.unix_path = arguments[2];
    for (int i = 0; i < PAIRS; i++) {
        double sides[2];
        for (int k = 0; k < 2; k++) { /* Neither is always the first. */
            const bool on = (i + k) % 2;
            sides[on] = measure(&lab, is_near, on);
        }
        costs[i] = is_near ? sides[true] - sides[false] : sides[false] / sides[true];
    }
    printf("%.17g\n", median(costs, PAIRS));
    return 0;
}

double stats_cost_ratio(struct lab *lab, const struct load *load, const struct driver *driver)
{
    (void)load;
    (void)driver;
    return figure_of(lab, "throughput");
}

double stats_cost_near_ns(struct lab *lab, const struct load *load,
                          const struct driver *driver)
{
    (void)load;
    (void)driver;
    return figure_of(lab, "near_hit");
}
