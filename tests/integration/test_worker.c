#include "support/fault_proxy.h"
#include "support/leaks.h"
#include "support/tasks_fixture.h"
#include "support/test.h"
#include "support/wait.h"

#include <holdfast/worker.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static const hf_duration bound = { INT64_C(20000000000) };

/* What a handler does, and what it saw. */
struct script {
    enum hf_job_end end;
    const char     *message;   /* NULL: "half way". */
    atomic_bool     is_let_go; /* It returns. */
    bool            waits_for_verdict;
    atomic_int      started;
    atomic_int      running;
    atomic_int      verdict; /* The last one seen. */
};

static bool may_return(void *ctx)
{
    struct script *s = ctx;
    return s->is_let_go;
}

static enum hf_job_end play(struct hf_job *job, void *ctx)
{
    struct script *s = ctx;
    s->started++;
    s->running++;
    hf_job_progress(job, 0.5, s->message ? s->message : "half way");
    assert_int_equal(hf_job_result(job, hf_bytes(NULL, 0)), HF_OK);
    assert_int_equal(hf_job_result(job, hf_str("the result")), HF_OK);
    while (!may_return(s) && !(s->waits_for_verdict && s->verdict)) {
        s->verdict = (int)hf_job_check(job);
        (void)wait_until(may_return, s, hf_ms(5));
    }
    s->running--;
    return s->end;
}

/* A worker with leases of a second, on a handle of its own. */
struct shift {
    struct tasks_fixture f;
    struct hf_tasks     *tasks;
    struct hf_worker    *worker;
    struct script        script;
};

static void start(struct shift *shift, const char *url, hf_duration task_timeout)
{
    const struct hf_worker_options options = {
        .threads = 2,
        .lease = hf_seconds(1),
        .task_timeout = task_timeout,
        .name = "tester",
    };
    char quick[256];
    snprintf(quick, sizeof quick, "%s?socket_timeout=0.3",
             url ? url : redis_server_unix_url(shift->f.server));
    shift->tasks = tasks_fixture_another(&shift->f, NULL, quick);
    assert_int_equal(hf_worker_open(shift->tasks, &options, play, &shift->script,
                                    &shift->worker, &shift->f.error),
                     HF_OK);
}

static void end(struct shift *shift)
{
    shift->script.is_let_go = true;
    hf_worker_close(shift->worker);
    hf_tasks_close(shift->tasks);
    tasks_fixture_close(&shift->f);
}

static struct hf_worker_stats stats_of(struct shift *shift)
{
    struct hf_worker_stats stats;
    hf_worker_stats(shift->worker, &stats);
    return stats;
}

static bool is_running(void *ctx)
{
    struct shift *shift = ctx;
    return shift->script.running > 0;
}

static bool eight_are_running(void *ctx)
{
    struct shift *shift = ctx;
    return shift->script.running == 8;
}

static bool has_verdict(void *ctx)
{
    struct shift *shift = ctx;
    return shift->script.verdict != HF_OK;
}

static bool is_holding(void *ctx)
{
    return stats_of(ctx).holding > 0;
}

static bool has_ended(void *ctx)
{
    const struct hf_worker_stats s = stats_of(ctx);
    return s.succeeded + s.failed + s.released + s.cancelled + s.timed_out + s.lost > 0;
}

/* What came instead is told, for a wait that is rarely in vain. */
static void await(struct shift *shift, bool (*condition)(void *ctx))
{
    if (wait_until(condition, shift, bound)) return;
    const struct hf_worker_stats w = stats_of(shift);
    struct hf_health             health;
    struct hf_stats              c;
    hf_health_get(hf_tasks_client(shift->tasks), &health);
    hf_stats_get(hf_tasks_client(shift->tasks), &c);
    fail_msg("in vain: started %llu, running %llu; client %s (%s), breaker %s; of %llu calls "
             "%llu ok, %llu late, %llu lost, %llu unconnected, %llu rejected; claimed %llu",
             (unsigned long long)w.started, (unsigned long long)w.running,
             hf_status_name(health.status), health.reason,
             hf_breaker_state_name(health.breaker.state), (unsigned long long)c.calls,
             (unsigned long long)c.calls_ok, (unsigned long long)c.errors_timeout,
             (unsigned long long)c.errors_lost, (unsigned long long)c.errors_connection,
             (unsigned long long)c.errors_rejected, (unsigned long long)c.tasks_claimed);
}

