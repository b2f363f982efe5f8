#include "support/client_kit.h"
#include "support/fault_proxy.h"
#include "support/fork_at_rest.h"
#include "support/redis_server.h"
#include "support/test.h"
#include "support/wait.h"
#include "support/web_client.h"

#include <holdfast/exporter.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 64, JSON_ROOM = 64 * 1024, BOUND_S = 30 };

struct fixture {
    struct redis_server *server;
    struct hf_client    *client;
};

static void open_all(struct fixture *f, const char *timeout)
{
    f->server = redis_server_open(NULL);
    f->client = client_open_ready(redis_server_unix_url(f->server), "socket_timeout", timeout,
                                  "breaker_threshold", "1000", NULL);
}

static void close_all(struct fixture *f)
{
    hf_client_close(f->client);
    redis_server_close(f->server);
}

/* ---- Reading while everything hangs -------------------------------------------- */

static atomic_uint returned;

static void *hang(void *ctx)
{
    (void)client_do(ctx, "GET", "k", NULL);
    atomic_fetch_add(&returned, 1);
    return NULL;
}

static bool all_are_in(void *ctx)
{
    struct hf_stats stats;
    hf_stats_get(ctx, &stats);
    return stats.calls_in_flight >= THREADS;
}

static void read_all_in_code(struct hf_client *client)
{
    struct hf_stats           stats;
    struct hf_health          health;
    struct hf_latency         latency;
    struct hf_latency_buckets buckets;
    struct hf_slow_call       slow[HF_SLOW_CALLS];
    char                      json[JSON_ROOM];
    size_t                    length;
    hf_stats_get(client, &stats);
    hf_health_get(client, &health);
    hf_stats_latency(client, HF_LATENCY_CALL, &latency);
    hf_stats_buckets(client, HF_LATENCY_CALL, &buckets);
    (void)hf_stats_slow_calls(client, slow, HF_SLOW_CALLS);
    assert_int_equal(hf_health_json(client, json, sizeof json, &length), HF_OK);
    assert_int_equal(hf_stats_json(client, json, sizeof json, &length), HF_OK);
}

static void read_everything(struct hf_client *client, const struct hf_exporter *exporter)
{
    static const char *const paths[] = { "/metrics", "/stats", "/healthz", "/readyz", "/" };
    read_all_in_code(client);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct web_answer answer = web_ask(hf_exporter_port(exporter), "GET", paths[i], NULL);
        assert_int_equal(answer.status, 200);
        web_answer_free(&answer);
    }
}

/* Lets calls hang in all threads, and reads while they do. */
static void read_while_all_hang(struct hf_client *client, pthread_t threads[THREADS])
{
    struct hf_exporter *exporter;
    assert_int_equal(hf_exporter_open(NULL, &exporter, NULL), HF_OK);
    assert_int_equal(hf_exporter_add(exporter, "one", client), HF_OK);
    atomic_store(&returned, 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hang, client), 0);
    }
    assert_true(wait_until(all_are_in, client, hf_seconds(20)));
    for (int i = 0; i < 20; i++) read_everything(client, exporter);
    assert_int_equal(atomic_load(&returned), 0); /* All of them still hang. */
    hf_exporter_close(exporter);
}

static void nothing_that_is_read_waits_for_calls_that_hang(void **state)
{
    (void)state;
    struct fixture f;
    pthread_t      threads[THREADS];
    open_all(&f, "30");
    redis_server_pause(f.server);
    read_while_all_hang(f.client, threads);
    redis_server_resume(f.server);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    close_all(&f);
}

static void nothing_that_is_read_waits_for_calls_in_a_black_hole(void **state)
{
    (void)state;
    pthread_t            threads[THREADS];
    struct redis_server *server = redis_server_open(NULL);
    struct fault_proxy  *proxy = fault_proxy_start(redis_server_socket(server));
    struct hf_client    *client = client_open_ready(fault_proxy_url(proxy), "socket_timeout",
                                                    "30", "breaker_threshold", "1000", NULL);
    fault_proxy_set(proxy, &(struct fault){ .kind = FAULT_BLACK_HOLE });
    read_while_all_hang(client, threads);
    fault_proxy_clear(proxy);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    hf_client_close(client);
    fault_proxy_close(proxy);
    redis_server_close(server);
}

/* ---- In a child ---------------------------------------------------------------- */

static atomic_bool is_over;

static void *be_slow(void *ctx)
{
    while (!atomic_load(&is_over)) {
        (void)client_do(ctx, "GET", "k", NULL);
        hf_health_reset_breaker(ctx); /* Refused it would not be slow. */
    }
    return NULL;
}

/* A lock that another thread held while the process was forked stays held in the child. */
static int read_in_child(struct hf_client *client)
{
    int         status = -1;
    const pid_t child = fork_at_rest();
    if (child == 0) {
        struct hf_slow_call call;
        struct hf_health    health;
        struct hf_stats     stats;
        alarm(BOUND_S);
        hf_health_get(client, &health);
        hf_stats_get(client, &stats);
        _exit(health.error == HF_E_FORKED && hf_stats_slow_calls(client, &call, 1) == 0 ? 0
                                                                                        : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void reading_in_a_child_does_not_hang(void **state)
{
    (void)state;
    enum { CALLERS = 4, FORKS = 20 };
    struct fixture f;
    pthread_t      threads[CALLERS];
    int            status = 0;
    open_all(&f, "0.001");
    redis_server_pause(f.server);
    atomic_store(&is_over, false);
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, be_slow, f.client), 0);
    }
    for (int i = 0; i < FORKS && status == 0; i++) status = read_in_child(f.client);
    atomic_store(&is_over, true);
    for (int i = 0; i < CALLERS; i++) pthread_join(threads[i], NULL);
    redis_server_resume(f.server);
    close_all(&f);
    assert_int_equal(status, 0);
}

