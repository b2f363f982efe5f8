#include <holdfast/holdfast.h>

#include "support/client_kit.h"
#include "support/fork_at_rest.h"
#include "support/leaks.h"
#include "support/redis_server.h"
#include "support/test.h"
#include "support/wait.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* One server for all tests: each uses keys of its own. */
static struct redis_server *server;

static int start_server(void **state)
{
    (void)state;
    server = redis_server_open(&(struct redis_server_options){ .tcp = true });
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    redis_server_close(server);
    return 0;
}

static void a_value_comes_back_over_each_transport(void **state)
{
    (void)state;
    const char *const urls[] = { redis_server_unix_url(server),
                                 redis_server_tcp_url(server) };
    for (size_t i = 0; i < 2; i++) {
        struct hf_client *client = client_open_ready(urls[i], NULL);
        assert_int_equal(client_do(client, "SET", "greeting", "hello", NULL), HF_OK);
        assert_string_equal(client_text(client, "GET", "greeting", NULL), "hello");
        assert_string_equal(client_text(client, "GET", "nothing", NULL), "(nil)");
        hf_client_close(client);
    }
}

static void keys_and_values_may_hold_any_byte(void **state)
{
    (void)state;
    struct hf_client *client = client_open_ready(redis_server_unix_url(server), NULL);
    char              value[256], key[] = "odd\0key\r\n$5";
    struct hf_reply  *reply;
    struct hf_bytes   got;
    for (size_t i = 0; i < sizeof value; i++) value[i] = (char)i;

    const struct hf_bytes set[] = { hf_str("SET"), hf_bytes(key, sizeof key),
                                    hf_bytes(value, sizeof value) };
    const struct hf_bytes get[] = { hf_str("GET"), hf_bytes(key, sizeof key) };
    assert_int_equal(hf_client_command(client, NULL, set, 3, &reply, NULL), HF_OK);
    hf_reply_free(reply);
    assert_int_equal(hf_client_command(client, NULL, get, 2, &reply, NULL), HF_OK);
    assert_int_equal(hf_reply_bytes(reply, &got), HF_OK);
    assert_int_equal(got.size, sizeof value);
    assert_memory_equal(got.data, value, sizeof value);
    hf_reply_free(reply);
    hf_client_close(client);
}

static void an_error_of_the_server_is_an_error_of_the_call(void **state)
{
    (void)state;
    struct hf_client     *client = client_open_ready(redis_server_unix_url(server), NULL);
    const struct hf_bytes wrong[] = { hf_str("INCR"), hf_str("a-list") };
    struct hf_reply      *reply = NULL;
    struct hf_error       error;
    assert_int_equal(client_do(client, "RPUSH", "a-list", "x", NULL), HF_OK);
    assert_int_equal(hf_client_command(client, NULL, wrong, 2, &reply, &error),
                     HF_E_WRONGTYPE);
    assert_null(reply);
    assert_non_null(strstr(error.detail, "WRONGTYPE"));
    assert_int_equal(client_do(client, "NOSUCHCOMMAND", NULL), HF_E_REPLY);
    hf_client_close(client);
}

static void commands_that_cannot_be_sent_are_refused_with_a_reason(void **state)
{
    (void)state;
    struct hf_client     *client = client_open_ready(redis_server_unix_url(server), NULL);
    const struct hf_bytes huge[] = { hf_str("SET"), hf_str("k"),
                                     hf_bytes("", (size_t)513 * 1024 * 1024) };
    struct hf_reply      *reply = NULL;
    struct hf_error       error;
    assert_int_equal(hf_client_command(client, NULL, huge, 0, &reply, &error), HF_E_INVALID);
    assert_string_equal(error.detail, "a command needs at least one argument");
    assert_int_equal(hf_client_command(client, NULL, huge, 3, &reply, &error),
                     HF_E_TOO_LARGE);
    assert_null(reply);
    assert_string_equal(client_text(client, "PING", NULL), "PONG");
    hf_client_close(client);
}

/* ---- Many threads -------------------------------------------------------------- */

