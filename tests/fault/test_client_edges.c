#include <holdfast/batch.h>
#include <holdfast/holdfast.h>

#include "client/client.h"
#include "support/client_kit.h"
#include "support/counting_allocator.h"
#include "support/fork_at_rest.h"
#include "support/greeting.h"
#include "support/redis_server.h"
#include "support/test.h"
#include "support/wait.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BOUND_S = 5 };

static struct hf_client *open_on(struct scripted_server *server)
{
    return client_open_ready(scripted_server_url(server), "health_check_interval", "60",
                             NULL);
}

/* ---- Outcomes ------------------------------------------------------------------ */

static void a_refused_retry_does_not_hide_that_the_first_may_have_been_applied(void **state)
{
    (void)state;
    static const struct script_step lost[] = {
        GREETING("7"),
        SCRIPT_COMMAND("SET k v"),
        SCRIPT_CLOSE,
    };
    static const struct script_step refusing[] = {
        GREETING("8"),
        KILL("7"),
        SCRIPT_SEND(":0\r\n"),
        SCRIPT_COMMAND("SET k v"),
        SCRIPT_SEND("-OOM command not allowed when used memory > 'maxmemory'.\r\n"),
    };
    const struct script     scripts[] = { SCRIPT_OF(lost), SCRIPT_OF(refusing) };
    struct scripted_server *server = scripted_server_open(scripts, 2);
    struct hf_client       *client = open_on(server);
    const hf_err            err = client_do(client, "SET", "k", "v", NULL);
    scripted_server_verify(server);
    hf_client_close(client);
    scripted_server_close(server);
    if (!hf_err_outcome_unknown(err)) fail_msg("%s", hf_err_name(err));
}

static void replies_before_a_retry_are_freed(void **state)
{
    (void)state;
    static const struct script_step partial[] = {
        GREETING("7"),
        SCRIPT_COMMAND("GET a"),
        SCRIPT_COMMAND("GET b"),
        SCRIPT_SEND("$3\r\none\r\n"),
        SCRIPT_CLOSE,
    };
    static const struct script_step whole[] = {
        GREETING("8"),           KILL("7"),
        SCRIPT_SEND(":0\r\n"),   SCRIPT_COMMAND("GET a"),
        SCRIPT_COMMAND("GET b"), SCRIPT_SEND("$3\r\none\r\n$3\r\ntwo\r\n"),
    };
    const struct script       scripts[] = { SCRIPT_OF(partial), SCRIPT_OF(whole) };
    const struct hf_bytes     a[] = { hf_str("GET"), hf_str("a") };
    const struct hf_bytes     b[] = { hf_str("GET"), hf_str("b") };
    struct counting_allocator memory;
    struct hf_batch          *batch;
    counting_allocator_init(&memory);
    client_allocate_from(&memory.base);
    struct scripted_server *server = scripted_server_open(scripts, 2);
    struct hf_client       *client = open_on(server);
    assert_int_equal(hf_batch_open(client, &batch), HF_OK);
    assert_int_equal(hf_batch_add(batch, a, 2), HF_OK);
    assert_int_equal(hf_batch_add(batch, b, 2), HF_OK);
    assert_int_equal(hf_client_batch(client, NULL, batch, NULL), HF_OK);
    scripted_server_verify(server);
    hf_batch_close(batch);
    hf_client_close(client);
    client_allocate_from(NULL);
    scripted_server_close(server);
    assert_int_equal(memory.blocks, 0);
}

/* ---- Fences -------------------------------------------------------------------- */

static bool answers(void *client)
{
    return client_do(client, "GET", "n", NULL) == HF_OK;
}

static bool has_connected_thrice(void *client)
{
    struct hf_stats stats;
    hf_stats_get(client, &stats);
    return stats.connects == 3 && stats.connections_open == 1;
}

