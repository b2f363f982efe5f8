#include "support/client_kit.h"
#include "support/fork_at_rest.h"
#include "support/redis_server.h"
#include "support/test.h"
#include "support/wait.h"
#include "support/web_client.h"

#include <holdfast/exporter.h>
#include <jansson.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOKEN "a-token-of-enough-bytes"

struct fixture {
    struct redis_server *server;
    struct hf_client    *client;
    struct hf_exporter  *exporter;
    uint16_t             port;
};

static void open_with(struct fixture *f, const struct hf_exporter_options *options)
{
    f->server = redis_server_open(NULL);
    f->client = client_open_ready(redis_server_unix_url(f->server), NULL);
    assert_int_equal(hf_exporter_open(options, &f->exporter, NULL), HF_OK);
    assert_int_equal(hf_exporter_add(f->exporter, "one", f->client), HF_OK);
    f->port = hf_exporter_port(f->exporter);
}

static void close_all(struct fixture *f)
{
    hf_exporter_close(f->exporter);
    hf_client_close(f->client);
    redis_server_close(f->server);
}

static int status_of(uint16_t port, const char *method, const char *target, const char *token)
{
    struct web_answer answer = web_ask(port, method, target, token);
    const int         status = answer.status;
    web_answer_free(&answer);
    return status;
}

/* Whether the answer to GET holds that text, head and all. */
static bool says(uint16_t port, const char *target, const char *text)
{
    struct web_answer answer = web_ask(port, "GET", target, NULL);
    const bool        found = strstr(answer.body, text) || strstr(answer.head, text);
    if (!found) print_message("%s:\n%s\n%s\n", target, answer.head, answer.body);
    web_answer_free(&answer);
    return found;
}

static json_t *json_of(uint16_t port, const char *target)
{
    struct web_answer answer = web_ask(port, "GET", target, NULL);
    json_t           *json = json_loads(answer.body, 0, NULL);
    assert_int_equal(answer.status, 200);
    assert_non_null(json);
    web_answer_free(&answer);
    return json;
}

static void everything_is_served_while_the_server_hangs(void **state)
{
    (void)state;
    struct fixture f;
    open_with(&f, NULL);
    redis_server_pause(f.server);
    assert_true(says(f.port, "/", "<!doctype html>"));
    assert_true(says(f.port, "/livez", "ok\n"));
    assert_true(says(f.port, "/readyz", "ready\n"));
    assert_true(says(f.port, "/healthz", "\"name\":\"one\""));
    assert_true(says(f.port, "/metrics", "holdfast_calls_total{client=\"one\"} "));
    json_t       *json = json_of(f.port, "/stats");
    const json_t *shown = json_array_get(json_object_get(json, "clients"), 0);
    assert_string_equal(json_string_value(json_object_get(shown, "name")), "one");
    assert_true(json_is_object(json_object_get(shown, "health")));
    json_decref(json);
    redis_server_resume(f.server);
    close_all(&f);
}

static void only_known_paths_and_methods_are_answered(void **state)
{
    (void)state;
    struct fixture f;
    open_with(&f, NULL);
    assert_int_equal(status_of(f.port, "GET", "/nowhere", NULL), 404);
    assert_int_equal(status_of(f.port, "GET", "/stats/", NULL), 404);
    assert_int_equal(status_of(f.port, "HEAD", "/stats", NULL), 200);
    assert_int_equal(status_of(f.port, "POST", "/stats", NULL), 405);
    assert_int_equal(status_of(f.port, "GET", "/breaker/reset", NULL), 405);
    struct web_answer answer = web_ask(f.port, "DELETE", "/metrics", NULL);
    assert_int_equal(answer.status, 405);
    assert_non_null(strstr(answer.head, "Allow: GET, HEAD"));
    web_answer_free(&answer);
    close_all(&f);
}

/* ---- Without memory ------------------------------------------------------------ */

static atomic_long json_blocks_left; /* One fails when they are used up; below 0 none does. */

static void *failing_malloc(size_t size)
{
    return atomic_fetch_sub(&json_blocks_left, 1) == 0 ? NULL : malloc(size);
}

