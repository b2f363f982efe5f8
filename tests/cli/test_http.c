/* One question over HTTP: what a server may answer, and what it may not do to who asked. */

#include "http.h"
#include "support/test.h"

#include <arpa/inet.h>
#include <holdfast/time.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- What came ----------------------------------------------------------------- */

static const char *parse(const char *text, struct http_answer *answer)
{
    /* In a block of just that size, so that a sanitizer sees a byte too far. */
    const size_t size = strlen(text);
    char        *bytes = malloc(size ? size : 1);
    memcpy(bytes, text, size);
    *answer = (struct http_answer){ 0 };
    const char *wrong = http_parse(bytes, size, answer);
    free(bytes);
    return wrong;
}

static void check(const char *text, int status, const char *body)
{
    struct http_answer answer;
    assert_null(parse(text, &answer));
    assert_int_equal(answer.status, status);
    assert_string_equal(answer.body, body);
    assert_int_equal(answer.body_size, strlen(body));
    http_answer_free(&answer);
}

static void refuse(const char *text)
{
    struct http_answer answer;
    assert_non_null(parse(text, &answer));
    assert_null(answer.body);
}

static void a_body_ends_where_its_header_says_or_with_the_connection(void **state)
{
    (void)state;
    check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, "{}");
    check("HTTP/1.1 200 OK\r\ncontent-length:  2 \r\n\r\n{}more", 200, "{}");
    check("HTTP/1.0 404 Not Found\r\n\r\ngone", 404, "gone");
    check("HTTP/1.1 204 No Content\r\n\r\n", 204, "");
}

static void chunks_are_put_together(void **state)
{
    (void)state;
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    check(CHUNKED "2\r\n{\"\r\n4;x=y\r\na\":1\r\n1\r\n}\r\n0\r\n\r\n", 200, "{\"a\":1}");
    check(CHUNKED "0\r\n\r\n", 200, "");
    refuse(CHUNKED "5\r\nab");
    refuse(CHUNKED "2\r\nab");
    refuse(CHUNKED "2\r\nab\r\n");
    refuse(CHUNKED "zz\r\nab\r\n0\r\n\r\n");
    refuse(CHUNKED "-2\r\nab\r\n0\r\n\r\n");
    refuse(CHUNKED "\n\n\n\n");
    refuse(CHUNKED "ffffffffffffffff\r\nab\r\n0\r\n\r\n");
    refuse(CHUNKED "fffffffffffffffffffffffffff\r\nab\r\n0\r\n\r\n");
    refuse(CHUNKED);
}

static void what_is_cut_or_no_http_is_refused(void **state)
{
    (void)state;
    refuse("");
    refuse("\r\n\r\n");
    refuse("SSH-2.0-OpenSSH_9.2\r\n\r\n");
    refuse("-ERR unknown command\r\n\r\n");
    refuse("HTTP/1.1 200 OK\r\n");
    refuse("HTTP/1.1 20 OK\r\n\r\n");
    refuse("HTTP/2 200\r\n\r\n");
    refuse("HTTP/1.1 abc\r\n\r\n");
    refuse("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}");
    refuse("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}");
    refuse("HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n{}");
    refuse("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n{}");
}

static void every_beginning_of_an_answer_is_refused_or_whole(void **state)
{
    (void)state;
    static const char whole[] = CHUNKED "3\r\nabc\r\n0\r\n\r\n";
    for (size_t size = 0; size < sizeof whole - 1; size++) {
        struct http_answer answer = { 0 };
        char              *bytes = malloc(size ? size : 1);
        memcpy(bytes, whole, size);
        if (!http_parse(bytes, size, &answer)) assert_string_equal(answer.body, "abc");
        http_answer_free(&answer);
        free(bytes);
    }
}

/* ---- The wire ------------------------------------------------------------------ */

/* Answers one connection, and then no more. */
struct server {
    int         fd;
    char        port[8];
    const char *answer;
    size_t      endless; /* Bytes of padding behind the answer. */
    bool        stays;   /* Says its answer and does not close. */
    char        asked[1024];
    pthread_t   thread;
};

