#include <holdfast/holdfast.h>

#include "support/canary.h"
#include "support/client_kit.h"
#include "support/leaks.h"
#include "support/redis_server.h"
#include "support/test.h"
#include "support/wait.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

struct fixture {
    struct redis_server *server;
    struct canary       *canary;
};

static int set_up(void **state)
{
    static struct fixture f;
    f.server = redis_server_open(&(struct redis_server_options){ .tcp = true });
    f.canary = canary_open();
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    canary_close(f->canary);
    redis_server_close(f->server);
    return 0;
}

/* Runs PING with this timeout; what it took past it, less what the machine was late. */
static int64_t overrun_ms(struct fixture *f, struct hf_client *client, hf_duration timeout,
                          hf_err *err)
{
    struct hf_reply     *reply = NULL;
    const struct hf_call call = { .timeout = timeout };
    const hf_instant     from = hf_now();
    *err = client_ask(client, &call, &reply, "PING", NULL);
    const hf_instant to = hf_now();
    if (!*err) hf_reply_free(reply);
    const int64_t late = canary_worst_delay(f->canary, from, to).ns;
    return (hf_between(from, to).ns - timeout.ns - late) / 1000000;
}

/* The machine may spoil one try, hardly all. Each must end in this category. */
static int64_t best_overrun_ms(struct fixture *f, struct hf_client *client,
                               hf_duration timeout, enum hf_category category)
{
    int64_t best = INT64_MAX;
    for (int i = 0; i < 4; i++) {
        hf_err        err;
        const int64_t overrun = overrun_ms(f, client, timeout, &err);
        assert_int_equal(hf_err_category(err), category);
        if (overrun < best) best = overrun;
    }
    return best;
}

static bool answers_again(void *client)
{
    return client_do(client, "PING", NULL) == HF_OK;
}

static bool is_up(void *client)
{
    struct hf_health health;
    hf_health_get(client, &health);
    return health.status == HF_STATUS_UP && health.breaker.state == HF_BREAKER_CLOSED;
}

/* ---- A server that hangs ------------------------------------------------------- */

static void a_hung_server_costs_each_call_its_deadline_and_no_more(void **state)
{
    struct fixture   *f = *state;
    struct hf_client *client = client_open_ready(redis_server_tcp_url(f->server), NULL);
    redis_server_pause(f->server);
    assert_true(best_overrun_ms(f, client, hf_ms(60), HF_CATEGORY_TIMEOUT) < 20);
    redis_server_resume(f->server);
    assert_true(wait_until(answers_again, client, hf_seconds(5)));
    hf_client_close(client);
}

static void a_hung_server_opens_the_breaker_and_calls_fail_fast(void **state)
{
    struct fixture   *f = *state;
    struct hf_health  health;
    struct hf_client *client = client_open_ready(redis_server_unix_url(f->server),
                                                 "socket_timeout", "0.05", "retry_on_timeout",
                                                 "no", NULL);
    redis_server_pause(f->server);
    for (int i = 0; i < 5; i++) assert_int_not_equal(client_do(client, "PING", NULL), HF_OK);
    hf_health_get(client, &health);
    assert_int_equal(health.breaker.state, HF_BREAKER_OPEN);
    assert_int_equal(health.status, HF_STATUS_DOWN);
    struct hf_latency before, after;
    hf_stats_latency(client, HF_LATENCY_CALL, &before);
    assert_int_equal(client_do(client, "PING", NULL), HF_E_BREAKER_OPEN);
    hf_stats_latency(client, HF_LATENCY_CALL, &after);
    assert_int_equal(after.count, before.count); /* Refusals do not make it look quick. */

    /* Nobody calls: the background alone finds the server well and closes the breaker, long
     * before its 60 s. */
    redis_server_resume(f->server);
    assert_true(wait_until(is_up, client, hf_seconds(5)));
    assert_int_equal(client_do(client, "PING", NULL), HF_OK);
    hf_client_close(client);
}