/* Whether each member of the one is in the other too. */
static bool has_all_of(const json_t *whole, const json_t *json)
{
    const char *name;
    json_t     *value;
    size_t      i;
    bool        has = json != NULL;
    if (json_is_array(whole)) {
        json_array_foreach(whole, i, value)
        {
            has = has && has_all_of(value, json_array_get(json, i));
        }
    } else if (json_is_object(whole)) {
        json_object_foreach((json_t *)(uintptr_t)whole, name, value)
        {
            has = has && has_all_of(value, json_object_get(json, name));
        }
    }
    return has;
}

static void check_without_memory(uint16_t port, const char *target)
{
    json_t *whole = json_of(port, target);
    bool    has_failed = true;
    for (long blocks = 0; has_failed; blocks += blocks < 100 ? 1 : 97) {
        atomic_store(&json_blocks_left, blocks);
        struct web_answer answer = web_ask(port, "GET", target, NULL);
        has_failed = atomic_exchange(&json_blocks_left, -1) < 0;
        if (answer.status == 200) {
            json_t *json = json_loads(answer.body, 0, NULL);
            assert_true(has_all_of(whole, json));
            json_decref(json);
        } else {
            assert_int_equal(answer.status, 503);
        }
        web_answer_free(&answer);
    }
    json_decref(whole);
}

static void without_memory_an_answer_is_whole_or_none(void **state)
{
    (void)state;
    struct fixture f;
    atomic_store(&json_blocks_left, -1);
    json_set_alloc_funcs(failing_malloc, free);
    open_with(&f, NULL);
    check_without_memory(f.port, "/stats");
    check_without_memory(f.port, "/healthz");
    close_all(&f);
    json_set_alloc_funcs(malloc, free);
}

/* ---- Readiness ----------------------------------------------------------------- */

static bool is_ready(void *ctx)
{
    const struct fixture *f = ctx;
    return status_of(f->port, "GET", "/readyz", NULL) == 200;
}

static bool is_not_ready(void *ctx)
{
    const struct fixture *f = ctx;
    return status_of(f->port, "GET", "/readyz", NULL) == 503;
}

static void readiness_follows_the_rule_of_each_client(void **state)
{
    (void)state;
    struct fixture f;
    open_with(&f, NULL);
    redis_server_kill(f.server);
    assert_int_equal(hf_exporter_set_ready_rule(f.exporter, f.client, HF_READY_UNLESS_DOWN),
                     HF_OK);
    assert_true(wait_until(is_not_ready, &f, hf_seconds(30)));
    assert_true(says(f.port, "/readyz", "not ready: one is down: "));
    assert_true(says(f.port, "/healthz", "{\"status\":\"down\""));
    assert_int_equal(
        hf_exporter_set_ready_rule(f.exporter, f.client, HF_READY_ONCE_CONNECTED), HF_OK);
    assert_true(is_ready(&f));
    assert_int_equal(hf_exporter_set_ready_rule(f.exporter, f.client, HF_READY_ALWAYS),
                     HF_OK);
    assert_true(is_ready(&f));

    assert_int_equal(hf_exporter_set_ready_rule(f.exporter, f.client, HF_READY_WHILE_UP),
                     HF_OK);
    assert_true(is_not_ready(&f));
    redis_server_spawn(f.server);
    assert_true(wait_until(is_ready, &f, hf_seconds(30)));

    hf_exporter_remove(f.exporter, f.client);
    assert_int_equal(hf_exporter_set_ready_rule(f.exporter, f.client, HF_READY_ALWAYS),
                     HF_E_INVALID);
    close_all(&f);
}

static void one_that_never_connected_is_not_ready_where_that_is_asked(void **state)
{
    (void)state;
    struct fixture f = { 0 };
    f.client = client_open("unix:///nonexistent/redis.sock", NULL);
    assert_int_equal(hf_exporter_open(NULL, &f.exporter, NULL), HF_OK);
    assert_int_equal(hf_exporter_add(f.exporter, "two", f.client), HF_OK);
    f.port = hf_exporter_port(f.exporter);
    assert_true(is_ready(&f));
    assert_int_equal(
        hf_exporter_set_ready_rule(f.exporter, f.client, HF_READY_ONCE_CONNECTED), HF_OK);
    assert_true(is_not_ready(&f));
    close_all(&f);
}

