#include "die.h"
#include "figures.h"
#include "ours.h"
#include "redis.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tasks of a few bytes under a prefix of their own for each number of them. They are made
 * once, and what a figure takes away is made up for. */

enum {
    FEW = 1000,
    MANY = 1000000,
    MANY_TINY = 5000,
    MAKERS = 16,
    CLAIMS = 300,
    FULL_AUDIT = 12000, /* Tasks after which the audit stream grows no more. */
};

static struct hf_tasks *open_tasks(struct lab *lab, const char *prefix)
{
    const struct hf_tasks_options settings = { .key_prefix = prefix, .is_passive = true };
    struct hf_options            *options;
    struct hf_tasks              *tasks;
    struct hf_error               error;
    char                          url[128];
    snprintf(url, sizeof url, "unix://%s", lab->server.unix_address.unix_path);
    if (hf_options_open(&options)) die("out of memory");
    if (hf_options_set(options, "url", url, &error)) die("%s", error.detail);
    if (hf_tasks_open(options, &settings, &tasks, &error)) die("%s", error.detail);
    hf_options_close(options);
    if (hf_client_wait_ready(hf_tasks_client(tasks), hf_seconds(10), &error)) {
        die("%s", error.detail);
    }
    return tasks;
}

struct maker {
    struct hf_tasks *tasks;
    size_t           count;
    pthread_t        thread;
};

static void *make(void *ctx)
{
    const struct maker      *maker = ctx;
    const struct hf_new_task new_task = { .type = "render",
                                          .payload = hf_str("page=7&dpi=300") };
    char                     id[HF_TASK_ID_MAX + 1];
    struct hf_error          error;
    for (size_t i = 0; i < maker->count; i++) {
        if (hf_tasks_create(maker->tasks, NULL, &new_task, id, NULL, &error)) {
            die("create: %s", error.detail);
        }
    }
    return NULL;
}

static uint64_t pending(struct hf_tasks *tasks)
{
    struct hf_task_stats *stats;
    struct hf_error       error;
    if (hf_tasks_stats(tasks, NULL, &stats, &error)) die("stats: %s", error.detail);
    const uint64_t count = stats->by_status[HF_TASK_PENDING];
    hf_task_stats_free(stats);
    return count;
}

static void fill(struct hf_tasks *tasks, size_t wanted)
{
    struct maker makers[MAKERS];
    const size_t there = pending(tasks);
    const size_t missing = wanted > there ? wanted - there : 0;
    for (size_t i = 0; i < MAKERS; i++) {
        makers[i].tasks = tasks;
        makers[i].count = missing / MAKERS + (i < missing % MAKERS);
        if (pthread_create(&makers[i].thread, NULL, make, &makers[i])) die("no thread");
    }
    for (size_t i = 0; i < MAKERS; i++) pthread_join(makers[i].thread, NULL);
}

static double seconds_of(redisContext *redis, const char *field)
{
    char text[64];
    redis_info_text(redis, field, text, sizeof text);
    return strtod(text, NULL);
}

/* Processor time that the server has taken, in microseconds. */
static double server_us(redisContext *redis)
{
    return 1e6 * (seconds_of(redis, "used_cpu_user_main_thread") +
                  seconds_of(redis, "used_cpu_sys_main_thread"));
}

static double claim_us(struct lab *lab, const char *prefix, size_t count)
{
    struct hf_tasks *tasks = open_tasks(lab, prefix);
    struct hf_task  *task[CLAIMS];
    struct hf_error  error;
    redisContext    *redis = redis_connect(&lab->server.unix_address);
    fill(tasks, count);

    const double start = server_us(redis);
    for (int i = 0; i < CLAIMS; i++) {
        if (hf_tasks_claim(tasks, NULL, NULL, &task[i], &error))
            die("claim: %s", error.detail);
    }
    const double us = (server_us(redis) - start) / CLAIMS;
    for (int i = 0; i < CLAIMS; i++) {
        if (hf_tasks_complete(tasks, NULL, task[i]->id, task[i]->token, hf_str(""), &error)) {
            die("complete: %s", error.detail);
        }
        hf_task_free(task[i]);
    }
    redisFree(redis);
    hf_tasks_close(tasks);
    if (us <= 0) die("the server does not say how much it works");
    return us;
}

double claim_of_many_us(struct lab *lab, const struct load *load, const struct driver *driver)
{
    (void)load, (void)driver;
    return claim_us(lab, "bench-many", lab->tiny ? MANY_TINY : MANY);
}

double claim_of_few_us(struct lab *lab, const struct load *load, const struct driver *driver)
{
    (void)load, (void)driver;
    return claim_us(lab, "bench-few", FEW);
}

double task_bytes(struct lab *lab, const struct load *load, const struct driver *driver)
{
    (void)load, (void)driver;
    struct hf_tasks *tasks = open_tasks(lab, "bench-bytes");
    redisContext    *redis = redis_connect(&lab->server.unix_address);
    const size_t     count = lab->tiny ? MANY_TINY : MANY / 10;
    fill(tasks, FULL_AUDIT); /* So that what there is but once is there. */
    const uint64_t there = pending(tasks);
    const long     before = redis_info_number(redis, "used_memory");
    fill(tasks, there + count);
    const long after = redis_info_number(redis, "used_memory");
    redisFree(redis);
    hf_tasks_close(tasks);
    return (double)(after - before) / (double)count;
}