struct crowd {
    struct hf_client *client;
    atomic_int        next;
    atomic_int        wrong;
};

static void *check_own_replies(void *arg)
{
    struct crowd *crowd = arg;
    const int     me = atomic_fetch_add(&crowd->next, 1);
    for (int i = 0; i < 500; i++) {
        char word[64];
        snprintf(word, sizeof word, "thread %d asks %d", me, i);
        if (strcmp(client_text(crowd->client, "ECHO", word, NULL), word) != 0) {
            atomic_fetch_add(&crowd->wrong, 1);
        }
    }
    return NULL;
}

static void each_of_64_threads_gets_its_own_replies(void **state)
{
    (void)state;
    enum { THREADS = 64 };
    pthread_t    threads[THREADS];
    struct crowd crowd = { .client = client_open_ready(redis_server_unix_url(server), NULL) };
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, check_own_replies, &crowd), 0);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(crowd.wrong, 0);

    struct hf_stats stats;
    hf_stats_get(crowd.client, &stats);
    assert_int_equal(stats.calls, THREADS * 500);
    assert_int_equal(stats.connections_open, 1);
    hf_client_close(crowd.client);
}

/* ---- Batches, transactions, scripts -------------------------------------------- */

static void add(struct hf_batch *batch, const char *a, const char *b, const char *c)
{
    const struct hf_bytes argv[] = { hf_str(a), hf_str(b ? b : ""), hf_str(c ? c : "") };
    assert_int_equal(hf_batch_add(batch, argv, c ? 3 : b ? 2 : 1), HF_OK);
}

static void a_batch_keeps_order_and_gives_each_command_its_result(void **state)
{
    (void)state;
    struct hf_client      *client = client_open_ready(redis_server_unix_url(server), NULL);
    struct hf_batch       *batch;
    const struct hf_reply *reply;
    struct hf_error        error;
    assert_int_equal(hf_batch_open(client, &batch), HF_OK);
    assert_int_equal(hf_batch_result(batch, 0, &reply, NULL), HF_E_INVALID);
    add(batch, "SET", "batch:a", "1");
    add(batch, "LPUSH", "batch:a", "wrong type");
    add(batch, "GET", "batch:a", NULL);
    assert_int_equal(hf_client_batch(client, NULL, batch, &error), HF_OK);

    assert_int_equal(hf_batch_result(batch, 0, &reply, NULL), HF_OK);
    assert_int_equal(hf_batch_result(batch, 1, &reply, &error), HF_E_WRONGTYPE);
    assert_int_equal(hf_batch_result(batch, 2, &reply, NULL), HF_OK);
    assert_true(hf_reply_is_text(reply, "1"));
    assert_int_equal(hf_batch_result(batch, 3, &reply, NULL), HF_E_INVALID);

    hf_batch_clear(batch);
    assert_int_equal(hf_client_batch(client, NULL, batch, &error), HF_E_INVALID);
    for (int i = 0; i < 1000; i++) add(batch, "INCR", "batch:count", NULL);
    assert_int_equal(hf_client_batch(client, NULL, batch, &error), HF_OK);
    int64_t value;
    assert_int_equal(hf_batch_result(batch, 999, &reply, NULL), HF_OK);
    assert_int_equal(hf_reply_int(reply, &value), HF_OK);
    assert_int_equal(value, 1000);
    hf_batch_close(batch);
    hf_client_close(client);
}

