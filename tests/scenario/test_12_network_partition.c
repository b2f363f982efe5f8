#include "support/scenario.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

/* Scenario 12: the network swallows everything, or one direction of it, and heals. The
 * application goes on; and nothing that was given up on undoes what came after. */

static void call_on(struct scenario *s, unsigned thread, uint64_t turn)
{
    char key[32];
    snprintf(key, sizeof key, "k:%u", thread);
    if (turn % 2)
        (void)!scenario_cache_expect(s, key, key);
    else
        (void)!scenario_cache_set(s, key, key);
}

static void partition(struct scenario *s, enum fault_direction direction, bool keeps_bytes)
{
    const struct fault fault = { .kind = FAULT_BLACK_HOLE, .direction = direction };
    const uint64_t     id = fault_proxy_set(s->proxy, &fault);
    scenario_play(hf_ms(800));
    /* What was on its way is lost with the connections, or arrives now, all at once. */
    if (!keeps_bytes) fault_proxy_cut(s->proxy, 0, FAULT_CLOSE);
    fault_proxy_lift(s->proxy, id);
    scenario_expect_recovery(s, hf_now());
    scenario_play(hf_ms(300));
}

static void service_returns_after_each_partition(void **state)
{
    (void)state;
    struct scenario s;
    scenario_open(&s, &(struct scenario_setup){ .server = { .tcp = true }, .proxy = true });
    scenario_start(&s, 16, call_on);
    partition(&s, FAULT_BOTH_WAYS, false);
    partition(&s, FAULT_BOTH_WAYS, true);
    partition(&s, FAULT_TO_CLIENT, true);
    partition(&s, FAULT_TO_SERVER, true);
    scenario_stop(&s);
    assert_true(scenario_count(&s, HF_CATEGORY_NONE) > 500);
    scenario_close(&s);
}

static bool is_missing(void *scenario)
{
    char text[32];
    return scenario_get(scenario, "fenced", text, sizeof text) == HF_MISS;
}

/* A SET is swallowed, given up on, and kept by the network; its key is deleted over a new
 * connection, which is acknowledged; then the network delivers the SET after all. */
static void a_swallowed_write_does_not_undo_a_later_delete(void **state)
{
    (void)state;
    static const char *const options[] = { "breaker_threshold", "1", "retry_on_timeout", "no",
                                           NULL };
    for (int round = 0; round < 5; round++) {
        struct scenario s;
        char            text[32];
        scenario_open(&s, &(struct scenario_setup){
                              .server = { .tcp = true }, .proxy = true, .options = options });
        assert_int_equal(scenario_set(&s, "fenced", "old"), HF_OK);
        const struct fault swallow = { .kind = FAULT_BLACK_HOLE,
                                       .direction = FAULT_TO_SERVER,
                                       .connection = 1 };
        const uint64_t     id = fault_proxy_set(s.proxy, &swallow);
        assert_int_equal(scenario_set(&s, "fenced", "undead"), HF_E_TIMEOUT_SENT);
        const hf_instant end = hf_later(hf_now(), hf_seconds(10));
        hf_err           err;
        do {
            const hf_instant from = hf_now();
            err = scenario_saw(&s, from, hf_ms(SCENARIO_TIMEOUT_MS),
                               client_do(s.client, "DEL", "fenced", NULL));
            scenario_play(hf_ms(1));
        } while (err && hf_before(hf_now(), end));
        assert_int_equal(err, HF_OK);

        fault_proxy_lift(s.proxy, id);
        for (int look = 0; look < 20; look++) {
            assert_int_not_equal(scenario_get(&s, "fenced", text, sizeof text), HF_OK);
            scenario_play(hf_ms(1));
        }
        assert_true(wait_until(is_missing, &s, hf_seconds(10)));
        scenario_close(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(service_returns_after_each_partition),
        cmocka_unit_test(a_swallowed_write_does_not_undo_a_later_delete),
    };
    return RUN_TESTS(tests);
}
