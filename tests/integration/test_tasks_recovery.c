#include "support/tasks_fixture.h"
#include "support/test.h"
#include "support/wait.h"

#include <stdio.h>
#include <stdlib.h>

static hf_err round_of_upkeep(struct tasks_fixture *f)
{
    return hf_tasks_maintain(f->tasks, NULL, NULL, &f->error);
}

struct waiting_for {
    struct tasks_fixture *f;
    enum hf_task_status   status;
};

static bool has_status(void *ctx)
{
    const struct waiting_for *w = ctx;
    return tasks_fixture_status(w->f, "a") == w->status;
}

static void an_expired_lease_is_recovered_by_any_living_process(void **state)
{
    (void)state;
    struct tasks_fixture          f;
    const struct hf_tasks_options living = { .name = "living" };
    const struct hf_claim         short_lease = { .lease = hf_seconds(1) };
    struct hf_task               *task;
    tasks_fixture_open(&f, NULL);
    struct hf_tasks *other = tasks_fixture_another(&f, &living, NULL);
    tasks_fixture_create(&f, "a");
    assert_int_equal(hf_tasks_claim(f.tasks, NULL, &short_lease, &task, &f.error), HF_OK);

    struct waiting_for pending = { &f, HF_TASK_PENDING };
    assert_true(wait_until(has_status, &pending, hf_seconds(6)));
    assert_int_equal(hf_tasks_complete(f.tasks, NULL, "nosuch", 1, hf_str(""), NULL),
                     HF_E_TASK_UNKNOWN);
    hf_task_free(task);
    task = tasks_fixture_get(&f, "a");
    assert_int_equal(task->crashes, 1);
    assert_int_equal(task->retries, 0);
    hf_task_free(task);

    struct hf_tasks_health health;
    hf_tasks_health(other, &health);
    assert_int_equal(health.error, HF_OK);
    assert_true(health.maintained.ns > 0);
    assert_false(health.may_evict);
    hf_tasks_close(other);
    tasks_fixture_close(&f);
}

static void a_heartbeat_keeps_the_lease(void **state)
{
    (void)state;
    struct tasks_fixture f;
    tasks_fixture_open(&f, NULL);
    tasks_fixture_create(&f, "a");
    struct hf_task *task = tasks_fixture_claim(&f);
    tasks_fixture_ask(&f, "ZADD {tasks}:leases XX 1 a");
    assert_int_equal(hf_tasks_heartbeat(f.tasks, NULL, "a", task->token, -1, NULL, &f.error),
                     HF_OK);
    assert_int_equal(round_of_upkeep(&f), HF_OK);
    assert_int_equal(tasks_fixture_status(&f, "a"), HF_TASK_RUNNING);
    hf_task_free(task);
    tasks_fixture_close(&f);
}

static void a_poison_task_dies_of_its_crashes_not_of_retries(void **state)
{
    (void)state;
    struct tasks_fixture f;
    tasks_fixture_open(&f, NULL);
    tasks_fixture_create(&f, "a");
    for (int i = 0; i < 4; i++) {
        struct hf_task *task = tasks_fixture_claim(&f);
        assert_non_null(task);
        assert_int_equal(task->crashes, i);
        assert_int_equal(task->retries, 0);
        hf_task_free(task);
        tasks_fixture_expire(&f, "a");
    }
    assert_null(tasks_fixture_claim(&f));
    struct hf_task *task = tasks_fixture_get(&f, "a");
    assert_int_equal(task->status, HF_TASK_FAILURE);
    assert_int_equal(task->crashes, 4);
    assert_int_equal(task->error_count, 4);
    assert_true(task->errors[3].is_crash);
    hf_task_free(task);

    assert_int_equal(hf_tasks_requeue(f.tasks, NULL, "a", &f.error), HF_OK);
    task = tasks_fixture_claim(&f);
    assert_int_equal(task->crashes, 0);
    assert_int_equal(task->completed_ms, 0);
    hf_task_free(task);
    tasks_fixture_close(&f);
}

static void who_was_cut_off_may_end_what_nobody_else_took(void **state)
{
    (void)state;
    struct tasks_fixture f;
    tasks_fixture_open(&f, NULL);
    tasks_fixture_create(&f, "a");
    struct hf_task *task = tasks_fixture_claim(&f);
    tasks_fixture_expire(&f, "a");
    assert_int_equal(tasks_fixture_status(&f, "a"), HF_TASK_PENDING);
    assert_int_equal(hf_tasks_heartbeat(f.tasks, NULL, "a", task->token, 0.5, NULL, &f.error),
                     HF_OK);
    assert_int_equal(tasks_fixture_status(&f, "a"), HF_TASK_RUNNING);
    assert_null(tasks_fixture_claim(&f));
    tasks_fixture_check(&f);

    tasks_fixture_expire(&f, "a");
    assert_int_equal(
        hf_tasks_complete(f.tasks, NULL, "a", task->token, hf_str("late"), &f.error), HF_OK);
    hf_task_free(task);
    task = tasks_fixture_get(&f, "a");
    assert_int_equal(task->status, HF_TASK_SUCCESS);
    assert_int_equal(task->crashes, 1);
    hf_task_free(task);
    assert_null(tasks_fixture_claim(&f));
    tasks_fixture_close(&f);
}

