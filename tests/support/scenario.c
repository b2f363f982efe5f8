#include "support/scenario.h"

#include "support/die.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SETTLE_S = 10, PACE_MS = 1 };

/* ---- Setting up ---------------------------------------------------------------- */

static struct hf_client *open_client(struct scenario *s, const char *const *options)
{
    struct hf_options *all;
    struct hf_client  *client;
    struct hf_error    error;
    const char        *url = redis_server_unix_url(s->server);
    if (redis_server_port(s->server)) url = redis_server_tcp_url(s->server);
    if (s->proxy) url = fault_proxy_url(s->proxy);

    if (hf_options_open(&all)) die("no memory for options");
    if (hf_options_set(all, "url", url, &error)) die("%s", error.detail);
    if (hf_options_set(all, "socket_timeout", "0.1", &error)) die("%s", error.detail);
    for (; options && *options; options += 2) {
        if (hf_options_set(all, options[0], options[1], &error)) die("%s", error.detail);
    }
    hf_options_set_log(all, HF_LOG_SILENT, NULL, NULL);
    hf_options_set_allocator(all, &s->memory.base);
    if (hf_client_open(all, &client, &error)) die("%s", error.detail);
    hf_options_close(all);
    return client;
}

void scenario_open(struct scenario *s, const struct scenario_setup *setup)
{
    struct hf_cache_options cache = setup->cache;
    struct hf_error         error;
    if (!cache.key_prefix) cache.key_prefix = "s";

    *s = (struct scenario){ .before = leaks_count() };
    counting_allocator_init(&s->memory);
    s->canary = canary_open();
    s->server = redis_server_open(&setup->server);
    if (setup->proxy) {
        s->proxy = setup->server.tcp ? fault_proxy_start_tcp(redis_server_port(s->server))
                                     : fault_proxy_start(redis_server_socket(s->server));
    }
    s->client = open_client(s, setup->options);
    if (hf_client_wait_ready(s->client, hf_seconds(20), &error)) die("%s", error.detail);
    if (hf_cache_open(s->client, &cache, &s->cache, &error)) die("%s", error.detail);
}

/* ---- What was seen ------------------------------------------------------------- */

static void raise_to(_Atomic int64_t *worst, int64_t value)
{
    int64_t known = atomic_load(worst);
    while (value > known && !atomic_compare_exchange_weak(worst, &known, value)) {
    }
}

hf_err scenario_saw(struct scenario *s, hf_instant from, hf_duration timeout, hf_err err)
{
    const hf_instant to = hf_now();
    const int64_t    own = canary_own_delay().ns;
    atomic_fetch_add(&s->seen[hf_err_category(err)], 1);
    if (hf_between(from, to).ns > timeout.ns) {
        const int64_t late = canary_worst_delay(s->canary, from, to).ns;
        const int64_t machine = late > own ? late : own;
        raise_to(&s->worst_overrun_ns, hf_between(from, to).ns - machine - timeout.ns);
    }
    return err;
}

long scenario_count(struct scenario *s, enum hf_category category)
{
    return atomic_load(&s->seen[category]);
}

static void print_what_was_seen(struct scenario *s)
{
    printf("  the application saw: %ld served", scenario_count(s, HF_CATEGORY_NONE));
    for (enum hf_category c = HF_CATEGORY_USAGE; c <= HF_CATEGORY_REPLY; c++) {
        if (s->seen[c]) printf(", %ld %s", scenario_count(s, c), hf_category_name(c));
    }
    printf("; worst overrun %.1f ms, slowest recovery %.1f ms\n",
           (double)s->worst_overrun_ns / 1e6, (double)s->worst_recovery_ns / 1e6);
}

void scenario_close(struct scenario *s)
{
    print_what_was_seen(s);
    hf_cache_close(s->cache);
    hf_client_close(s->client);
    fault_proxy_close(s->proxy);
    redis_server_close(s->server);
    canary_close(s->canary);
    assert_int_equal(s->wrong, 0);
    assert_true(s->worst_overrun_ns <= hf_ms(SCENARIO_OVERRUN_MAX_MS).ns);
    assert_int_equal(s->memory.blocks, 0);
    assert_true(leaks_settle(&s->before));
}

/* ---- The crowd ----------------------------------------------------------------- */

static bool always(void *ctx)
{
    (void)ctx;
    return true;
}

void scenario_play(hf_duration span)
{
    (void)stays_true(always, NULL, span);
}

struct place {
    struct scenario *scenario;
    unsigned         number;
};

