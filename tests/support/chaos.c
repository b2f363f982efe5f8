#include "support/chaos.h"

#include "support/fault_proxy.h"
#include "support/process.h"
#include "support/tasks_fixture.h"
#include "support/test.h"
#include "support/wait.h"

#include <core/rng.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROCESSES = 6, THREADS = 4, HANG_MS_MAX = 1500, CREATORS = 4 };

static const hf_duration patience = { INT64_C(180000000000) };

struct chaos {
    const struct chaos_plan *plan;
    struct tasks_fixture     f;
    struct fault_proxy      *proxy;
    struct hf_rng            rng;
    char                     starts[256]; /* A file. */
    pid_t                    workers[PROCESSES];
    _Atomic uint32_t         next;   /* Task to be created. */
    uint64_t                 wanted; /* Successes that are waited for. */
};

uint64_t chaos_seed(void)
{
    const char    *given = getenv("HF_SEED");
    const uint64_t seed = given ? strtoull(given, NULL, 0) : hf_rng_seed();
    print_message("HF_SEED=%" PRIu64 "\n", seed);
    return seed;
}

static void start_worker(struct chaos *c, size_t i)
{
    const char *url = c->proxy ? fault_proxy_url(c->proxy)
                               : redis_server_unix_url(c->f.server);
    char *argv[] = { (char *)"worker", (char *)"--worker", (char *)url, c->starts, NULL };
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        execv("/proc/self/exe", argv);
        _exit(1);
    }
    c->workers[i] = pid;
}

static void *create_share(void *arg)
{
    struct chaos      *c = arg;
    struct hf_new_task new_task = { .type = "t", .retry_limit = 1000, .crash_limit = 1000 };
    char               id[24], given[HF_TASK_ID_MAX + 1];
    for (uint32_t i; (i = c->next++) < c->plan->tasks;) {
        snprintf(id, sizeof id, "task-%" PRIu32, i);
        new_task.id = id;
        new_task.priority = (enum hf_task_priority)(i % HF_TASK_PRIORITIES);
        if (hf_tasks_create(c->f.tasks, NULL, &new_task, given, NULL, NULL)) abort();
    }
    return NULL;
}

static void create_tasks(struct chaos *c)
{
    pthread_t threads[CREATORS];
    for (size_t i = 0; i < CREATORS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, create_share, c), 0);
    }
    for (size_t i = 0; i < CREATORS; i++) pthread_join(threads[i], NULL);
}

static bool has_so_many(void *ctx)
{
    struct chaos         *c = ctx;
    struct hf_task_stats *stats;
    if (hf_tasks_stats(c->f.tasks, NULL, &stats, NULL)) return false;
    const bool has = stats->by_status[HF_TASK_SUCCESS] >= c->wanted;
    hf_task_stats_free(stats);
    return has;
}

static bool never(void *ctx)
{
    (void)ctx;
    return false;
}

enum event { KILL, HANG, RESTART };

static void strike(struct chaos *c, enum event event)
{
    const size_t victim = hf_rng_below(&c->rng, PROCESSES);
    switch (event) {
    case KILL:
        process_kill(c->workers[victim]);
        start_worker(c, victim);
        break;
    case HANG:
        redis_server_pause(c->f.server);
        (void)wait_until(never, NULL, hf_ms((uint32_t)hf_rng_below(&c->rng, HANG_MS_MAX)));
        redis_server_resume(c->f.server);
        break;
    case RESTART: redis_server_restart(c->f.server); break;
    }
}

/* All events by chance in an order, spread evenly over the work. */
static void hurt(struct chaos *c)
{
    uint32_t       left[] = { c->plan->kills, c->plan->hangs, c->plan->restarts };
    const uint32_t total = left[KILL] + left[HANG] + left[RESTART];
    for (uint32_t done = 0; done < total; done++) {
        c->wanted = (uint64_t)c->plan->tasks * done / (total + 1);
        if (!wait_until(has_so_many, c, patience)) fail_msg("no progress at event %u", done);
        uint64_t   pick = hf_rng_below(&c->rng, total - done);
        enum event event = KILL;
        while (pick >= left[event]) pick -= left[event++];
        left[event]--;
        strike(c, event);
    }
}

/* The record ended by its newest token, and its effect happened once. */
static void check_task(struct chaos *c, uint32_t number)
{
    char id[24], token[24], key[64];
    snprintf(id, sizeof id, "task-%" PRIu32, number);
    struct hf_task *task = tasks_fixture_get(&c->f, id);
    snprintf(token, sizeof token, "%" PRIu64, task->token);
    assert_int_equal(task->status, HF_TASK_SUCCESS);
    assert_int_equal(task->result.size, strlen(token));
    assert_memory_equal(task->result.data, token, task->result.size);
    hf_task_free(task);
    snprintf(key, sizeof key, "{tasks}:effect:%s", id);
    assert_string_equal(tasks_fixture_ask(&c->f, "HGET %s count", key), "1");
}

static void check_end(struct chaos *c)
{
    struct hf_task_stats    *stats;
    struct stat              file;
    const struct chaos_plan *plan = c->plan;
    assert_int_equal(hf_tasks_stats(c->f.tasks, NULL, &stats, &c->f.error), HF_OK);
    assert_int_equal(stats->by_status[HF_TASK_SUCCESS], plan->tasks);
    for (int s = 0; s < HF_TASK_STATUSES; s++) {
        if (s != HF_TASK_SUCCESS) assert_int_equal(stats->by_status[s], 0);
    }
    assert_int_equal(stats->leases, 0);
    assert_int_equal(stat(c->starts, &file), 0);
    print_message("%u tasks, %lld starts, %u kills, %" PRIu64 " recovered leases\n",
                  plan->tasks, (long long)file.st_size, plan->kills, stats->recovered);
    assert_true((uint64_t)file.st_size >= plan->tasks);
    assert_true((uint64_t)file.st_size <=
                plan->tasks + (uint64_t)plan->kills * THREADS + stats->recovered);
    hf_task_stats_free(stats);
    for (uint32_t i = 0; i < plan->tasks; i++) check_task(c, i);
    tasks_fixture_check(&c->f);
}

void chaos_play(const struct chaos_plan *plan)
{
    static const char *const durable[] = { "--appendonly", "yes", "--appendfsync", "always",
                                           NULL };
    struct chaos             c = { .plan = plan, .rng = { plan->seed } };
    tasks_fixture_open_with(&c.f, NULL, durable);
    if (plan->proxy) {
        c.proxy = fault_proxy_start(redis_server_socket(c.f.server));
        fault_proxy_play(c.proxy, &(struct fault_play){
                                      .seed = plan->seed,
                                      .kinds = 1u << FAULT_RESET | 1u << FAULT_CUT,
                                      .calm_max = hf_ms(800),
                                      .storm_max = hf_ms(300),
                                  });
    }
    snprintf(c.starts, sizeof c.starts, "%s/starts", redis_server_folder(c.f.server));
    const int file = open(c.starts, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    close(file);

    create_tasks(&c);
    for (size_t i = 0; i < PROCESSES; i++) start_worker(&c, i);
    hurt(&c);
    c.wanted = plan->tasks;
    if (!wait_until(has_so_many, &c, patience)) fail_msg("not all tasks came to success");
    for (size_t i = 0; i < PROCESSES; i++) process_kill(c.workers[i]);
    check_end(&c);
    fault_proxy_close(c.proxy);
    tasks_fixture_close(&c.f);
}
