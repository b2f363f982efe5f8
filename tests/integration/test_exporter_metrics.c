#include "support/client_kit.h"
#include "support/redis_server.h"
#include "support/test.h"
#include "support/web_client.h"

#include <holdfast/cache.h>
#include <holdfast/exporter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ODD "a \"quoted\" \\ and\nbroken name"

struct fixture {
    struct redis_server *server;
    struct hf_client    *client;
    struct hf_exporter  *exporter;
};

static void open_all(struct fixture *f)
{
    f->server = redis_server_open(NULL);
    f->client = client_open_ready(redis_server_unix_url(f->server), NULL);
    assert_int_equal(hf_exporter_open(NULL, &f->exporter, NULL), HF_OK);
    assert_int_equal(hf_exporter_add(f->exporter, "one", f->client), HF_OK);
    assert_int_equal(hf_exporter_add(f->exporter, ODD, f->client), HF_OK);
}

static void close_all(struct fixture *f)
{
    hf_exporter_close(f->exporter);
    hf_client_close(f->client);
    redis_server_close(f->server);
}

static struct web_answer metrics(const struct fixture *f)
{
    struct web_answer answer = web_ask(hf_exporter_port(f->exporter), "GET", "/metrics",
                                       NULL);
    assert_int_equal(answer.status, 200);
    return answer;
}

/* The value of the sample whose line begins so; -1: there is none. */
static double sample(const struct web_answer *answer, const char *series)
{
    char line[256];
    snprintf(line, sizeof line, "\n%s ", series);
    const char *at = strstr(answer->body, line);
    return at ? strtod(at + strlen(line), NULL) : -1;
}

static void use_cache(const struct fixture *f)
{
    const struct hf_cache_options how = { .key_prefix = "t" };
    struct hf_cache              *cache;
    struct hf_value              *value;
    assert_int_equal(hf_cache_open(f->client, &how, &cache, NULL), HF_OK);
    assert_int_equal(hf_cache_set(cache, NULL, hf_str("k"), hf_str("v"), NULL, NULL), HF_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(hf_cache_get(cache, NULL, hf_str("k"), &value, NULL), HF_OK);
        hf_value_release(value);
    }
    assert_int_equal(hf_cache_get(cache, NULL, hf_str("none"), &value, NULL), HF_MISS);
    assert_int_equal(client_do(f->client, "INCR", "no", "such", NULL), HF_E_REPLY);
    assert_int_equal(hf_cache_get(cache, NULL, hf_str(""), &value, NULL), HF_E_INVALID);
    hf_cache_close(cache);
}

static void what_happened_can_be_read(void **state)
{
    (void)state;
    struct fixture f;
    open_all(&f);
    use_cache(&f);
    struct web_answer now = metrics(&f);
    assert_non_null(strstr(now.head, "Content-Type: text/plain; version=0.0.4"));
    assert_true(sample(&now, "holdfast_cache_hits_total{client=\"one\"}") == 3);
    assert_true(sample(&now, "holdfast_cache_misses_total{client=\"one\"}") == 1);
    assert_true(sample(&now, "holdfast_errors_total{client=\"one\",category=\"reply\"}") ==
                1);
    assert_true(
        sample(&now, "holdfast_cache_errors_total{client=\"one\",category=\"usage\"}") == 1);
    assert_null(strstr(now.body, "holdfast_cache_errors_total{client=\"one\"}"));
    assert_true(sample(&now, "holdfast_up{client=\"one\"}") == 1);
    assert_true(sample(&now, "holdfast_status{client=\"one\",status=\"up\"}") == 1);
    assert_true(sample(&now, "holdfast_breaker_state{client=\"one\",state=\"closed\"}") == 1);
    assert_true(sample(&now, "holdfast_breaker_state{client=\"one\",state=\"open\"}") == 0);
    assert_true(sample(&now, "holdfast_operation_duration_seconds_count{client=\"one\","
                             "operation=\"cache_get\"}") == 4);
    web_answer_free(&now);
    close_all(&f);
}

