#include "support/scenario.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

/* Scenario 7: Redis cannot be reached at all. The application starts, is told why in time,
 * and is served as soon as somebody listens there. */

struct dead_end {
    const char *url;
    hf_err      why; /* What wait_ready says. */
};

static const struct dead_end dead_ends[] = {
    { "redis://no-such-host.invalid:6379/0", HF_E_RESOLVE },
    { "redis://127.0.0.1:1/0", HF_E_CONNECT },
    { "unix:///tmp/no-such-folder/s", HF_E_CONNECT },
    { "redis://0.0.0.0:1/0", HF_E_CONNECT },
};

static void check_call(struct scenario *s, struct hf_client *client)
{
    const hf_instant from = hf_now();
    const hf_err     err = scenario_saw(s, from, hf_ms(SCENARIO_TIMEOUT_MS),
                                        client_do(client, "GET", "k", NULL));
    assert_true(err != HF_OK && err != HF_MISS);
    assert_false(hf_err_outcome_unknown(err)); /* Nothing was ever sent. */
}

static void nobody_there_is_a_status_in_time(void **state)
{
    (void)state;
    struct scenario s;
    struct hf_error error;
    scenario_open(&s, &(struct scenario_setup){ 0 }); /* The canary and the books. */
    for (size_t i = 0; i < sizeof dead_ends / sizeof *dead_ends; i++) {
        const struct dead_end *end = &dead_ends[i];
        client_allocate_from(&s.memory.base);
        struct hf_client *client = client_open(end->url, "socket_timeout", "0.1", NULL);
        client_allocate_from(NULL);
        for (int call = 0; call < 20; call++) check_call(&s, client);

        const hf_err why = hf_client_wait_ready(client, hf_seconds(1), &error);
        if (why != end->why && why != HF_E_TIMEOUT) { /* A resolver may be slow to say no. */
            fail_msg("%s: %s", end->url, hf_err_name(why));
        }
        struct hf_health health;
        hf_health_get(client, &health);
        assert_int_equal(health.status, HF_STATUS_DOWN);
        assert_true(strlen(health.reason) > 0);
        hf_client_close(client);
    }
    scenario_close(&s);
}

static void it_is_served_once_somebody_listens(void **state)
{
    (void)state;
    static const enum fault_kind kinds[] = { FAULT_REFUSE, FAULT_HANG, FAULT_RESET };
    struct scenario              s;
    char                         text[32];
    scenario_open(&s, &(struct scenario_setup){ .server = { .tcp = true }, .proxy = true });
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const uint64_t id = fault_proxy_set(s.proxy, &(struct fault){ .kind = kinds[i] });
        fault_proxy_cut(s.proxy, 0, FAULT_RESET_END);
        for (int call = 0; call < 20; call++) {
            assert_int_not_equal(scenario_get(&s, "k", text, sizeof text), HF_OK);
        }
        fault_proxy_lift(s.proxy, id);
        scenario_expect_recovery(&s, hf_now());
    }
    scenario_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_there_is_a_status_in_time),
        cmocka_unit_test(it_is_served_once_somebody_listens),
    };
    return RUN_TESTS(tests);
}
