#include <holdfast/holdfast.h>

#include "support/canary.h"
#include "support/client_kit.h"
#include "support/greeting.h"
#include "support/test.h"
#include "support/wait.h"

#include <string.h>

#define HANDSHAKE GREETING("7")
#define FENCE     KILL("7"), SCRIPT_SEND(":1\r\n")

static struct hf_client *open_on(struct scripted_server *server)
{
    return client_open_ready(scripted_server_url(server), "health_check_interval", "60",
                             NULL);
}

static void attributes_and_pushes_are_not_replies(void **state)
{
    (void)state;
    static const struct script_step steps[] = {
        HANDSHAKE,
        SCRIPT_COMMAND("GET a"),
        SCRIPT_SEND("|1\r\n+ttl\r\n:60\r\n"
                    ">2\r\n+invalidate\r\n*1\r\n$1\r\nx\r\n"
                    "$5\r\nfirst\r\n"
                    ">2\r\n+invalidate\r\n_\r\n"),
        SCRIPT_COMMAND("GET b"),
        SCRIPT_SEND("$6\r\nsecond\r\n"),
    };
    struct scripted_server *server = scripted_server_open(&SCRIPT_OF(steps), 1);
    struct hf_client       *client = open_on(server);
    assert_string_equal(client_text(client, "GET", "a", NULL), "first");
    assert_string_equal(client_text(client, "GET", "b", NULL), "second");
    scripted_server_verify(server);
    hf_client_close(client);
    scripted_server_close(server);
}

static void a_reply_that_nobody_asked_for_is_never_given_to_the_next_caller(void **state)
{
    (void)state;
    static const struct script_step surprised[] = {
        HANDSHAKE,
        SCRIPT_COMMAND("GET a"),
        SCRIPT_SEND("$4\r\nmine\r\n$8\r\nsurprise\r\n"),
        SCRIPT_EXPECT_CLOSE,
    };
    static const struct script_step next[] = {
        HANDSHAKE,
        FENCE,
        SCRIPT_COMMAND("GET b"),
        SCRIPT_SEND("$5\r\nyours\r\n"),
    };
    const struct script     scripts[] = { SCRIPT_OF(surprised), SCRIPT_OF(next) };
    struct scripted_server *server = scripted_server_open(scripts, 2);
    struct hf_client       *client = open_on(server);
    assert_string_equal(client_text(client, "GET", "a", NULL), "mine");
    assert_string_equal(client_text(client, "GET", "b", NULL), "yours");
    scripted_server_verify(server);
    hf_client_close(client);
    scripted_server_close(server);
}

static void
a_surprise_that_comes_while_all_is_quiet_is_noticed_before_the_next_call(void **state)
{
    (void)state;
    static const struct script_step surprised[] = {
        HANDSHAKE,           SCRIPT_COMMAND("GET a"),           SCRIPT_SEND("$4\r\nmine\r\n"),
        SCRIPT_HOLD,         SCRIPT_SEND("$8\r\nsurprise\r\n"), SCRIPT_HOLD,
        SCRIPT_EXPECT_CLOSE,
    };
    static const struct script_step next[] = {
        HANDSHAKE,
        FENCE,
        SCRIPT_COMMAND("INCR n"),
        SCRIPT_SEND(":1\r\n"),
    };
    const struct script     scripts[] = { SCRIPT_OF(surprised), SCRIPT_OF(next) };
    struct scripted_server *server = scripted_server_open(scripts, 2);
    struct hf_client       *client = open_on(server);
    assert_string_equal(client_text(client, "GET", "a", NULL), "mine");
    assert_true(wait_until(scripted_server_is_held, server, hf_seconds(5)));
    scripted_server_go_on(server);
    assert_true(wait_until(scripted_server_is_held, server, hf_seconds(5)));
    scripted_server_go_on(server);
    assert_int_equal(client_int(client, "INCR", "n", NULL), 1);
    scripted_server_verify(server);
    hf_client_close(client);
    scripted_server_close(server);
}