/* ---- Tokens and breakers ------------------------------------------------------- */

static enum hf_breaker_state breaker_of(const struct fixture *f)
{
    struct hf_health health;
    hf_health_get(f->client, &health);
    return health.breaker.state;
}

static void a_breaker_is_changed_with_the_token_only(void **state)
{
    (void)state;
    static const char force[] = "/breaker/force?state=forced_open";
    struct fixture    f;
    open_with(&f, &(struct hf_exporter_options){ .token = TOKEN });
    assert_int_equal(status_of(f.port, "POST", force, NULL), 401);
    assert_int_equal(status_of(f.port, "POST", force, "a-token-of-enough-byteS"), 401);
    assert_int_equal(status_of(f.port, "POST", force, "a-token-of-enough-byte"), 401);
    assert_int_equal(status_of(f.port, "POST", force, TOKEN "s"), 401);
    assert_int_equal(status_of(f.port, "POST", force, ""), 401);
    assert_int_equal(breaker_of(&f), HF_BREAKER_CLOSED);

    assert_int_equal(status_of(f.port, "POST", force, TOKEN), 200);
    assert_int_equal(breaker_of(&f), HF_BREAKER_FORCED_OPEN);
    assert_int_equal(status_of(f.port, "POST", "/breaker/reset?client=one", TOKEN), 200);
    assert_int_equal(breaker_of(&f), HF_BREAKER_CLOSED);
    assert_int_equal(
        status_of(f.port, "POST", "/breaker/force?state=disabled&client=one", TOKEN), 200);
    assert_int_equal(breaker_of(&f), HF_BREAKER_DISABLED);

    assert_int_equal(status_of(f.port, "POST", "/breaker/reset?client=none", TOKEN), 404);
    assert_int_equal(status_of(f.port, "POST", "/breaker/force", TOKEN), 400);
    assert_int_equal(status_of(f.port, "POST", "/breaker/force?state=open", TOKEN), 400);
    assert_int_equal(breaker_of(&f), HF_BREAKER_DISABLED);
    close_all(&f);
}

/* What names nobody, as was meant to name one, changes none. */
static void a_slip_in_an_argument_does_not_change_all_breakers(void **state)
{
    (void)state;
    struct fixture f;
    open_with(&f, &(struct hf_exporter_options){ .token = TOKEN });
    assert_int_equal(hf_health_force_breaker(f.client, HF_BREAKER_DISABLED), HF_OK);
    assert_int_equal(status_of(f.port, "POST", "/breaker/reset?client", TOKEN), 400);
    assert_int_equal(status_of(f.port, "POST", "/breaker/reset?clinet=one", TOKEN), 400);
    assert_int_equal(status_of(f.port, "POST", "/breaker/reset?client=", TOKEN), 404);
    assert_int_equal(status_of(f.port, "POST", "/breaker/reset?state=disabled", TOKEN), 400);
    assert_int_equal(breaker_of(&f), HF_BREAKER_DISABLED);
    assert_int_equal(status_of(f.port, "POST", "/breaker/reset", TOKEN), 200);
    assert_int_equal(breaker_of(&f), HF_BREAKER_CLOSED);
    close_all(&f);
}

static void the_scheme_of_a_token_is_read_in_any_case(void **state)
{
    (void)state;
    static const char request[] = "GET /stats HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                  "Authorization: bearer " TOKEN "\r\n\r\n";
    struct fixture    f;
    open_with(&f, &(struct hf_exporter_options){ .token = TOKEN, .is_private = true });
    struct web_answer answer = web_send(f.port, request, sizeof request - 1);
    assert_int_equal(answer.status, 200);
    web_answer_free(&answer);
    close_all(&f);
}

