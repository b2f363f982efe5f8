#include "support/scenario.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

/* Scenario 4: many threads share few connections; slow and large calls get some of their own,
 * within max_connections; all go back. (What lies idle for a minute is closed:
 * fault/test_pool_long.c.) */

enum { THREADS = 16, CONNECTIONS = 5, OUR_OWN = 4, LARGE = 256 * 1024 };

static char large[LARGE];

static void fetch_large(struct scenario *s)
{
    struct hf_reply     *reply;
    const struct hf_call call = { .expect_large = true, .timeout = hf_seconds(2) };
    struct hf_bytes      got;
    const hf_instant     from = hf_now();
    const hf_err         err = client_ask(s->client, &call, &reply, "GET", "large", NULL);
    if (scenario_saw(s, from, call.timeout, err)) return;
    if (hf_reply_bytes(reply, &got) || got.size != LARGE) atomic_fetch_add(&s->wrong, 1);
    hf_reply_free(reply);
}

static void wait_for_work(struct scenario *s, unsigned thread)
{
    char                 queue[32];
    struct hf_reply     *reply;
    const struct hf_call call = { .blocking = true, .timeout = hf_seconds(2) };
    snprintf(queue, sizeof queue, "empty:%u", thread);
    const hf_instant from = hf_now();
    const hf_err     err = client_ask(s->client, &call, &reply, "BLPOP", queue, "0.02", NULL);
    if (!scenario_saw(s, from, call.timeout, err)) hf_reply_free(reply);
}

static void write_and_read(struct scenario *s, unsigned thread, uint64_t turn)
{
    char key[32], value[32], read[32] = "";
    snprintf(key, sizeof key, "own:%u", thread);
    snprintf(value, sizeof value, "%u:%llu", thread, (unsigned long long)turn);
    if (scenario_set(s, key, value) || scenario_get(s, key, read, sizeof read)) return;
    if (strcmp(read, value) != 0) atomic_fetch_add(&s->wrong, 1); /* Another's reply. */
}

static void share_connections(struct scenario *s, unsigned thread, uint64_t turn)
{
    switch (thread % 8) {
    case 0: fetch_large(s); break;
    case 1: wait_for_work(s, thread); break;
    default: write_and_read(s, thread, turn);
    }
}

static bool is_idle(void *scenario)
{
    struct hf_health health;
    hf_health_get(((struct scenario *)scenario)->client, &health);
    return health.connections_leased == 0 && health.calls_under_way == 0;
}

static void many_threads_share_few_connections(void **state)
{
    (void)state;
    static const char *const options[] = { "max_connections", "5", NULL };
    struct scenario          s;
    struct hf_health         health;
    long long                most = 0;
    scenario_open(&s, &(struct scenario_setup){ .options = options });
    memset(large, 'x', sizeof large - 1);
    redis_server_do(s.server, "SET large %b", large, sizeof large);

    scenario_start(&s, THREADS, share_connections);
    for (int look = 0; look < 30; look++) {
        scenario_play(hf_ms(50));
        hf_health_get(s.client, &health);
        assert_true(health.connections_open <= CONNECTIONS);
        const long long now = redis_server_info(s.server, "connected_clients");
        if (now > most) most = now;
    }
    scenario_stop(&s);
    printf("  at most %lld connections, the test's own included\n", most);
    assert_true(most > 2); /* It grew. */
    assert_true(most <= CONNECTIONS + OUR_OWN);
    assert_int_equal(scenario_count(&s, HF_CATEGORY_LOST), 0);
    assert_true(scenario_count(&s, HF_CATEGORY_NONE) > 1000);
    assert_true(wait_until(is_idle, &s, hf_seconds(10)));
    scenario_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_threads_share_few_connections),
    };
    return RUN_TESTS(tests);
}