static void a_late_reply_never_reaches_another_caller(void **state)
{
    struct fixture   *f = *state;
    struct hf_client *client = client_open_ready(redis_server_unix_url(f->server),
                                                 "breaker_threshold", "1000",
                                                 "retry_on_timeout", "no", NULL);
    for (int round = 0; round < 20; round++) {
        char                 mine[32], other[32];
        struct hf_reply     *reply = NULL;
        const struct hf_call brief = { .timeout = hf_ms(5) };
        snprintf(mine, sizeof mine, "given up %d", round);
        snprintf(other, sizeof other, "asked later %d", round);
        redis_server_pause(f->server);
        assert_int_equal(client_ask(client, &brief, &reply, "ECHO", mine, NULL),
                         HF_E_TIMEOUT_SENT);
        redis_server_resume(f->server);
        for (int i = 0; i < 4; i++) { /* Enough successes to keep the failure rate low. */
            assert_string_equal(client_text(client, "ECHO", other, NULL), other);
        }
    }
    struct hf_stats stats;
    hf_stats_get(client, &stats);
    assert_int_equal(stats.connects, 1);
    hf_client_close(client);
}

static void on_signal(int number)
{
    (void)number;
}

static void signals_do_not_move_a_deadline(void **state)
{
    struct fixture        *f = *state;
    const struct itimerval storm = { { 0, 2000 }, { 0, 2000 } },
                           calm = { { 0, 0 }, { 0, 0 } };
    const struct sigaction action = { .sa_handler = on_signal };
    struct hf_client      *client = client_open_ready(redis_server_unix_url(f->server), NULL);
    redis_server_pause(f->server);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &storm, NULL);
    const int64_t best = best_overrun_ms(f, client, hf_ms(150), HF_CATEGORY_TIMEOUT);
    setitimer(ITIMER_REAL, &calm, NULL);
    redis_server_resume(f->server);
    assert_true(best < 20);
    hf_client_close(client);
}

/* ---- A server that goes away --------------------------------------------------- */

static void a_killed_server_is_back_in_use_soon_after_it_is_back(void **state)
{
    struct fixture   *f = *state;
    struct hf_client *client = client_open_ready(redis_server_tcp_url(f->server), NULL);
    redis_server_kill(f->server);
    assert_int_not_equal(client_do(client, "PING", NULL), HF_OK);

    const hf_instant from = hf_now();
    const hf_err     err = client_do(client, "PING", NULL);
    assert_true(err == HF_E_UNAVAILABLE || err == HF_E_BREAKER_OPEN);
    const hf_instant to = hf_now();
    assert_true(hf_between(from, to).ns - canary_worst_delay(f->canary, from, to).ns <
                hf_ms(20).ns); /* It fails fast. */

    redis_server_restart(f->server);
    const hf_instant back = hf_now();
    assert_true(wait_until(answers_again, client, hf_seconds(5)));
    const hf_instant served = hf_now();
    assert_true(hf_between(back, served).ns - canary_worst_delay(f->canary, back, served).ns <
                hf_ms(500).ns);
    assert_true(wait_until(is_up, client, hf_seconds(5)));
    hf_client_close(client);
}

struct load {
    struct hf_client *client;
    atomic_bool       stops;
    atomic_long       calls, failures, wrong;
};

static void *load(void *arg)
{
    struct load *l = arg;
    while (!atomic_load(&l->stops)) {
        const char *got = client_text(l->client, "GET", "k", NULL);
        atomic_fetch_add(&l->calls, 1);
        if (strncmp(got, "HF_E_", 5) == 0) {
            atomic_fetch_add(&l->failures, 1);
        } else if (strcmp(got, "v") != 0) {
            atomic_fetch_add(&l->wrong, 1);
        }
    }
    return NULL;
}

static bool has_made_calls(void *arg)
{
    return atomic_load(&((struct load *)arg)->calls) > 200;
}