static void a_transaction_runs_whole_or_not_at_all(void **state)
{
    (void)state;
    struct hf_client      *client = client_open_ready(redis_server_unix_url(server), NULL);
    struct hf_batch       *batch;
    const struct hf_reply *reply;
    struct hf_error        error;
    assert_int_equal(hf_batch_open(client, &batch), HF_OK);
    add(batch, "INCR", "tx", NULL);
    add(batch, "INCR", "tx", NULL);
    assert_int_equal(hf_client_transaction(client, NULL, batch, &error), HF_OK);
    assert_int_equal(hf_batch_result(batch, 1, &reply, NULL), HF_OK);
    int64_t value;
    assert_int_equal(hf_reply_int(reply, &value), HF_OK);
    assert_int_equal(value, 2);

    add(batch, "NOSUCHCOMMAND", NULL, NULL);
    assert_int_equal(hf_client_transaction(client, NULL, batch, &error), HF_E_EXECABORT);
    assert_non_null(strstr(error.detail, "unknown command"));
    assert_int_equal(hf_batch_result(batch, 0, &reply, NULL), HF_E_EXECABORT);
    assert_int_equal(client_int(client, "GET", "tx", NULL), 2);
    hf_batch_close(batch);
    hf_client_close(client);
}

static void a_script_runs_again_after_the_server_forgot_it(void **state)
{
    (void)state;
    static const struct hf_script add_up = HF_SCRIPT("return ARGV[1] + ARGV[2]");
    struct hf_client     *client = client_open_ready(redis_server_unix_url(server), NULL);
    const struct hf_bytes args[] = { hf_str("40"), hf_str("2") };
    for (int round = 0; round < 3; round++) {
        struct hf_reply *reply;
        int64_t          sum;
        assert_int_equal(
            hf_client_script(client, NULL, &add_up, NULL, 0, args, 2, &reply, NULL), HF_OK);
        assert_int_equal(hf_reply_int(reply, &sum), HF_OK);
        assert_int_equal(sum, 42);
        hf_reply_free(reply);
        if (round == 1) redis_server_do(server, "SCRIPT FLUSH");
    }
    hf_client_close(client);
}

/* ---- Asynchronous calls -------------------------------------------------------- */

struct answers {
    pthread_t   caller;
    atomic_int  count, right, in_callers_thread;
    atomic_bool may_go_on;
};

static void take_answer(hf_err err, struct hf_reply *reply, const struct hf_error *error,
                        void *ctx)
{
    struct answers *answers = ctx;
    (void)error;
    if (err == HF_OK && hf_reply_is_text(reply, "hello"))
        atomic_fetch_add(&answers->right, 1);
    if (pthread_equal(pthread_self(), answers->caller)) {
        atomic_fetch_add(&answers->in_callers_thread, 1);
    }
    if (!err) hf_reply_free(reply);
    atomic_fetch_add(&answers->count, 1);
}

static bool all_answered(void *ctx)
{
    return atomic_load(&((struct answers *)ctx)->count) == 1000;
}

static void each_asynchronous_call_is_called_back_once_elsewhere(void **state)
{
    (void)state;
    struct hf_client     *client = client_open_ready(redis_server_unix_url(server), NULL);
    struct answers        answers = { .caller = pthread_self() };
    const struct hf_bytes argv[] = { hf_str("ECHO"), hf_str("hello") };
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(
            hf_client_command_async(client, NULL, argv, 2, take_answer, &answers), HF_OK);
    }
    const struct hf_bytes blocking[] = { hf_str("BLPOP"), hf_str("never"), hf_str("0") };
    assert_int_equal(
        hf_client_command_async(client, NULL, blocking, 3, take_answer, &answers),
        HF_E_INVALID);
    assert_true(wait_until(all_answered, &answers, hf_seconds(10)));
    assert_int_equal(answers.right, 1000);
    assert_int_equal(answers.in_callers_thread, 0);
    hf_client_close(client);
}

/* ---- Connections of one's own -------------------------------------------------- */

static void *block_for_a_while(void *client)
{
    struct hf_reply     *reply = NULL;
    const struct hf_call call = { .timeout = hf_seconds(20) };
    const hf_err err = client_ask(client, &call, &reply, "BLPOP", "never", "10", NULL);
    if (!err) hf_reply_free(reply);
    return (void *)(intptr_t)err;
}

static bool somebody_is_blocked(void *ctx)
{
    (void)ctx;
    return redis_server_info(server, "blocked_clients") == 1;
}