static void tasks_are_run_and_their_results_kept(void **state)
{
    (void)state;
    struct shift shift = { .script = { .end = HF_JOB_DONE } };
    tasks_fixture_open(&shift.f, NULL);
    start(&shift, NULL, hf_ns(0));
    tasks_fixture_create(&shift.f, "a");
    await(&shift, is_running);

    shift.script.is_let_go = true;
    await(&shift, has_ended);
    struct hf_task *task = tasks_fixture_get(&shift.f, "a");
    assert_int_equal(task->status, HF_TASK_SUCCESS);
    assert_int_equal(task->result.size, strlen("the result"));
    assert_memory_equal(task->result.data, "the result", task->result.size);
    assert_string_equal(task->worker, "tester");
    hf_task_free(task);
    assert_int_equal(stats_of(&shift).succeeded, 1);
    end(&shift);
}

static bool progress_is_seen(void *ctx)
{
    struct shift   *shift = ctx;
    struct hf_task *task = tasks_fixture_get(&shift->f, "a");
    const bool      seen = task->progress > 0 && strcmp(task->message, "half way") == 0;
    hf_task_free(task);
    return seen;
}

static void progress_is_told_and_the_lease_outlives_its_length(void **state)
{
    (void)state;
    struct shift shift = { .script = { .end = HF_JOB_DONE } };
    bool         has_more;
    tasks_fixture_open(&shift.f, NULL);
    start(&shift, NULL, hf_ns(0));
    tasks_fixture_create(&shift.f, "a");
    await(&shift, progress_is_seen);

    assert_true(stays_true(is_running, &shift, hf_ms(1500)));
    assert_int_equal(hf_tasks_maintain(shift.f.tasks, NULL, &has_more, NULL), HF_OK);
    assert_int_equal(tasks_fixture_status(&shift.f, "a"), HF_TASK_RUNNING);
    end(&shift);
}

static bool has_message(void *ctx)
{
    struct shift   *shift = ctx;
    struct hf_task *task = tasks_fixture_get(&shift->f, "a");
    const bool      has = task->message[0];
    hf_task_free(task);
    return has;
}

/* Two bytes of which one would still have room. */
static void a_long_message_is_cut_between_characters(void **state)
{
    (void)state;
    char message[HF_TASK_TEXT_MAX + 2];
    memset(message, 'x', HF_TASK_TEXT_MAX - 1);
    memcpy(message + HF_TASK_TEXT_MAX - 1, "\xc3\xa9", 3);
    struct shift shift = { .script = { .end = HF_JOB_DONE, .message = message } };
    tasks_fixture_open(&shift.f, NULL);
    start(&shift, NULL, hf_ns(0));
    tasks_fixture_create(&shift.f, "a");
    await(&shift, has_message);

    struct hf_task *task = tasks_fixture_get(&shift.f, "a");
    assert_int_equal(strlen(task->message), HF_TASK_TEXT_MAX - 1);
    hf_task_free(task);
    end(&shift);
}

static void a_failure_is_retried_and_a_final_one_is_not(void **state)
{
    (void)state;
    struct shift shift = { .script = { .end = HF_JOB_DEAD, .is_let_go = true } };
    tasks_fixture_open(&shift.f, NULL);
    start(&shift, NULL, hf_ns(0));
    tasks_fixture_create(&shift.f, "a");
    await(&shift, has_ended);
    struct hf_task *task = tasks_fixture_get(&shift.f, "a");
    assert_int_equal(task->status, HF_TASK_FAILURE);
    assert_int_equal(task->error_count, 1);
    assert_memory_equal(task->errors[0].text.data, "the result", 10);
    hf_task_free(task);

    shift.script.end = HF_JOB_RETRY;
    tasks_fixture_create(&shift.f, "b");
    while (stats_of(&shift).failed < 2) (void)wait_until(has_ended, &shift, hf_ms(5));
    task = tasks_fixture_get(&shift.f, "b");
    assert_true(task->retries >= 1);
    hf_task_free(task);
    end(&shift);
}