static void a_fence_that_did_not_get_through_is_sent_on_the_next_connection(void **state)
{
    (void)state;
    static const struct script_step lost[] = {
        GREETING("7"),
        SCRIPT_COMMAND("INCR n"),
        SCRIPT_CLOSE,
    };
    static const struct script_step deaf[] = { GREETING("8"), KILL("7"), SCRIPT_CLOSE };
    static const struct script_step well[] = {
        GREETING("9"),
        KILL("7"),
        KILL("8"),
        SCRIPT_SEND(":0\r\n:0\r\n"),
        SCRIPT_COMMAND("GET n"),
        SCRIPT_SEND("$1\r\n1\r\n"),
    };
    const struct script     scripts[] = { SCRIPT_OF(lost), SCRIPT_OF(deaf), SCRIPT_OF(well) };
    struct scripted_server *server = scripted_server_open(scripts, 3);
    struct hf_client       *client = open_on(server);
    assert_int_equal(client_do(client, "INCR", "n", NULL), HF_E_LOST);
    /* Nobody calls meanwhile, so that the fences are remembered in this order. */
    assert_true(wait_until(has_connected_thrice, client, hf_seconds(BOUND_S)));
    assert_int_equal(client_do(client, "GET", "n", NULL), HF_OK);
    scripted_server_verify(server);
    hf_client_close(client);
    scripted_server_close(server);
}

/* ---- Order ----------------------------------------------------------------------- */

static bool two_calls_are_inside(void *client)
{
    return hf_client_calls(client) == 2;
}

static bool only_one_call_is_inside(void *client)
{
    return hf_client_calls(client) == 1;
}

static void *get_a(void *client)
{
    return (void *)(intptr_t)client_do(client, "GET", "a", NULL);
}

static void *pop_for_long(void *client)
{
    const struct hf_call call = { .timeout = hf_seconds(BOUND_S) };
    struct hf_reply     *reply = NULL;
    const hf_err         err = client_ask(client, &call, &reply, "BLPOP", "queue", "0", NULL);
    if (!err) hf_reply_free(reply);
    return (void *)(intptr_t)err;
}

static void a_write_of_its_own_connection_waits_for_the_fence(void **state)
{
    (void)state;
    static const struct script_step lost[] = { GREETING("7"), SCRIPT_COMMAND("GET a"),
                                               SCRIPT_CLOSE };
    static const struct script_step fencing[] = {
        GREETING("8"),
        KILL("7"),
        SCRIPT_COMMAND("GET a"),
        SCRIPT_HOLD,
        SCRIPT_HOLD,
        SCRIPT_SEND(":1\r\n"),
        SCRIPT_SEND("$1\r\nx\r\n"),
    };
    static const struct script_step leased[] = { GREETING("9"),
                                                 SCRIPT_COMMAND("BLPOP queue 0"),
                                                 SCRIPT_SEND("_\r\n") };
    const struct script             scripts[] = { SCRIPT_OF(lost), SCRIPT_OF(fencing),
                                                  SCRIPT_OF(leased) };
    struct scripted_server         *server = scripted_server_open(scripts, 3);
    struct hf_client               *client = open_on(server);
    pthread_t                       reader, writer;
    void                           *err;
    assert_int_equal(pthread_create(&reader, NULL, get_a, client), 0);
    assert_true(wait_until(scripted_server_is_held, server, hf_seconds(BOUND_S)));
    assert_int_equal(pthread_create(&writer, NULL, pop_for_long, client), 0);
    assert_true(wait_until(two_calls_are_inside, client, hf_seconds(BOUND_S)));
    scripted_server_go_on(server);

    /* Without the wait it dials and is served now; with it, only the reader can end next. */
    assert_true(stays_true(two_calls_are_inside, client, hf_ms(300)));
    scripted_server_go_on(server);
    pthread_join(reader, &err);
    assert_int_equal((intptr_t)err, HF_OK);
    pthread_join(writer, &err);
    assert_int_equal((intptr_t)err, HF_OK);
    scripted_server_verify(server);
    hf_client_close(client);
    scripted_server_close(server);
}

static void a_blocking_command_never_blocks_those_who_share(void **state)
{
    (void)state;
    struct redis_server *server = redis_server_open(NULL);
    struct hf_client    *client = client_open_ready(redis_server_unix_url(server), NULL);
    const struct hf_call brief = { .timeout = hf_ms(20) };
    struct hf_reply     *reply;
    pthread_t            popper;
    void                *err;
    redis_server_pause(server);
    assert_int_not_equal(client_ask(client, &brief, &reply, "ECHO", "given up", NULL), HF_OK);
    assert_int_equal(pthread_create(&popper, NULL, pop_for_long, client), 0);
    assert_false(wait_until(two_calls_are_inside, client, hf_ms(50))); /* It is on its way. */
    assert_true(only_one_call_is_inside(client));
    redis_server_resume(server);
    for (int i = 0; i < 20; i++) {
        assert_string_equal(client_text(client, "PING", NULL), "PONG");
    }
    assert_int_equal(client_do(client, "RPUSH", "queue", "now", NULL), HF_OK);
    pthread_join(popper, &err);
    assert_int_equal((intptr_t)err, HF_OK);
    hf_client_close(client);
    redis_server_close(server);
}

