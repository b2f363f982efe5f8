#include <holdfast/holdfast.h>

#include "support/certificates.h"
#include "support/client_kit.h"
#include "support/redis_server.h"
#include "support/test.h"
#include "support/wait.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct certificates *files;
static const char          *ca, *client_cert, *client_key;

static int make_files(void **state)
{
    (void)state;
    files = certificates_open();
    ca = certificates_path(files, "ca.crt");
    client_cert = certificates_path(files, "client.crt");
    client_key = certificates_path(files, "client.key");
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    certificates_close(files);
    return 0;
}

/* A server with this certificate, asking clients for theirs or not. */
static struct redis_server *start(const char *certificate, const char *auth_clients)
{
    char crt[32], key[32];
    snprintf(crt, sizeof crt, "%s.crt", certificate);
    snprintf(key, sizeof key, "%s.key", certificate);
    const char *const args[] = {
        "--tls-cert-file",
        certificates_path(files, crt),
        "--tls-key-file",
        certificates_path(files, key),
        "--tls-ca-cert-file",
        ca,
        "--tls-auth-clients",
        auth_clients,
        NULL,
    };
    return redis_server_open(
        &(struct redis_server_options){ .tcp = true, .tls = true, .args = args });
}

static const char *tls_url(struct redis_server *server, const char *host)
{
    static char url[128];
    snprintf(url, sizeof url, "rediss://%s:%d/0", host, redis_server_tls_port(server));
    return url;
}

static void assert_refused(struct hf_client *client, hf_err expected, const char *words)
{
    struct hf_error error;
    hf_err          err;
    do {
        err = hf_client_wait_ready(client, hf_ms(20), &error);
    } while (err == HF_E_TIMEOUT);
    assert_int_equal(err, expected);
    if (!strstr(error.detail, words)) fail_msg("'%s' is not in: %s", words, error.detail);
    hf_client_close(client);
}

static void commands_pass_by_name_and_by_address(void **state)
{
    (void)state;
    const char *const    hosts[] = { "localhost", "127.0.0.1" };
    struct redis_server *server = start("server", "no");
    for (size_t i = 0; i < 2; i++) {
        struct hf_client *client = client_open_ready(tls_url(server, hosts[i]), "tls_ca_file",
                                                     ca, NULL);
        assert_int_equal(client_do(client, "SET", "k", "v", NULL), HF_OK);
        assert_string_equal(client_text(client, "GET", "k", NULL), "v");
        hf_client_close(client);
    }
    redis_server_close(server);
}

struct crowd {
    struct hf_client *client;
    atomic_int        next, wrong;
};

static void *check_own_replies(void *arg)
{
    struct crowd *crowd = arg;
    const int     me = atomic_fetch_add(&crowd->next, 1);
    for (int i = 0; i < 200; i++) {
        char word[64];
        snprintf(word, sizeof word, "thread %d asks %d", me, i);
        if (strcmp(client_text(crowd->client, "ECHO", word, NULL), word) != 0) crowd->wrong++;
    }
    return NULL;
}

static void many_threads_share_one_stream(void **state)
{
    (void)state;
    enum { THREADS = 16 };
    pthread_t            threads[THREADS];
    struct redis_server *server = start("server", "no");
    struct crowd         crowd = { .client = client_open_ready(tls_url(server, "localhost"),
                                                               "tls_ca_file", ca, NULL) };
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, check_own_replies, &crowd), 0);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(crowd.wrong, 0);
    hf_client_close(crowd.client);
    redis_server_close(server);
}

static void large_values_pass_both_ways(void **state)
{
    (void)state;
    const size_t         size = (size_t)4 * 1024 * 1024;
    char                *value = calloc(1, size);
    struct redis_server *server = start("server", "no");
    struct hf_client *client = client_open_ready(tls_url(server, "localhost"), "tls_ca_file",
                                                 ca, NULL);
    struct hf_reply  *reply;
    struct hf_bytes   got;
    assert_non_null(value);
    for (size_t i = 0; i < size; i++) value[i] = (char)(i * 2654435761u >> 13);
    const struct hf_bytes set[] = { hf_str("SET"), hf_str("large"), hf_bytes(value, size) };
    const struct hf_bytes get[] = { hf_str("GET"), hf_str("large") };
    assert_int_equal(hf_client_command(client, NULL, set, 3, &reply, NULL), HF_OK);
    hf_reply_free(reply);
    assert_int_equal(hf_client_command(client, NULL, get, 2, &reply, NULL), HF_OK);
    assert_int_equal(hf_reply_bytes(reply, &got), HF_OK);
    assert_int_equal(got.size, size);
    assert_memory_equal(got.data, value, size);
    hf_reply_free(reply);
    hf_client_close(client);
    redis_server_close(server);
    free(value);
}