static void a_blocking_command_does_not_stop_the_others(void **state)
{
    (void)state;
    pthread_t         thread;
    void             *err;
    struct hf_client *client = client_open_ready(redis_server_unix_url(server), NULL);
    assert_int_equal(pthread_create(&thread, NULL, block_for_a_while, client), 0);
    assert_true(wait_until(somebody_is_blocked, NULL, hf_seconds(10)));
    assert_string_equal(client_text(client, "PING", NULL), "PONG");
    assert_int_equal(client_do(client, "RPUSH", "never", "now", NULL), HF_OK);
    pthread_join(thread, &err);
    assert_int_equal((intptr_t)err, HF_OK);
    hf_client_close(client);
}

static void a_large_value_comes_back_whole_on_a_leased_connection(void **state)
{
    (void)state;
    const size_t      size = (size_t)8 * 1024 * 1024;
    char             *value = malloc(size);
    struct hf_client *client = client_open_ready(redis_server_tcp_url(server), NULL);
    struct hf_reply  *reply;
    struct hf_bytes   got;
    assert_non_null(value);
    for (size_t i = 0; i < size; i++) value[i] = (char)(i * 2654435761u >> 13);

    const struct hf_bytes set[] = { hf_str("SET"), hf_str("large"), hf_bytes(value, size) };
    const struct hf_bytes get[] = { hf_str("GET"), hf_str("large") };
    const struct hf_call  call = { .expect_large = true };
    assert_int_equal(hf_client_command(client, NULL, set, 3, &reply, NULL), HF_OK);
    hf_reply_free(reply);
    assert_int_equal(hf_client_command(client, &call, get, 2, &reply, NULL), HF_OK);
    assert_int_equal(hf_reply_bytes(reply, &got), HF_OK);
    assert_int_equal(got.size, size);
    assert_memory_equal(got.data, value, size);
    hf_reply_free(reply);

    struct hf_health health;
    hf_health_get(client, &health);
    assert_int_equal(health.connections_open, 2);
    assert_int_equal(health.connections_leased, 0);
    hf_client_close(client);
    free(value);
}

static void when_all_connections_are_leased_the_next_says_so(void **state)
{
    (void)state;
    pthread_t         thread;
    struct hf_reply  *reply = NULL;
    struct hf_client *client = client_open_ready(redis_server_unix_url(server),
                                                 "max_connections", "2", NULL);
    assert_int_equal(pthread_create(&thread, NULL, block_for_a_while, client), 0);
    assert_true(wait_until(somebody_is_blocked, NULL, hf_seconds(10)));
    const struct hf_call call = { .timeout = hf_ms(50), .expect_large = true };
    assert_int_equal(client_ask(client, &call, &reply, "GET", "x", NULL), HF_E_OVERLOAD);
    assert_int_equal(client_do(client, "RPUSH", "never", "now", NULL), HF_OK);
    pthread_join(thread, NULL);
    hf_client_close(client);
}

struct renewal {
    struct hf_client *client;
    int               errors;
};

static bool was_replaced_twice(void *arg)
{
    struct renewal *renewal = arg;
    struct hf_stats stats;
    if (client_do(renewal->client, "INCR", "renewal", NULL)) renewal->errors++;
    hf_stats_get(renewal->client, &stats);
    return stats.reconnects >= 2 && stats.connections_open == 1;
}

static void a_connection_past_its_lifetime_is_replaced_unnoticed(void **state)
{
    (void)state;
    struct renewal renewal = { .client = client_open_ready(redis_server_unix_url(server),
                                                           "connection_lifetime", "1",
                                                           NULL) };
    assert_true(wait_until(was_replaced_twice, &renewal, hf_seconds(10)));
    assert_int_equal(renewal.errors, 0);
    hf_client_close(renewal.client);
}

/* ---- Opening, closing, forking ------------------------------------------------- */

static void opening_succeeds_while_nothing_listens(void **state)
{
    (void)state;
    struct hf_error   error;
    struct hf_health  health;
    struct hf_client *client = client_open("unix:/nonexistent/holdfast.sock", NULL);
    assert_int_equal(hf_client_wait_ready(client, hf_ms(100), &error), HF_E_CONNECT);
    assert_non_null(strstr(error.detail, "No such file"));
    assert_int_equal(client_do(client, "PING", NULL), HF_E_UNAVAILABLE);
    hf_health_get(client, &health);
    assert_int_equal(health.status, HF_STATUS_DOWN);
    assert_non_null(strstr(health.reason, "No such file"));
    hf_client_close(client);
}