static void a_handler_learns_that_its_task_was_cancelled(void **state)
{
    (void)state;
    struct shift shift = { .script = { .end = HF_JOB_DONE, .waits_for_verdict = true } };
    tasks_fixture_open(&shift.f, NULL);
    start(&shift, NULL, hf_ns(0));
    tasks_fixture_create(&shift.f, "a");
    await(&shift, is_running);

    assert_int_equal(hf_tasks_cancel(shift.f.tasks, NULL, "a", NULL), HF_OK);
    await(&shift, has_verdict);
    assert_int_equal(shift.script.verdict, HF_E_TASK_CANCELLED);
    await(&shift, has_ended);
    assert_int_equal(stats_of(&shift).cancelled, 1);
    assert_int_equal(tasks_fixture_status(&shift.f, "a"), HF_TASK_CANCELLED);
    end(&shift);
}

static bool has_retried(void *ctx)
{
    struct shift   *shift = ctx;
    struct hf_task *task = tasks_fixture_get(&shift->f, "a");
    const bool      has = task->retries > 0;
    hf_task_free(task);
    return has;
}

static void a_task_past_its_time_fails_though_the_handler_does_not_notice(void **state)
{
    (void)state;
    struct shift shift = { .script = { .end = HF_JOB_DONE } };
    tasks_fixture_open(&shift.f, NULL);
    start(&shift, NULL, hf_ms(100));
    tasks_fixture_create(&shift.f, "a");
    await(&shift, has_retried);
    assert_true(is_running(&shift));

    shift.script.is_let_go = true;
    await(&shift, has_ended);
    assert_true(stats_of(&shift).timed_out >= 1);
    struct hf_task *task = tasks_fixture_get(&shift.f, "a");
    assert_memory_equal(task->errors[0].text.data, "timed out", 9);
    hf_task_free(task);
    end(&shift);
}

static void stopping_waits_for_handlers_as_long_as_it_may(void **state)
{
    (void)state;
    struct shift shift = { .script = { .end = HF_JOB_RELEASE, .waits_for_verdict = true } };
    tasks_fixture_open(&shift.f, NULL);
    start(&shift, NULL, hf_ns(0));
    tasks_fixture_create(&shift.f, "a");
    await(&shift, is_running);

    assert_int_equal(hf_worker_stop(shift.worker, hf_ms(300), &shift.f.error), HF_OK);
    assert_int_equal(shift.script.verdict, HF_E_CLOSED);
    assert_int_equal(stats_of(&shift).released, 1);
    struct hf_task *task = tasks_fixture_get(&shift.f, "a");
    assert_int_equal(task->status, HF_TASK_PENDING);
    assert_int_equal(task->retries + task->crashes, 0);
    hf_task_free(task);
    tasks_fixture_create(&shift.f, "b");
    assert_int_equal(shift.script.started, 1);
    end(&shift);
}

struct claimant {
    struct tasks_fixture *f;
    struct hf_task       *task;
};

static bool has_claimed(void *ctx)
{
    struct claimant *c = ctx;
    c->task = tasks_fixture_claim(c->f);
    return c->task != NULL;
}

static void the_task_of_a_stuck_handler_is_released_and_its_outcome_dropped(void **state)
{
    (void)state;
    struct shift shift = { .script = { .end = HF_JOB_DONE } };
    tasks_fixture_open(&shift.f, NULL);
    start(&shift, NULL, hf_ns(0));
    tasks_fixture_create(&shift.f, "a");
    await(&shift, is_running);

    assert_int_equal(hf_worker_stop(shift.worker, hf_ms(10), &shift.f.error), HF_E_TIMEOUT);
    struct claimant again = { .f = &shift.f };
    assert_true(wait_until(has_claimed, &again, bound));
    shift.script.is_let_go = true;
    assert_int_equal(hf_worker_stop(shift.worker, hf_seconds(20), &shift.f.error), HF_OK);
    assert_int_equal(stats_of(&shift).lost, 1);
    assert_int_equal(tasks_fixture_status(&shift.f, "a"), HF_TASK_RUNNING);
    hf_task_free(again.task);
    end(&shift);
}

static bool one_is_blocked(void *ctx)
{
    struct shift *shift = ctx;
    return redis_server_info(shift->f.server, "blocked_clients") == 1;
}

static bool one_at_most_is_blocked(void *ctx)
{
    struct shift *shift = ctx;
    return redis_server_info(shift->f.server, "blocked_clients") <= 1;
}

