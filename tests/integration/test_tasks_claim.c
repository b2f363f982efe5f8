#include "support/tasks_fixture.h"
#include "support/test.h"
#include "support/wait.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void create(struct tasks_fixture *f, const char *id, const char *type,
                   enum hf_task_priority priority)
{
    const struct hf_new_task new_task = { .id = id, .type = type, .priority = priority };
    char                     given[HF_TASK_ID_MAX + 1];
    assert_int_equal(hf_tasks_create(f->tasks, NULL, &new_task, given, NULL, &f->error),
                     HF_OK);
}

/* The id of what is claimed, "" for nothing. */
static const char *claim(struct tasks_fixture *f, const struct hf_claim *how)
{
    static char     id[HF_TASK_ID_MAX + 1];
    struct hf_task *task;
    const hf_err    err = hf_tasks_claim(f->tasks, NULL, how, &task, &f->error);
    if (err == HF_MISS) return "";
    if (err) return hf_err_name(err);
    snprintf(id, sizeof id, "%s", task->id);
    hf_task_free(task);
    return id;
}

static void tasks_come_in_the_order_of_their_making(void **state)
{
    (void)state;
    struct tasks_fixture f;
    char                 id[16];
    tasks_fixture_open(&f, NULL);
    for (int i = 0; i < 50; i++) {
        snprintf(id, sizeof id, "%d", i);
        create(&f, id, i % 2 ? "odd" : "even", HF_TASK_NORMAL);
    }
    for (int i = 0; i < 50; i++) {
        snprintf(id, sizeof id, "%d", i);
        assert_string_equal(claim(&f, NULL), id);
    }
    assert_string_equal(claim(&f, NULL), "");
    tasks_fixture_close(&f);
}

static void no_priority_starves(void **state)
{
    (void)state;
    struct tasks_fixture f;
    int                  count[3] = { 0 };
    char                 id[16];
    tasks_fixture_open(&f, NULL);
    for (int i = 0; i < 300; i++) {
        snprintf(id, sizeof id, "%d-%d", i % 3, i);
        create(&f, id, "t", (enum hf_task_priority)(i % 3));
    }
    for (int i = 0; i < 100; i++) count[claim(&f, NULL)[0] - '0']++;
    assert_int_equal(count[HF_TASK_HIGH], 60);
    assert_int_equal(count[HF_TASK_NORMAL], 30);
    assert_int_equal(count[HF_TASK_LOW], 10);
    tasks_fixture_close(&f);
}

static void a_claim_takes_only_what_it_asks_for(void **state)
{
    (void)state;
    struct tasks_fixture  f;
    static const char    *types[] = { "b", "c" };
    const struct hf_claim b_or_c = { .types = types, .type_count = 2 };
    const struct hf_claim low = { .priorities = 1u << HF_TASK_LOW };
    const struct hf_claim named = { .id = "c1" };
    tasks_fixture_open(&f, NULL);
    create(&f, "a1", "a", HF_TASK_HIGH);
    create(&f, "c1", "c", HF_TASK_NORMAL);
    create(&f, "b1", "b", HF_TASK_NORMAL);
    create(&f, "a2", "a", HF_TASK_LOW);
    assert_string_equal(claim(&f, &low), "a2");
    assert_string_equal(claim(&f, &low), "");
    assert_string_equal(claim(&f, &named), "c1");
    assert_string_equal(claim(&f, &named), "HF_E_TASK_MOVE");
    assert_string_equal(claim(&f, &b_or_c), "b1");
    assert_string_equal(claim(&f, &b_or_c), "");
    assert_string_equal(claim(&f, NULL), "a1");
    tasks_fixture_close(&f);
}

static void a_paused_type_is_not_claimed(void **state)
{
    (void)state;
    struct tasks_fixture  f;
    static const char    *types[] = { "a" };
    const struct hf_claim only_a = { .types = types, .type_count = 1 };
    tasks_fixture_open(&f, NULL);
    create(&f, "a1", "a", HF_TASK_NORMAL);
    assert_int_equal(hf_tasks_pause(f.tasks, NULL, "a", &f.error), HF_OK);
    create(&f, "a2", "a", HF_TASK_HIGH);
    create(&f, "b1", "b", HF_TASK_NORMAL);
    assert_string_equal(claim(&f, NULL), "b1");
    assert_string_equal(claim(&f, NULL), "");
    assert_string_equal(claim(&f, &only_a), "");
    assert_int_equal(hf_tasks_resume(f.tasks, NULL, "a", &f.error), HF_OK);
    assert_string_equal(claim(&f, &only_a), "a2");
    assert_string_equal(claim(&f, NULL), "a1");
    tasks_fixture_close(&f);
}

