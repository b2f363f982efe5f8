#include <holdfast/holdfast.h>

#include "support/client_kit.h"
#include "support/fork_at_rest.h"
#include "support/greeting.h"
#include "support/leaks.h"
#include "support/redis_server.h"
#include "support/scripted_server.h"
#include "support/test.h"
#include "support/wait.h"

#include <hiredis/hiredis.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BOUND_S = 10 };

/* Where the application keeps its password, as a test sees it. */
struct vault {
    pthread_mutex_t lock;
    char            user[32], password[32];
    hf_err          refuses; /* HF_OK: it answers. */
    atomic_bool     hangs;
    sem_t           released;
    atomic_int      asked, inside, most_inside;
};

static void vault_init(struct vault *v, const char *user, const char *password)
{
    memset(v, 0, sizeof *v);
    pthread_mutex_init(&v->lock, NULL);
    sem_init(&v->released, 0, 0);
    snprintf(v->user, sizeof v->user, "%s", user);
    snprintf(v->password, sizeof v->password, "%s", password);
}

static void vault_change(struct vault *v, const char *user, const char *password)
{
    pthread_mutex_lock(&v->lock);
    snprintf(v->user, sizeof v->user, "%s", user);
    snprintf(v->password, sizeof v->password, "%s", password);
    pthread_mutex_unlock(&v->lock);
}

static hf_err ask_vault(struct hf_credentials *credentials, struct hf_error *error, void *ctx)
{
    struct vault *v = ctx;
    const int     inside = atomic_fetch_add(&v->inside, 1) + 1;
    atomic_fetch_add(&v->asked, 1);
    if (inside > v->most_inside) v->most_inside = inside;
    if (v->hangs) sem_wait(&v->released);
    pthread_mutex_lock(&v->lock);
    snprintf(credentials->user, sizeof credentials->user, "%s", v->user);
    snprintf(credentials->password, sizeof credentials->password, "%s", v->password);
    const hf_err err = v->refuses;
    pthread_mutex_unlock(&v->lock);
    if (err) snprintf(error->detail, sizeof error->detail, "the vault is sealed");
    atomic_fetch_sub(&v->inside, 1);
    return err;
}

static struct hf_client *open_with(const char *url, struct vault *v)
{
    struct hf_options *options;
    struct hf_client  *client;
    struct hf_error    error;
    assert_int_equal(hf_options_open(&options), HF_OK);
    assert_int_equal(hf_options_set(options, "url", url, &error), HF_OK);
    assert_int_equal(hf_options_set(options, "socket_connect_timeout", "0.3", &error), HF_OK);
    hf_options_set_log(options, HF_LOG_SILENT, NULL, NULL);
    hf_options_set_credentials(options, ask_vault, v);
    assert_int_equal(hf_client_open(options, &client, &error), HF_OK);
    hf_options_close(options);
    return client;
}

static struct redis_server *server_with_users(void)
{
    struct redis_server *server = redis_server_open(NULL);
    redis_server_do(server, "ACL SETUSER ann on >first ~* +@all");
    redis_server_do(server, "ACL SETUSER bob on >second ~* +@all");
    return server;
}

static hf_err wait_ready(struct hf_client *client, struct hf_error *error)
{
    hf_err err;
    do {
        err = hf_client_wait_ready(client, hf_ms(20), error);
    } while (err == HF_E_TIMEOUT);
    return err;
}

/* Of the client under test: the test's own connections log in as default. */
static int connections_of(struct redis_server *server, const char *user)
{
    char        pattern[48];
    int         count = 0;
    redisReply *list = redis_server_command(server, "CLIENT LIST");
    snprintf(pattern, sizeof pattern, " user=%s ", user);
    for (const char *at = list->str; (at = strstr(at, pattern)); at++) count++;
    freeReplyObject(list);
    return count;
}

static bool answers(void *client)
{
    return client_do(client, "PING", NULL) == HF_OK;
}

static void each_connection_asks_so_a_rotated_password_needs_no_restart(void **state)
{
    (void)state;
    struct vault         v;
    struct redis_server *server = server_with_users();
    struct hf_error      error;
    vault_init(&v, "ann", "first");
    struct hf_client *client = open_with(redis_server_unix_url(server), &v);
    assert_int_equal(hf_client_wait_ready(client, hf_seconds(BOUND_S), &error), HF_OK);
    assert_string_equal(client_text(client, "ACL", "WHOAMI", NULL), "ann");
    assert_int_equal(v.asked, 1);

    vault_change(&v, "ann", "rotated");
    redis_server_do(server, "ACL SETUSER ann resetpass >rotated");
    redis_server_do(server, "CLIENT KILL USER ann");
    assert_true(wait_until(answers, client, hf_seconds(BOUND_S)));
    assert_string_equal(client_text(client, "ACL", "WHOAMI", NULL), "ann");
    assert_true(v.asked >= 2);
    hf_client_close(client);
    redis_server_close(server);
}