/* ---- Slow calls ---------------------------------------------------------------- */

static struct hf_slow_call last_slow(struct hf_client *client)
{
    struct hf_slow_call call = { .command = "" };
    (void)hf_stats_slow_calls(client, &call, 1);
    return call;
}

static void a_call_that_missed_its_deadline_is_kept_with_the_reason(void **state)
{
    (void)state;
    struct fixture f;
    open_all(&f, "0.05");
    assert_int_equal(client_do(f.client, "SET", "a-secret-key", "a-secret-value", NULL),
                     HF_OK);
    redis_server_pause(f.server);
    const hf_instant before = hf_now();
    assert_int_equal(hf_err_category(client_do(f.client, "get", "a-secret-key", NULL)),
                     HF_CATEGORY_TIMEOUT);
    const struct hf_slow_call call = last_slow(f.client);
    assert_string_equal(call.command, "GET");
    assert_int_equal(call.timeout.ns, hf_ms(50).ns);
    assert_true(call.took.ns >= hf_ms(25).ns);
    assert_false(hf_before(call.ended, before));
    assert_int_equal(hf_err_category(call.error), HF_CATEGORY_TIMEOUT);
    assert_true(call.attempts >= 1);
    assert_non_null(strstr(call.reason, hf_err_text(call.error)));
    redis_server_resume(f.server);
    close_all(&f);
}

static void an_answer_that_comes_late_is_kept_too(void **state)
{
    (void)state;
    struct fixture       f;
    const struct hf_call call = { .timeout = hf_seconds(30) };
    struct hf_reply     *reply;
    open_all(&f, "30");
    assert_int_equal(
        client_ask(f.client, &call, &reply, "EVAL",
                   "local t = redis.call('TIME') local e = t[1] * 1000000 + t[2] "
                   "+ 120000 repeat t = redis.call('TIME') until "
                   "t[1] * 1000000 + t[2] > e return 1",
                   "0", NULL),
        HF_OK);
    hf_reply_free(reply);
    const struct hf_slow_call slow = last_slow(f.client);
    assert_string_equal(slow.command, "EVAL");
    assert_int_equal(slow.error, HF_OK);
    assert_string_equal(slow.reason, "answered late");
    close_all(&f);
}

static void what_was_quick_or_waits_by_nature_is_not_kept(void **state)
{
    (void)state;
    struct fixture f;
    open_all(&f, "30");
    for (int i = 0; i < 100; i++) {
        assert_int_equal(client_do(f.client, "SET", "k", "v", NULL), HF_OK);
    }
    const struct hf_call call = { .timeout = hf_seconds(30) };
    struct hf_reply     *reply;
    assert_int_equal(client_ask(f.client, &call, &reply, "BLPOP", "none", "0.2", NULL),
                     HF_OK);
    hf_reply_free(reply);
    struct hf_slow_call calls[HF_SLOW_CALLS];
    const size_t        count = hf_stats_slow_calls(f.client, calls, HF_SLOW_CALLS);
    for (size_t i = 0; i < count; i++) { /* On a machine that stood still. */
        assert_true(calls[i].took.ns >= hf_ms(100).ns);
        assert_string_not_equal(calls[i].command, "BLPOP");
    }
    close_all(&f);
}

static void only_the_last_of_many_are_kept(void **state)
{
    (void)state;
    struct fixture      f;
    struct hf_slow_call calls[HF_SLOW_CALLS + 1];
    open_all(&f, "0.005");
    redis_server_pause(f.server);
    for (int i = 0; i < HF_SLOW_CALLS + 5; i++) {
        assert_int_not_equal(client_do(f.client, i % 2 ? "GET" : "TTL", "k", NULL), HF_OK);
    }
    const size_t count = hf_stats_slow_calls(f.client, calls, HF_SLOW_CALLS + 1);
    assert_in_range(count, 1, HF_SLOW_CALLS);
    for (size_t i = 1; i < count; i++) {
        assert_false(hf_before(calls[i - 1].ended, calls[i].ended)); /* The newest first. */
    }
    redis_server_resume(f.server);
    close_all(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_that_is_read_waits_for_calls_that_hang),
        cmocka_unit_test(nothing_that_is_read_waits_for_calls_in_a_black_hole),
        cmocka_unit_test(reading_in_a_child_does_not_hang),
        cmocka_unit_test(a_call_that_missed_its_deadline_is_kept_with_the_reason),
        cmocka_unit_test(an_answer_that_comes_late_is_kept_too),
        cmocka_unit_test(what_was_quick_or_waits_by_nature_is_not_kept),
        cmocka_unit_test(only_the_last_of_many_are_kept),
    };
    return RUN_TESTS(tests);
}