static void certificates_that_prove_nothing_are_refused(void **state)
{
    (void)state;
    struct redis_server *server = start("server", "no");
    const char          *other = certificates_path(files, "other-ca.crt");
    assert_refused(client_open(tls_url(server, "localhost"), "tls_ca_file", other, NULL),
                   HF_E_TLS, "certificate of localhost");
    assert_refused(client_open(tls_url(server, "localhost"), NULL), HF_E_TLS, "certificate");
    assert_refused(client_open(tls_url(server, "127.0.0.1"), "tls_ca_file", ca,
                               "tls_server_name", "redis.example", NULL),
                   HF_E_TLS, "ostname mismatch");
    redis_server_close(server);

    server = start("elsewhere", "no");
    assert_refused(client_open(tls_url(server, "localhost"), "tls_ca_file", ca, NULL),
                   HF_E_TLS, "ostname mismatch");
    assert_refused(client_open(tls_url(server, "127.0.0.1"), "tls_ca_file", ca, NULL),
                   HF_E_TLS, "IP address mismatch");
    struct hf_client *client = client_open_ready(tls_url(server, "127.0.0.1"), "tls_ca_file",
                                                 ca, "tls_server_name", "elsewhere.example",
                                                 NULL);
    hf_client_close(client);
    redis_server_close(server);

    server = start("expired", "no");
    assert_refused(client_open(tls_url(server, "localhost"), "tls_ca_file", ca, NULL),
                   HF_E_TLS, "expired");
    redis_server_close(server);
}

static void count_warning(const struct hf_log_record *record, void *ctx)
{
    if (strcmp(record->part, "tls") == 0 && strstr(record->text, "not verified")) {
        atomic_fetch_add((atomic_int *)ctx, 1);
    }
}

static void turning_verification_off_works_and_is_logged(void **state)
{
    (void)state;
    struct redis_server *server = start("expired", "no");
    struct hf_options   *options;
    struct hf_client    *client;
    struct hf_error      error;
    atomic_int           warnings = 0;
    assert_int_equal(hf_options_open(&options), HF_OK);
    assert_int_equal(hf_options_set(options, "url", tls_url(server, "localhost"), &error),
                     HF_OK);
    assert_int_equal(hf_options_set(options, "tls_verify", "false", &error), HF_OK);
    hf_options_set_log(options, HF_LOG_WARN, count_warning, &warnings);
    assert_int_equal(hf_client_open(options, &client, &error), HF_OK);
    assert_int_equal(hf_client_wait_ready(client, hf_seconds(5), &error), HF_OK);
    assert_int_equal(warnings, 1);
    hf_client_close(client);
    hf_options_close(options);
    redis_server_close(server);
}

static void a_server_may_ask_for_a_client_certificate(void **state)
{
    (void)state;
    struct redis_server *server = start("server", "yes");
    struct hf_client *client = client_open_ready(tls_url(server, "localhost"), "tls_ca_file",
                                                 ca, "tls_cert_file", client_cert,
                                                 "tls_key_file", client_key, NULL);
    assert_string_equal(client_text(client, "PING", NULL), "PONG");
    hf_client_close(client);

    struct hf_error error;
    client = client_open(tls_url(server, "localhost"), "tls_ca_file", ca, NULL);
    assert_int_not_equal(hf_client_wait_ready(client, hf_ms(500), &error), HF_OK);
    hf_client_close(client);
    redis_server_close(server);
}

static void speaking_the_wrong_language_is_said_on_either_side(void **state)
{
    (void)state;
    char                 url[64];
    struct redis_server *server = start("server", "no");
    snprintf(url, sizeof url, "rediss://localhost:%d/0", redis_server_port(server));
    assert_refused(client_open(url, "tls_ca_file", ca, "socket_connect_timeout", "0.3", NULL),
                   HF_E_CONNECT_TIMEOUT, "use redis://");
    snprintf(url, sizeof url, "redis://localhost:%d/0", redis_server_tls_port(server));
    struct hf_client *client = client_open(url, NULL);
    struct hf_error   error;
    hf_err            err;
    do {
        err = hf_client_wait_ready(client, hf_ms(20), &error);
    } while (err == HF_E_TIMEOUT);
    assert_int_not_equal(err, HF_OK);
    assert_non_null(strstr(error.detail, "rediss://"));
    hf_client_close(client);
    redis_server_close(server);
}

static void files_that_cannot_be_used_are_named_at_once(void **state)
{
    (void)state;
    struct hf_options *options;
    struct hf_client  *client;
    struct hf_error    error;
    assert_int_equal(hf_options_open(&options), HF_OK);
    assert_int_equal(hf_options_set(options, "url", "rediss://localhost/0", &error), HF_OK);
    assert_int_equal(
        hf_options_set(options, "tls_ca_file", certificates_path(files, "empty.crt"), &error),
        HF_OK);
    assert_int_equal(hf_client_open(options, &client, &error), HF_E_INVALID);
    assert_non_null(strstr(error.detail, "empty.crt"));
    assert_int_equal(hf_options_set(options, "tls_ca_file", "/no/such/file", &error), HF_OK);
    assert_int_equal(hf_client_open(options, &client, &error), HF_E_INVALID);
    assert_non_null(strstr(error.detail, "/no/such/file"));
    hf_options_close(options);
}