static void a_task_for_later_waits_for_its_time(void **state)
{
    (void)state;
    struct tasks_fixture  f;
    struct hf_new_task    later = { .id = "d", .type = "t", .delay = hf_ms(200) };
    const struct hf_call  call = { .timeout = hf_seconds(10) };
    const struct hf_claim waits = { .waits = true };
    char                  id[HF_TASK_ID_MAX + 1];
    struct hf_task       *task;
    tasks_fixture_open(&f, NULL);
    assert_int_equal(hf_tasks_create(f.tasks, NULL, &later, id, NULL, &f.error), HF_OK);
    assert_string_equal(claim(&f, NULL), "");
    assert_int_equal(hf_tasks_claim(f.tasks, &call, &waits, &task, &f.error), HF_OK);
    assert_true(task->started_ms >= task->created_ms + 199);
    assert_true(task->due_ms >= task->created_ms + 199);
    assert_true(task->started_ms < task->created_ms + 5000);
    hf_task_free(task);

    later = (struct hf_new_task){ .id = "e", .type = "t", .not_before_ms = 4102444800000 };
    assert_int_equal(hf_tasks_create(f.tasks, NULL, &later, id, NULL, &f.error), HF_OK);
    assert_string_equal(claim(&f, NULL), "");
    assert_string_equal(claim(&f, &(struct hf_claim){ .id = "e" }), "");
    assert_int_equal(hf_tasks_schedule(f.tasks, NULL, "e", hf_ns(0), &f.error), HF_OK);
    assert_string_equal(claim(&f, NULL), "e");
    tasks_fixture_close(&f);
}

static void a_released_task_is_there_again_uncounted(void **state)
{
    (void)state;
    struct tasks_fixture f;
    tasks_fixture_open(&f, NULL);
    create(&f, "a", "t", HF_TASK_NORMAL);
    struct hf_task *task = tasks_fixture_claim(&f);
    for (int i = 0; i < 2; i++) { /* The second is the answer that was lost. */
        assert_int_equal(
            hf_tasks_release(f.tasks, NULL, "a", task->token, hf_ns(0), &f.error), HF_OK);
    }
    hf_task_free(task);
    task = tasks_fixture_claim(&f);
    assert_int_equal(task->starts, 2);
    assert_int_equal(task->retries, 0);
    assert_int_equal(task->crashes, 0);
    hf_task_free(task);
    tasks_fixture_close(&f);
}

static void a_cancelled_worker_learns_it(void **state)
{
    (void)state;
    struct tasks_fixture f;
    tasks_fixture_open(&f, NULL);
    create(&f, "a", "t", HF_TASK_NORMAL);
    struct hf_task *task = tasks_fixture_claim(&f);
    assert_int_equal(hf_tasks_cancel(f.tasks, NULL, "a", &f.error), HF_OK);
    assert_int_equal(hf_tasks_cancel(f.tasks, NULL, "a", &f.error), HF_OK);
    assert_int_equal(hf_tasks_heartbeat(f.tasks, NULL, "a", task->token, -1, NULL, NULL),
                     HF_E_TASK_CANCELLED);
    assert_int_equal(hf_tasks_complete(f.tasks, NULL, "a", task->token, hf_str(""), NULL),
                     HF_E_TASK_CANCELLED);
    assert_int_equal(tasks_fixture_status(&f, "a"), HF_TASK_CANCELLED);
    assert_int_equal(hf_tasks_requeue(f.tasks, NULL, "a", &f.error), HF_OK);
    assert_int_equal(hf_tasks_heartbeat(f.tasks, NULL, "a", task->token, -1, NULL, NULL),
                     HF_E_TASK_TOKEN);
    hf_task_free(task);
    tasks_fixture_close(&f);
}

/* ---- Waiting ---- */

enum { WAITERS = 8 };

struct waiter {
    struct hf_tasks *tasks;
    pthread_t        thread;
    hf_err           err;
    char             id[HF_TASK_ID_MAX + 1];
};

static void *wait_for_one(void *ctx)
{
    struct waiter        *w = ctx;
    const struct hf_call  call = { .timeout = hf_seconds(20) };
    const struct hf_claim waits = { .waits = true };
    struct hf_task       *task;
    w->err = hf_tasks_claim(w->tasks, &call, &waits, &task, NULL);
    if (w->err) return NULL;
    snprintf(w->id, sizeof w->id, "%s", task->id);
    hf_task_free(task);
    return NULL;
}

