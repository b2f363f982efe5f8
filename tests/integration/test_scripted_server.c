#include "support/scripted_server.h"

#include "support/leaks.h"
#include "support/test.h"
#include "support/wait.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <string.h>

static redisContext *dial(struct scripted_server *server)
{
    redisContext *c = redisConnectUnix(scripted_server_path(server));
    assert_non_null(c);
    assert_int_equal(c->err, 0);
    redisSetTimeout(c, (struct timeval){ .tv_sec = 20 });
    return c;
}

static void assert_says(redisContext *c, const char *command, const char *expected)
{
    redisReply *reply = redisCommand(c, command);
    if (!reply) {
        fail_msg("%s: %s", command, c->errstr);
        return;
    }
    assert_string_equal(reply->str, expected);
    freeReplyObject(reply);
}

static void plays_its_script_to_the_end(void **state)
{
    (void)state;
    static const struct script_step steps[] = {
        SCRIPT_EXPECT("*1\r\n$4\r\nPING\r\n"),
        SCRIPT_SEND("+PONG\r\n"),
        SCRIPT_COMMAND("SET key value"),
        SCRIPT_SEND("+OK\r\n"),
        SCRIPT_ANY,
        SCRIPT_TRICKLE("$5\r\nvalue\r\n", 1),
        SCRIPT_EXPECT_CLOSE,
    };
    const struct leaks      before = leaks_count();
    struct scripted_server *server = scripted_server_open(&SCRIPT_OF(steps), 1);
    redisContext           *c = dial(server);
    assert_says(c, "PING", "PONG");
    assert_says(c, "SET key value", "OK");
    assert_says(c, "GET key", "value");
    redisFree(c);
    scripted_server_verify(server);
    scripted_server_close(server);
    assert_true(leaks_settle(&before));
}

static void closes_in_the_middle_of_a_reply(void **state)
{
    (void)state;
    static const struct script_step steps[] = { SCRIPT_ANY, SCRIPT_SEND("$5\r\nva"),
                                                SCRIPT_CLOSE };
    struct scripted_server         *server = scripted_server_open(&SCRIPT_OF(steps), 1);
    redisContext                   *c = dial(server);
    assert_null(redisCommand(c, "GET key"));
    assert_int_equal(c->err, REDIS_ERR_EOF);
    redisFree(c);
    scripted_server_verify(server);
    scripted_server_close(server);
}

static void each_connection_has_its_script_at_the_same_time(void **state)
{
    (void)state;
    static const struct script_step first[] = { SCRIPT_ANY, SCRIPT_SEND("+first\r\n") };
    static const struct script_step second[] = { SCRIPT_ANY, SCRIPT_SEND("+second\r\n") };
    const struct script             scripts[] = { SCRIPT_OF(first), SCRIPT_OF(second) };
    struct scripted_server         *server = scripted_server_open(scripts, 2);
    redisContext                   *one = dial(server);
    redisContext                   *two = dial(server);
    assert_says(two, "PING", "second");
    assert_says(one, "PING", "first");
    scripted_server_verify(server);
    redisFree(one);
    redisFree(two);
    scripted_server_close(server);
}

static void a_hold_lasts_until_it_may_go_on(void **state)
{
    (void)state;
    static const struct script_step steps[] = { SCRIPT_ANY, SCRIPT_HOLD,
                                                SCRIPT_SEND("+PONG\r\n") };
    struct scripted_server         *server = scripted_server_open(&SCRIPT_OF(steps), 1);
    redisContext                   *c = dial(server);
    redisSetTimeout(c, (struct timeval){ .tv_usec = 30000 });
    assert_null(redisCommand(c, "PING"));
    assert_int_equal(errno, EAGAIN);
    assert_true(wait_until(scripted_server_is_held, server, hf_seconds(10)));
    scripted_server_go_on(server);
    scripted_server_verify(server);
    redisFree(c);
    scripted_server_close(server);
}

static void assert_mismatch(struct scripted_server *server, const char *said)
{
    const char *mismatch = scripted_server_outcome(server);
    assert_non_null(mismatch);
    if (!strstr(mismatch, said)) fail_msg("says: %s", mismatch);
}