static void bytes_are_counted_when_they_move(void **state)
{
    (void)state;
    enum { SIZE = 100000 };
    struct fixture  f;
    struct hf_stats stats;
    char           *value = malloc(SIZE + 1);
    open_all(&f);
    assert_non_null(value);
    memset(value, 'x', SIZE);
    value[SIZE] = '\0';
    assert_int_equal(client_do(f.client, "SET", "k", value, NULL), HF_OK);
    hf_stats_get(f.client, &stats);
    assert_true(stats.bytes_sent > SIZE);
    assert_true(stats.bytes_received < SIZE);
    assert_int_equal(client_do(f.client, "GET", "k", NULL), HF_OK);
    hf_stats_get(f.client, &stats);
    assert_true(stats.bytes_received > SIZE);
    free(value);
    close_all(&f);
}

static void odd_names_are_escaped(void **state)
{
    (void)state;
    struct fixture f;
    open_all(&f);
    struct web_answer now = metrics(&f);
    assert_true(
        sample(&now, "holdfast_up{client=\"a \\\"quoted\\\" \\\\ and\\nbroken name\"}") == 1);
    web_answer_free(&now);
    close_all(&f);
}

static void a_histogram_never_sinks_and_ends_at_its_count(void **state)
{
    (void)state;
    static const char *const bounds[] = { "1e-05",  "2e-05", "5e-05", "0.0001", "0.0002",
                                          "0.0005", "0.001", "0.002", "0.005",  "0.01",
                                          "0.02",   "0.05",  "0.1",   "0.2",    "0.5",
                                          "1",      "2",     "5",     "10",     "+Inf" };
    struct fixture           f;
    char                     series[160];
    double                   before = 0;
    open_all(&f);
    use_cache(&f);
    struct web_answer now = metrics(&f);
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        snprintf(series, sizeof series,
                 "holdfast_operation_duration_seconds_bucket{client=\"one\","
                 "operation=\"cache_get\",le=\"%s\"}",
                 bounds[i]);
        const double up_to = sample(&now, series);
        assert_true(up_to >= before);
        before = up_to;
    }
    assert_true(before == 4);
    web_answer_free(&now);
    close_all(&f);
}

static void promtool_finds_nothing_to_say(void **state)
{
    (void)state;
    struct fixture f;
    char           said[4096];
    open_all(&f);
    use_cache(&f);
    struct web_answer now = metrics(&f);
    char              path[] = "/tmp/holdfast-metrics.XXXXXX";
    const int         fd = mkstemp(path);
    FILE             *file = fdopen(fd, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(now.body, 1, now.body_size, file), now.body_size);
    assert_int_equal(fclose(file), 0);
    char command[128];
    snprintf(command, sizeof command, "promtool check metrics <%s 2>&1", path);
    FILE *promtool = popen(command, "r");
    assert_non_null(promtool);
    said[fread(said, 1, sizeof said - 1, promtool)] = '\0';
    const int status = pclose(promtool);
    (void)remove(path);
    assert_string_equal(said, "");
    assert_int_equal(status, 0);
    web_answer_free(&now);
    close_all(&f);
}

static void one_without_clients_says_what_it_is(void **state)
{
    (void)state;
    struct fixture f = { 0 };
    assert_int_equal(hf_exporter_open(NULL, &f.exporter, NULL), HF_OK);
    struct web_answer now = metrics(&f);
    assert_non_null(strstr(now.body, "holdfast_info{version=\""));
    web_answer_free(&now);
    close_all(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_happened_can_be_read),
        cmocka_unit_test(bytes_are_counted_when_they_move),
        cmocka_unit_test(odd_names_are_escaped),
        cmocka_unit_test(a_histogram_never_sinks_and_ends_at_its_count),
        cmocka_unit_test(promtool_finds_nothing_to_say),
        cmocka_unit_test(one_without_clients_says_what_it_is),
    };
    return RUN_TESTS(tests);
}
