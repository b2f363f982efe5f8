/* TLS connections that are cut, closed and inherited. */

#include <holdfast/holdfast.h>

#include "support/certificates.h"
#include "support/client_kit.h"
#include "support/fault_proxy.h"
#include "support/fork_at_rest.h"
#include "support/leaks.h"
#include "support/redis_server.h"
#include "support/test.h"
#include "support/wait.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BOUND_S = 10, AT_ONCE = 16, STEP = 97, END_TO_CLIENT = 1600, END_TO_SERVER = 700 };

static struct certificates *files;
static struct redis_server *server;

static int start(void **state)
{
    (void)state;
    files = certificates_open();
    const char *const args[] = { "--tls-cert-file",
                                 certificates_path(files, "server.crt"),
                                 "--tls-key-file",
                                 certificates_path(files, "server.key"),
                                 "--tls-ca-cert-file",
                                 certificates_path(files, "ca.crt"),
                                 "--tls-auth-clients",
                                 "no",
                                 NULL };
    server = redis_server_open(
        &(struct redis_server_options){ .tcp = true, .tls = true, .args = args });
    return 0;
}

static int stop(void **state)
{
    (void)state;
    redis_server_close(server);
    certificates_close(files);
    return 0;
}

static struct hf_client *open_at(int port)
{
    char url[64];
    snprintf(url, sizeof url, "rediss://127.0.0.1:%d/0", port);
    return client_open(url, "tls_ca_file", certificates_path(files, "ca.crt"),
                       "socket_connect_timeout", "2", NULL);
}

static hf_err wait_for_end(struct hf_client *client, struct hf_error *error)
{
    hf_err err;
    do {
        err = hf_client_wait_ready(client, hf_ms(20), error);
    } while (err == HF_E_TIMEOUT);
    return err;
}

/* ---- Cut ----------------------------------------------------------------------------- */

/* One point of the handshake at which every connection is cut until the fault is lifted. */
struct cut {
    struct fault_proxy *proxy;
    struct hf_client   *client;
    uint64_t            bytes;
};

static void check_cut(struct cut *cut)
{
    struct hf_error error;
    const hf_err    err = wait_for_end(cut->client, &error);
    if (err && hf_err_category(err) != HF_CATEGORY_CONNECTION) {
        fail_msg("cut after %d bytes: %s: %s", (int)cut->bytes, hf_err_name(err),
                 error.detail);
    }
    if (err) assert_int_not_equal(error.detail[0], '\0');
    fault_proxy_clear(cut->proxy);
    assert_int_equal(hf_client_wait_ready(cut->client, hf_seconds(BOUND_S), &error), HF_OK);
    assert_string_equal(client_text(cut->client, "PING", NULL), "PONG");
    hf_client_close(cut->client);
    fault_proxy_close(cut->proxy);
}

/* Returns how many points there were. */
static int cut_everywhere(enum fault_direction direction, enum fault_end how, uint64_t end)
{
    struct cut cuts[AT_ONCE];
    int        points = 0;
    for (uint64_t bytes = 0; bytes < end;) {
        int count = 0;
        for (; count < AT_ONCE && bytes < end; count++, bytes += STEP) {
            cuts[count].bytes = bytes;
            cuts[count].proxy = fault_proxy_start_tcp(redis_server_tls_port(server));
            fault_proxy_set(cuts[count].proxy, &(struct fault){ .kind = FAULT_CUT,
                                                                .direction = direction,
                                                                .after_bytes = bytes,
                                                                .end = how });
            cuts[count].client = open_at(fault_proxy_port(cuts[count].proxy));
        }
        for (int i = 0; i < count; i++) check_cut(&cuts[i]);
        points += count;
    }
    return points;
}

static void a_handshake_cut_anywhere_is_told_and_made_again(void **state)
{
    (void)state;
    struct leaks before = leaks_count();
    int          points = 0;
    points += cut_everywhere(FAULT_TO_CLIENT, FAULT_CLOSE, END_TO_CLIENT);
    points += cut_everywhere(FAULT_TO_CLIENT, FAULT_RESET_END, END_TO_CLIENT);
    points += cut_everywhere(FAULT_TO_SERVER, FAULT_CLOSE, END_TO_SERVER);
    assert_true(points > 30);
    assert_true(leaks_settle(&before));
}

static void a_handshake_that_stands_still_ends_at_the_bound(void **state)
{
    (void)state;
    struct fault_proxy *proxy = fault_proxy_start_tcp(redis_server_tls_port(server));
    fault_proxy_set(proxy, &(struct fault){ .kind = FAULT_BLACK_HOLE });
    struct hf_client *client = open_at(fault_proxy_port(proxy));
    struct hf_error   error;
    const hf_instant  from = hf_now();
    assert_int_equal(wait_for_end(client, &error), HF_E_CONNECT_TIMEOUT);
    assert_in_range(hf_to_ms(hf_between(from, hf_now())), 1500, 4000);
    assert_non_null(strstr(error.detail, "agreeing on TLS"));
    hf_client_close(client);
    fault_proxy_close(proxy);
}

/* ---- Signals ------------------------------------------------------------------------- */

static void on_signal(int number)
{
    (void)number;
}