static void reads_survive_that_all_connections_are_killed(void **state)
{
    struct fixture *f = *state;
    pthread_t       threads[8];
    struct load l = { .client = client_open_ready(redis_server_unix_url(f->server), NULL) };
    assert_int_equal(client_do(l.client, "SET", "k", "v", NULL), HF_OK);
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, load, &l), 0);
    for (int round = 0; round < 10; round++) {
        atomic_store(&l.calls, 0);
        assert_true(wait_until(has_made_calls, &l, hf_seconds(10)));
        redis_server_do(f->server, "CLIENT KILL TYPE normal");
    }
    atomic_store(&l.stops, true);
    for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL);
    assert_int_equal(l.wrong, 0);
    assert_int_equal(l.failures, 0);
    hf_client_close(l.client);
}

struct counting {
    struct hf_client *client;
    atomic_bool       stops;
    atomic_long       calls, acknowledged, unknown;
};

static void *count_up(void *arg)
{
    struct counting *c = arg;
    while (!atomic_load(&c->stops)) {
        const hf_err err = client_do(c->client, "INCR", "n", NULL);
        atomic_fetch_add(&c->calls, 1);
        if (!err) atomic_fetch_add(&c->acknowledged, 1);
        if (hf_err_outcome_unknown(err)) atomic_fetch_add(&c->unknown, 1);
    }
    return NULL;
}

static bool has_counted(void *arg)
{
    return atomic_load(&((struct counting *)arg)->calls) > 500;
}

static void an_increment_is_never_applied_twice_unawares(void **state)
{
    struct fixture *f = *state;
    pthread_t       threads[8];
    struct counting c = { .client = client_open_ready(redis_server_unix_url(f->server),
                                                      NULL) };
    for (int i = 0; i < 8; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, &c), 0);
    }
    for (int round = 0; round < 20; round++) {
        atomic_store(&c.calls, 0);
        assert_true(wait_until(has_counted, &c, hf_seconds(10)));
        redis_server_do(f->server, "CLIENT KILL TYPE normal");
    }
    atomic_store(&c.stops, true);
    for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL);

    assert_true(wait_until(is_up, c.client, hf_seconds(5)));
    const int64_t value = client_int(c.client, "GET", "n", NULL);
    assert_true(c.acknowledged <= value);
    assert_true(value <= c.acknowledged + c.unknown);
    hf_client_close(c.client);
}

static void *append_large(void *client)
{
    static char           value[1024 * 1024];
    const struct hf_bytes argv[] = { hf_str("APPEND"), hf_str("log"),
                                     hf_bytes(value, sizeof value) };
    struct hf_reply      *reply = NULL;
    const hf_err          err = hf_client_command(client, NULL, argv, 3, &reply, NULL);
    if (!err) hf_reply_free(reply);
    return (void *)(intptr_t)err;
}

static bool has_leased(void *client)
{
    struct hf_health health;
    hf_health_get(client, &health);
    return health.connections_leased == 1;
}

static void a_large_write_cut_off_has_an_unknown_outcome(void **state)
{
    struct fixture      *f = *state;
    pthread_t            thread;
    void                *err;
    struct hf_reply     *reply = NULL;
    struct hf_client    *client = client_open_ready(redis_server_tcp_url(f->server), NULL);
    const struct hf_call large = { .expect_large = true };
    assert_int_equal(client_ask(client, &large, &reply, "GET", "log", NULL), HF_OK);
    hf_reply_free(reply); /* From now on there is a connection to lease. */

    redis_server_pause(f->server);
    assert_int_equal(pthread_create(&thread, NULL, append_large, client), 0);
    assert_true(wait_until(has_leased, client, hf_seconds(5)));
    redis_server_kill(f->server);
    pthread_join(thread, &err);
    assert_int_equal((intptr_t)err, HF_E_LOST);
    assert_true(hf_err_outcome_unknown((hf_err)(intptr_t)err));
    hf_client_close(client);
}

/* ---- The fence ----------------------------------------------------------------- */

static bool is_deleted(void *client)
{
    return client_do(client, "DEL", "fenced", NULL) == HF_OK;
}