static void without_a_token_no_breaker_is_changed(void **state)
{
    (void)state;
    struct fixture f;
    open_with(&f, NULL);
    assert_int_equal(status_of(f.port, "POST", "/breaker/force?state=disabled", NULL), 403);
    assert_int_equal(status_of(f.port, "POST", "/breaker/force?state=disabled", ""), 403);
    assert_int_equal(breaker_of(&f), HF_BREAKER_CLOSED);
    assert_int_equal(status_of(f.port, "GET", "/stats", NULL), 200);
    close_all(&f);
}

static void a_private_one_is_read_with_the_token_only(void **state)
{
    (void)state;
    static const char *const guarded[] = { "/stats", "/metrics", "/healthz" };
    static const char *const free_to_all[] = { "/", "/livez", "/readyz" };
    struct fixture           f;
    open_with(&f, &(struct hf_exporter_options){ .token = TOKEN, .is_private = true });
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(status_of(f.port, "GET", guarded[i], NULL), 401);
        assert_int_equal(status_of(f.port, "GET", guarded[i], "wrong"), 401);
        assert_int_equal(status_of(f.port, "GET", guarded[i], TOKEN), 200);
        assert_int_equal(status_of(f.port, "GET", free_to_all[i], NULL), 200);
    }
    close_all(&f);
}

/* ---- What cannot be ------------------------------------------------------------ */

static void what_cannot_be_opened_is_said_in_a_line(void **state)
{
    (void)state;
    static const char   bell[] = "a token with \a bell";
    struct hf_exporter *exporter, *other;
    struct hf_error     error = { 0 };
    assert_int_equal(hf_exporter_open(NULL, &exporter, NULL), HF_OK);
    struct hf_exporter_options how = { .port = hf_exporter_port(exporter) };
    assert_int_equal(hf_exporter_open(&how, &other, &error), HF_E_SYSTEM);
    assert_non_null(strstr(error.detail, "Address already in use"));
    how = (struct hf_exporter_options){ .host = "no such host." };
    assert_int_equal(hf_exporter_open(&how, &other, &error), HF_E_RESOLVE);
    how = (struct hf_exporter_options){ .token = "short" };
    assert_int_equal(hf_exporter_open(&how, &other, &error), HF_E_INVALID);
    assert_string_equal(error.detail, "exporter: a token of 5 bytes; it must have 16 to 256");
    how = (struct hf_exporter_options){ .token = bell };
    assert_int_equal(hf_exporter_open(&how, &other, &error), HF_E_INVALID);
    assert_null(strstr(error.detail, "with")); /* Nothing of the token itself. */
    how = (struct hf_exporter_options){ .is_private = true };
    assert_int_equal(hf_exporter_open(&how, &other, &error), HF_E_INVALID);
    hf_exporter_close(exporter);
    hf_exporter_close(NULL);
}

static void names_are_checked(void **state)
{
    (void)state;
    struct fixture f;
    char           name[HF_EXPORTER_NAME_MAX + 2];
    open_with(&f, NULL);
    assert_int_equal(hf_exporter_add(f.exporter, "one", f.client), HF_E_INVALID);
    assert_int_equal(hf_exporter_add(f.exporter, "", f.client), HF_E_INVALID);
    assert_int_equal(hf_exporter_add(f.exporter, "\xff", f.client), HF_E_INVALID);
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(hf_exporter_add(f.exporter, name, f.client), HF_E_TOO_LARGE);
    for (int i = 1; i < HF_EXPORTER_CLIENTS_MAX; i++) {
        snprintf(name, sizeof name, "client %d", i);
        assert_int_equal(hf_exporter_add(f.exporter, name, f.client), HF_OK);
    }
    assert_int_equal(hf_exporter_add(f.exporter, "one more", f.client), HF_E_TOO_LARGE);
    hf_exporter_remove(f.exporter, f.client);
    json_t *json = json_of(f.port, "/stats");
    assert_int_equal(json_array_size(json_object_get(json, "clients")), 0);
    json_decref(json);
    close_all(&f);
}