static bool somebody_sleeps(void *ctx)
{
    return redis_server_info(ctx, "blocked_clients") > 0;
}

static bool two_sleep(void *ctx)
{
    return redis_server_info(ctx, "blocked_clients") == 2;
}

static bool at_most_two_sleep(void *ctx)
{
    return redis_server_info(ctx, "blocked_clients") <= 2;
}

static void all_who_wait_get_a_task_and_one_a_process_asks(void **state)
{
    (void)state;
    struct tasks_fixture f;
    struct waiter        waiters[WAITERS] = { 0 };
    tasks_fixture_open(&f, NULL);
    struct hf_tasks *other = tasks_fixture_another(&f, NULL, NULL);
    for (int i = 0; i < WAITERS; i++) {
        waiters[i].tasks = i % 2 ? other : f.tasks;
        pthread_create(&waiters[i].thread, NULL, wait_for_one, &waiters[i]);
    }
    assert_true(wait_until(two_sleep, f.server, hf_seconds(10)));
    assert_true(stays_true(at_most_two_sleep, f.server, hf_ms(100)));

    const hf_instant start = hf_now();
    bool             seen[WAITERS] = { false };
    for (int i = 0; i < WAITERS; i++) {
        char id[8];
        snprintf(id, sizeof id, "%d", i);
        create(&f, id, "t", HF_TASK_NORMAL);
    }
    for (int i = 0; i < WAITERS; i++) {
        pthread_join(waiters[i].thread, NULL);
        assert_int_equal(waiters[i].err, HF_OK);
        const int at = atoi(waiters[i].id);
        assert_false(seen[at]);
        seen[at] = true;
    }
    assert_true(hf_between(start, hf_now()).ns < hf_seconds(10).ns);
    hf_tasks_close(other);
    tasks_fixture_close(&f);
}

/* All at once: one wake-up is passed on from process to process. */
static void a_resumed_type_wakes_all_who_wait(void **state)
{
    (void)state;
    struct tasks_fixture f;
    struct waiter        waiters[WAITERS] = { 0 };
    struct hf_tasks     *handles[WAITERS];
    tasks_fixture_open(&f, NULL);
    assert_int_equal(hf_tasks_pause(f.tasks, NULL, "t", &f.error), HF_OK);
    for (int i = 0; i < WAITERS; i++) {
        char id[8];
        snprintf(id, sizeof id, "%d", i);
        create(&f, id, "t", HF_TASK_NORMAL);
        handles[i] = tasks_fixture_another(&f, NULL, NULL);
        waiters[i].tasks = handles[i];
        pthread_create(&waiters[i].thread, NULL, wait_for_one, &waiters[i]);
    }
    assert_true(wait_until(somebody_sleeps, f.server, hf_seconds(10)));
    assert_int_equal(hf_tasks_resume(f.tasks, NULL, "t", &f.error), HF_OK);
    for (int i = 0; i < WAITERS; i++) {
        pthread_join(waiters[i].thread, NULL);
        assert_int_equal(waiters[i].err, HF_OK);
        hf_tasks_close(handles[i]);
    }
    tasks_fixture_close(&f);
}

static void waiting_ends_with_the_calls_time(void **state)
{
    (void)state;
    struct tasks_fixture  f;
    const struct hf_call  call = { .timeout = hf_ms(400) };
    const struct hf_claim waits = { .waits = true };
    struct hf_task       *task;
    tasks_fixture_open(&f, NULL);
    const hf_instant start = hf_now();
    assert_int_equal(hf_tasks_claim(f.tasks, &call, &waits, &task, &f.error), HF_MISS);
    assert_in_range(hf_to_ms(hf_between(start, hf_now())), 330, 1500);
    tasks_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_come_in_the_order_of_their_making),
        cmocka_unit_test(no_priority_starves),
        cmocka_unit_test(a_claim_takes_only_what_it_asks_for),
        cmocka_unit_test(a_paused_type_is_not_claimed),
        cmocka_unit_test(a_task_for_later_waits_for_its_time),
        cmocka_unit_test(a_released_task_is_there_again_uncounted),
        cmocka_unit_test(a_cancelled_worker_learns_it),
        cmocka_unit_test(all_who_wait_get_a_task_and_one_a_process_asks),
        cmocka_unit_test(a_resumed_type_wakes_all_who_wait),
        cmocka_unit_test(waiting_ends_with_the_calls_time),
    };
    return RUN_TESTS(tests);
}