static void new_certificates_are_read_at_the_next_connection(void **state)
{
    (void)state;
    char                 copy[128], command[512];
    struct redis_server *server = start("server", "no");
    snprintf(copy, sizeof copy, "%s.rotated", ca);
    snprintf(command, sizeof command, "cp '%s' '%s'",
             certificates_path(files, "other-ca.crt"), copy);
    assert_int_equal(system(command), 0);
    struct hf_client *client = client_open(tls_url(server, "localhost"), "tls_ca_file", copy,
                                           NULL);
    struct hf_error   error;
    assert_int_not_equal(hf_client_wait_ready(client, hf_ms(300), &error), HF_OK);
    snprintf(command, sizeof command, "cp '%s' '%s'", ca, copy);
    assert_int_equal(system(command), 0);
    assert_int_equal(hf_client_wait_ready(client, hf_seconds(5), &error), HF_OK);
    hf_client_close(client);
    redis_server_close(server);
}

static bool answers(void *client)
{
    return client_do(client, "PING", NULL) == HF_OK;
}

static void a_killed_server_is_found_again(void **state)
{
    (void)state;
    struct redis_server *server = start("server", "no");
    struct hf_client *client = client_open_ready(tls_url(server, "localhost"), "tls_ca_file",
                                                 ca, NULL);
    redis_server_kill(server);
    assert_int_not_equal(client_do(client, "PING", NULL), HF_OK);
    redis_server_restart(server);
    assert_true(wait_until(answers, client, hf_seconds(5)));
    hf_client_close(client);
    redis_server_close(server);
}

/* ---- Bytes that OpenSSL holds -------------------------------------------------- */

enum { BIG = 8000000 };

static bool has_two_in_flight(void *client)
{
    struct hf_stats stats;
    hf_stats_get(client, &stats);
    return stats.calls_in_flight == 2;
}

static bool has_one_in_flight(void *client)
{
    struct hf_stats stats;
    hf_stats_get(client, &stats);
    return stats.calls_in_flight == 1;
}

static void *get_big(void *client)
{
    struct hf_reply     *reply = NULL;
    const struct hf_call call = { .timeout = hf_seconds(10) };
    const hf_err         err = client_ask(client, &call, &reply, "GET", "big", NULL);
    if (!err) hf_reply_free(reply);
    return (void *)(intptr_t)err;
}

static void take_err(hf_err err, struct hf_reply *reply, const struct hf_error *error,
                     void *ctx)
{
    (void)error;
    if (!err) hf_reply_free(reply);
    atomic_store((atomic_int *)ctx, (int)err);
}

static bool has_ended(void *ctx)
{
    return atomic_load((atomic_int *)ctx) >= 0;
}

/* The end of a large reply and the whole of a small one come in one record: whoever reads the
 * large one leaves the small one decrypted, where no poll sees it. */
static void an_answer_behind_a_large_one_is_not_left_lying(void **state)
{
    (void)state;
    const struct hf_bytes ping[] = { hf_str("PING") };
    const struct hf_call  call = { .timeout = hf_seconds(2) };
    atomic_int            end = -1;
    pthread_t             reader;
    void                 *err;
    char                 *big = malloc(BIG + 1);
    struct redis_server  *server = start("server", "no");
    struct hf_client *client = client_open_ready(tls_url(server, "localhost"), "tls_ca_file",
                                                 ca, NULL);
    assert_non_null(big);
    memset(big, 'x', BIG);
    big[BIG] = '\0';
    assert_int_equal(client_do(client, "SET", "big", big, NULL), HF_OK);

    redis_server_pause(server);
    assert_int_equal(pthread_create(&reader, NULL, get_big, client), 0);
    assert_true(wait_until(has_one_in_flight, client, hf_seconds(5)));
    assert_int_equal(hf_client_command_async(client, &call, ping, 1, take_err, &end), HF_OK);
    assert_true(wait_until(has_two_in_flight, client, hf_seconds(5)));
    redis_server_resume(server);

    pthread_join(reader, &err);
    assert_true(wait_until(has_ended, &end, hf_seconds(5)));
    hf_client_close(client);
    redis_server_close(server);
    free(big);
    assert_int_equal((intptr_t)err, HF_OK);
    assert_int_equal(end, HF_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_pass_by_name_and_by_address),
        cmocka_unit_test(many_threads_share_one_stream),
        cmocka_unit_test(large_values_pass_both_ways),
        cmocka_unit_test(certificates_that_prove_nothing_are_refused),
        cmocka_unit_test(turning_verification_off_works_and_is_logged),
        cmocka_unit_test(a_server_may_ask_for_a_client_certificate),
        cmocka_unit_test(speaking_the_wrong_language_is_said_on_either_side),
        cmocka_unit_test(files_that_cannot_be_used_are_named_at_once),
        cmocka_unit_test(new_certificates_are_read_at_the_next_connection),
        cmocka_unit_test(a_killed_server_is_found_again),
        cmocka_unit_test(an_answer_behind_a_large_one_is_not_left_lying),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