static void nonsense_breaks_the_connection_and_a_read_is_tried_on_the_next(void **state)
{
    (void)state;
    static const struct script_step nonsense[] = {
        HANDSHAKE,
        SCRIPT_COMMAND("GET a"),
        SCRIPT_SEND("$wat\r\n"),
        SCRIPT_EXPECT_CLOSE,
    };
    static const struct script_step next[] = {
        HANDSHAKE,
        FENCE,
        SCRIPT_COMMAND("GET a"),
        SCRIPT_SEND("$4\r\ngood\r\n"),
    };
    const struct script     scripts[] = { SCRIPT_OF(nonsense), SCRIPT_OF(next) };
    struct scripted_server *server = scripted_server_open(scripts, 2);
    struct hf_client       *client = open_on(server);
    assert_string_equal(client_text(client, "GET", "a", NULL), "good");
    scripted_server_verify(server);
    hf_client_close(client);
    scripted_server_close(server);
}

static void a_reply_cut_short_leaves_an_increment_unknown_and_unrepeated(void **state)
{
    (void)state;
    static const struct script_step cut[] = {
        HANDSHAKE,
        SCRIPT_COMMAND("INCR n"),
        SCRIPT_SEND(":4"),
        SCRIPT_CLOSE,
    };
    static const struct script_step next[] = {
        HANDSHAKE,
        FENCE,
        SCRIPT_COMMAND("GET n"),
        SCRIPT_SEND("$1\r\n4\r\n"),
    };
    const struct script     scripts[] = { SCRIPT_OF(cut), SCRIPT_OF(next) };
    struct scripted_server *server = scripted_server_open(scripts, 2);
    struct hf_client       *client = open_on(server);
    const hf_err            err = client_do(client, "INCR", "n", NULL);
    assert_int_equal(err, HF_E_LOST);
    assert_true(hf_err_outcome_unknown(err));
    assert_string_equal(client_text(client, "GET", "n", NULL), "4");
    scripted_server_verify(server);
    hf_client_close(client);
    scripted_server_close(server);
}

static void a_handshake_cut_off_once_is_tried_again_for_those_who_wait(void **state)
{
    (void)state;
    static const struct script_step cut[] = { HANDSHAKE, SCRIPT_COMMAND("GET a"),
                                              SCRIPT_CLOSE };
    static const struct script_step cut_early[] = { SCRIPT_COMMAND("HELLO 3"), SCRIPT_CLOSE };
    static const struct script_step whole[] = {
        HANDSHAKE,
        FENCE,
        SCRIPT_COMMAND("GET a"),
        SCRIPT_SEND("$4\r\ngood\r\n"),
    };
    const struct script     scripts[] = { SCRIPT_OF(cut), SCRIPT_OF(cut_early),
                                          SCRIPT_OF(whole) };
    struct scripted_server *server = scripted_server_open(scripts, 3);
    struct hf_client       *client = open_on(server);
    assert_string_equal(client_text(client, "GET", "a", NULL), "good");
    scripted_server_verify(server);
    hf_client_close(client);
    scripted_server_close(server);
}

static void announced_sizes_allocate_nothing(void **state)
{
    (void)state;
    static const struct script_step long_string[] = {
        HANDSHAKE, SCRIPT_COMMAND("INCR n"), SCRIPT_SEND("$9223372036854775807\r\nabc"),
        SCRIPT_EXPECT_CLOSE
    };
    static const struct script_step long_array[] = { HANDSHAKE, FENCE,
                                                     SCRIPT_COMMAND("INCR n"),
                                                     SCRIPT_SEND("*4294967295\r\n:1\r\n"),
                                                     SCRIPT_EXPECT_CLOSE };
    static const struct script_step next[] = { HANDSHAKE, FENCE };
    const struct script     scripts[] = { SCRIPT_OF(long_string), SCRIPT_OF(long_array),
                                          SCRIPT_OF(next) };
    struct scripted_server *server = scripted_server_open(scripts, 3);
    struct hf_client       *client = open_on(server);
    assert_int_equal(client_do(client, "INCR", "n", NULL), HF_E_PROTOCOL);
    assert_int_equal(client_do(client, "INCR", "n", NULL), HF_E_PROTOCOL);
    scripted_server_verify(server);
    hf_client_close(client);
    scripted_server_close(server);
}