static void closing_ends_calls_under_way(void **state)
{
    (void)state;
    pthread_t         thread;
    void             *err;
    struct leaks      before = leaks_count();
    struct hf_client *client = client_open_ready(redis_server_unix_url(server), NULL);
    assert_int_equal(pthread_create(&thread, NULL, block_for_a_while, client), 0);
    assert_true(wait_until(somebody_is_blocked, NULL, hf_seconds(10)));
    hf_client_close(client);
    pthread_join(thread, &err);
    assert_int_equal((intptr_t)err, HF_E_CLOSED_SENT);
    assert_true(leaks_settle(&before));
}

/* Threads of this process that would take SIGUSR1. */
static int threads_that_take_signals(void)
{
    DIR           *tasks = opendir("/proc/self/task");
    struct dirent *task;
    int            count = 0;
    assert_non_null(tasks);
    while ((task = readdir(tasks))) {
        char               path[300], line[256];
        unsigned long long blocked = ~0ull;
        snprintf(path, sizeof path, "/proc/self/task/%s/status", task->d_name);
        FILE *status = task->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (!status) continue;
        while (fgets(line, sizeof line, status)) sscanf(line, "SigBlk: %llx", &blocked);
        fclose(status);
        if (!(blocked & 1ull << (SIGUSR1 - 1))) count++;
    }
    closedir(tasks);
    return count;
}

static void signals_are_left_to_the_threads_of_the_application(void **state)
{
    (void)state;
    const int             before = threads_that_take_signals();
    struct leaks          threads = leaks_count();
    struct answers        answers = { .caller = pthread_self() };
    const struct hf_bytes argv[] = { hf_str("PING") };
    struct hf_client     *client = client_open_ready(redis_server_unix_url(server), NULL);
    assert_int_equal(hf_client_command_async(client, NULL, argv, 1, take_answer, &answers),
                     HF_OK);
    assert_int_equal(leaks_count().threads - threads.threads, 3); /* One, and two to call. */
    assert_int_equal(threads_that_take_signals(), before);
    hf_client_close(client);
}