static void of_many_idle_threads_one_waits_and_all_work_when_there_is_work(void **state)
{
    (void)state;
    struct shift                   shift = { .script = { .end = HF_JOB_DONE } };
    const struct hf_worker_options options = { .threads = 8 };
    char                           id[16];
    tasks_fixture_open(&shift.f, NULL);
    assert_int_equal(hf_worker_open(shift.f.tasks, &options, play, &shift.script,
                                    &shift.worker, &shift.f.error),
                     HF_OK);
    await(&shift, one_is_blocked);
    assert_true(stays_true(one_at_most_is_blocked, &shift, hf_ms(600)));
    for (int i = 0; i < 8; i++) {
        snprintf(id, sizeof id, "task-%d", i);
        tasks_fixture_create(&shift.f, id);
    }
    await(&shift, eight_are_running);
    end(&shift);
}

/* ---- When Redis is down ---- */

enum outage { KILLED, HUNG, RESET, OUTAGES };

static uint64_t begin_outage(struct shift *shift, struct fault_proxy *proxy,
                             enum outage which)
{
    if (which == KILLED) redis_server_kill(shift->f.server);
    if (which == HUNG) redis_server_pause(shift->f.server);
    if (which != RESET) return 0;
    const uint64_t id = fault_proxy_set(proxy, &(struct fault){ .kind = FAULT_RESET });
    fault_proxy_cut(proxy, 0, FAULT_RESET_END);
    return id;
}

static void end_outage(struct shift *shift, struct fault_proxy *proxy, enum outage which,
                       uint64_t id)
{
    if (which == KILLED) redis_server_restart(shift->f.server);
    if (which == HUNG) redis_server_resume(shift->f.server);
    if (which == RESET) fault_proxy_lift(proxy, id);
}

static void an_outcome_is_held_through_an_outage(void **state)
{
    (void)state;
    static const char *const durable[] = { "--appendonly", "yes", "--appendfsync", "always",
                                           NULL };
    for (enum outage which = 0; which < OUTAGES; which++) {
        struct shift shift = { .script = { .end = HF_JOB_DONE } };
        tasks_fixture_open_with(&shift.f, NULL, durable);
        struct fault_proxy *proxy = fault_proxy_start(redis_server_socket(shift.f.server));
        start(&shift, fault_proxy_url(proxy), hf_ns(0));
        tasks_fixture_create(&shift.f, "a");
        await(&shift, is_running);

        const uint64_t id = begin_outage(&shift, proxy, which);
        shift.script.is_let_go = true;
        await(&shift, is_holding);
        end_outage(&shift, proxy, which, id);
        await(&shift, has_ended);
        assert_int_equal(stats_of(&shift).succeeded, 1);
        assert_int_equal(stats_of(&shift).holding, 0);
        assert_int_equal(shift.script.started, 1);
        assert_true(hf_client_wait_ready(hf_tasks_client(shift.f.tasks), bound, NULL) ==
                    HF_OK);
        assert_int_equal(tasks_fixture_status(&shift.f, "a"), HF_TASK_SUCCESS);
        end(&shift);
        fault_proxy_close(proxy);
    }
}

static void an_outcome_is_dropped_when_somebody_else_has_the_task(void **state)
{
    (void)state;
    struct shift shift = { .script = { .end = HF_JOB_DONE } };
    tasks_fixture_open(&shift.f, NULL);
    struct fault_proxy *proxy = fault_proxy_start(redis_server_socket(shift.f.server));
    start(&shift, fault_proxy_url(proxy), hf_ns(0));
    tasks_fixture_create(&shift.f, "a");
    await(&shift, is_running);

    const uint64_t id = begin_outage(&shift, proxy, RESET);
    shift.script.is_let_go = true;
    await(&shift, is_holding);
    tasks_fixture_expire(&shift.f, "a");
    struct hf_task *taken = tasks_fixture_claim(&shift.f);
    assert_non_null(taken);
    end_outage(&shift, proxy, RESET, id);
    await(&shift, has_ended);
    assert_int_equal(stats_of(&shift).lost, 1);
    assert_int_equal(hf_tasks_complete(shift.f.tasks, NULL, "a", taken->token,
                                       hf_str("the other's"), NULL),
                     HF_OK);
    hf_task_free(taken);
    struct hf_task *task = tasks_fixture_get(&shift.f, "a");
    assert_memory_equal(task->result.data, "the other's", 11);
    hf_task_free(task);
    end(&shift);
    fault_proxy_close(proxy);
}

