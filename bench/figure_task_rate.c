#include "die.h"
#include "figures.h"

#include <holdfast/holdfast.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS = 8, TASKS_A_SECOND = 5000, TASKS_MIN = 50 };

/* As many for both, about as long as a figure is measured. */
static unsigned task_count(const struct lab *lab)
{
    return TASKS_MIN + (unsigned)((double)lab->slice.ns / 1e9 * TASKS_A_SECOND);
}

/* ---- Ours ---- */

struct creation {
    struct hf_tasks *tasks;
    atomic_int       left;
};

static void *create_share(void *arg)
{
    struct creation         *c = arg;
    const struct hf_new_task new_task = { .type = "t", .payload = hf_str("a small payload") };
    char                     id[HF_TASK_ID_MAX + 1];
    struct hf_error          error;
    while (atomic_fetch_sub(&c->left, 1) > 0) {
        if (hf_tasks_create(c->tasks, NULL, &new_task, id, NULL, &error)) {
            die("create: %s", error.detail);
        }
    }
    return NULL;
}

static void create_all(struct hf_tasks *tasks, unsigned count)
{
    struct creation c = { .tasks = tasks, .left = (int)count };
    pthread_t       threads[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        if (pthread_create(&threads[i], NULL, create_share, &c)) die("no thread");
    }
    for (int i = 0; i < WORKERS; i++) pthread_join(threads[i], NULL);
}

static enum hf_job_end finish(struct hf_job *job, void *ctx)
{
    (void)ctx;
    return hf_job_result(job, hf_str("done")) ? HF_JOB_RETRY : HF_JOB_DONE;
}

static void work_off(struct hf_tasks *tasks, unsigned count, struct hf_worker **worker)
{
    const struct hf_worker_options how = { .threads = WORKERS };
    const struct timespec          nap = { 0, 500000 };
    struct hf_worker_stats         stats;
    struct hf_error                error;
    if (hf_worker_open(tasks, &how, finish, NULL, worker, &error)) die("%s", error.detail);
    do {
        nanosleep(&nap, NULL);
        hf_worker_stats(*worker, &stats);
    } while (stats.succeeded < count);
}

double tasks_per_s(struct lab *lab, const struct load *load, const struct driver *driver)
{
    (void)load;
    (void)driver;
    const unsigned                count = task_count(lab);
    const struct hf_tasks_options settings = { .key_prefix = "rate" };
    struct hf_options            *options;
    struct hf_tasks              *tasks;
    struct hf_worker             *worker;
    struct hf_error               error;
    char                          url[128];
    snprintf(url, sizeof url, "unix://%s", lab->server.path);
    if (hf_options_open(&options)) die("out of memory");
    if (hf_options_set(options, "url", url, &error)) die("%s", error.detail);
    if (hf_tasks_open(options, &settings, &tasks, &error)) die("%s", error.detail);
    hf_options_close(options);
    if (hf_client_wait_ready(hf_tasks_client(tasks), hf_seconds(10), &error)) {
        die("%s", error.detail);
    }

    const hf_instant begun = hf_now();
    create_all(tasks, count);
    work_off(tasks, count, &worker);
    const double seconds = (double)hf_between(begun, hf_now()).ns / 1e9;

    hf_worker_close(worker);
    if (hf_tasks_cleanup(tasks, NULL, hf_ns(0), 0, NULL, &error)) die("%s", error.detail);
    hf_tasks_close(tasks);
    return count / seconds;
}

/* ---- BullMQ ---- */

/* Where it is, or would be: outside the tree. False without a home. */
static bool peer_folder(char folder[256])
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && *cache == '/') {
        snprintf(folder, 256, "%s/holdfast-bench", cache);
    } else if (home && *home == '/') {
        snprintf(folder, 256, "%s/.cache/holdfast-bench", home);
    } else {
        return false;
    }
    return true;
}

/* Tries to install it once in a program's life, and not in a smoke run. */
static bool peer_is_there(const struct lab *lab, const char *folder)
{
    static bool was_tried;
    char        module[300], command[1000];
    snprintf(module, sizeof module, "%s/node_modules/ioredis/package.json", folder);
    if (access(module, R_OK) == 0) return true;
    if (lab->tiny || was_tried || strchr(folder, '\'')) return false;
    was_tried = true;
    snprintf(command, sizeof command,
             "mkdir -p '%s' && npm install --silent --no-audit --no-fund --prefix '%s' "
             "bullmq@6 ioredis@5 >'%s/install.log' 2>&1",
             folder, folder, folder);
    return system(command) == 0 && access(module, R_OK) == 0;
}

double tasks_per_s_bullmq(struct lab *lab, const struct load *load,
                          const struct driver *driver)
{
    (void)load;
    (void)driver;
    static unsigned round;
    char            folder[256], command[1200];
    double          rate = 0;
    if (!peer_folder(folder) || !peer_is_there(lab, folder)) return NAN;
    snprintf(command, sizeof command,
             "NODE_PATH='%s/node_modules' node '%s/bullmq.cjs' '%s' rate%u %u %d", folder,
             BENCH_FOLDER, lab->server.path, round++, task_count(lab), WORKERS);
    FILE *output = popen(command, "re");
    if (!output) die("a shell cannot be run");
    const bool is_read = fscanf(output, "%lf", &rate) == 1;
    if (pclose(output) || !is_read || rate <= 0) die("BullMQ failed");
    return rate;
}
