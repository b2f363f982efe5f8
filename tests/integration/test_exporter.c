#include "support/client_kit.h"
#include "support/redis_server.h"
#include "support/test.h"

#include <arpa/inet.h>
#include <holdfast/exporter.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_MAX = 256 * 1024 };

static char answer[ANSWER_MAX];

/* What the exporter says to that request, in answer; until it hangs up. */
static void ask(const struct hf_exporter *exporter, const char *request)
{
    const struct sockaddr_in to = { .sin_family = AF_INET,
                                    .sin_port = htons(hf_exporter_port(exporter)),
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    size_t                   size = 0;
    ssize_t                  part;
    const int                fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
    while (size < ANSWER_MAX - 1 &&
           (part = recv(fd, answer + size, ANSWER_MAX - 1 - size, 0)) > 0) {
        size += (size_t)part;
    }
    answer[size] = '\0';
    (void)close(fd);
}

static void get(const struct hf_exporter *exporter, const char *path)
{
    char request[256];
    snprintf(request, sizeof request,
             "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
    ask(exporter, request);
}

static json_t *stats_of(const struct hf_exporter *exporter)
{
    get(exporter, "/stats");
    json_t *json = json_loads(strstr(answer, "\r\n\r\n") + 4, 0, NULL);
    assert_non_null(json);
    return json;
}

static void the_page_and_its_numbers_are_served(void **state)
{
    (void)state;
    struct redis_server *server = redis_server_open(NULL);
    struct hf_exporter  *exporter;
    struct hf_client    *client = client_open_ready(redis_server_unix_url(server), NULL);
    assert_int_equal(hf_exporter_open(NULL, &exporter, NULL), HF_OK);
    assert_int_equal(hf_exporter_add(exporter, "one", client), HF_OK);
    assert_int_equal(hf_exporter_add(exporter, "one", client), HF_E_INVALID);

    get(exporter, "/livez");
    assert_non_null(strstr(answer, " 200 "));
    get(exporter, "/");
    assert_non_null(strstr(answer, "<!doctype html>"));
    get(exporter, "/nowhere");
    assert_non_null(strstr(answer, " 404 "));

    redis_server_pause(server); /* No answer waits for Redis. */
    json_t       *json = stats_of(exporter);
    const json_t *shown = json_array_get(json_object_get(json, "clients"), 0);
    assert_string_equal(json_string_value(json_object_get(shown, "name")), "one");
    assert_true(json_is_object(json_object_get(shown, "health")));
    json_decref(json);
    redis_server_resume(server);

    hf_exporter_remove(exporter, client);
    json = stats_of(exporter);
    assert_int_equal(json_array_size(json_object_get(json, "clients")), 0);
    json_decref(json);
    hf_exporter_close(exporter);
    hf_client_close(client);
    redis_server_close(server);
}

static void a_port_in_use_is_said(void **state)
{
    (void)state;
    struct hf_exporter *exporter, *other;
    struct hf_error     error = { 0 };
    assert_int_equal(hf_exporter_open(NULL, &exporter, NULL), HF_OK);
    const struct hf_exporter_options same = { .port = hf_exporter_port(exporter) };
    assert_int_equal(hf_exporter_open(&same, &other, &error), HF_E_SYSTEM);
    assert_non_null(strstr(error.detail, "Address already in use"));
    hf_exporter_close(exporter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_and_its_numbers_are_served),
        cmocka_unit_test(a_port_in_use_is_said),
    };
    return RUN_TESTS(tests);
}
