#include "support/scenario.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

/* Scenario 10: many threads at once, and part of what they do fails, each in its own way. The
 * failures stay with those who made them. */

enum { THREADS = 20, ROLES = 5 };

static void write_and_read(struct scenario *s, unsigned thread, uint64_t turn)
{
    char key[32], value[32], read[32] = "";
    snprintf(key, sizeof key, "own:%u", thread);
    snprintf(value, sizeof value, "%llu", (unsigned long long)turn);
    if (scenario_set(s, key, value) || scenario_get(s, key, read, sizeof read)) return;
    if (strcmp(read, value) != 0) atomic_fetch_add(&s->wrong, 1);
}

static void expect(struct scenario *s, hf_instant from, hf_duration bound, hf_err err,
                   hf_err expected)
{
    (void)scenario_saw(s, from, bound, err);
    if (err != expected) atomic_fetch_add(&s->wrong, 1);
}

static void act(struct scenario *s, unsigned thread, uint64_t turn)
{
    const hf_duration    bound = hf_ms(SCENARIO_TIMEOUT_MS);
    const hf_instant     from = hf_now();
    const struct hf_call blocks = { .blocking = true, .timeout = hf_ms(30) };
    struct hf_reply     *reply;
    switch (thread % ROLES) {
    case 0:
        expect(s, from, bound, client_do(s->client, "INCR", "list", NULL), HF_E_WRONGTYPE);
        break;
    case 1: expect(s, from, bound, client_do(s->client, "NONSENSE", NULL), HF_E_REPLY); break;
    case 2: { /* Gives up while the server still holds its command. */
        const hf_err err = client_ask(s->client, &blocks, &reply, "BLPOP", "never", "0",
                                      NULL);
        (void)scenario_saw(s, from, blocks.timeout, err);
        if (err == HF_OK) atomic_fetch_add(&s->wrong, 1);
        break;
    }
    default: write_and_read(s, thread, turn);
    }
}

static void failures_stay_with_those_who_made_them(void **state)
{
    (void)state;
    struct scenario  s;
    struct hf_health health;
    scenario_open(&s, &(struct scenario_setup){ 0 });
    redis_server_do(s.server, "LPUSH list x");
    scenario_start(&s, THREADS, act);
    scenario_play(hf_seconds(2));
    scenario_stop(&s);
    assert_true(scenario_count(&s, HF_CATEGORY_REPLY) > 100);
    assert_true(scenario_count(&s, HF_CATEGORY_TIMEOUT) > 10);
    assert_true(scenario_count(&s, HF_CATEGORY_NONE) > 1000);
    hf_health_get(s.client, &health);
    printf("  breaker %s\n", hf_breaker_state_name(health.breaker.state));
    assert_true(wait_until(scenario_is_up, &s, hf_seconds(10)));
    scenario_close(&s);
}

static void all_fail_together_and_recover_together(void **state)
{
    (void)state;
    struct scenario s;
    scenario_open(&s, &(struct scenario_setup){ 0 });
    scenario_start(&s, THREADS, write_and_read);
    scenario_play(hf_ms(200));
    redis_server_kill(s.server);
    scenario_play(hf_ms(500));
    redis_server_restart(s.server);
    scenario_expect_recovery(&s, hf_now());
    scenario_play(hf_ms(200));
    scenario_stop(&s);
    scenario_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_stay_with_those_who_made_them),
        cmocka_unit_test(all_fail_together_and_recover_together),
    };
    return RUN_TESTS(tests);
}