static void another_command_is_a_mismatch_that_shows_both(void **state)
{
    (void)state;
    static const struct script_step steps[] = { SCRIPT_ANY, SCRIPT_SEND("+PONG\r\n"),
                                                SCRIPT_COMMAND("GET key") };
    struct scripted_server         *server = scripted_server_open(&SCRIPT_OF(steps), 1);
    redisContext                   *c = dial(server);
    assert_says(c, "PING", "PONG");
    redisAppendCommand(c, "GET other");
    int done = 0;
    while (!done) assert_int_equal(redisBufferWrite(c, &done), REDIS_OK);
    assert_mismatch(server, "connection 1, step 3: something else came: wanted "
                            "\"*2\\r\\n$3\\r\\nGET\\r\\n$3\\r\\nkey\\r\\n\", got "
                            "\"*2\\r\\n$3\\r\\nGET\\r\\n$5\\r\\nother\\r\\n\"");
    redisFree(c);
    scripted_server_close(server);
}

static void a_client_that_closes_early_is_a_mismatch(void **state)
{
    (void)state;
    static const struct script_step steps[] = { SCRIPT_COMMAND("PING") };
    struct scripted_server         *server = scripted_server_open(&SCRIPT_OF(steps), 1);
    redisFree(dial(server));
    assert_mismatch(server, "step 1: the client closed: wanted");
    scripted_server_close(server);
}

static void bytes_before_an_expected_close_are_a_mismatch(void **state)
{
    (void)state;
    static const struct script_step steps[] = { SCRIPT_EXPECT_CLOSE };
    struct scripted_server         *server = scripted_server_open(&SCRIPT_OF(steps), 1);
    redisContext                   *c = dial(server);
    redisAppendCommand(c, "PING");
    int done = 0;
    while (!done) assert_int_equal(redisBufferWrite(c, &done), REDIS_OK);
    assert_mismatch(server, "something else came: wanted \"(the end)\"");
    redisFree(c);
    scripted_server_close(server);
}

static void one_connection_too_many_is_a_mismatch(void **state)
{
    (void)state;
    static const struct script_step steps[] = { SCRIPT_ANY };
    struct scripted_server         *server = scripted_server_open(&SCRIPT_OF(steps), 1);
    redisContext                   *one = dial(server);
    redisContext                   *two = dial(server);
    assert_null(redisCommand(two, "PING"));
    assert_mismatch(server, "more connections");
    redisFree(one);
    redisFree(two);
    scripted_server_close(server);
}

static void closing_ends_a_script_wherever_it_is(void **state)
{
    (void)state;
    static const struct script_step held[] = { SCRIPT_HOLD };
    static const struct script_step waiting[] = { SCRIPT_COMMAND("PING") };
    static const struct script_step paused[] = { SCRIPT_PAUSE(1000000) };
    const struct script             scripts[] = { SCRIPT_OF(held), SCRIPT_OF(waiting),
                                                  SCRIPT_OF(paused) };
    struct scripted_server         *server = scripted_server_open(scripts, 3);
    redisContext                   *c[3];
    for (int i = 0; i < 3; i++) c[i] = dial(server);
    assert_true(wait_until(scripted_server_is_held, server, hf_seconds(10)));
    scripted_server_close(server);
    for (int i = 0; i < 3; i++) redisFree(c[i]);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* hiredis writes without a guard. */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plays_its_script_to_the_end),
        cmocka_unit_test(closes_in_the_middle_of_a_reply),
        cmocka_unit_test(each_connection_has_its_script_at_the_same_time),
        cmocka_unit_test(a_hold_lasts_until_it_may_go_on),
        cmocka_unit_test(another_command_is_a_mismatch_that_shows_both),
        cmocka_unit_test(a_client_that_closes_early_is_a_mismatch),
        cmocka_unit_test(bytes_before_an_expected_close_are_a_mismatch),
        cmocka_unit_test(one_connection_too_many_is_a_mismatch),
        cmocka_unit_test(closing_ends_a_script_wherever_it_is),
    };
    return RUN_TESTS(tests);
}
