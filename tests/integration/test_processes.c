#include <holdfast/holdfast.h>

#include "support/client_kit.h"
#include "support/fork_at_rest.h"
#include "support/leaks.h"
#include "support/redis_server.h"
#include "support/test.h"
#include "support/wait.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BOUND_S = 20, CALLERS = 4, CHILDREN = 8, FORKS = 400 };

/* ThreadSanitizer allows no new threads in the child of a process that has some. */
#ifdef __SANITIZE_THREAD__
enum { CALLS_OF_A_CHILD = 0 };
#else
enum { CALLS_OF_A_CHILD = 100 };
#endif

static struct redis_server *server;

static int start_server(void **state)
{
    (void)state;
    server = redis_server_open(NULL);
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    redis_server_close(server);
    return 0;
}

/* The parent's threads, which go on calling whatever the children do. */
struct callers {
    struct hf_client *client;
    pthread_t         threads[CALLERS];
    atomic_bool       is_over;
    atomic_int        calls, failures;
};

static void *call_on(void *arg)
{
    struct callers *callers = arg;
    while (!callers->is_over) {
        if (client_do(callers->client, "INCR", "parent", NULL)) callers->failures++;
        callers->calls++;
    }
    return NULL;
}

static void callers_start(struct callers *callers, struct hf_client *client)
{
    *callers = (struct callers){ .client = client };
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_create(&callers->threads[i], NULL, call_on, callers), 0);
    }
}

static bool are_calling(void *arg)
{
    return ((struct callers *)arg)->calls > 0;
}

static void callers_stop(struct callers *callers)
{
    callers->is_over = true;
    for (int i = 0; i < CALLERS; i++) pthread_join(callers->threads[i], NULL);
}

/* 0, or the number of what went wrong. In a child nothing may be asserted: cmocka would go on
 * with the parent's other tests. */
static int use_what_was_inherited(struct hf_client *client)
{
    struct hf_health health;
    struct hf_stats  stats;
    struct hf_error  error;
    hf_health_get(client, &health);
    hf_stats_get(client, &stats);
    hf_health_check(client);
    hf_client_reauthenticate(client);
    if (health.error != HF_E_FORKED || health.status != HF_STATUS_DOWN) return 1;
    if (client_do(client, "SET", "from", "child", NULL) != HF_E_FORKED) return 2;
    if (hf_client_wait_ready(client, hf_seconds(1), &error) != HF_E_FORKED) return 3;
    return 0;
}

static int work_with_a_client_of_its_own(const char *counter)
{
    if (CALLS_OF_A_CHILD == 0) return 0;
    struct hf_client *own = client_open_ready(redis_server_unix_url(server), NULL);
    for (int i = 0; i < CALLS_OF_A_CHILD; i++) {
        if (client_do(own, "INCR", counter, NULL)) return 4;
    }
    hf_client_close(own);
    return 0;
}

static pid_t start_child(struct hf_client *inherited, const char *counter)
{
    const pid_t child = fork_at_rest();
    if (child) return child;
    alarm(BOUND_S);
    int wrong = use_what_was_inherited(inherited);
    hf_client_close(inherited);
    if (!wrong) wrong = work_with_a_client_of_its_own(counter);
    _exit(wrong);
}

static void assert_child_is_well(pid_t child)
{
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (status) fail_msg("a child ended with status %#x", (unsigned)status);
}

static void a_fork_amid_calls_harms_neither_side(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* At the fork, its allocator may be locked by a thread that the child lacks. */
#endif
    struct callers    callers;
    struct hf_stats   stats;
    struct leaks      before = leaks_count();
    struct hf_client *client = client_open_ready(redis_server_unix_url(server), NULL);
    redis_server_do(server, "DEL parent children from");
    callers_start(&callers, client);
    assert_true(wait_until(are_calling, &callers, hf_seconds(BOUND_S)));
    for (int i = 0; i < CHILDREN; i++) assert_child_is_well(start_child(client, "children"));
    callers_stop(&callers);
    assert_int_equal(callers.failures, 0);
    assert_int_equal(client_int(client, "INCRBY", "parent", "0", NULL), callers.calls);
    assert_int_equal(client_int(client, "INCRBY", "children", "0", NULL),
                     CHILDREN * CALLS_OF_A_CHILD);
    assert_string_equal(client_text(client, "GET", "from", NULL), "(nil)");
    hf_stats_get(client, &stats);
    assert_int_equal(stats.connects, 1); /* No child has disturbed it. */
    hf_client_close(client);
    assert_true(leaks_settle(&before));
}

