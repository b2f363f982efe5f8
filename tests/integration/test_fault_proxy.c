/* Each fault really happens, seen by a client that is not ours, against a real server. */

#include "support/fault_proxy.h"

#include "support/endpoint.h"
#include "support/leaks.h"
#include "support/redis_server.h"
#include "support/test.h"
#include "support/wait.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct fixture {
    struct leaks         before;
    struct redis_server *server;
    struct fault_proxy  *proxy;
};

static int set_up_over(void **state, bool tcp)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->before = leaks_count();
    f->server = redis_server_open(&(struct redis_server_options){ .tcp = tcp });
    f->proxy = tcp ? fault_proxy_start_tcp(redis_server_port(f->server))
                   : fault_proxy_start(redis_server_socket(f->server));
    *state = f;
    return 0;
}

static int set_up_unix(void **state)
{
    return set_up_over(state, false);
}

static int set_up_tcp(void **state)
{
    return set_up_over(state, true);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    fault_proxy_close(f->proxy);
    redis_server_close(f->server);
    const bool clean = leaks_settle(&f->before);
    free(f);
    return clean ? 0 : -1;
}

static redisContext *dial(struct fixture *f)
{
    const char   *path = fault_proxy_path(f->proxy);
    redisContext *c = path ? redisConnectUnix(path)
                           : redisConnect("127.0.0.1", fault_proxy_port(f->proxy));
    assert_non_null(c);
    return c;
}

static redisContext *connect_well(struct fixture *f)
{
    redisContext *c = dial(f);
    assert_int_equal(c->err, 0);
    redisSetTimeout(c, (struct timeval){ .tv_sec = 20 });
    return c;
}