static void what_the_function_says_wins_over_the_url(void **state)
{
    (void)state;
    struct vault         v;
    struct redis_server *server = server_with_users();
    const char          *url = redis_server_unix_url(server);
    struct hf_options   *options;
    struct hf_client    *client;
    struct hf_error      error;
    vault_init(&v, "bob", "second");
    assert_int_equal(hf_options_open(&options), HF_OK);
    assert_int_equal(hf_options_set(options, "url", url, &error), HF_OK);
    assert_int_equal(hf_options_set(options, "user", "ann", &error), HF_OK);
    assert_int_equal(hf_options_set(options, "password", "wrong", &error), HF_OK);
    hf_options_set_credentials(options, ask_vault, &v);
    assert_int_equal(hf_client_open(options, &client, &error), HF_OK);
    hf_options_close(options);
    assert_int_equal(hf_client_wait_ready(client, hf_seconds(BOUND_S), &error), HF_OK);
    assert_string_equal(client_text(client, "ACL", "WHOAMI", NULL), "bob");
    hf_client_close(client);

    vault_init(&v, "", ""); /* Nobody: the server lets the default user in as it is. */
    client = open_with(redis_server_unix_url(server), &v);
    assert_int_equal(hf_client_wait_ready(client, hf_seconds(BOUND_S), &error), HF_OK);
    assert_string_equal(client_text(client, "ACL", "WHOAMI", NULL), "default");
    hf_client_close(client);
    redis_server_close(server);
}

static bool was_asked_few_times(void *ctx)
{
    return ((struct vault *)ctx)->asked <= 3;
}

static void a_function_that_fails_is_one_clear_error_and_is_not_asked_in_a_storm(void **state)
{
    (void)state;
    struct vault         v;
    struct redis_server *server = server_with_users();
    struct hf_error      error;
    vault_init(&v, "ann", "first");
    v.refuses = HF_E_SYSTEM;
    struct hf_client *client = open_with(redis_server_unix_url(server), &v);
    assert_int_equal(wait_ready(client, &error), HF_E_AUTH);
    assert_string_equal(error.detail, "credentials: the vault is sealed");
    assert_int_equal(client_do(client, "PING", NULL), HF_E_UNAVAILABLE);
    assert_true(stays_true(was_asked_few_times, &v, hf_ms(1500)));

    pthread_mutex_lock(&v.lock);
    v.refuses = HF_OK;
    pthread_mutex_unlock(&v.lock);
    assert_true(wait_until(answers, client, hf_seconds(BOUND_S)));
    hf_client_close(client);
    redis_server_close(server);
}

static hf_err ask_endless(struct hf_credentials *credentials, struct hf_error *error,
                          void *ctx)
{
    (void)error;
    (void)ctx;
    memset(credentials, 'x', sizeof *credentials);
    return HF_OK;
}

static void a_function_that_fills_everything_is_refused(void **state)
{
    (void)state;
    struct redis_server *server = redis_server_open(NULL);
    struct hf_options   *options;
    struct hf_client    *client;
    struct hf_error      error;
    assert_int_equal(hf_options_open(&options), HF_OK);
    assert_int_equal(hf_options_set(options, "url", redis_server_unix_url(server), &error),
                     HF_OK);
    hf_options_set_log(options, HF_LOG_SILENT, NULL, NULL);
    hf_options_set_credentials(options, ask_endless, NULL);
    assert_int_equal(hf_client_open(options, &client, &error), HF_OK);
    hf_options_close(options);
    assert_int_equal(wait_ready(client, &error), HF_E_AUTH);
    assert_non_null(strstr(error.detail, "longer than the limit"));
    hf_client_close(client);
    redis_server_close(server);
}

static bool is_inside(void *ctx)
{
    return ((struct vault *)ctx)->inside > 0;
}

static void count_end(hf_err err, struct hf_reply *reply, const struct hf_error *error,
                      void *ctx)
{
    (void)error;
    if (!err) hf_reply_free(reply);
    atomic_store((atomic_int *)ctx, 1 + (int)err);
}

static bool has_ended(void *ctx)
{
    return atomic_load((atomic_int *)ctx) != 0;
}

