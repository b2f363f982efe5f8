#include "support/client_kit.h"
#include "support/redis_server.h"
#include "support/test.h"
#include "support/wait.h"

#include <holdfast/holdfast.h>
#include <pthread.h>

/* What takes longer than the suite has patience: connections that lie idle for a minute. */

enum { THREADS = 5 };

static void *wait_for_work(void *client)
{
    struct hf_reply     *reply;
    const struct hf_call call = { .blocking = true, .timeout = hf_seconds(5) };
    const hf_err err = client_ask(client, &call, &reply, "BLPOP", "jobs", "0.5", NULL);
    if (!err) hf_reply_free(reply);
    return (void *)(intptr_t)err;
}

static bool all_are_idle(void *client)
{
    struct hf_health health;
    hf_health_get(client, &health);
    return health.connections_idle >= THREADS;
}

static bool is_shrunk(void *client)
{
    struct hf_health health;
    hf_health_get(client, &health);
    return health.connections_open == 1 && health.connections_idle == 0;
}

static void connections_that_lie_idle_are_closed(void **state)
{
    (void)state;
    pthread_t            threads[THREADS];
    struct redis_server *server = redis_server_open(NULL);
    struct hf_client    *client = client_open_ready(redis_server_unix_url(server), NULL);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, wait_for_work, client), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *err;
        pthread_join(threads[i], &err);
        assert_int_equal((intptr_t)err, HF_OK);
    }
    assert_true(all_are_idle(client));
    assert_true(redis_server_info(server, "connected_clients") > THREADS);

    assert_true(wait_until(is_shrunk, client, hf_seconds(90)));
    assert_int_equal(client_do(client, "PING", NULL), HF_OK);
    assert_true(redis_server_info(server, "connected_clients") <= 2); /* And the test's. */
    hf_client_close(client);
    redis_server_close(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_that_lie_idle_are_closed),
    };
    return RUN_TESTS(tests);
}