static void set_patience(redisContext *c, hf_duration span)
{
    redisSetTimeout(c, (struct timeval){ .tv_usec = (suseconds_t)(span.ns / 1000) });
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

/* No reply comes within the patience. */
static void assert_silent(redisContext *c, const char *command)
{
    assert_null(redisCommand(c, command));
    assert_int_equal(c->err, REDIS_ERR_IO);
    assert_int_equal(errno, EAGAIN);
}

static hf_duration time_of(redisContext *c, const char *command, const char *expected)
{
    const hf_instant from = hf_now();
    assert_says(c, command, expected);
    return hf_between(from, hf_now());
}

static void passes_everything_when_there_is_no_fault(void **state)
{
    struct fixture *f = *state;
    redisContext   *c = connect_well(f);
    const size_t    size = (size_t)20 << 20;
    char           *large = malloc(size);
    assert_non_null(large);
    for (size_t i = 0; i < size; i++) large[i] = (char)(i * 7 + i / 1000);

    freeReplyObject(redisCommand(c, "SET large %b", large, size));
    redisReply *reply = redisCommand(c, "GET large");
    assert_int_equal(reply->len, size);
    assert_memory_equal(reply->str, large, size);
    freeReplyObject(reply);
    redisFree(c);
    free(large);
}

static bool none_is_open(void *ctx)
{
    return fault_proxy_counts(ctx).open == 0;
}

static void counts_connections_bytes_and_messages(void **state)
{
    struct fixture *f = *state;
    redisContext   *c = connect_well(f);
    for (int i = 0; i < 3; i++) assert_says(c, "PING", "PONG");
    struct fault_counts counts = fault_proxy_counts(f->proxy);
    assert_int_equal(counts.accepted, 1);
    assert_int_equal(counts.open, 1);
    assert_int_equal(counts.commands, 3);
    assert_int_equal(counts.replies, 3);
    assert_int_equal(counts.bytes_to_server, 3 * strlen("*1\r\n$4\r\nPING\r\n"));
    assert_int_equal(counts.bytes_to_client, 3 * strlen("+PONG\r\n"));

    redisFree(c);
    assert_true(wait_until(none_is_open, f->proxy, hf_seconds(10)));
    counts = fault_proxy_counts(f->proxy);
    assert_int_equal(counts.commands, 3);
}

static void refuses_until_lifted(void **state)
{
    struct fixture *f = *state;
    redisContext   *living = connect_well(f);
    const uint64_t  id = fault_proxy_set(f->proxy, &(struct fault){ .kind = FAULT_REFUSE });
    redisContext   *refused = dial(f);
    assert_int_equal(refused->err, REDIS_ERR_IO);
    assert_non_null(strstr(refused->errstr, "refused"));
    redisFree(refused);
    assert_says(living, "PING", "PONG");

    fault_proxy_lift(f->proxy, id);
    redisContext *c = connect_well(f);
    assert_says(c, "PING", "PONG");
    redisFree(c);
    redisFree(living);
}

static int dial_without_waiting(struct fixture *f)
{
    struct endpoint there;
    char            why[FAULT_WHY_MAX];
    assert_true(endpoint_parse(fault_proxy_address(f->proxy), &there, why, sizeof why));
    return endpoint_connect(&there);
}

static void connecting_hangs_until_lifted(void **state)
{
    struct fixture *f = *state;
    redisContext   *living = connect_well(f);
    const uint64_t  id = fault_proxy_set(f->proxy, &(struct fault){ .kind = FAULT_HANG });
    const int       fd = dial_without_waiting(f);
    if (fd < 0) {
        assert_int_equal(errno, EAGAIN); /* As a unix socket says that it would wait. */
    } else {
        struct pollfd connected = { .fd = fd, .events = POLLOUT };
        assert_int_equal(poll(&connected, 1, 100), 0);
        close(fd);
    }
    assert_says(living, "PING", "PONG");
    assert_int_equal(fault_proxy_counts(f->proxy).accepted, 1);

    fault_proxy_lift(f->proxy, id);
    redisContext *c = connect_well(f);
    assert_says(c, "PING", "PONG");
    redisFree(c);
    redisFree(living);
}

static void resets_new_connections_at_once(void **state)
{
    struct fixture *f = *state;
    fault_proxy_set(f->proxy, &(struct fault){ .kind = FAULT_RESET });
    redisContext *c = dial(f);
    if (!c->err) assert_null(redisCommand(c, "PING"));
    assert_int_not_equal(c->err, 0);
    redisFree(c);
    assert_int_equal(fault_proxy_counts(f->proxy).bytes_to_server, 0);
}

static void a_black_hole_swallows_nothing(void **state)
{
    struct fixture *f = *state;
    redisContext   *c = connect_well(f);
    fault_proxy_set(f->proxy, &(struct fault){ .kind = FAULT_BLACK_HOLE });
    redisContext *late = connect_well(f); /* Accepted, and never answered. */
    set_patience(late, hf_ms(20));
    assert_silent(late, "PING");
    redisAppendCommand(c, "PING");
    int done = 0;
    while (!done) assert_int_equal(redisBufferWrite(c, &done), REDIS_OK);
    assert_int_equal(fault_proxy_counts(f->proxy).bytes_to_server, 0);

    fault_proxy_clear(f->proxy);
    redisReply *reply = NULL;
    assert_int_equal(redisGetReply(c, (void **)&reply), REDIS_OK);
    assert_string_equal(reply->str, "PONG");
    freeReplyObject(reply);
    redisFree(c);
    redisFree(late);
}

static void a_black_hole_may_have_one_direction_and_one_connection(void **state)
{
    struct fixture *f = *state;
    redisContext   *first = connect_well(f);
    redisContext   *second = connect_well(f);
    fault_proxy_set(f->proxy, &(struct fault){ .kind = FAULT_BLACK_HOLE,
                                               .direction = FAULT_TO_CLIENT,
                                               .connection = 2 });
    assert_says(first, "PING", "PONG");
    set_patience(second, hf_ms(20));
    assert_silent(second, "INCR counter");
    assert_says(first, "GET counter", "1"); /* It arrived; the answer did not. */
    redisFree(first);
    redisFree(second);
}

static void a_delay_adds_to_every_round_trip_but_not_to_their_number(void **state)
{
    enum { COMMANDS = 200 };
    struct fixture    *f = *state;
    redisContext      *c = connect_well(f);
    const struct fault slow = { .kind = FAULT_DELAY, .delay = hf_ms(30) };
    fault_proxy_set(f->proxy, &slow);
    assert_true(time_of(c, "PING", "PONG").ns >= hf_ms(60).ns);

    /* One by one they would take 12 s. */
    const hf_instant from = hf_now();
    for (int i = 0; i < COMMANDS; i++) redisAppendCommand(c, "ECHO %d", i);
    for (int i = 0; i < COMMANDS; i++) {
        redisReply *reply;
        assert_int_equal(redisGetReply(c, (void **)&reply), REDIS_OK);
        assert_int_equal(strtol(reply->str, NULL, 10), i);
        freeReplyObject(reply);
    }
    assert_true(hf_between(from, hf_now()).ns < hf_ms(60).ns * COMMANDS / 4);
    redisFree(c);
}

static void jitter_varies_and_keeps_the_order(void **state)
{
    struct fixture *f = *state;
    redisContext   *c = connect_well(f);
    fault_proxy_set(f->proxy, &(struct fault){ .kind = FAULT_DELAY, .jitter = hf_ms(20) });
    hf_duration least = hf_seconds(100), most = hf_ns(0);
    for (int i = 0; i < 20; i++) {
        const hf_duration span = time_of(c, "PING", "PONG");
        if (span.ns < least.ns) least = span;
        if (span.ns > most.ns) most = span;
    }
    assert_true(most.ns - least.ns > hf_ms(5).ns);
    redisFree(c);
}

static void trickles_byte_by_byte(void **state)
{
    struct fixture *f = *state;
    redisContext   *c = connect_well(f);
    fault_proxy_set(f->proxy, &(struct fault){ .kind = FAULT_TRICKLE,
                                               .direction = FAULT_TO_CLIENT,
                                               .delay = hf_ms(5) });
    assert_true(time_of(c, "PING", "PONG").ns >= hf_ms(5 * 6).ns); /* +PONG\r\n */
    redisFree(c);
}

static void throttles_to_a_rate(void **state)
{
    struct fixture *f = *state;
    redisContext   *c = connect_well(f);
    freeReplyObject(redisCommand(c, "SETRANGE key 19999 x"));
    fault_proxy_set(f->proxy, &(struct fault){ .kind = FAULT_THROTTLE, .rate = 200000 });
    const hf_instant from = hf_now();
    redisReply      *reply = redisCommand(c, "GET key");
    assert_int_equal(reply->len, 20000);
    freeReplyObject(reply);
    assert_in_range(hf_to_ms(hf_between(from, hf_now())), 80, 5000); /* 100 ms by the rate. */
    redisFree(c);
}

static void cuts_in_the_middle_of_a_chosen_reply(void **state)
{
    struct fixture *f = *state;
    redisContext   *c = connect_well(f);
    assert_says(c, "PING", "PONG");
    fault_proxy_set(f->proxy, &(struct fault){ .kind = FAULT_CUT,
                                               .direction = FAULT_TO_CLIENT,
                                               .after_messages = 2,
                                               .after_bytes = 3,
                                               .times = 1 });
    assert_says(c, "PING", "PONG");
    assert_says(c, "PING", "PONG");
    assert_int_equal(send(c->fd, "PING\r\n", 6, MSG_NOSIGNAL), 6);
    char bytes[16];
    assert_int_equal(recv(c->fd, bytes, sizeof bytes, MSG_WAITALL), 3);
    assert_memory_equal(bytes, "+PO", 3);
    redisFree(c);

    c = connect_well(f); /* It struck its one time. */
    for (int i = 0; i < 5; i++) assert_says(c, "PING", "PONG");
    assert_int_equal(fault_proxy_counts(f->proxy).struck, 1);
    redisFree(c);
}

static void cuts_before_a_chosen_command_is_through(void **state)
{
    struct fixture *f = *state;
    redisContext   *c = connect_well(f);
    fault_proxy_set(f->proxy, &(struct fault){ .kind = FAULT_CUT,
                                               .direction = FAULT_TO_SERVER,
                                               .after_messages = 1,
                                               .after_bytes = 5 });
    freeReplyObject(redisCommand(c, "INCR counter"));
    assert_null(redisCommand(c, "INCR counter"));
    redisReply *reply = redis_server_command(f->server, "GET counter");
    assert_string_equal(reply->str, "1");
    freeReplyObject(reply);
    redisFree(c);
}

static void a_reset_over_tcp_is_a_reset(void **state)
{
    struct fixture *f = *state;
    redisContext   *c = connect_well(f);
    assert_says(c, "PING", "PONG");
    fault_proxy_cut(f->proxy, 1, FAULT_RESET_END);
    char byte;
    assert_int_equal(recv(c->fd, &byte, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    redisFree(c);
}

static void a_close_over_tcp_is_no_reset_though_bytes_are_unread(void **state)
{
    struct fixture *f = *state;
    redisContext   *c = connect_well(f);
    fault_proxy_set(f->proxy, &(struct fault){ .kind = FAULT_BLACK_HOLE });
    assert_int_equal(send(c->fd, "PING\r\n", 6, 0), 6);
    fault_proxy_cut(f->proxy, 0, FAULT_CLOSE);
    char byte;
    assert_int_equal(recv(c->fd, &byte, 1, 0), 0);
    redisFree(c);
}

static void after_a_half_close_the_other_way_goes_on(void **state)
{
    struct fixture *f = *state;
    redisContext   *c = connect_well(f);
    assert_says(c, "PING", "PONG");
    fault_proxy_set(f->proxy, &(struct fault){ .kind = FAULT_CUT,
                                               .direction = FAULT_TO_CLIENT,
                                               .end = FAULT_HALF_CLOSE });
    char byte;
    assert_int_equal(recv(c->fd, &byte, 1, 0), 0);
    static const char command[] = "SET key value\r\n";
    assert_int_equal(send(c->fd, command, strlen(command), MSG_NOSIGNAL), strlen(command));
    shutdown(c->fd, SHUT_WR);
    assert_true(wait_until(none_is_open, f->proxy, hf_seconds(10)));
    redisReply *reply = redis_server_command(f->server, "GET key");
    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    freeReplyObject(reply);
    redisFree(c);
}

static void corrupts_exactly_one_byte(void **state)
{
    struct fixture *f = *state;
    redisContext   *c = connect_well(f);
    fault_proxy_set(f->proxy, &(struct fault){ .kind = FAULT_CORRUPT,
                                               .direction = FAULT_TO_CLIENT,
                                               .after_messages = 1,
                                               .after_bytes = 2 });
    assert_says(c, "PING", "PONG");
    assert_says(c, "PING", "P_NG"); /* 'O' ^ 0x10 */
    assert_says(c, "PING", "PONG");
    redisFree(c);
}

static void duplicates_a_reply_and_a_command(void **state)
{
    struct fixture *f = *state;
    redisContext   *c = connect_well(f);
    fault_proxy_set(f->proxy, &(struct fault){ .kind = FAULT_DUPLICATE,
                                               .direction = FAULT_TO_CLIENT,
                                               .after_messages = 1 });
    assert_says(c, "ECHO 1", "1");
    assert_says(c, "ECHO 2", "2");
    assert_says(c, "ECHO 3", "2"); /* Shifted, as a client must never let it be. */
    redisFree(c);

    fault_proxy_clear(f->proxy);
    c = connect_well(f);
    fault_proxy_set(f->proxy,
                    &(struct fault){ .kind = FAULT_DUPLICATE, .direction = FAULT_TO_SERVER });
    freeReplyObject(redisCommand(c, "INCR counter"));
    redisReply *reply = redis_server_command(f->server, "GET counter");
    assert_string_equal(reply->str, "2");
    freeReplyObject(reply);
    redisFree(c);
}

static void injects_what_nobody_sent(void **state)
{
    struct fixture *f = *state;
    redisContext   *c = connect_well(f);
    fault_proxy_set(f->proxy, &(struct fault){ .kind = FAULT_INJECT,
                                               .direction = FAULT_TO_CLIENT,
                                               .connection = 1,
                                               .data = hf_str("+stray\r\n") });
    redisReply *reply = NULL; /* Without a command. */
    assert_int_equal(redisGetReply(c, (void **)&reply), REDIS_OK);
    assert_string_equal(reply->str, "stray");
    freeReplyObject(reply);
    assert_says(c, "PING", "PONG");
    redisFree(c);
}

static void shows_that_its_server_is_gone(void **state)
{
    struct fixture *f = *state;
    redisContext   *c = connect_well(f);
    assert_says(c, "PING", "PONG");
    redis_server_kill(f->server);
    assert_null(redisCommand(c, "PING"));
    redisFree(c);
    c = dial(f);
    if (!c->err) assert_null(redisCommand(c, "PING"));
    redisFree(c);

    redis_server_spawn(f->server);
    redis_server_wait_ready(f->server);
    c = connect_well(f);
    assert_says(c, "PING", "PONG");
    redisFree(c);
}

static void many_connections_live_side_by_side(void **state)
{
    enum { CONNECTIONS = 200 };
    struct fixture *f = *state;
    redisContext   *c[CONNECTIONS];
    for (int i = 0; i < CONNECTIONS; i++) c[i] = connect_well(f);
    for (int i = 0; i < CONNECTIONS; i++) redisAppendCommand(c[i], "ECHO %d", i);
    for (int i = 0; i < CONNECTIONS; i++) {
        redisReply *reply;
        assert_int_equal(redisGetReply(c[i], (void **)&reply), REDIS_OK);
        assert_int_equal(strtol(reply->str, NULL, 10), i);
        freeReplyObject(reply);
    }
    assert_int_equal(fault_proxy_counts(f->proxy).open, CONNECTIONS);
    for (int i = 0; i < CONNECTIONS; i++) redisFree(c[i]);
}

struct heard {
    int  storms, calms;
    char first[3][128];
};

static void hear(const struct fault *fault, void *ctx)
{
    struct heard *heard = ctx;
    if (!fault) {
        heard->calms++;
    } else if (heard->storms++ < 3) {
        fault_print(fault, heard->first[heard->storms - 1], sizeof heard->first[0]);
    }
}

static struct heard play(struct fixture *f, uint64_t seed)
{
    struct heard            heard = { 0 };
    const struct fault_play plan = { .seed = seed,
                                     .kinds = 1u << FAULT_DELAY | 1u << FAULT_CUT |
                                              1u << FAULT_REFUSE,
                                     .calm_max = hf_ms(5),
                                     .storm_max = hf_ms(10),
                                     .tell = hear,
                                     .ctx = &heard };
    fault_proxy_play(f->proxy, &plan);
    const hf_instant end = hf_later(hf_now(), hf_ms(200));
    while (hf_before(hf_now(), end)) {
        redisContext *c = dial(f);
        if (!c->err) freeReplyObject(redisCommand(c, "PING"));
        redisFree(c);
    }
    fault_proxy_clear(f->proxy);
    return heard;
}

static void a_random_play_repeats_with_its_seed_and_ends_when_cleared(void **state)
{
    struct fixture    *f = *state;
    const struct heard one = play(f, 42);
    const struct heard same = play(f, 42);
    const struct heard other = play(f, 43);
    assert_in_range(one.storms, 3, 1000);
    assert_in_range(one.calms, one.storms - 1, one.storms);
    assert_memory_equal(one.first, same.first, sizeof one.first);
    assert_memory_not_equal(one.first, other.first, sizeof one.first);

    redisContext *c = connect_well(f);
    assert_says(c, "PING", "PONG");
    redisFree(c);
}

static void what_is_no_address_is_an_error(void **state)
{
    (void)state;
    const char *const bad[] = {
        "", "unix:", "nonsense", "host:", ":1", "127.0.0.1:99999", "no-such-host.invalid:1"
    };
    char why[FAULT_WHY_MAX];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        why[0] = '\0';
        assert_null(fault_proxy_open(NULL, bad[i], why));
        assert_int_not_equal(why[0], 0);
    }
    assert_null(fault_proxy_open("unix:/nonexistent/folder/s", "127.0.0.1:1", why));
    assert_non_null(strstr(why, "No such file"));
}

#define OVER_UNIX(test) cmocka_unit_test_setup_teardown(test, set_up_unix, tear_down)
#define OVER_TCP(test)  cmocka_unit_test_setup_teardown(test, set_up_tcp, tear_down)

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* hiredis writes without a guard. */
    const struct CMUnitTest tests[] = {
        OVER_UNIX(passes_everything_when_there_is_no_fault),
        OVER_TCP(passes_everything_when_there_is_no_fault),
        OVER_UNIX(counts_connections_bytes_and_messages),
        OVER_UNIX(refuses_until_lifted),
        OVER_TCP(refuses_until_lifted),
        OVER_UNIX(connecting_hangs_until_lifted),
        OVER_TCP(connecting_hangs_until_lifted),
        OVER_UNIX(resets_new_connections_at_once),
        OVER_TCP(resets_new_connections_at_once),
        OVER_UNIX(a_black_hole_swallows_nothing),
        OVER_TCP(a_black_hole_may_have_one_direction_and_one_connection),
        OVER_UNIX(a_delay_adds_to_every_round_trip_but_not_to_their_number),
        OVER_UNIX(jitter_varies_and_keeps_the_order),
        OVER_UNIX(trickles_byte_by_byte),
        OVER_TCP(throttles_to_a_rate),
        OVER_TCP(cuts_in_the_middle_of_a_chosen_reply),
        OVER_UNIX(cuts_before_a_chosen_command_is_through),
        OVER_TCP(a_reset_over_tcp_is_a_reset),
        OVER_TCP(a_close_over_tcp_is_no_reset_though_bytes_are_unread),
        OVER_UNIX(after_a_half_close_the_other_way_goes_on),
        OVER_TCP(after_a_half_close_the_other_way_goes_on),
        OVER_UNIX(corrupts_exactly_one_byte),
        OVER_UNIX(duplicates_a_reply_and_a_command),
        OVER_UNIX(injects_what_nobody_sent),
        OVER_UNIX(shows_that_its_server_is_gone),
        OVER_TCP(shows_that_its_server_is_gone),
        OVER_UNIX(many_connections_live_side_by_side),
        OVER_UNIX(a_random_play_repeats_with_its_seed_and_ends_when_cleared),
        cmocka_unit_test(what_is_no_address_is_an_error),
    };
    return RUN_TESTS(tests);
}