static void *take_turns(void *ctx)
{
    const struct place place = *(struct place *)ctx;
    free(ctx);
    for (uint64_t turn = 0; !atomic_load(&place.scenario->stops); turn++) {
        place.scenario->turn(place.scenario, place.number, turn);
        scenario_play(hf_ms(PACE_MS));
    }
    return NULL;
}

void scenario_start(struct scenario *s, unsigned threads, scenario_turn_fn turn)
{
    assert_true(s->threads_count == 0 && threads <= SCENARIO_THREADS_MAX);
    s->turn = turn;
    s->threads_count = threads;
    atomic_store(&s->stops, false);
    for (unsigned i = 0; i < threads; i++) {
        struct place *place = malloc(sizeof *place);
        if (!place) die("no memory for a thread");
        *place = (struct place){ s, i };
        if (pthread_create(&s->threads[i], NULL, take_turns, place)) die("no thread");
    }
}

void scenario_stop(struct scenario *s)
{
    atomic_store(&s->stops, true);
    for (unsigned i = 0; i < s->threads_count; i++) pthread_join(s->threads[i], NULL);
    s->threads_count = 0;
}

/* ---- Calls --------------------------------------------------------------------- */

hf_err scenario_get(struct scenario *s, const char *key, char *text, size_t size)
{
    struct hf_reply *reply;
    const hf_instant from = hf_now();
    const hf_err     err = client_ask(s->client, NULL, &reply, "GET", key, NULL);
    (void)scenario_saw(s, from, hf_ms(SCENARIO_TIMEOUT_MS), err);
    if (err) return err;

    struct hf_bytes found;
    const bool      is_there = hf_reply_bytes(reply, &found) == HF_OK;
    if (is_there) snprintf(text, size, "%.*s", (int)found.size, (const char *)found.data);
    hf_reply_free(reply);
    return is_there ? HF_OK : HF_MISS;
}

hf_err scenario_set(struct scenario *s, const char *key, const char *value)
{
    const hf_instant from = hf_now();
    return scenario_saw(s, from, hf_ms(SCENARIO_TIMEOUT_MS),
                        client_do(s->client, "SET", key, value, NULL));
}

hf_err scenario_cache_expect(struct scenario *s, const char *key, const char *value)
{
    struct hf_value *found;
    const hf_instant from = hf_now();
    const hf_err     err = hf_cache_get(s->cache, NULL, hf_str(key), &found, NULL);
    (void)scenario_saw(s, from, hf_ms(SCENARIO_TIMEOUT_MS), err);
    if (err) return err;

    const struct hf_bytes data = hf_value_data(found);
    const bool same = data.size == strlen(value) && memcmp(data.data, value, data.size) == 0;
    if (!same) atomic_fetch_add(&s->wrong, 1);
    hf_value_release(found);
    return HF_OK;
}

hf_err scenario_cache_set(struct scenario *s, const char *key, const char *value)
{
    const hf_instant from = hf_now();
    return scenario_saw(s, from, hf_ms(SCENARIO_TIMEOUT_MS),
                        hf_cache_set(s->cache, NULL, hf_str(key), hf_str(value), NULL, NULL));
}

/* ---- Recovery ------------------------------------------------------------------ */

bool scenario_is_up(void *scenario)
{
    struct hf_health health;
    hf_health_get(((struct scenario *)scenario)->client, &health);
    return health.status == HF_STATUS_UP && health.breaker.state == HF_BREAKER_CLOSED;
}

bool scenario_is_open(void *scenario)
{
    struct hf_health health;
    hf_health_get(((struct scenario *)scenario)->client, &health);
    return health.breaker.state == HF_BREAKER_OPEN;
}

static bool is_served(void *scenario)
{
    struct scenario *s = scenario;
    const hf_instant from = hf_now();
    return scenario_saw(s, from, hf_ms(SCENARIO_TIMEOUT_MS),
                        client_do(s->client, "GET", "recovery", NULL)) == HF_OK;
}

void scenario_expect_recovery(struct scenario *s, hf_instant back)
{
    assert_true(wait_until(is_served, s, hf_seconds(SETTLE_S)));
    const hf_instant served = hf_now();
    const int64_t    late = canary_worst_delay(s->canary, back, served).ns;
    const int64_t    took = hf_between(back, served).ns - late;
    raise_to(&s->worst_recovery_ns, took);
    assert_true(took <= hf_ms(SCENARIO_RECOVERY_MAX_MS).ns);
    assert_true(wait_until(scenario_is_up, s, hf_seconds(SETTLE_S)));
}