static void a_write_that_timed_out_cannot_undo_a_later_delete(void **state)
{
    struct fixture *f = *state;
    for (int round = 0; round < 10; round++) {
        /* One missed deadline is enough to abandon the connection, with the SET in it. */
        struct hf_client    *client = client_open_ready(redis_server_unix_url(f->server),
                                                        "breaker_threshold", "1",
                                                        "retry_on_timeout", "no", NULL);
        struct hf_reply     *reply = NULL;
        const struct hf_call brief = { .timeout = hf_ms(10) };
        assert_int_equal(client_do(client, "SET", "fenced", "old", NULL), HF_OK);
        redis_server_pause(f->server);
        assert_int_equal(client_ask(client, &brief, &reply, "SET", "fenced", "undead", NULL),
                         HF_E_TIMEOUT_SENT);
        redis_server_resume(f->server);

        assert_true(wait_until(is_deleted, client, hf_seconds(5)));
        for (int looks = 0; looks < 20; looks++) {
            assert_true(wait_until(answers_again, client, hf_seconds(5)));
            const char *got = client_text(client, "GET", "fenced", NULL);
            assert_string_not_equal(got, "undead");
        }
        hf_client_close(client);
    }
}

static void a_name_that_cannot_be_resolved_holds_nobody_past_the_deadline(void **state)
{
    struct fixture   *f = *state;
    struct hf_client *client = client_open("redis://no-such-host.invalid:6379/0", NULL);
    int64_t           best = INT64_MAX;
    for (int i = 0; i < 3; i++) {
        hf_err        err;
        const int64_t overrun = overrun_ms(f, client, hf_ms(60), &err);
        assert_true(err == HF_E_UNAVAILABLE || err == HF_E_TIMEOUT ||
                    err == HF_E_BREAKER_OPEN);
        if (overrun < best) best = overrun;
    }
    assert_true(best < 20);
    const hf_instant from = hf_now();
    hf_client_close(client); /* The resolver may still be at it. */
    const hf_instant to = hf_now();
    assert_true(hf_between(from, to).ns - canary_worst_delay(f->canary, from, to).ns <
                hf_ms(500).ns);
}

/* ---- A server that is there and will not --------------------------------------- */

static void a_full_server_refuses_writes_and_serves_reads(void **state)
{
    struct fixture   *f = *state;
    struct hf_health  health;
    struct hf_client *client = client_open_ready(redis_server_unix_url(f->server), NULL);
    assert_int_equal(client_do(client, "SET", "k", "v", NULL), HF_OK);
    redis_server_do(f->server, "CONFIG SET maxmemory 1");
    for (int i = 0; i < 20; i++) {
        assert_int_equal(client_do(client, "SET", "k2", "v", NULL), HF_E_OOM);
        assert_string_equal(client_text(client, "GET", "k", NULL), "v");
    }
    static const struct hf_script passes_on = HF_SCRIPT(
        "return redis.pcall('SET', 'k3', string.rep('x', 1000))");
    struct hf_reply *reply = NULL;
    const hf_err err = hf_client_script(client, NULL, &passes_on, NULL, 0, NULL, 0, &reply,
                                        NULL);
    assert_int_equal(err, HF_E_OOM_SCRIPT);
    assert_true(hf_err_outcome_unknown(err));
    assert_int_equal(client_do(client, "EVAL", passes_on.source, "0", NULL), HF_E_OOM_SCRIPT);
    hf_health_get(client, &health);
    assert_int_equal(health.breaker.state, HF_BREAKER_CLOSED);
    hf_client_close(client);
}

static void a_server_that_cannot_persist_is_degraded_not_down(void **state)
{
    struct fixture  *f = *state;
    struct hf_health health;
    redis_server_do(f->server, "CONFIG SET min-replicas-to-write 1");
    struct hf_client *client = client_open_ready(redis_server_unix_url(f->server), NULL);
    assert_int_equal(client_do(client, "SET", "k", "v", NULL), HF_E_NOREPLICAS);
    assert_string_equal(client_text(client, "GET", "k", NULL), "(nil)");
    hf_health_get(client, &health);
    assert_int_equal(health.breaker.state, HF_BREAKER_CLOSED);
    hf_client_close(client);
}

