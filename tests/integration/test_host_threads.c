#include <holdfast/holdfast.h>

#include "support/client_kit.h"
#include "support/leaks.h"
#include "support/redis_server.h"
#include "support/test.h"
#include "support/wait.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { BOUND_S = 20, CALLERS = 4, CLIENTS = 100, SIZE = 200 * 1000 };

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

/* ---- Signals ----------------------------------------------------------------------- */

static atomic_int signals_seen;

static void on_signal(int number)
{
    (void)number;
    atomic_fetch_add(&signals_seen, 1);
}

struct storm {
    struct hf_client *client;
    char             *large;
    atomic_int        failures, finished;
};

/* Values that need several sends and receives, so that signals fall between them. */
static void *set_and_get_large(void *arg)
{
    struct storm *storm = arg;
    for (int i = 0; i < 40; i++) {
        struct hf_reply      *reply;
        struct hf_bytes       got;
        const struct hf_bytes set[] = { hf_str("SET"), hf_str("large"),
                                        hf_bytes(storm->large, SIZE) };
        const struct hf_bytes get[] = { hf_str("GET"), hf_str("large") };
        if (hf_client_command(storm->client, NULL, set, 3, &reply, NULL))
            storm->failures++;
        else
            hf_reply_free(reply);
        if (hf_client_command(storm->client, NULL, get, 2, &reply, NULL)) {
            storm->failures++;
            continue;
        }
        if (hf_reply_bytes(reply, &got) || got.size != SIZE ||
            memcmp(got.data, storm->large, SIZE) != 0) {
            storm->failures++;
        }
        hf_reply_free(reply);
    }
    atomic_fetch_add(&storm->finished, 1);
    return NULL;
}

static void signals_without_restart_fail_no_call(void **state)
{
    (void)state;
    const struct sigaction action = { .sa_handler = on_signal }; /* No SA_RESTART. */
    struct sigaction       before;
    pthread_t              threads[CALLERS];
    struct storm           storm = { .large = malloc(SIZE) };
    assert_non_null(storm.large);
    for (size_t i = 0; i < SIZE; i++) storm.large[i] = (char)(i * 2654435761u >> 11);
    storm.client = client_open_ready(redis_server_unix_url(server), NULL);
    sigaction(SIGUSR1, &action, &before);
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, set_and_get_large, &storm), 0);
    }
    while (storm.finished < CALLERS) {
        for (int i = 0; i < CALLERS; i++) pthread_kill(threads[i], SIGUSR1);
        sched_yield();
    }
    for (int i = 0; i < CALLERS; i++) pthread_join(threads[i], NULL);
    sigaction(SIGUSR1, &before, NULL);
    hf_client_close(storm.client);
    free(storm.large);
    assert_int_equal(storm.failures, 0);
    assert_true(signals_seen > CALLERS);
}

/* ---- Cancellation ------------------------------------------------------------------ */

struct victim {
    struct hf_client *client;
    atomic_int        err; /* -1: still in the call. */
};

static void *get_then_end(void *arg)
{
    struct victim *victim = arg;
    atomic_store(&victim->err, (int)client_do(victim->client, "GET", "k", NULL));
    for (;;) pthread_testcancel();
    return NULL;
}

static bool is_calling(void *client)
{
    struct hf_stats stats;
    hf_stats_get(client, &stats);
    return stats.calls_in_flight == 1;
}

static bool two_are_calling(void *client)
{
    struct hf_stats stats;
    hf_stats_get(client, &stats);
    return stats.calls_in_flight == 2;
}

static bool is_still_calling(void *victim)
{
    return ((struct victim *)victim)->err == -1;
}