static void garbage_is_refused_and_harms_nobody(void **state)
{
    (void)state;
    static const char *const garbage[] = {
        "\r\n\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        "*1\r\n$4\r\nPING\r\n\r\n",
        "POST /stats HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /stats HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    };
    struct fixture f;
    open_with(&f, NULL);
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        struct web_answer answer = web_send(f.port, garbage[i], strlen(garbage[i]));
        if (answer.status) assert_in_range(answer.status, 400, 505);
        web_answer_free(&answer);
    }
    close_all(&f);
}

static void who_says_nothing_is_sent_away(void **state)
{
    (void)state;
    struct fixture f;
    char           byte;
    open_with(&f, NULL);
    const int fd = web_connect(f.port);
    assert_int_equal(recv(fd, &byte, 1, 0), 0); /* Waits until the other side ends it. */
    (void)close(fd);
    close_all(&f);
}

static void a_request_too_large_is_refused(void **state)
{
    (void)state;
    enum { SIZE = 64 * 1024 };
    struct fixture f;
    char          *request = malloc(SIZE + 1);
    assert_non_null(request);
    memset(request, 'x', SIZE);
    memcpy(request, "GET /", 5);
    open_with(&f, NULL);
    struct web_answer answer = web_send(f.port, request, SIZE);
    if (answer.status) assert_in_range(answer.status, 400, 431);
    web_answer_free(&answer);
    memcpy(request, "GET / HTTP/1.1\r\nHost: x\r\nX: ", 29);
    answer = web_send(f.port, request, SIZE);
    if (answer.status) assert_in_range(answer.status, 400, 431);
    web_answer_free(&answer);
    assert_true(says(f.port, "/livez", "ok\n"));
    free(request);
    close_all(&f);
}

enum { SILENT = 1000 };

static void a_thousand_silent_connections_keep_nobody_out(void **state)
{
    (void)state;
    static int     fds[SILENT];
    struct fixture f;
    open_with(&f, NULL);
    for (int i = 0; i < SILENT; i++) {
        fds[i] = web_connect(f.port);
        if (i % 2 && fds[i] >= 0) (void)!send(fds[i], "GET /st", 7, MSG_NOSIGNAL);
        if (i % 100 == 0) assert_true(says(f.port, "/livez", "ok\n"));
    }
    for (int i = 0; i < 100; i++) assert_true(says(f.port, "/livez", "ok\n"));
    for (int i = 0; i < SILENT; i++) {
        if (fds[i] >= 0) (void)close(fds[i]);
    }
    assert_true(says(f.port, "/livez", "ok\n"));
    close_all(&f);
}

static void a_child_may_close_what_it_inherited(void **state)
{
    (void)state;
    struct fixture f;
    int            status;
    open_with(&f, NULL);
    const pid_t child = fork_at_rest();
    if (child == 0) {
        hf_exporter_close(f.exporter);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_true(says(f.port, "/livez", "ok\n"));
    close_all(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_served_while_the_server_hangs),
        cmocka_unit_test(only_known_paths_and_methods_are_answered),
        cmocka_unit_test(without_memory_an_answer_is_whole_or_none),
        cmocka_unit_test(readiness_follows_the_rule_of_each_client),
        cmocka_unit_test(one_that_never_connected_is_not_ready_where_that_is_asked),
        cmocka_unit_test(a_breaker_is_changed_with_the_token_only),
        cmocka_unit_test(a_slip_in_an_argument_does_not_change_all_breakers),
        cmocka_unit_test(the_scheme_of_a_token_is_read_in_any_case),
        cmocka_unit_test(without_a_token_no_breaker_is_changed),
        cmocka_unit_test(a_private_one_is_read_with_the_token_only),
        cmocka_unit_test(what_cannot_be_opened_is_said_in_a_line),
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(garbage_is_refused_and_harms_nobody),
        cmocka_unit_test(who_says_nothing_is_sent_away),
        cmocka_unit_test(a_request_too_large_is_refused),
        cmocka_unit_test(a_thousand_silent_connections_keep_nobody_out),
        cmocka_unit_test(a_child_may_close_what_it_inherited),
    };
    return RUN_TESTS(tests);
}