static void a_forked_child_is_told_and_does_no_harm(void **state)
{
    (void)state;
    struct hf_client *client = client_open_ready(redis_server_unix_url(server), NULL);
    const pid_t       child = fork_at_rest();
    if (child == 0) {
        const hf_err err = client_do(client, "SET", "from", "child", NULL);
        hf_client_close(client);
        _exit(err == HF_E_FORKED ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_string_equal(client_text(client, "PING", NULL), "PONG");
    assert_string_equal(client_text(client, "GET", "from", NULL), "(nil)");
    hf_client_close(client);
}

/* ---- Handshakes ---------------------------------------------------------------- */

static void credentials_database_and_name_are_used(void **state)
{
    (void)state;
    char url[256];
    redis_server_do(server, "ACL SETUSER ann on >secret~* ~* &* +@all");
    snprintf(url, sizeof url, "redis://ann:secret~*@127.0.0.1:%d/3",
             redis_server_port(server));
    struct hf_client *client = client_open_ready(url, "client_name", "kit", NULL);
    assert_string_equal(client_text(client, "ACL", "WHOAMI", NULL), "ann");
    assert_string_equal(client_text(client, "CLIENT", "GETNAME", NULL), "kit");
    assert_int_equal(client_do(client, "SET", "in-db-3", "x", NULL), HF_OK);
    hf_client_close(client);

    client = client_open_ready(redis_server_unix_url(server), NULL);
    assert_string_equal(client_text(client, "GET", "in-db-3", NULL), "(nil)");
    hf_client_close(client);
}

static void wrong_credentials_are_one_clear_error(void **state)
{
    (void)state;
    char            url[256];
    struct hf_error error;
    redis_server_do(server, "ACL SETUSER bob on >right ~* +@all");
    snprintf(url, sizeof url, "redis://bob:wr0ng@127.0.0.1:%d/0", redis_server_port(server));
    struct hf_client *client = client_open(url, NULL);
    assert_int_equal(hf_client_wait_ready(client, hf_ms(700), &error), HF_E_AUTH);
    assert_non_null(strstr(error.detail, "WRONGPASS"));
    assert_null(strstr(error.detail, "wr0ng"));
    struct hf_stats stats;
    hf_stats_get(client, &stats);
    assert_int_equal(stats.connect_failures, 1); /* It backs off: no second try yet. */
    hf_client_close(client);
}

static void an_old_server_is_spoken_to_in_resp2(void **state)
{
    (void)state;
    static const char *const args[] = { "--rename-command", "HELLO", "", NULL };
    struct redis_server     *old = redis_server_open(
            &(struct redis_server_options){ .password = "pw", .args = args });
    char url[256];
    snprintf(url, sizeof url, "unix://:pw@%s", redis_server_socket(old));
    struct hf_client *client = client_open_ready(url, NULL);
    struct hf_health  health;
    assert_int_equal(client_do(client, "SET", "k", "v", NULL), HF_OK);
    assert_string_equal(client_text(client, "GET", "k", NULL), "v");
    hf_health_get(client, &health);
    assert_int_equal(health.protocol, 2);
    hf_client_close(client);
    redis_server_close(old);
}

static void under_a_narrow_acl_it_works_and_says_what_is_missing(void **state)
{
    (void)state;
    char             url[256];
    struct hf_health health;
    redis_server_do(server, "ACL SETUSER carl on >pw ~* -@all +get +set +ping +select");
    snprintf(url, sizeof url, "redis://carl:pw@127.0.0.1:%d/0", redis_server_port(server));
    struct hf_client *client = client_open_ready(url, NULL);
    assert_int_equal(client_do(client, "SET", "k", "v", NULL), HF_OK);
    assert_int_equal(client_do(client, "DEL", "k", NULL), HF_E_NOPERM);
    hf_health_get(client, &health);
    assert_int_equal(health.status, HF_STATUS_DEGRADED);
    assert_non_null(strstr(health.reason, "CLIENT"));
    hf_client_close(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_comes_back_over_each_transport),
        cmocka_unit_test(keys_and_values_may_hold_any_byte),
        cmocka_unit_test(an_error_of_the_server_is_an_error_of_the_call),
        cmocka_unit_test(commands_that_cannot_be_sent_are_refused_with_a_reason),
        cmocka_unit_test(each_of_64_threads_gets_its_own_replies),
        cmocka_unit_test(a_batch_keeps_order_and_gives_each_command_its_result),
        cmocka_unit_test(a_transaction_runs_whole_or_not_at_all),
        cmocka_unit_test(a_script_runs_again_after_the_server_forgot_it),
        cmocka_unit_test(each_asynchronous_call_is_called_back_once_elsewhere),
        cmocka_unit_test(a_blocking_command_does_not_stop_the_others),
        cmocka_unit_test(a_large_value_comes_back_whole_on_a_leased_connection),
        cmocka_unit_test(when_all_connections_are_leased_the_next_says_so),
        cmocka_unit_test(a_connection_past_its_lifetime_is_replaced_unnoticed),
        cmocka_unit_test(opening_succeeds_while_nothing_listens),
        cmocka_unit_test(closing_ends_calls_under_way),
        cmocka_unit_test(signals_are_left_to_the_threads_of_the_application),
        cmocka_unit_test(a_forked_child_is_told_and_does_no_harm),
        cmocka_unit_test(credentials_database_and_name_are_used),
        cmocka_unit_test(wrong_credentials_are_one_clear_error),
        cmocka_unit_test(an_old_server_is_spoken_to_in_resp2),
        cmocka_unit_test(under_a_narrow_acl_it_works_and_says_what_is_missing),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