/* The first leads: if it ended in poll(), nobody would read for the second. */
static void a_cancelled_thread_ends_its_call_first(void **state)
{
    (void)state;
    struct hf_client *client = client_open_ready(redis_server_unix_url(server), NULL);
    struct victim     leader = { client, -1 }, follower = { client, -1 };
    pthread_t         first, second;
    void             *end;
    assert_int_equal(client_do(client, "SET", "k", "v", NULL), HF_OK);
    redis_server_pause(server);
    assert_int_equal(pthread_create(&first, NULL, get_then_end, &leader), 0);
    const bool leads = wait_until(is_calling, client, hf_seconds(BOUND_S));
    assert_int_equal(pthread_create(&second, NULL, get_then_end, &follower), 0);
    const bool follows = wait_until(two_are_calling, client, hf_seconds(BOUND_S));
    pthread_cancel(first);
    pthread_cancel(second);
    const bool stays = stays_true(is_still_calling, &leader, hf_ms(100));
    redis_server_resume(server);
    pthread_join(first, &end);
    assert_ptr_equal(end, PTHREAD_CANCELED);
    pthread_join(second, &end);
    assert_ptr_equal(end, PTHREAD_CANCELED);
    assert_true(leads && follows && stays);
    assert_int_equal(leader.err, HF_OK);
    assert_int_equal(follower.err, HF_OK);
    assert_string_equal(client_text(client, "GET", "k", NULL), "v");
    hf_client_close(client);
}

struct loading {
    struct hf_cache *cache;
    atomic_int       begun;
    atomic_bool      may_go_on;
    atomic_int       err; /* -1: still in the call. */
};

/* A loader full of cancellation points, as one that reads a file or a socket is. */
static hf_err load_slowly(struct hf_bytes key, struct hf_loaded *loaded, void *ctx)
{
    struct loading *loading = ctx;
    (void)key;
    loading->begun++;
    while (!loading->may_go_on) {
        pthread_testcancel();
        sched_yield();
    }
    return hf_loaded_set(loaded, hf_str("loaded"));
}

static void *load_then_end(void *arg)
{
    struct loading      *loading = arg;
    struct hf_value     *value;
    const struct hf_call call = { .timeout = hf_seconds(BOUND_S) };
    const struct hf_load how = { .ttl = hf_seconds(60) };
    const hf_err err = hf_cache_load(loading->cache, &call, hf_str("slow"), &how, load_slowly,
                                     loading, &value, NULL);
    if (!err) hf_value_release(value);
    atomic_store(&loading->err, (int)err);
    for (;;) pthread_testcancel();
    return NULL;
}

static bool has_begun(void *loading)
{
    return ((struct loading *)loading)->begun > 0;
}

static void a_cancelled_loader_finishes_for_those_who_wait(void **state)
{
    (void)state;
    struct hf_client *client = client_open_ready(redis_server_unix_url(server), NULL);
    struct loading    loading = { .err = -1 };
    pthread_t         thread;
    void             *end;
    struct hf_value  *value;
    assert_int_equal(hf_cache_open(client, NULL, &loading.cache, NULL), HF_OK);
    assert_int_equal(pthread_create(&thread, NULL, load_then_end, &loading), 0);
    assert_true(wait_until(has_begun, &loading, hf_seconds(BOUND_S)));
    pthread_cancel(thread);
    loading.may_go_on = true;
    pthread_join(thread, &end);
    assert_ptr_equal(end, PTHREAD_CANCELED);
    assert_int_equal(loading.err, HF_OK);
    assert_int_equal(hf_cache_get(loading.cache, NULL, hf_str("slow"), &value, NULL), HF_OK);
    hf_value_release(value);
    assert_int_equal(loading.begun, 1);
    hf_cache_close(loading.cache);
    hf_client_close(client);
}

/* ---- Many -------------------------------------------------------------------------- */

static void a_hundred_clients_leave_nothing_behind(void **state)
{
    (void)state;
    struct hf_client *clients[CLIENTS];
    client_do(clients[0] = client_open_ready(redis_server_unix_url(server), NULL), "PING",
              NULL);
    hf_client_close(clients[0]);
    struct leaks before = leaks_count();
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            clients[i] = client_open(redis_server_unix_url(server), NULL);
        }
        for (int i = 0; i < CLIENTS; i++) {
            assert_string_equal(client_text(clients[i], "PING", NULL), "PONG");
        }
        for (int i = 0; i < CLIENTS; i++) hf_client_close(clients[i]);
        assert_true(leaks_settle(&before));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals_without_restart_fail_no_call),
        cmocka_unit_test(a_cancelled_thread_ends_its_call_first),
        cmocka_unit_test(a_cancelled_loader_finishes_for_those_who_wait),
        cmocka_unit_test(a_hundred_clients_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