/* ---- Maintenance ------------------------------------------------------------------- */

static bool retires_and_comes_back(void *arg)
{
    struct hf_client *client = arg;
    struct hf_link   *link = atomic_load(&client->endpoint.shared);
    for (int i = 0; link && i < 10000; i++) {
        hf_endpoint_retire(&client->endpoint, &link->mux);
        struct hf_link *none = NULL;
        atomic_compare_exchange_strong(&client->endpoint.shared, &none, link);
        hf_client_attention(client);
    }
    return true;
}

/* A caller may take the shared connection away between any two looks of the maintenance. */
static void maintenance_survives_that_callers_retire_the_connection(void **state)
{
    (void)state;
    struct redis_server *server = redis_server_open(NULL);
    struct hf_client    *client = client_open_ready(redis_server_unix_url(server), NULL);
    assert_true(stays_true(retires_and_comes_back, client, hf_ms(300)));
    assert_true(wait_until(answers, client, hf_seconds(BOUND_S)));
    hf_client_close(client);
    redis_server_close(server);
}

/* ---- Closing ------------------------------------------------------------------- */

static bool is_checking(void *client)
{
    struct hf_stats stats;
    hf_stats_get(client, &stats);
    return stats.health_checks > 0;
}

static void closing_ends_a_health_check_under_way(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        struct redis_server *server = redis_server_open(NULL);
        struct hf_client    *client = client_open_ready(redis_server_unix_url(server), NULL);
        redis_server_pause(server);
        hf_health_check(client);
        assert_true(wait_until(is_checking, client, hf_seconds(BOUND_S)));
        hf_client_close(client);
        redis_server_close(server);
    }
}

static void count(hf_err err, struct hf_reply *reply, const struct hf_error *error, void *ctx)
{
    (void)error;
    if (!err) hf_reply_free(reply);
    atomic_fetch_add((atomic_int *)ctx, 1);
}

static bool has_come(void *ctx)
{
    return atomic_load((atomic_int *)ctx) > 0;
}

/* Closes in a child; 0 when that ended well. */
static int close_in_child(struct hf_client *client)
{
    const pid_t child = fork_at_rest();
    if (child == 0) {
        alarm(BOUND_S);
        hf_client_close(client);
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void a_child_closes_what_its_parent_used_for_callbacks(void **state)
{
    (void)state;
    atomic_int            ended = 0;
    const struct hf_bytes argv[] = { hf_str("PING") };
    struct redis_server  *server = redis_server_open(NULL);
    struct hf_client     *client = client_open_ready(redis_server_unix_url(server), NULL);
    assert_int_equal(hf_client_command_async(client, NULL, argv, 1, count, &ended), HF_OK);
    assert_true(wait_until(has_come, &ended, hf_seconds(BOUND_S)));
    const int status = close_in_child(client);
    hf_client_close(client);
    redis_server_close(server);
    assert_int_equal(status, 0);
}

static void a_child_closes_while_its_parent_is_in_a_call(void **state)
{
    (void)state;
    atomic_int            ended = 0;
    const struct hf_bytes argv[] = { hf_str("PING") };
    struct redis_server  *server = redis_server_open(NULL);
    struct hf_client     *client = client_open_ready(redis_server_unix_url(server), NULL);
    redis_server_pause(server);
    assert_int_equal(hf_client_command_async(client, NULL, argv, 1, count, &ended), HF_OK);
    const int status = close_in_child(client);
    redis_server_resume(server);
    hf_client_close(client);
    redis_server_close(server);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_retry_does_not_hide_that_the_first_may_have_been_applied),
        cmocka_unit_test(replies_before_a_retry_are_freed),
        cmocka_unit_test(a_fence_that_did_not_get_through_is_sent_on_the_next_connection),
        cmocka_unit_test(a_write_of_its_own_connection_waits_for_the_fence),
        cmocka_unit_test(a_blocking_command_never_blocks_those_who_share),
        cmocka_unit_test(maintenance_survives_that_callers_retire_the_connection),
        cmocka_unit_test(a_child_closes_what_its_parent_used_for_callbacks),
        cmocka_unit_test(a_child_closes_while_its_parent_is_in_a_call),
        cmocka_unit_test(closing_ends_a_health_check_under_way),
    };
    return RUN_TESTS(tests);
}
