#include "support/scenario.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

/* Scenario 8: everything that can take too long. No call outlives its deadline, none gets
 * another's answer, and the next one is served when the delay is over. */

static const char *const delays[] = {
    "black-hole",
    "black-hole:direction=to-client",
    "black-hole:direction=to-server",
    "delay:delay=300ms",
    "trickle:delay=60ms,direction=to-client", /* Each byte is in time, the whole is not. */
    "throttle:rate=8,direction=to-client",
};

static void call_on(struct scenario *s, unsigned thread, uint64_t turn)
{
    char             sent[32];
    struct hf_reply *reply;
    struct hf_bytes  got;
    snprintf(sent, sizeof sent, "%u:%llu", thread, (unsigned long long)turn);
    const hf_instant from = hf_now();
    const hf_err     err = client_ask(s->client, NULL, &reply, "ECHO", sent, NULL);
    if (scenario_saw(s, from, hf_ms(SCENARIO_TIMEOUT_MS), err)) return;
    if (hf_reply_bytes(reply, &got) || got.size != strlen(sent) ||
        memcmp(got.data, sent, got.size) != 0) {
        atomic_fetch_add(&s->wrong, 1);
    }
    hf_reply_free(reply);
}

static void no_delay_holds_a_call_past_its_deadline(void **state)
{
    (void)state;
    struct scenario s;
    struct fault    fault;
    char            data[FAULT_DATA_MAX], why[FAULT_WHY_MAX];
    scenario_open(&s, &(struct scenario_setup){ .server = { .tcp = true }, .proxy = true });
    scenario_start(&s, 8, call_on);
    for (size_t i = 0; i < sizeof delays / sizeof *delays; i++) {
        if (!fault_parse(delays[i], &fault, data, why)) fail_msg("%s", why);
        const uint64_t id = fault_proxy_set(s.proxy, &fault);
        scenario_play(hf_ms(400));
        fault_proxy_lift(s.proxy, id);
        fault_proxy_cut(s.proxy, 0, FAULT_CLOSE); /* What a network dropped stays dropped. */
        scenario_expect_recovery(&s, hf_now());
    }
    scenario_stop(&s);
    assert_true(scenario_count(&s, HF_CATEGORY_TIMEOUT) > 0);
    scenario_close(&s);
}

static void a_server_that_sleeps_is_waited_for_only_so_long(void **state)
{
    (void)state;
    struct scenario          s;
    struct hf_reply         *reply;
    const struct hf_call     patient = { .timeout = hf_seconds(2) };
    static const char *const args[] = { "--enable-debug-command", "yes", NULL };
    scenario_open(&s, &(struct scenario_setup){ .server = { .args = args } });
    assert_int_equal(client_ask(s.client, &patient, &reply, "DEBUG", "SLEEP", "0.15", NULL),
                     HF_OK);
    hf_reply_free(reply);

    const hf_instant from = hf_now();
    const hf_err     err = client_do(s.client, "DEBUG", "SLEEP", "0.3", NULL);
    (void)scenario_saw(&s, from, hf_ms(SCENARIO_TIMEOUT_MS), err);
    assert_int_equal(err, HF_E_TIMEOUT_SENT);
    assert_true(hf_err_outcome_unknown(err));
    assert_true(wait_until(scenario_is_up, &s, hf_seconds(10)));
    scenario_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_delay_holds_a_call_past_its_deadline),
        cmocka_unit_test(a_server_that_sleeps_is_waited_for_only_so_long),
    };
    return RUN_TESTS(tests);
}