static void too_many_clients_is_said_and_survived(void **state)
{
    struct fixture   *f = *state;
    struct hf_error   error;
    struct hf_client *first = client_open_ready(redis_server_unix_url(f->server), NULL);
    assert_int_equal(client_do(first, "CONFIG", "SET", "maxclients", "1", NULL), HF_OK);
    struct hf_client *second = client_open(redis_server_unix_url(f->server), NULL);
    assert_int_equal(hf_client_wait_ready(second, hf_ms(300), &error), HF_E_MAX_CLIENTS);
    assert_int_equal(client_do(first, "CONFIG", "SET", "maxclients", "100", NULL), HF_OK);
    assert_int_equal(hf_client_wait_ready(second, hf_seconds(5), &error), HF_OK);
    hf_client_close(first);
    hf_client_close(second);
}

/* ---- Asynchronous -------------------------------------------------------------- */

struct answers {
    atomic_int timeouts, others;
};

static void take_answer(hf_err err, struct hf_reply *reply, const struct hf_error *error,
                        void *ctx)
{
    struct answers *answers = ctx;
    (void)error;
    if (!err) hf_reply_free(reply);
    atomic_fetch_add(err == HF_E_TIMEOUT_SENT ? &answers->timeouts : &answers->others, 1);
}

static bool all_timed_out(void *ctx)
{
    return atomic_load(&((struct answers *)ctx)->timeouts) == 100;
}

static void asynchronous_calls_end_at_their_deadline_too(void **state)
{
    struct fixture       *f = *state;
    struct answers        answers = { 0 };
    const struct hf_bytes argv[] = { hf_str("PING") };
    const struct hf_call  call = { .timeout = hf_ms(50) };
    struct hf_client     *client = client_open_ready(redis_server_unix_url(f->server),
                                                     "breaker_threshold", "1000", NULL);
    redis_server_pause(f->server);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(
            hf_client_command_async(client, &call, argv, 1, take_answer, &answers), HF_OK);
    }
    assert_true(wait_until(all_timed_out, &answers, hf_seconds(5)));
    redis_server_resume(f->server);
    assert_true(wait_until(answers_again, client, hf_seconds(5)));
    assert_int_equal(answers.others, 0);
    hf_client_close(client);
}

static void closing_on_a_hung_server_is_quick_and_leaves_nothing(void **state)
{
    struct fixture       *f = *state;
    struct leaks          before = leaks_count();
    struct answers        answers = { 0 };
    const struct hf_bytes argv[] = { hf_str("PING") };
    struct hf_client     *client = client_open_ready(redis_server_unix_url(f->server), NULL);
    redis_server_pause(f->server);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(
            hf_client_command_async(client, NULL, argv, 1, take_answer, &answers), HF_OK);
    }
    const hf_instant from = hf_now();
    hf_client_close(client);
    const hf_instant to = hf_now();
    redis_server_resume(f->server);
    assert_int_equal(answers.others, 100);
    assert_true(hf_between(from, to).ns - canary_worst_delay(f->canary, from, to).ns <
                hf_ms(500).ns);
    assert_true(leaks_settle(&before));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_hung_server_costs_each_call_its_deadline_and_no_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hung_server_opens_the_breaker_and_calls_fail_fast,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_late_reply_never_reaches_another_caller, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(signals_do_not_move_a_deadline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_killed_server_is_back_in_use_soon_after_it_is_back,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_survive_that_all_connections_are_killed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_increment_is_never_applied_twice_unawares, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_large_write_cut_off_has_an_unknown_outcome, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_write_that_timed_out_cannot_undo_a_later_delete,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_name_that_cannot_be_resolved_holds_nobody_past_the_deadline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_server_refuses_writes_and_serves_reads, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_server_that_cannot_persist_is_degraded_not_down,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_many_clients_is_said_and_survived, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(asynchronous_calls_end_at_their_deadline_too, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(closing_on_a_hung_server_is_quick_and_leaves_nothing,
                                        set_up, tear_down),
    };
    return RUN_TESTS(tests);
}