static void what_runs_and_what_is_leased_are_brought_together(void **state)
{
    (void)state;
    struct tasks_fixture  f;
    struct hf_task_stats *stats;
    tasks_fixture_open(&f, NULL);
    static const char *const ids[] = { "a", "b", "c", "d" };
    for (int i = 0; i < 4; i++) {
        tasks_fixture_create(&f, ids[i]);
        hf_task_free(tasks_fixture_claim(&f));
    }
    tasks_fixture_ask(&f, "ZREM {tasks}:leases a");          /* Runs without a lease. */
    tasks_fixture_ask(&f, "ZREM {tasks}:in:1 b");            /* A lease out of sight. */
    tasks_fixture_ask(&f, "ZADD {tasks}:leases 9e15 ghost"); /* Of no task at all. */
    tasks_fixture_ask(&f, "ZADD {tasks}:in:1 9 phantom");
    for (int i = 0; i < 2; i++) assert_int_equal(round_of_upkeep(&f), HF_OK);

    assert_int_equal(tasks_fixture_status(&f, "a"), HF_TASK_PENDING);
    assert_int_equal(tasks_fixture_status(&f, "b"), HF_TASK_RUNNING);
    assert_int_equal(hf_tasks_stats(f.tasks, NULL, &stats, &f.error), HF_OK);
    assert_int_equal(stats->by_status[HF_TASK_RUNNING], 3);
    assert_int_equal(stats->leases, 3);
    assert_int_equal(stats->mended, 4);
    hf_task_stats_free(stats);
    tasks_fixture_close(&f);
}

/* Of each of these the priority and the type can still be read. The fixture compares all that
 * is counted with the records. */
static void a_damaged_record_does_not_hold_up_recovery(void **state)
{
    (void)state;
    static const char *const damages[] = { "HSET {tasks}:t:bad s x", "HSET {tasks}:t:bad f 0",
                                           "HDEL {tasks}:t:bad c",
                                           "HSET {tasks}:t:bad v -1" };
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct tasks_fixture f;
        tasks_fixture_open(&f, NULL);
        tasks_fixture_create(&f, "bad");
        tasks_fixture_create(&f, "a");
        for (int n = 0; n < 2; n++) hf_task_free(tasks_fixture_claim(&f));
        tasks_fixture_ask(&f, "%s", damages[i]);
        tasks_fixture_ask(&f, "ZADD {tasks}:leases 1 bad 2 a");
        assert_int_equal(round_of_upkeep(&f), HF_OK);
        assert_int_equal(tasks_fixture_status(&f, "a"), HF_TASK_PENDING);
        assert_string_equal(tasks_fixture_ask(&f, "ZCARD {tasks}:aside"), "1");
        assert_string_equal(tasks_fixture_ask(&f, "ZCARD {tasks}:leases"), "0");
        assert_string_equal(tasks_fixture_eval(&f,
                                               "local left = 0 "
                                               "for _, name in ipairs(redis.call('HKEYS', "
                                               "'{tasks}:meta')) do if string.find(name, "
                                               "'^grant:') then left = left + 1 end end "
                                               "return left"),
                            "0");
        tasks_fixture_close(&f);
    }
}

static void many_expired_leases_are_recovered_in_steps(void **state)
{
    (void)state;
    struct tasks_fixture f;
    char                 id[16];
    bool                 has_more;
    int                  rounds = 0;
    tasks_fixture_open(&f, NULL);
    for (int i = 0; i < 250; i++) {
        snprintf(id, sizeof id, "%d", i);
        tasks_fixture_create(&f, id);
        hf_task_free(tasks_fixture_claim(&f));
        tasks_fixture_ask(&f, "ZADD {tasks}:leases 1 %s", id);
    }
    do {
        assert_int_equal(hf_tasks_maintain(f.tasks, NULL, &has_more, &f.error), HF_OK);
        rounds++;
    } while (has_more);
    assert_int_equal(rounds, 3);
    assert_string_equal(tasks_fixture_ask(&f, "ZCARD {tasks}:in:0"), "250");
    assert_string_equal(tasks_fixture_ask(&f, "HGET {tasks}:meta recovered"), "250");
    tasks_fixture_close(&f);
}