static void stopping_is_bounded_while_redis_hangs(void **state)
{
    (void)state;
    struct shift shift = { .script = { .end = HF_JOB_DONE } };
    tasks_fixture_open(&shift.f, NULL);
    start(&shift, NULL, hf_ns(0));
    tasks_fixture_create(&shift.f, "a");
    await(&shift, is_running);
    redis_server_pause(shift.f.server);
    shift.script.is_let_go = true;
    await(&shift, is_holding);

    const hf_instant begun = hf_now();
    assert_int_equal(hf_worker_stop(shift.worker, hf_ms(100), &shift.f.error), HF_OK);
    assert_true(hf_between(begun, hf_now()).ns < hf_ms(3600).ns);
    assert_int_equal(stats_of(&shift).undelivered, 1);
    redis_server_resume(shift.f.server);
    end(&shift);
}

static void bad_options_are_refused_and_no_memory_is_no_harm(void **state)
{
    (void)state;
    struct tasks_fixture f;
    struct hf_worker    *worker = NULL;
    struct script        script = { .is_let_go = true };
    const char          *odd = "odd type";
    const char          *types[] = { "one", "two" };
    tasks_fixture_open(&f, NULL);
    struct hf_worker_options options = { .threads = HF_WORKER_THREADS_MAX + 1 };
    assert_int_equal(hf_worker_open(f.tasks, &options, play, &script, &worker, &f.error),
                     HF_E_RANGE);
    options = (struct hf_worker_options){ .types = &odd, .type_count = 1 };
    assert_int_equal(hf_worker_open(f.tasks, &options, play, &script, &worker, &f.error),
                     HF_E_INVALID);
    options = (struct hf_worker_options){ .lease = hf_ms(999) };
    assert_int_equal(hf_worker_open(f.tasks, &options, play, &script, &worker, &f.error),
                     HF_E_RANGE);
    const int64_t century_ns = INT64_C(100) * 365 * 24 * 3600 * 1000000000;
    options = (struct hf_worker_options){ .lease = hf_ns(century_ns) };
    assert_int_equal(hf_worker_open(f.tasks, &options, play, &script, &worker, &f.error),
                     HF_E_RANGE);
    options = (struct hf_worker_options){ .task_timeout = hf_ns(-1) };
    assert_int_equal(hf_worker_open(f.tasks, &options, play, &script, &worker, &f.error),
                     HF_E_RANGE);
    options = (struct hf_worker_options){ .priorities = 8 };
    assert_int_equal(hf_worker_open(f.tasks, &options, play, &script, &worker, &f.error),
                     HF_E_INVALID);
    assert_null(worker);

    options = (struct hf_worker_options){
        .threads = 1, .types = types, .type_count = 2, .name = "w"
    };
    const struct leaks before = leaks_count();
    for (long i = 1; i <= 6; i++) {
        f.memory.fail_at = f.memory.requests + i;
        assert_int_equal(hf_worker_open(f.tasks, &options, play, &script, &worker, &f.error),
                         HF_E_NOMEM);
    }
    f.memory.fail_at = 0;
    assert_true(leaks_settle(&before));
    hf_worker_close(NULL);
    tasks_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_are_run_and_their_results_kept),
        cmocka_unit_test(progress_is_told_and_the_lease_outlives_its_length),
        cmocka_unit_test(a_long_message_is_cut_between_characters),
        cmocka_unit_test(a_failure_is_retried_and_a_final_one_is_not),
        cmocka_unit_test(a_handler_learns_that_its_task_was_cancelled),
        cmocka_unit_test(a_task_past_its_time_fails_though_the_handler_does_not_notice),
        cmocka_unit_test(stopping_waits_for_handlers_as_long_as_it_may),
        cmocka_unit_test(the_task_of_a_stuck_handler_is_released_and_its_outcome_dropped),
        cmocka_unit_test(of_many_idle_threads_one_waits_and_all_work_when_there_is_work),
        cmocka_unit_test(an_outcome_is_held_through_an_outage),
        cmocka_unit_test(an_outcome_is_dropped_when_somebody_else_has_the_task),
        cmocka_unit_test(stopping_is_bounded_while_redis_hangs),
        cmocka_unit_test(bad_options_are_refused_and_no_memory_is_no_harm),
    };
    return RUN_TESTS(tests);
}
