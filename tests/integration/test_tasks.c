#include "support/tasks_fixture.h"
#include "support/test.h"

#include <stdlib.h>

static void a_task_goes_from_creation_to_success(void **state)
{
    (void)state;
    struct tasks_fixture f;
    tasks_fixture_open(&f, NULL);
    const struct hf_new_task new_task = {
        .type = "render",
        .payload = hf_str("page 7"),
        .metadata = hf_str("{\"size\":7}"),
        .priority = HF_TASK_HIGH,
        .owner = "ada",
        .retry_limit = 5,
        .crash_limit = -1,
    };
    char id[HF_TASK_ID_MAX + 1];
    bool is_new = false;
    assert_int_equal(hf_tasks_create(f.tasks, NULL, &new_task, id, &is_new, &f.error), HF_OK);
    assert_true(is_new);
    assert_int_equal(strlen(id), 32);

    struct hf_task *task = tasks_fixture_claim(&f);
    assert_non_null(task);
    assert_string_equal(task->id, id);
    assert_string_equal(task->type, "render");
    assert_string_equal(task->owner, "ada");
    assert_int_equal(task->status, HF_TASK_RUNNING);
    assert_int_equal(task->priority, HF_TASK_HIGH);
    assert_memory_equal(task->payload.data, "page 7", 7);
    assert_memory_equal(task->metadata.data, "{\"size\":7}", 11);
    assert_int_equal(task->retry_limit, 5);
    assert_int_equal(task->crash_limit, 0);
    assert_int_equal(task->starts, 1);
    assert_int_equal(task->version, 2);
    assert_int_equal(hf_to_ms(task->lease), 30000);
    assert_true(task->created_ms > 0 && task->started_ms >= task->created_ms);
    assert_int_equal(task->completed_ms, 0);
    assert_null(tasks_fixture_claim(&f));

    assert_int_equal(
        hf_tasks_heartbeat(f.tasks, NULL, id, task->token, 0.5, "half\nway", &f.error),
        HF_OK);
    struct hf_task *seen = tasks_fixture_get(&f, id);
    assert_true(seen->progress > 0.499 && seen->progress < 0.501);
    assert_string_equal(seen->message, "half way");
    assert_int_equal(seen->version, 2);
    hf_task_free(seen);

    assert_int_equal(
        hf_tasks_complete(f.tasks, NULL, id, task->token, hf_str("pdf"), &f.error), HF_OK);
    seen = tasks_fixture_get(&f, id);
    assert_int_equal(seen->status, HF_TASK_SUCCESS);
    assert_memory_equal(seen->result.data, "pdf", 4);
    assert_true(seen->progress == 1.0);
    assert_true(seen->completed_ms >= seen->started_ms);
    hf_task_free(seen);
    hf_task_free(task);
    tasks_fixture_close(&f);
}

static void a_failure_is_retried_until_the_limit_with_its_errors_kept(void **state)
{
    (void)state;
    struct tasks_fixture f;
    tasks_fixture_open(&f, NULL);
    tasks_fixture_create(&f, "a");
    for (int i = 0; i < 4; i++) {
        assert_int_equal(hf_tasks_schedule(f.tasks, NULL, "a", hf_ns(0), &f.error), HF_OK);
        struct hf_task     *task = tasks_fixture_claim(&f);
        enum hf_task_status status;
        assert_non_null(task);
        assert_int_equal(hf_tasks_fail(f.tasks, NULL, "a", task->token, hf_str("no\npaper"),
                                       false, &status, &f.error),
                         HF_OK);
        assert_int_equal(status, i < 3 ? HF_TASK_PENDING : HF_TASK_FAILURE);
        hf_task_free(task);
        assert_null(tasks_fixture_claim(&f));

        struct hf_task *seen = tasks_fixture_get(&f, "a");
        assert_int_equal(seen->retries, i + 1);
        assert_int_equal(seen->crashes, 0);
        assert_int_equal(seen->error_count, i + 1);
        assert_memory_equal(seen->errors[0].text.data, "no paper", 8);
        assert_false(seen->errors[0].is_crash);
        if (i < 3) {
            const int64_t pause = seen->due_ms - seen->errors[0].at_ms;
            assert_in_range(pause, (500 << i) - 2, (1000 << i) + 2);
        }
        hf_task_free(seen);
    }
    tasks_fixture_close(&f);
}