static void finish(struct tasks_fixture *f, const char *id)
{
    tasks_fixture_create(f, id);
    struct hf_task *task = tasks_fixture_claim(f);
    assert_int_equal(
        hf_tasks_complete(f->tasks, NULL, id, task->token, hf_str("result"), &f->error),
        HF_OK);
    hf_task_free(task);
}

static void finished_tasks_are_removed_by_age_and_by_number_live_ones_never(void **state)
{
    (void)state;
    struct tasks_fixture          f;
    const struct hf_tasks_options options = { .is_passive = true,
                                              .keep_finished = hf_seconds(3600),
                                              .keep_finished_max = 2 };
    uint64_t                      removed;
    struct hf_task               *task;
    tasks_fixture_open(&f, &options);
    finish(&f, "old");
    tasks_fixture_ask(&f, "ZADD {tasks}:in:2 XX 5 old");
    finish(&f, "1");
    tasks_fixture_create(&f, "live");
    tasks_fixture_ask(&f, "ZADD {tasks}:in:0 XX 5 live");
    assert_int_equal(round_of_upkeep(&f), HF_OK);
    assert_int_equal(hf_tasks_get(f.tasks, NULL, "old", &task, NULL), HF_E_TASK_UNKNOWN);
    assert_int_equal(tasks_fixture_status(&f, "1"), HF_TASK_SUCCESS);
    assert_int_equal(tasks_fixture_status(&f, "live"), HF_TASK_PENDING);
    assert_string_equal(tasks_fixture_ask(&f, "TTL {tasks}:t:live"), "-1");
    assert_int_equal(hf_tasks_cancel(f.tasks, NULL, "live", &f.error), HF_OK);

    finish(&f, "2");
    finish(&f, "3");
    assert_int_equal(round_of_upkeep(&f), HF_OK);
    assert_int_equal(hf_tasks_get(f.tasks, NULL, "1", &task, NULL), HF_E_TASK_UNKNOWN);
    assert_int_equal(tasks_fixture_status(&f, "2"), HF_TASK_SUCCESS);

    assert_int_equal(
        hf_tasks_cleanup(f.tasks, NULL, hf_seconds(60), UINT32_MAX, &removed, &f.error),
        HF_OK);
    assert_int_equal(removed, 0);
    assert_int_equal(hf_tasks_cleanup(f.tasks, NULL, hf_seconds(60), 1, &removed, &f.error),
                     HF_OK);
    assert_int_equal(removed, 1);
    assert_int_equal(
        hf_tasks_cleanup(f.tasks, NULL, hf_ns(0), UINT32_MAX, &removed, &f.error), HF_OK);
    assert_int_equal(removed, 2);
    assert_string_equal(tasks_fixture_eval(&f, "return #redis.call('KEYS', '{tasks}:t:*')"),
                        "0");
    tasks_fixture_close(&f);
}

/* Finished by a newer version, which removes them; until then they are seen, and counted. */
static void newer_finished_tasks_are_put_off_not_forgotten(void **state)
{
    (void)state;
    struct tasks_fixture f;
    uint64_t             removed;
    tasks_fixture_open(&f, NULL);
    finish(&f, "new");
    finish(&f, "a");
    tasks_fixture_ask(&f, "HSET {tasks}:t:new f 2");
    for (uint32_t keep_max = 0; keep_max < 2; keep_max++) {
        assert_int_equal(
            hf_tasks_cleanup(f.tasks, NULL, hf_ns(0), keep_max, &removed, &f.error), HF_OK);
        assert_int_equal(removed, 1 - keep_max);
        assert_string_equal(tasks_fixture_ask(&f, "ZCARD {tasks}:in:2"), "1");
    }
    tasks_fixture_ask(&f, "HSET {tasks}:t:new f 1");
    assert_int_equal(hf_tasks_cleanup(f.tasks, NULL, hf_ns(0), 0, &removed, &f.error), HF_OK);
    assert_int_equal(removed, 1);
    tasks_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_expired_lease_is_recovered_by_any_living_process),
        cmocka_unit_test(a_heartbeat_keeps_the_lease),
        cmocka_unit_test(a_poison_task_dies_of_its_crashes_not_of_retries),
        cmocka_unit_test(who_was_cut_off_may_end_what_nobody_else_took),
        cmocka_unit_test(what_runs_and_what_is_leased_are_brought_together),
        cmocka_unit_test(a_damaged_record_does_not_hold_up_recovery),
        cmocka_unit_test(many_expired_leases_are_recovered_in_steps),
        cmocka_unit_test(finished_tasks_are_removed_by_age_and_by_number_live_ones_never),
        cmocka_unit_test(newer_finished_tasks_are_put_off_not_forgotten),
    };
    return RUN_TESTS(tests);
}
