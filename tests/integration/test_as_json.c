#include "support/client_kit.h"
#include "support/redis_server.h"
#include "support/test.h"

#include <holdfast/health.h>
#include <holdfast/stats.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 64 * 1024 };

struct fixture {
    struct redis_server *server;
    struct hf_client    *client;
    char                 text[ROOM];
    size_t               length;
};

static void open_all(struct fixture *f)
{
    f->server = redis_server_open(NULL);
    f->client = client_open_ready(redis_server_unix_url(f->server), NULL);
    assert_int_equal(client_do(f->client, "SET", "k", "v", NULL), HF_OK);
}

static void close_all(struct fixture *f)
{
    hf_client_close(f->client);
    redis_server_close(f->server);
}

static json_t *parse(const struct fixture *f)
{
    json_t *json = json_loadb(f->text, f->length, JSON_REJECT_DUPLICATES, NULL);
    assert_int_equal(strlen(f->text), f->length);
    assert_non_null(json);
    return json;
}

static void every_number_of_health_is_in_it(void **state)
{
    (void)state;
    struct fixture                 f;
    struct hf_health               health;
    const struct hf_health_number *row;
    open_all(&f);
    assert_int_equal(hf_health_json(f.client, f.text, sizeof f.text, &f.length), HF_OK);
    hf_health_get(f.client, &health);
    json_t *json = parse(&f);
    for (size_t i = 0; (row = hf_health_number_at(i)); i++) {
        const json_t *value = json_object_get(json, row->name);
        assert_true(json_is_integer(value));
        assert_int_equal(json_integer_value(value), hf_health_number(&health, i));
    }
    assert_string_equal(json_string_value(json_object_get(json, "status")), "up");
    assert_true(json_is_object(json_object_get(json, "breaker")));
    assert_int_equal(health.retries_left, 100);
    assert_int_equal(hf_health_number(&health, SIZE_MAX), 0);
    json_decref(json);
    close_all(&f);
}

static void every_statistic_and_latency_is_in_it(void **state)
{
    (void)state;
    struct fixture             f;
    const struct hf_stat_info *row;
    open_all(&f);
    assert_int_equal(hf_stats_json(f.client, f.text, sizeof f.text, &f.length), HF_OK);
    json_t       *json = parse(&f);
    const json_t *stats = json_object_get(json, "stats");
    const json_t *latency = json_object_get(json, "latency");
    for (size_t i = 0; (row = hf_stat_at(i)); i++) {
        assert_true(json_is_integer(json_object_get(stats, row->name)));
    }
    assert_int_equal(json_integer_value(json_object_get(stats, "calls_ok")), 1);
    for (enum hf_latency_of what = 0; what < HF_LATENCY_COUNT; what++) {
        const json_t *one = json_object_get(latency, hf_latency_name(what));
        assert_int_equal(json_array_size(json_object_get(one, "buckets")),
                         HF_LATENCY_BUCKETS);
    }
    assert_true(json_is_array(json_object_get(json, "slow_calls")));
    json_decref(json);
    close_all(&f);
}

static void what_does_not_fit_is_not_cut(void **state)
{
    (void)state;
    struct fixture f;
    size_t         whole, length = 0;
    open_all(&f);
    assert_int_equal(hf_health_json(f.client, f.text, sizeof f.text, &whole), HF_OK);
    strcpy(f.text, "as it was");
    assert_int_equal(hf_health_json(f.client, f.text, 20, &length), HF_E_TOO_LARGE);
    assert_string_equal(f.text, "as it was");
    assert_in_range(length, whole - 200, whole + 200); /* Ages change. */
    assert_int_equal(hf_stats_json(f.client, NULL, 0, &length), HF_E_TOO_LARGE);
    assert_in_range(length, 1000, ROOM);
    close_all(&f);
}

/* The longest that there can be. */
static void a_full_history_and_full_slow_calls_have_the_room_that_is_promised(void **state)
{
    (void)state;
    struct fixture f;
    open_all(&f);
    for (int i = 0; i < HF_BREAKER_HISTORY_MAX; i++) {
        assert_int_equal(hf_health_force_breaker(f.client, HF_BREAKER_FORCED_OPEN), HF_OK);
        hf_health_reset_breaker(f.client);
    }
    assert_int_equal(hf_health_json(f.client, f.text, 16 * 1024, &f.length), HF_OK);
    const struct hf_call brief = { .timeout = hf_ms(2) };
    struct hf_reply     *reply;
    redis_server_pause(f.server);
    for (int i = 0; i < 4 * HF_SLOW_CALLS; i++) {
        (void)!client_ask(f.client, &brief, &reply, "A-COMMAND-OF-A-LONG-NAME", "k", NULL);
        hf_health_reset_breaker(f.client);
    }
    assert_int_equal(hf_stats_json(f.client, f.text, 64 * 1024, &f.length), HF_OK);
    redis_server_resume(f.server);
    close_all(&f);
}

/* ---- Memory that runs out ------------------------------------------------------ */

static size_t allowed; /* Allocations until the next fails, and all after it. */

static void *allocate(size_t size)
{
    if (allowed == 0) return NULL;
    allowed--;
    return malloc(size);
}

typedef hf_err (*json_fn)(struct fixture *f);

static hf_err health_of(struct fixture *f)
{
    return hf_health_json(f->client, f->text, sizeof f->text, &f->length);
}

static hf_err stats_of(struct fixture *f)
{
    return hf_stats_json(f->client, f->text, sizeof f->text, &f->length);
}

/* Fewer commas, fewer members. */
static size_t commas(const char *text)
{
    size_t count = 0;
    for (; *text; text++) count += *text == ',';
    return count;
}

static void starve(struct fixture *f, json_fn json)
{
    assert_int_equal(json(f), HF_OK);
    const size_t members = commas(f->text);
    hf_err       err = HF_E_NOMEM;
    for (size_t i = 0; err; i += 1 + i / 50) {
        strcpy(f->text, "as it was");
        json_set_alloc_funcs(allocate, free);
        allowed = i;
        err = json(f);
        json_set_alloc_funcs(malloc, free);
        assert_true(err == HF_OK || err == HF_E_NOMEM);
        if (err) assert_string_equal(f->text, "as it was");
    }
    assert_int_equal(commas(f->text), members);
}

static void without_memory_for_all_of_it_there_is_nothing(void **state)
{
    (void)state;
    struct fixture f;
    open_all(&f);
    assert_int_equal(hf_health_force_breaker(f.client, HF_BREAKER_METRICS_ONLY), HF_OK);
    starve(&f, health_of);
    starve(&f, stats_of);
    close_all(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_of_health_is_in_it),
        cmocka_unit_test(every_statistic_and_latency_is_in_it),
        cmocka_unit_test(what_does_not_fit_is_not_cut),
        cmocka_unit_test(a_full_history_and_full_slow_calls_have_the_room_that_is_promised),
        cmocka_unit_test(without_memory_for_all_of_it_there_is_nothing),
    };
    return RUN_TESTS(tests);
}