static void only_the_newest_token_ends_a_task(void **state)
{
    (void)state;
    struct tasks_fixture f;
    tasks_fixture_open(&f, NULL);
    tasks_fixture_create(&f, "a");
    struct hf_task *first = tasks_fixture_claim(&f);
    tasks_fixture_expire(&f, "a");
    struct hf_task *second = tasks_fixture_claim(&f);
    assert_non_null(second);
    assert_true(second->token > first->token);
    assert_int_equal(second->crashes, 1);
    assert_int_equal(second->retries, 0);
    assert_true(second->errors[0].is_crash);

    const struct hf_bytes none = hf_str("");
    assert_int_equal(hf_tasks_complete(f.tasks, NULL, "a", first->token, none, NULL),
                     HF_E_TASK_TOKEN);
    assert_int_equal(hf_tasks_fail(f.tasks, NULL, "a", first->token, none, true, NULL, NULL),
                     HF_E_TASK_TOKEN);
    assert_int_equal(hf_tasks_heartbeat(f.tasks, NULL, "a", first->token, -1, NULL, NULL),
                     HF_E_TASK_TOKEN);
    assert_int_equal(hf_tasks_release(f.tasks, NULL, "a", first->token, hf_ns(0), NULL),
                     HF_E_TASK_TOKEN);
    assert_int_equal(tasks_fixture_status(&f, "a"), HF_TASK_RUNNING);
    assert_int_equal(hf_tasks_complete(f.tasks, NULL, "a", second->token, none, NULL), HF_OK);
    hf_task_free(first);
    hf_task_free(second);
    tasks_fixture_close(&f);
}

static void what_was_done_is_counted(void **state)
{
    (void)state;
    struct tasks_fixture     f;
    struct hf_stats          stats;
    const struct hf_new_task again = { .id = "a", .type = "t" };
    char                     id[HF_TASK_ID_MAX + 1];
    tasks_fixture_open(&f, NULL);
    tasks_fixture_create(&f, "a");
    tasks_fixture_create(&f, "b");
    assert_int_equal(hf_tasks_create(f.tasks, NULL, &again, id, NULL, &f.error), HF_OK);
    struct hf_task *a = tasks_fixture_claim(&f);
    struct hf_task *b = tasks_fixture_claim(&f);
    assert_non_null(a);
    assert_non_null(b);
    assert_null(tasks_fixture_claim(&f));
    assert_int_equal(
        hf_tasks_release(f.tasks, NULL, a->id, a->token, hf_seconds(60), &f.error), HF_OK);
    assert_int_equal(
        hf_tasks_complete(f.tasks, NULL, a->id, a->token + 1, hf_str(""), &f.error),
        HF_E_TASK_TOKEN);
    assert_int_equal(hf_tasks_complete(f.tasks, NULL, b->id, b->token, hf_str(""), &f.error),
                     HF_OK);
    hf_stats_get(hf_tasks_client(f.tasks), &stats);
    assert_int_equal(stats.tasks_created, 2);
    assert_int_equal(stats.tasks_claimed, 2);
    assert_int_equal(stats.tasks_completed, 1);
    assert_int_equal(stats.tasks_failed, 0);
    assert_int_equal(stats.tasks_released, 1);
    assert_int_equal(stats.tasks_too_late, 1);
    hf_task_free(a);
    hf_task_free(b);
    tasks_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_goes_from_creation_to_success),
        cmocka_unit_test(a_failure_is_retried_until_the_limit_with_its_errors_kept),
        cmocka_unit_test(only_the_newest_token_ends_a_task),
        cmocka_unit_test(what_was_done_is_counted),
    };
    return RUN_TESTS(tests);
}
