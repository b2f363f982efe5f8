#include "support/redis_server.h"

#include "support/canary.h"
#include "support/leaks.h"
#include "support/process.h"
#include "support/test.h"
#include "support/wait.h"

#include <hiredis/hiredis.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void assert_has(struct redis_server *server, const char *key, const char *expected)
{
    redisReply *reply = redis_server_command(server, "GET %s", key);
    if (expected) {
        assert_int_equal(reply->type, REDIS_REPLY_STRING);
        assert_string_equal(reply->str, expected);
    } else {
        assert_int_equal(reply->type, REDIS_REPLY_NIL);
    }
    freeReplyObject(reply);
}

static void answers_and_leaves_nothing_behind(void **state)
{
    (void)state;
    const struct leaks   before = leaks_count();
    struct redis_server *server = redis_server_open(NULL);
    char                *folder = strdup(redis_server_folder(server));
    pid_t                pid = redis_server_pid(server);
    redis_server_do(server, "SET key value");
    assert_has(server, "key", "value");

    redis_server_close(server);
    assert_true(path_is_gone(folder));
    assert_true(process_is_gone(&pid));
    assert_true(leaks_settle(&before));
    free(folder);
}

static void keeps_its_addresses_over_a_restart(void **state)
{
    (void)state;
    struct redis_server *server = redis_server_open(
        &(struct redis_server_options){ .tcp = true, .password = "s3cret" });
    const int port = redis_server_port(server);
    assert_in_range(port, 1024, 65535);
    redis_server_do(server, "SET key value");

    redis_server_restart(server);
    assert_int_equal(redis_server_port(server), port);
    assert_has(server, "key", NULL);
    redisContext *c = redisConnect("127.0.0.1", port);
    assert_int_equal(c->err, 0);
    redisReply *reply = redisCommand(c, "PING");
    assert_int_equal(reply->type, REDIS_REPLY_ERROR); /* NOAUTH */
    freeReplyObject(reply);
    redisFree(c);
    redis_server_close(server);
}

static void stop_saves_and_kill_does_not(void **state)
{
    (void)state;
    const char *const    args[] = { "--save", "3600 1", NULL };
    struct redis_server *server = redis_server_open(
        &(struct redis_server_options){ .args = args });
    redis_server_do(server, "SET saved 1");
    redis_server_stop(server);
    assert_int_equal(redis_server_pid(server), 0);
    redis_server_spawn(server);
    redis_server_wait_ready(server);
    redis_server_do(server, "SET lost 1");
    redis_server_restart(server);

    assert_has(server, "saved", "1");
    assert_has(server, "lost", NULL);
    redis_server_close(server);
}

static void a_paused_server_says_nothing_until_it_is_resumed(void **state)
{
    (void)state;
    struct redis_server *server = redis_server_open(NULL);
    redisContext        *c = redisConnectUnix(redis_server_socket(server));
    redisSetTimeout(c, (struct timeval){ .tv_usec = 20000 });
    redis_server_pause(server);
    assert_null(redisCommand(c, "PING"));
    assert_int_equal(c->err, REDIS_ERR_IO);
    redisFree(c);

    redis_server_resume(server);
    redis_server_do(server, "PING");
    redis_server_pause(server);
    redis_server_close(server);
}

static void knows_numbers_out_of_info(void **state)
{
    (void)state;
    const char *const    args[] = { "--maxmemory", "3mb", NULL };
    struct redis_server *server = redis_server_open(
        &(struct redis_server_options){ .args = args });
    assert_int_equal(redis_server_info(server, "maxmemory"), 3 * 1024 * 1024);
    assert_int_equal(redis_server_info(server, "process_id"), redis_server_pid(server));
    redis_server_close(server);
}

struct message {
    pid_t pid;
    char  folder[128];
};

/* A test program that starts a server and waits to be killed. */
static _Noreturn void be_a_test_program(int report)
{
    struct redis_server *server = redis_server_open(NULL);
    struct message       message = { .pid = redis_server_pid(server) };
    strncpy(message.folder, redis_server_folder(server), sizeof message.folder - 1);
    if (write(report, &message, sizeof message) != sizeof message) _exit(1);
    for (;;) pause();
}

static void dies_with_its_test_program(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t program = fork();
    if (program == 0) be_a_test_program(ends[1]);

    struct message message;
    assert_int_equal(read(ends[0], &message, sizeof message), sizeof message);
    assert_false(path_is_gone(message.folder));
    process_kill(program);

    assert_true(wait_until(process_is_gone, &message.pid, hf_seconds(10)));
    assert_true(wait_until(path_is_gone, message.folder, hf_seconds(10)));
    close(ends[0]);
    close(ends[1]);
}

static void leaks_are_seen(void **state)
{
    (void)state;
    const struct leaks before = leaks_count();
    const int          fd = dup(0);
    const pid_t        child = fork();
    if (child == 0) _exit(0);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);

    const struct leaks now = leaks_count(); /* The child is a zombie. */
    assert_int_equal(now.descriptors, before.descriptors + 1);
    assert_int_equal(now.children, before.children + 1);
    assert_int_equal(now.threads, before.threads);
    close(fd);
    waitpid(child, NULL, 0);
    assert_true(leaks_settle(&before));
}

static void a_canary_measures_no_more_than_the_span(void **state)
{
    (void)state;
    struct canary   *canary = canary_open();
    const hf_instant from = hf_now();
    assert_int_equal(canary_worst_delay(canary, from, from).ns, 0);
    const hf_instant to = hf_now();
    assert_true(canary_worst_delay(canary, from, to).ns <= hf_between(from, to).ns);
    canary_close(canary);
}

static void a_canary_sees_that_the_whole_process_stood_still(void **state)
{
    (void)state;
    const pid_t      program = getpid();
    struct canary   *canary = canary_open();
    const hf_instant from = hf_now();
    const pid_t      child = fork();
    if (child == 0) {
        kill(program, SIGSTOP);
        poll(NULL, 0, 200);
        kill(program, SIGCONT);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    assert_true(canary_worst_delay(canary, from, hf_now()).ns >= hf_ms(50).ns);
    canary_close(canary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_and_leaves_nothing_behind),
        cmocka_unit_test(keeps_its_addresses_over_a_restart),
        cmocka_unit_test(stop_saves_and_kill_does_not),
        cmocka_unit_test(a_paused_server_says_nothing_until_it_is_resumed),
        cmocka_unit_test(knows_numbers_out_of_info),
        cmocka_unit_test(dies_with_its_test_program),
        cmocka_unit_test(leaks_are_seen),
        cmocka_unit_test(a_canary_measures_no_more_than_the_span),
        cmocka_unit_test(a_canary_sees_that_the_whole_process_stood_still),
    };
    return RUN_TESTS(tests);
}
