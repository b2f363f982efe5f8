#include "support/die.h"
#include "support/scenario.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

/* Scenario 3: producers create tasks and workers do them while Redis is killed, hangs and
 * returns. In the end every task that was created is done, and each was completed once. */

enum { PRODUCERS = 2, WORKERS = 6, TASKS = 60, CALL_MS = 500 };

static const char *const durable[] = { "--appendonly", "yes", "--appendfsync", "always",
                                       NULL };

static struct hf_tasks *tasks; /* The crowd's. */
static atomic_int       created[PRODUCERS];
static atomic_int       completed[PRODUCERS][TASKS];

static struct hf_tasks *open_tasks(struct scenario *s)
{
    const struct hf_tasks_options settings = { .retry_base = hf_ms(20) };
    struct hf_options            *options;
    struct hf_tasks              *opened;
    struct hf_error               error;
    if (hf_options_open(&options)) die("no memory for options");
    hf_options_set_log(options, HF_LOG_SILENT, NULL, NULL);
    hf_options_set_allocator(options, &s->memory.base);
    if (hf_options_set(options, "url", redis_server_unix_url(s->server), &error) ||
        hf_tasks_open(options, &settings, &opened, &error)) {
        die("%s", error.detail);
    }
    hf_options_close(options);
    return opened;
}

static void produce(struct scenario *s, unsigned producer)
{
    const struct hf_call call = { .timeout = hf_ms(CALL_MS) };
    const int            number = atomic_load(&created[producer]);
    char                 id[HF_TASK_ID_MAX + 1];
    if (number == TASKS) return;
    snprintf(id, sizeof id, "job-%u-%d", producer, number);

    const struct hf_new_task task = {
        .id = id,
        .type = "render",
        .payload = hf_str(id),
        .crash_limit = 1000,
    };
    const hf_instant from = hf_now();
    const hf_err     err = hf_tasks_create(tasks, &call, &task, id, NULL, NULL);
    /* Else once more, under the same id, whatever became of it. */
    if (scenario_saw(s, from, call.timeout, err) == HF_OK)
        atomic_store(&created[producer], number + 1);
}

static void note_completion(struct scenario *s, const char *id)
{
    unsigned producer;
    int      number;
    if (sscanf(id, "job-%u-%d", &producer, &number) != 2) die("whose task is %s?", id);
    if (atomic_fetch_add(&completed[producer][number], 1) != 0)
        atomic_fetch_add(&s->wrong, 1);
}

static void work(struct scenario *s)
{
    const struct hf_call  call = { .timeout = hf_ms(CALL_MS) };
    const struct hf_claim claim = { .lease = hf_seconds(1) };
    struct hf_task       *task;
    hf_instant            from = hf_now();
    hf_err                err = hf_tasks_claim(tasks, &call, &claim, &task, NULL);
    if (scenario_saw(s, from, call.timeout, err) != HF_OK) return;

    from = hf_now();
    err = hf_tasks_complete(tasks, &call, task->id, task->token, task->payload, NULL);
    if (scenario_saw(s, from, call.timeout, err) == HF_OK) note_completion(s, task->id);
    hf_task_free(task);
}

static void act(struct scenario *s, unsigned thread, uint64_t turn)
{
    (void)turn;
    if (thread < PRODUCERS)
        produce(s, thread);
    else
        work(s);
}

static bool is_all_done(void *ctx)
{
    const struct hf_call  call = { .timeout = hf_ms(CALL_MS) };
    struct hf_task_stats *stats;
    (void)ctx;
    if (hf_tasks_stats(tasks, &call, &stats, NULL)) return false;
    const bool done = stats->by_status[HF_TASK_SUCCESS] == PRODUCERS * TASKS;
    hf_task_stats_free(stats);
    return done;
}

static void check_the_books(void)
{
    const struct hf_call  call = { .timeout = hf_seconds(5) };
    struct hf_task_stats *stats;
    assert_int_equal(hf_tasks_stats(tasks, &call, &stats, NULL), HF_OK);
    assert_int_equal(stats->by_status[HF_TASK_PENDING], 0);
    assert_int_equal(stats->by_status[HF_TASK_RUNNING], 0);
    assert_int_equal(stats->by_status[HF_TASK_FAILURE], 0);
    assert_int_equal(stats->leases, 0);
    assert_int_equal(stats->set_aside, 0);
    printf("  %d tasks done, %llu leases recovered\n", PRODUCERS * TASKS,
           (unsigned long long)stats->recovered);
    hf_task_stats_free(stats);
}

static void no_task_is_lost_and_none_done_twice_while_redis_dies_and_returns(void **state)
{
    (void)state;
    struct scenario s;
    scenario_open(&s, &(struct scenario_setup){ .server = { .args = durable } });
    tasks = open_tasks(&s);
    scenario_start(&s, PRODUCERS + WORKERS, act);
    for (int round = 0; round < 2; round++) {
        scenario_play(hf_ms(30));
        redis_server_kill(s.server);
        scenario_play(hf_ms(200));
        redis_server_restart(s.server);
        scenario_expect_recovery(&s, hf_now());

        scenario_play(hf_ms(30));
        redis_server_pause(s.server);
        scenario_play(hf_ms(700));
        redis_server_resume(s.server);
        scenario_expect_recovery(&s, hf_now());
    }
    assert_true(wait_until(is_all_done, NULL, hf_seconds(40)));
    scenario_stop(&s);
    check_the_books();
    hf_tasks_close(tasks);
    scenario_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_task_is_lost_and_none_done_twice_while_redis_dies_and_returns),
    };
    return RUN_TESTS(tests);
}
