/* Every script against a server in cluster mode, which refuses scripts whose keys do not all
 * lie in one slot. */

#include "support/tasks_fixture.h"
#include "support/test.h"
#include "support/wait.h"

#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int free_port(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t          size = sizeof at;
    const int          fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    close(fd);
    return ntohs(at.sin_port);
}

static bool is_up(void *ctx)
{
    redisReply *info = redis_server_command(ctx, "CLUSTER INFO");
    const bool  up = strstr(info->str, "cluster_state:ok") != NULL;
    freeReplyObject(info);
    return up;
}

/* It takes two seconds until it serves, so there is one for all. */
static struct tasks_fixture f;

static int open_cluster(void **state)
{
    (void)state;
    char port[8], bus[8];
    snprintf(port, sizeof port, "%d", free_port());
    snprintf(bus, sizeof bus, "%d", free_port());
    const char *const args[] = {
        "--cluster-enabled", "yes", "--port", port, "--bind", "127.0.0.1",
        "--cluster-port",    bus,   NULL
    };
    tasks_fixture_open_with(&f, NULL, args);
    redis_server_do(f.server, "CLUSTER ADDSLOTSRANGE 0 16383");
    assert_true(wait_until(is_up, f.server, hf_seconds(20)));
    return 0;
}

static int close_cluster(void **state)
{
    (void)state;
    tasks_fixture_close(&f);
    return 0;
}

static int empty(void **state)
{
    (void)state;
    redis_server_do(f.server, "FLUSHALL");
    return 0;
}

static struct hf_task *claim(const char *id)
{
    struct hf_task *task = tasks_fixture_claim(&f);
    assert_non_null(task);
    assert_string_equal(task->id, id);
    return task;
}

static void keys_of_two_slots_are_refused_here(void **state)
{
    (void)state;
    redisReply *reply = redis_server_command(
        f.server, "EVAL %s 0",
        "#!lua\nredis.call('SET', '{a}x', 1) return redis.call('SET', '{b}x', 1)");
    assert_int_equal(reply->type, REDIS_REPLY_ERROR);
    assert_non_null(strstr(reply->str, "same slot"));
    freeReplyObject(reply);
    tasks_fixture_check(&f);
}

static void a_task_can_be_worked_on_in_every_way(void **state)
{
    (void)state;
    struct hf_task *task;
    tasks_fixture_create(&f, "a");
    task = claim("a");
    assert_int_equal(hf_tasks_heartbeat(f.tasks, NULL, "a", task->token, 0.5, "on", &f.error),
                     HF_OK);
    assert_int_equal(hf_tasks_release(f.tasks, NULL, "a", task->token, hf_ns(0), &f.error),
                     HF_OK);
    hf_task_free(task);

    task = claim("a");
    assert_int_equal(
        hf_tasks_fail(f.tasks, NULL, "a", task->token, hf_str("no"), true, NULL, &f.error),
        HF_OK);
    hf_task_free(task);
    assert_int_equal(hf_tasks_requeue(f.tasks, NULL, "a", &f.error), HF_OK);

    hf_task_free(claim("a"));
    tasks_fixture_expire(&f, "a");
    task = claim("a");
    assert_int_equal(task->crashes, 1);
    assert_int_equal(
        hf_tasks_complete(f.tasks, NULL, "a", task->token, hf_str("yes"), &f.error), HF_OK);
    hf_task_free(task);
    assert_int_equal(tasks_fixture_status(&f, "a"), HF_TASK_SUCCESS);
    tasks_fixture_check(&f);
}

static void tasks_can_be_changed_and_looked_at(void **state)
{
    (void)state;
    const struct hf_new_task owned = {
        .id = "o", .type = "t", .owner = "ada", .unique = "u"
    };
    const struct hf_task_filter hers = { .owner = "ada" };
    const struct hf_task_change change = { .message = "soon" };
    struct hf_task_list        *list;
    struct hf_task_stats       *stats;
    char                        id[HF_TASK_ID_MAX + 1], cursor[HF_TASK_CURSOR_MAX] = "";
    uint64_t                    removed;
    bool                        is_new;
    assert_int_equal(hf_tasks_create(f.tasks, NULL, &owned, id, &is_new, &f.error), HF_OK);
    tasks_fixture_create(&f, "b");
    assert_int_equal(hf_tasks_update(f.tasks, NULL, "b", &change, &f.error), HF_OK);
    assert_int_equal(hf_tasks_schedule(f.tasks, NULL, "b", hf_seconds(9), &f.error), HF_OK);
    assert_int_equal(hf_tasks_pause(f.tasks, NULL, "t", &f.error), HF_OK);
    assert_null(tasks_fixture_claim(&f));
    assert_int_equal(hf_tasks_resume(f.tasks, NULL, "t", &f.error), HF_OK);
    assert_int_equal(hf_tasks_cancel(f.tasks, NULL, "o", &f.error), HF_OK);

    assert_int_equal(hf_tasks_list(f.tasks, NULL, &hers, 0, cursor, &list, &f.error), HF_OK);
    assert_int_equal(list->count, 1);
    hf_task_list_free(list);
    assert_int_equal(hf_tasks_stats(f.tasks, NULL, &stats, &f.error), HF_OK);
    assert_int_equal(stats->by_status[HF_TASK_PENDING], 1);
    hf_task_stats_free(stats);
    assert_int_equal(hf_tasks_delete(f.tasks, NULL, "b", &f.error), HF_OK);
    assert_int_equal(hf_tasks_cleanup(f.tasks, NULL, hf_ns(0), 0, &removed, &f.error), HF_OK);
    assert_int_equal(removed, 1);
    tasks_fixture_check(&f);
}

struct shift {
    atomic_int       done;
    struct hf_tasks *tasks;
};

static enum hf_job_end work(struct hf_job *job, void *ctx)
{
    struct shift *shift = ctx;
    (void)job;
    shift->done++;
    return HF_JOB_DONE;
}

static bool all_are_done(void *ctx)
{
    struct shift *shift = ctx;
    return shift->done == 50;
}

static void a_worker_waits_and_works(void **state)
{
    (void)state;
    const char *const              types[] = { "none", "t" };
    const struct hf_worker_options options = { .types = types, .type_count = 2 };
    struct shift                   shift = { 0 };
    struct hf_worker              *worker;
    char                           id[16];
    assert_int_equal(hf_worker_open(f.tasks, &options, work, &shift, &worker, &f.error),
                     HF_OK);
    for (int i = 0; i < 50; i++) {
        snprintf(id, sizeof id, "%d", i);
        tasks_fixture_create(&f, id);
    }
    assert_true(wait_until(all_are_done, &shift, hf_seconds(20)));
    assert_int_equal(hf_worker_stop(worker, hf_seconds(20), &f.error), HF_OK);
    hf_worker_close(worker);
    tasks_fixture_check(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(keys_of_two_slots_are_refused_here, empty),
        cmocka_unit_test_setup(a_task_can_be_worked_on_in_every_way, empty),
        cmocka_unit_test_setup(tasks_can_be_changed_and_looked_at, empty),
        cmocka_unit_test_setup(a_worker_waits_and_works, empty),
    };
    return cmocka_run_group_tests(tests, open_cluster, close_cluster);
}
