/* Whom a client of a TLS server believes, for how long, and what it says of its files. */

#include <holdfast/holdfast.h>

#include "support/certificates.h"
#include "support/client_kit.h"
#include "support/redis_server.h"
#include "support/test.h"
#include "support/wait.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BOUND_S = 10 };

static struct certificates *files;

static int make_files(void **state)
{
    (void)state;
    files = certificates_open();
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    certificates_close(files);
    return 0;
}

static const char *file(const char *name)
{
    return certificates_path(files, name);
}

static struct redis_server *start(const char *certificate, const char *asks_clients)
{
    char crt[32], key[32];
    snprintf(crt, sizeof crt, "%s.crt", certificate);
    snprintf(key, sizeof key, "%s.key", certificate);
    const char *const args[] = { "--tls-cert-file",
                                 file(crt),
                                 "--tls-key-file",
                                 file(key),
                                 "--tls-ca-cert-file",
                                 file("ca.crt"),
                                 "--tls-auth-clients",
                                 asks_clients,
                                 NULL };
    return redis_server_open(
        &(struct redis_server_options){ .tcp = true, .tls = true, .args = args });
}

static const char *url_of(struct redis_server *server)
{
    static char url[64];
    snprintf(url, sizeof url, "rediss://localhost:%d/0", redis_server_tls_port(server));
    return url;
}

static hf_err wait_for_end(struct hf_client *client, struct hf_error *error)
{
    hf_err err;
    do {
        err = hf_client_wait_ready(client, hf_ms(20), error);
    } while (err == HF_E_TIMEOUT);
    return err;
}

static void assert_refused(struct hf_client *client, const char *words)
{
    struct hf_error error;
    assert_int_equal(wait_for_end(client, &error), HF_E_TLS);
    if (!strstr(error.detail, words)) fail_msg("'%s' is not in: %s", words, error.detail);
    hf_client_close(client);
}

static bool answers(void *client)
{
    return client_do(client, "PING", NULL) == HF_OK;
}

/* ---- Whom -------------------------------------------------------------------------- */

static void a_certificate_that_is_not_valid_yet_is_refused(void **state)
{
    (void)state;
    struct redis_server *server = start("early", "no");
    assert_refused(client_open(url_of(server), "tls_ca_file", file("ca.crt"), NULL),
                   "not yet valid");
    redis_server_close(server);
}

static void
a_certificate_that_signed_itself_is_refused_unless_it_is_the_trusted_one(void **state)
{
    (void)state;
    struct redis_server *server = start("self", "no");
    assert_refused(client_open(url_of(server), "tls_ca_file", file("ca.crt"), NULL), "self");
    struct hf_client *client = client_open_ready(url_of(server), "tls_ca_file",
                                                 file("self.crt"), NULL);
    hf_client_close(client);
    redis_server_close(server);
}

static void a_revoked_certificate_is_refused(void **state)
{
    (void)state;
    struct redis_server *server = start("revoked", "no");
    struct hf_client    *client = client_open_ready(url_of(server), "tls_ca_file",
                                                    file("ca.crt"), NULL);
    hf_client_close(client);
    client = client_open_ready(url_of(server), "tls_ca_file", file("ca.crt"), "tls_crl_file",
                               file("none.crl"), NULL);
    hf_client_close(client);
    assert_refused(client_open(url_of(server), "tls_ca_file", file("ca.crt"), "tls_crl_file",
                               file("revoked.crl"), NULL),
                   "revoked");
    redis_server_close(server);
}

static void copy_file(const char *from, const char *to)
{
    char command[512];
    snprintf(command, sizeof command, "cp '%s' '%s'", from, to);
    assert_int_equal(system(command), 0);
}

/* The old session would be resumed without a look at the certificate, if it were kept. */
static void once_trust_is_rotated_the_old_certificate_is_refused(void **state)
{
    (void)state;
    const char *const    rotated[][2] = { { "tls_ca_file", "other-ca.crt" },
                                          { "tls_crl_file", "revoked.crl" } };
    const char *const    first[] = { "ca.crt", "none.crl" };
    struct redis_server *server = start("revoked", "no");
    for (size_t i = 0; i < 2; i++) {
        char copy[160];
        snprintf(copy, sizeof copy, "%s.live", file(first[i]));
        copy_file(file(first[i]), copy);
        struct hf_client *client = client_open_ready(
            url_of(server), "tls_ca_file", file("ca.crt"), rotated[i][0], copy, NULL);
        struct hf_error error;
        redis_server_do(server, "CLIENT KILL TYPE normal");
        assert_true(wait_until(answers, client, hf_seconds(BOUND_S)));

        copy_file(file(rotated[i][1]), copy);
        redis_server_do(server, "CLIENT KILL TYPE normal");
        const hf_instant end = hf_later(hf_now(), hf_seconds(BOUND_S));
        hf_err           err;
        /* First the killed connection may be noticed. */
        while ((err = wait_for_end(client, &error)) != HF_E_TLS && hf_before(hf_now(), end)) {
        }
        assert_int_equal(err, HF_E_TLS);
        hf_client_close(client);
    }
    redis_server_close(server);
}

/* ---- Sessions ---------------------------------------------------------------------- */

struct notes {
    atomic_int fresh, resumed, open_key;
};