static void *serve(void *ctx)
{
    static const char padding[64 * 1024];
    struct server    *s = ctx;
    const int         fd = accept(s->fd, NULL, NULL);
    const ssize_t     n = recv(fd, s->asked, sizeof s->asked - 1, 0);
    s->asked[n > 0 ? n : 0] = '\0';
    (void)!send(fd, s->answer, strlen(s->answer), MSG_NOSIGNAL);
    while (s->endless > 0 && send(fd, padding, sizeof padding, MSG_NOSIGNAL) > 0) {
        s->endless -= sizeof padding;
    }
    while (s->stays && recv(fd, s->asked + n, 1, 0) > 0) {
    }
    close(fd);
    return NULL;
}

static void start(struct server *s, const char *answer)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t          size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->answer = answer;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(s->fd, 4), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&address, &size), 0);
    snprintf(s->port, sizeof s->port, "%u", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void stop(struct server *s)
{
    pthread_join(s->thread, NULL);
    close(s->fd);
}

static bool ask(struct server *s, struct http_answer *answer, char why[200])
{
    const struct http_question q = { .host = "127.0.0.1",
                                     .port = s->port,
                                     .method = "GET",
                                     .path = "/stats",
                                     .token = "secret",
                                     .seconds = 1 };
    return http_ask(&q, answer, why, 200);
}

static void a_question_carries_its_token_and_wants_the_connection_closed(void **state)
{
    (void)state;
    struct server      s = { 0 };
    struct http_answer answer;
    char               why[200];
    start(&s, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    assert_true(ask(&s, &answer, why));
    stop(&s);
    assert_string_equal(answer.body, "{}");
    http_answer_free(&answer);
    assert_ptr_equal(strstr(s.asked, "GET /stats HTTP/1.1\r\nHost: 127.0.0.1:"), s.asked);
    assert_non_null(strstr(s.asked, "\r\nAuthorization: Bearer secret\r\n"));
    assert_non_null(strstr(s.asked, "\r\nConnection: close\r\n"));
}

static void who_says_nothing_more_is_waited_for_in_vain_but_not_long(void **state)
{
    (void)state;
    struct server      s = { .stays = true };
    struct http_answer answer;
    char               why[200];
    start(&s, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}");
    const hf_instant before = hf_now();
    assert_false(ask(&s, &answer, why));
    assert_true(hf_between(before, hf_now()).ns < hf_seconds(20).ns);
    stop(&s);
    assert_string_equal(why, "no answer in time");
}

static void an_answer_without_an_end_is_refused(void **state)
{
    (void)state;
    struct server      s = { .endless = (size_t)1 << 30 };
    struct http_answer answer;
    char               why[200];
    start(&s, "HTTP/1.1 200 OK\r\n\r\n");
    assert_false(ask(&s, &answer, why));
    stop(&s);
    assert_true(!strcmp(why, "the answer is too large") || !strcmp(why, "no answer in time"));
}

static void nobody_there_and_no_such_name_are_said(void **state)
{
    (void)state;
    struct server      s = { .port = "1" };
    struct http_answer answer;
    char               why[200];
    assert_false(ask(&s, &answer, why));
    assert_string_equal(why, "Connection refused");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_ends_where_its_header_says_or_with_the_connection),
        cmocka_unit_test(chunks_are_put_together),
        cmocka_unit_test(what_is_cut_or_no_http_is_refused),
        cmocka_unit_test(every_beginning_of_an_answer_is_refused_or_whole),
        cmocka_unit_test(a_question_carries_its_token_and_wants_the_connection_closed),
        cmocka_unit_test(who_says_nothing_more_is_waited_for_in_vain_but_not_long),
        cmocka_unit_test(an_answer_without_an_end_is_refused),
        cmocka_unit_test(nobody_there_and_no_such_name_are_said),
    };
    return RUN_TESTS(tests);
}