/* On a connection that is there, while the next one cannot be made. */
static void maintenance_goes_on(struct hf_client *client, struct redis_server *server)
{
    const struct hf_call  call = { .timeout = hf_ms(200) };
    const struct hf_bytes argv[] = { hf_str("PING") };
    atomic_int            end = 0;
    redis_server_pause(server);
    assert_int_equal(hf_client_command_async(client, &call, argv, 1, count_end, &end), HF_OK);
    const bool ended = wait_until(has_ended, &end, hf_seconds(2));
    redis_server_resume(server);
    assert_true(ended);
    assert_int_equal(end, 1 + HF_E_TIMEOUT_SENT);
}

static void a_function_that_hangs_holds_nobody(void **state)
{
    (void)state;
    struct vault         v;
    struct redis_server *server = server_with_users();
    struct hf_error      error;
    const struct hf_call call = { .timeout = hf_ms(100) };
    struct hf_reply     *reply;
    vault_init(&v, "ann", "first");
    v.hangs = true;
    struct hf_client *client = open_with(redis_server_unix_url(server), &v);
    assert_true(wait_until(is_inside, &v, hf_seconds(BOUND_S)));
    const hf_instant from = hf_now();
    assert_int_equal(client_ask(client, &call, &reply, "PING", NULL), HF_E_TIMEOUT);
    assert_true(hf_to_ms(hf_between(from, hf_now())) < 1000);
    assert_int_equal(wait_ready(client, &error), HF_E_AUTH);
    assert_string_equal(error.detail, "no answer while asking for credentials");
    assert_int_equal(client_do(client, "PING", NULL), HF_E_UNAVAILABLE);

    v.hangs = false;
    sem_post(&v.released);
    assert_true(wait_until(answers, client, hf_seconds(BOUND_S)));
    v.hangs = true;
    hf_client_reauthenticate(client);
    assert_true(wait_until(is_inside, &v, hf_seconds(BOUND_S)));
    assert_string_equal(client_text(client, "PING", NULL), "PONG"); /* The old one serves. */
    maintenance_goes_on(client, server);
    assert_int_equal(v.most_inside, 1);
    v.hangs = false;
    sem_post(&v.released);
    hf_client_close(client);
    redis_server_close(server);
}

/* ---- Logging in anew --------------------------------------------------------------- */

struct crowd {
    struct hf_client *client;
    atomic_bool       is_over;
    atomic_int        calls, failures;
};

static void *call_on(void *arg)
{
    struct crowd *crowd = arg;
    while (!crowd->is_over) {
        if (client_do(crowd->client, "INCR", "n", NULL)) crowd->failures++;
        crowd->calls++;
    }
    return NULL;
}

static void *pop(void *client)
{
    struct hf_reply     *reply = NULL;
    const struct hf_call call = { .timeout = hf_seconds(BOUND_S) };
    const hf_err         err = client_ask(client, &call, &reply, "BLPOP", "queue", "0", NULL);
    if (!err) hf_reply_free(reply);
    return (void *)(intptr_t)err;
}

static bool is_blocked(void *server)
{
    return redis_server_info(server, "blocked_clients") == 1;
}

static bool ann_is_gone(void *server)
{
    return connections_of(server, "ann") == 0 && connections_of(server, "bob") > 0;
}

static bool ann_has_one(void *server)
{
    return connections_of(server, "ann") == 1 && connections_of(server, "bob") > 0;
}

static void all_connections_log_in_anew_and_no_call_notices(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    struct vault         v;
    struct redis_server *server = server_with_users();
    struct hf_error      error;
    pthread_t            threads[THREADS], popper;
    void                *err;
    vault_init(&v, "ann", "first");
    struct crowd crowd = { .client = open_with(redis_server_unix_url(server), &v) };
    assert_int_equal(hf_client_wait_ready(crowd.client, hf_seconds(BOUND_S), &error), HF_OK);
    assert_int_equal(pthread_create(&popper, NULL, pop, crowd.client), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, call_on, &crowd), 0);
    }
    assert_true(wait_until(is_blocked, server, hf_seconds(BOUND_S)));

    vault_change(&v, "bob", "second");
    hf_client_reauthenticate(crowd.client);
    /* The blocked command stays on its connection, and ends there. */
    assert_true(wait_until(ann_has_one, server, hf_seconds(BOUND_S)));
    assert_true(is_blocked(server));
    redis_server_do(server, "RPUSH queue x");
    pthread_join(popper, &err);
    assert_int_equal((intptr_t)err, HF_OK);
    assert_true(wait_until(ann_is_gone, server, hf_seconds(BOUND_S)));

    crowd.is_over = true;
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(crowd.failures, 0);
    assert_true(crowd.calls > 0);
    assert_int_equal(client_int(crowd.client, "INCRBY", "n", "0", NULL), crowd.calls);
    hf_client_close(crowd.client);
    redis_server_close(server);
}