static void signals_fail_no_call_over_tls(void **state)
{
    (void)state;
    const struct itimerval storm = { { 0, 500 }, { 0, 500 } }, calm = { { 0, 0 }, { 0, 0 } };
    const struct sigaction action = { .sa_handler = on_signal };
    struct sigaction       before;
    int                    failures = 0;
    struct hf_error        error;
    sigaction(SIGALRM, &action, &before);
    setitimer(ITIMER_REAL, &storm, NULL);
    struct hf_client *client = open_at(redis_server_tls_port(server));
    failures += hf_client_wait_ready(client, hf_seconds(BOUND_S), &error) != HF_OK;
    for (int i = 0; i < 300; i++) failures += client_do(client, "INCR", "n", NULL) != HF_OK;
    setitimer(ITIMER_REAL, &calm, NULL);
    sigaction(SIGALRM, &before, NULL);
    hf_client_close(client);
    assert_int_equal(failures, 0);
}

/* ---- Forks --------------------------------------------------------------------------- */

static void children_that_close_do_not_end_the_parents_stream(void **state)
{
    (void)state;
    struct hf_client *client = open_at(redis_server_tls_port(server));
    struct hf_error   error;
    struct hf_stats   stats;
    assert_int_equal(hf_client_wait_ready(client, hf_seconds(BOUND_S), &error), HF_OK);
    for (int i = 0; i < 4; i++) {
        const pid_t child = fork_at_rest();
        if (child == 0) {
            alarm(BOUND_S);
            const hf_err err = client_do(client, "PING", NULL);
            hf_client_close(client);
            _exit(err == HF_E_FORKED ? 0 : 1);
        }
        int status = -1;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        assert_string_equal(client_text(client, "PING", NULL), "PONG");
    }
    hf_stats_get(client, &stats);
    assert_int_equal(stats.connects, 1);
    hf_client_close(client);
}

/* ---- Farewell in the middle ---------------------------------------------------------- */

/* A server of two connections, each of which says good-bye after a part of its answer. */
struct polite {
    SSL_CTX    *context;
    int         listener, port;
    pthread_t   thread;
    const char *part; /* What comes of the answer before the close_notify. */
};

static const char greeting[] = "+OK\r\n+PONG\r\n$14\r\n#\r\nrun_id:ab\r\n\r\n:7\r\n";

static bool read_until(SSL *ssl, const char *words)
{
    char   text[2048];
    size_t size = 0, n;
    while (size < sizeof text - 1 && SSL_read_ex(ssl, text + size, 1, &n) == 1) {
        size += n;
        text[size] = '\0';
        if (strstr(text, words)) return true;
    }
    return false;
}

static void say(SSL *ssl, const char *text)
{
    size_t sent;
    (void)SSL_write_ex(ssl, text, strlen(text), &sent);
}

static void *serve_politely(void *arg)
{
    struct polite *p = arg;
    for (int i = 0; i < 2; i++) {
        char      rest[64];
        size_t    n;
        const int fd = accept(p->listener, NULL, NULL);
        if (fd < 0) return NULL;
        SSL *ssl = SSL_new(p->context);
        SSL_set_fd(ssl, fd);
        if (SSL_accept(ssl) == 1 && read_until(ssl, "HELLO\r\n$1\r\n3\r\n")) {
            say(ssl, "%1\r\n$5\r\nproto\r\n:3\r\n");
            if (read_until(ssl, "ID\r\n")) say(ssl, greeting);
            if (read_until(ssl, "counter\r\n")) {
                say(ssl, p->part);
                SSL_shutdown(ssl); /* And the socket stays open. */
                while (SSL_read_ex(ssl, rest, sizeof rest, &n) == 1) continue;
            }
        }
        SSL_free(ssl);
        close(fd);
    }
    return NULL;
}

static void polite_open(struct polite *p, const char *part)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t          size = sizeof address;
    *p = (struct polite){ .part = part, .context = SSL_CTX_new(TLS_server_method()) };
    assert_non_null(p->context);
    assert_int_equal(SSL_CTX_use_certificate_chain_file(
                         p->context, certificates_path(files, "server.crt")),
                     1);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(p->context,
                                                 certificates_path(files, "server.key"),
                                                 SSL_FILETYPE_PEM),
                     1);
    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(p->listener, 8), 0);
    assert_int_equal(getsockname(p->listener, (struct sockaddr *)&address, &size), 0);
    p->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&p->thread, NULL, serve_politely, p), 0);
}

static void polite_close(struct polite *p)
{
    shutdown(p->listener, SHUT_RDWR);
    pthread_join(p->thread, NULL);
    close(p->listener);
    SSL_CTX_free(p->context);
}

static void a_farewell_in_the_middle_of_an_answer_is_a_loss_at_once(void **state)
{
    (void)state;
    static const char *const parts[] = { "", ":", ":4", ":42\r", "$5\r\nhel" };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        struct polite polite;
        char          url[64];
        polite_open(&polite, parts[i]);
        snprintf(url, sizeof url, "rediss://127.0.0.1:%d/0", polite.port);
        struct hf_client *client = client_open_ready(
            url, "tls_ca_file", certificates_path(files, "ca.crt"), "client_name", "", NULL);
        const hf_instant from = hf_now();
        const hf_err     err = client_do(client, "INCR", "counter", NULL);
        const int64_t    took = hf_to_ms(hf_between(from, hf_now()));
        hf_client_close(client);
        polite_close(&polite);
        assert_int_equal(err, HF_E_LOST);
        assert_true(took < 2000);
    }
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* For the server that this test plays. */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handshake_cut_anywhere_is_told_and_made_again),
        cmocka_unit_test(a_handshake_that_stands_still_ends_at_the_bound),
        cmocka_unit_test(signals_fail_no_call_over_tls),
        cmocka_unit_test(children_that_close_do_not_end_the_parents_stream),
        cmocka_unit_test(a_farewell_in_the_middle_of_an_answer_is_a_loss_at_once),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