static void a_trickling_reply_does_not_move_the_deadline(void **state)
{
    (void)state;
    static const struct script_step steps[] = {
        HANDSHAKE, SCRIPT_COMMAND("INCR n"),
        SCRIPT_TRICKLE(":1000000000000000\r\n", 60), /* More than a second in all. */
    };
    struct canary          *canary = canary_open();
    struct scripted_server *server = scripted_server_open(&SCRIPT_OF(steps), 1);
    struct hf_client       *client = open_on(server);
    struct hf_reply        *reply = NULL;
    const struct hf_call    call = { .timeout = hf_ms(100) };
    int64_t                 best = INT64_MAX; /* The machine may spoil one, hardly all. */
    for (int i = 0; i < 3; i++) {
        const hf_instant from = hf_now();
        assert_int_equal(client_ask(client, &call, &reply, "INCR", "n", NULL),
                         HF_E_TIMEOUT_SENT);
        const hf_instant to = hf_now();
        const int64_t    late = canary_worst_delay(canary, from, to).ns;
        const int64_t    took = hf_between(from, to).ns - late;
        if (took < best) best = took;
    }
    assert_true(best < hf_ms(120).ns);
    hf_client_close(client);
    scripted_server_close(server);
    canary_close(canary);
}

static void a_server_that_is_loading_is_down_although_it_greets(void **state)
{
    (void)state;
#define LOADING                                                                              \
    SCRIPT_COMMAND("HELLO 3"), SCRIPT_SEND("%1\r\n$5\r\nproto\r\n:3\r\n"), SCRIPT_ANY,       \
        SCRIPT_SEND("+OK\r\n-LOADING Redis is loading the dataset in memory\r\n"),           \
        SCRIPT_CLOSE
    static const struct script_step loading[] = { LOADING };
    static const struct script_step loaded[] = { HANDSHAKE };
    const struct script             scripts[] = { SCRIPT_OF(loading), SCRIPT_OF(loaded) };
    struct scripted_server         *server = scripted_server_open(scripts, 2);
    struct hf_client               *client = client_open(scripted_server_url(server), NULL);
    struct hf_error                 error;
    hf_err                          err;
    do {
        err = hf_client_wait_ready(client, hf_ms(1), &error);
    } while (err == HF_E_TIMEOUT);
    assert_int_equal(err, HF_E_LOADING);
    assert_int_equal(hf_client_wait_ready(client, hf_seconds(5), &error), HF_OK);
    hf_client_close(client);
    scripted_server_close(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes_and_pushes_are_not_replies),
        cmocka_unit_test(a_reply_that_nobody_asked_for_is_never_given_to_the_next_caller),
        cmocka_unit_test(
            a_surprise_that_comes_while_all_is_quiet_is_noticed_before_the_next_call),
        cmocka_unit_test(nonsense_breaks_the_connection_and_a_read_is_tried_on_the_next),
        cmocka_unit_test(a_reply_cut_short_leaves_an_increment_unknown_and_unrepeated),
        cmocka_unit_test(a_handshake_cut_off_once_is_tried_again_for_those_who_wait),
        cmocka_unit_test(announced_sizes_allocate_nothing),
        cmocka_unit_test(a_trickling_reply_does_not_move_the_deadline),
        cmocka_unit_test(a_server_that_is_loading_is_down_although_it_greets),
    };
    return RUN_TESTS(tests);
}