static void a_pre_fork_server_opens_before_and_works_in_its_children(void **state)
{
    (void)state;
    pid_t             children[CHILDREN];
    struct hf_stats   stats;
    struct hf_client *client = client_open_ready(redis_server_unix_url(server), NULL);
    redis_server_do(server, "DEL workers");
    for (int i = 0; i < CHILDREN; i++) children[i] = start_child(client, "workers");
    for (int i = 0; i < CALLS_OF_A_CHILD; i++) {
        assert_int_equal(client_do(client, "INCR", "workers", NULL), HF_OK);
    }
    for (int i = 0; i < CHILDREN; i++) assert_child_is_well(children[i]);
    assert_int_equal(client_int(client, "INCRBY", "workers", "0", NULL),
                     (CHILDREN + 1) * CALLS_OF_A_CHILD);
    hf_stats_get(client, &stats);
    assert_int_equal(stats.connects, 1);
    hf_client_close(client);
}

/* Its thread, which replays deletes, is in the parent only. */
static void a_child_closes_a_cache_that_replays_deletes(void **state)
{
    (void)state;
    struct redis_server *own = redis_server_open(NULL);
    struct hf_client    *client = client_open_ready(redis_server_unix_url(own), NULL);
    struct hf_cache     *cache;
    struct hf_error      error;
    const struct hf_cache_options near = { .near_bytes = 1024 * 1024 };
    assert_int_equal(hf_cache_open(client, &near, &cache, &error), HF_OK);
    assert_int_equal(hf_cache_set(cache, NULL, hf_str("k"), hf_str("v"), NULL, NULL), HF_OK);
    redis_server_kill(own);
    assert_int_not_equal(hf_cache_delete(cache, NULL, hf_str("k"), NULL), HF_OK);
    const pid_t child = fork_at_rest();
    if (child == 0) {
        alarm(BOUND_S);
        hf_cache_close(cache);
        hf_client_close(client);
        _exit(0);
    }
    assert_child_is_well(child);
    redis_server_spawn(own);
    redis_server_wait_ready(own);
    hf_cache_close(cache);
    hf_client_close(client);
    redis_server_close(own);
}

static enum hf_job_end succeed(struct hf_job *job, void *ctx)
{
    (void)job;
    (void)ctx;
    return HF_JOB_DONE;
}

static void a_child_closes_the_workers_of_its_parent(void **state)
{
    (void)state;
    struct hf_options *options;
    struct hf_tasks   *tasks;
    struct hf_worker  *worker;
    struct hf_error    error;
    assert_int_equal(hf_options_open(&options), HF_OK);
    assert_int_equal(hf_options_set(options, "url", redis_server_unix_url(server), &error),
                     HF_OK);
    assert_int_equal(hf_tasks_open(options, NULL, &tasks, &error), HF_OK);
    hf_options_close(options);
    assert_int_equal(hf_worker_open(tasks, NULL, succeed, NULL, &worker, &error), HF_OK);
    for (int i = 0; i < 4; i++) {
        const pid_t child = fork_at_rest();
        if (child == 0) {
            alarm(BOUND_S);
            hf_worker_close(worker);
            hf_tasks_close(tasks);
            _exit(0);
        }
        assert_child_is_well(child);
    }
    assert_int_equal(hf_worker_stop(worker, hf_seconds(BOUND_S), &error), HF_OK);
    hf_worker_close(worker);
    hf_tasks_close(tasks);
}

static void close_in_child(struct hf_client *client, pid_t (*fork_as)(void))
{
    const pid_t child = fork_as();
    if (child == 0) {
        alarm(BOUND_S);
        signal(SIGSEGV, SIG_DFL); /* cmocka would go on. */
        hf_client_close(client);
        _exit(0);
    }
    assert_child_is_well(child);
}

/* Whatever the maintenance thread was at, which the child lacks. */
static void a_child_closes_a_client_that_was_connecting(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* fork_at_rest.h; the next test is for it, too. */
#endif
    for (uint32_t i = 0; i < FORKS; i++) {
        struct hf_client *client = client_open(redis_server_unix_url(server), NULL);
        const hf_instant  then = hf_later(hf_now(), hf_us(i));
        while (hf_before(hf_now(), then)) continue;
        close_in_child(client, fork);
        hf_client_close(client);
    }
}

static void a_child_closes_a_client_whose_server_does_not_greet(void **state)
{
    (void)state;
    struct redis_server *own = redis_server_open(NULL);
    redis_server_pause(own);
    for (int i = 0; i < CHILDREN; i++) {
        struct hf_client *client = client_open(redis_server_unix_url(own), NULL);
        close_in_child(client, fork_at_rest);
        hf_client_close(client);
    }
    redis_server_close(own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fork_amid_calls_harms_neither_side),
        cmocka_unit_test(a_pre_fork_server_opens_before_and_works_in_its_children),
        cmocka_unit_test(a_child_closes_a_cache_that_replays_deletes),
        cmocka_unit_test(a_child_closes_a_client_that_was_connecting),
        cmocka_unit_test(a_child_closes_a_client_whose_server_does_not_greet),
        cmocka_unit_test(a_child_closes_the_workers_of_its_parent),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