static void take_note(const struct hf_log_record *record, void *ctx)
{
    struct notes *notes = ctx;
    if (strcmp(record->part, "tls") != 0) return;
    if (strstr(record->text, "new session")) notes->fresh++;
    if (strstr(record->text, "session resumed")) notes->resumed++;
    if (strstr(record->text, "can be read by others")) notes->open_key++;
}

static struct hf_client *open_noted(struct redis_server *server, struct notes *notes,
                                    const char *key)
{
    struct hf_options *options;
    struct hf_client  *client;
    struct hf_error    error;
    assert_int_equal(hf_options_open(&options), HF_OK);
    assert_int_equal(hf_options_set(options, "url", url_of(server), &error), HF_OK);
    assert_int_equal(hf_options_set(options, "tls_ca_file", file("ca.crt"), &error), HF_OK);
    if (key) {
        assert_int_equal(hf_options_set(options, "tls_cert_file", file("client.crt"), &error),
                         HF_OK);
        assert_int_equal(hf_options_set(options, "tls_key_file", key, &error), HF_OK);
    }
    hf_options_set_log(options, HF_LOG_DEBUG, take_note, notes);
    assert_int_equal(hf_client_open(options, &client, &error), HF_OK);
    hf_options_close(options);
    assert_int_equal(hf_client_wait_ready(client, hf_seconds(BOUND_S), &error), HF_OK);
    return client;
}

static bool has_resumed(void *ctx)
{
    return ((struct notes *)ctx)->resumed > 0;
}

static void the_second_connection_resumes_the_session_of_the_first(void **state)
{
    (void)state;
    struct notes         notes = { 0 };
    struct redis_server *server = start("server", "no");
    struct hf_client    *client = open_noted(server, &notes, NULL);
    assert_int_equal(notes.fresh, 1);
    assert_int_equal(notes.resumed, 0);
    redis_server_do(server, "CLIENT KILL TYPE normal");
    assert_true(wait_until(has_resumed, &notes, hf_seconds(BOUND_S)));
    assert_true(wait_until(answers, client, hf_seconds(BOUND_S)));
    assert_int_equal(notes.fresh, 1);
    hf_client_close(client);
    redis_server_close(server);
}

/* ---- Files ------------------------------------------------------------------------- */

static void a_key_that_others_can_read_is_warned_of(void **state)
{
    (void)state;
    struct notes         notes = { 0 };
    struct redis_server *server = start("server", "yes");
    const char          *key = file("client.key");
    hf_client_close(open_noted(server, &notes, key));
    assert_int_equal(notes.open_key, 0);
    assert_int_equal(chmod(key, 0640), 0);
    hf_client_close(open_noted(server, &notes, key));
    assert_int_equal(notes.open_key, 1);
    assert_int_equal(chmod(key, 0600), 0);
    redis_server_close(server);
}

static void paths_may_hold_spaces(void **state)
{
    (void)state;
    struct redis_server *server = start("server", "yes");
    struct hf_client    *client = client_open_ready(
           url_of(server), "tls_ca_file", file("a folder/ca.crt"), "tls_cert_file",
           file("a folder/client.crt"), "tls_key_file", file("a folder/client.key"), NULL);
    hf_client_close(client);
    redis_server_close(server);
}

static void assert_unusable(const char *option, const char *path, const char *words)
{
    struct hf_options *options;
    struct hf_client  *client;
    struct hf_error    error;
    assert_int_equal(hf_options_open(&options), HF_OK);
    assert_int_equal(hf_options_set(options, "url", "rediss://localhost/0", &error), HF_OK);
    assert_int_equal(hf_options_set(options, option, path, &error), HF_OK);
    assert_int_equal(hf_client_open(options, &client, &error), HF_E_INVALID);
    if (!strstr(error.detail, words)) fail_msg("'%s' is not in: %s", words, error.detail);
    hf_options_close(options);
}

static void each_file_that_cannot_be_used_is_named(void **state)
{
    (void)state;
    assert_unusable("tls_ca_file", file("empty.crt"), "CA file");
    assert_unusable("tls_ca_file", file("ca.key"), "ca.key");
    assert_unusable("tls_cert_file", file("empty.crt"), "certificate");
    assert_unusable("tls_ca_file", "/no/such/ca", "CA file /no/such/ca: No such file");
    assert_unusable("tls_key_file", "/no/such/key", "key /no/such/key: No such file");
    assert_unusable("tls_crl_file", file("empty.crt"), "CRL file");
    assert_unusable("tls_crl_file", file("ca.crt"), "CRL file");
    assert_unusable("tls_ciphers", "NO-SUCH-CIPHER", "NO-SUCH-CIPHER");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_that_is_not_valid_yet_is_refused),
        cmocka_unit_test(
            a_certificate_that_signed_itself_is_refused_unless_it_is_the_trusted_one),
        cmocka_unit_test(a_revoked_certificate_is_refused),
        cmocka_unit_test(once_trust_is_rotated_the_old_certificate_is_refused),
        cmocka_unit_test(the_second_connection_resumes_the_session_of_the_first),
        cmocka_unit_test(a_key_that_others_can_read_is_warned_of),
        cmocka_unit_test(paths_may_hold_spaces),
        cmocka_unit_test(each_file_that_cannot_be_used_is_named),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