static bool was_asked_twice(void *ctx)
{
    return ((struct vault *)ctx)->asked >= 2;
}

static void while_the_new_credentials_are_refused_the_old_connection_serves(void **state)
{
    (void)state;
    struct vault         v;
    struct redis_server *server = server_with_users();
    struct hf_error      error;
    vault_init(&v, "ann", "first");
    struct hf_client *client = open_with(redis_server_unix_url(server), &v);
    assert_int_equal(hf_client_wait_ready(client, hf_seconds(BOUND_S), &error), HF_OK);

    vault_change(&v, "bob", "not it");
    hf_client_reauthenticate(client);
    assert_true(wait_until(was_asked_twice, &v, hf_seconds(BOUND_S)));
    assert_true(stays_true(answers, client, hf_ms(300)));
    assert_string_equal(client_text(client, "ACL", "WHOAMI", NULL), "ann");
    vault_change(&v, "bob", "second");
    assert_true(wait_until(ann_is_gone, server, hf_seconds(BOUND_S)));
    assert_string_equal(client_text(client, "ACL", "WHOAMI", NULL), "bob");
    hf_client_close(client);
    redis_server_close(server);
}

/* ---- On the wire ------------------------------------------------------------------- */

/* The server keeps its answer back: nothing may follow the credentials meanwhile. */
static void nothing_is_sent_behind_the_credentials(void **state)
{
    (void)state;
    static const struct script_step hello[] = { SCRIPT_COMMAND("HELLO 3 AUTH ann first"),
                                                SCRIPT_EXPECT_CLOSE };
    static const struct script_step auth[] = {
        SCRIPT_COMMAND("HELLO 3 AUTH ann first"),
        SCRIPT_SEND("-ERR unknown command 'HELLO'\r\n"), SCRIPT_COMMAND("AUTH ann first"),
        SCRIPT_EXPECT_CLOSE
    };
    const struct script scripts[] = { SCRIPT_OF(hello), SCRIPT_OF(auth) };
    struct vault        v;
    vault_init(&v, "ann", "first");
    for (size_t i = 0; i < 2; i++) {
        struct scripted_server *server = scripted_server_open(&scripts[i], 1);
        struct hf_client       *client = open_with(scripted_server_url(server), &v);
        const hf_err            err = client_do(client, "SET", "k", "v", NULL);
        hf_client_close(client);
        const char *mismatch = scripted_server_outcome(server);
        /* A second attempt finds no script: that is all that may be said. */
        if (mismatch && !strstr(mismatch, "connection")) fail_msg("%s", mismatch);
        scripted_server_close(server);
        assert_int_not_equal(err, HF_OK);
    }
}

/* ---- Ends -------------------------------------------------------------------------- */

static void a_child_closes_while_its_parent_asks(void **state)
{
    (void)state;
    struct vault         v;
    struct redis_server *server = server_with_users();
    struct leaks         before = leaks_count();
    vault_init(&v, "ann", "first");
    v.hangs = true;
    struct hf_client *client = open_with(redis_server_unix_url(server), &v);
    assert_true(wait_until(is_inside, &v, hf_seconds(BOUND_S)));
    const pid_t child = fork_at_rest();
    if (child == 0) {
        alarm(BOUND_S);
        hf_client_reauthenticate(client);
        const hf_err err = client_do(client, "PING", NULL);
        hf_client_close(client);
        _exit(err == HF_E_FORKED ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    v.hangs = false;
    sem_post(&v.released);
    assert_true(wait_until(answers, client, hf_seconds(BOUND_S)));
    hf_client_close(client);
    assert_int_equal(status, 0);
    assert_true(leaks_settle(&before));
    redis_server_close(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_connection_asks_so_a_rotated_password_needs_no_restart),
        cmocka_unit_test(what_the_function_says_wins_over_the_url),
        cmocka_unit_test(
            a_function_that_fails_is_one_clear_error_and_is_not_asked_in_a_storm),
        cmocka_unit_test(a_function_that_fills_everything_is_refused),
        cmocka_unit_test(a_function_that_hangs_holds_nobody),
        cmocka_unit_test(all_connections_log_in_anew_and_no_call_notices),
        cmocka_unit_test(while_the_new_credentials_are_refused_the_old_connection_serves),
        cmocka_unit_test(nothing_is_sent_behind_the_credentials),
        cmocka_unit_test(a_child_closes_while_its_parent_asks),
    };
    return RUN_TESTS(tests);
}
