#include "support/scenario.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

/* Scenario 5: each way a server says no has a status and a category of its own, costs nobody
 * else anything, and does not open the breaker. */

struct refusal {
    const char
        *setup[8]; /* Commands for the server, words apart by spaces; NULL at the end. */
    const char *command[4];
    hf_err      expected;
    const char *undo;
};

static const struct refusal refusals[] = {
    { { "LPUSH list x" }, { "GET", "list" }, HF_E_WRONGTYPE, "DEL list" },
    { { NULL }, { "NO-SUCH-COMMAND" }, HF_E_REPLY, NULL },
    { { "SET word x" }, { "INCR", "word" }, HF_E_REPLY, "DEL word" },
    { { NULL }, { "GET" }, HF_E_REPLY, NULL },
    { { NULL },
      { "EVALSHA", "0000000000000000000000000000000000000000", "0" },
      HF_E_NOSCRIPT,
      NULL },
    { { "CONFIG SET maxmemory 1" }, { "SET", "k", "v" }, HF_E_OOM, "CONFIG SET maxmemory 0" },
    { { "CONFIG SET min-replicas-to-write 1" },
      { "SET", "k", "v" },
      HF_E_NOREPLICAS,
      "CONFIG SET min-replicas-to-write 0" },
    { { "CONFIG SET replica-serve-stale-data no", "REPLICAOF 127.0.0.1 1" },
      { "GET", "k" },
      HF_E_MASTERDOWN,
      "REPLICAOF NO ONE" },
    { { "CONFIG SET replica-serve-stale-data yes", "REPLICAOF 127.0.0.1 1" },
      { "SET", "k", "v" },
      HF_E_READONLY,
      "REPLICAOF NO ONE" },
    { { "ACL SETUSER default -incr" },
      { "INCR", "n" },
      HF_E_NOPERM,
      "ACL SETUSER default +incr" },
};

static hf_err ask(struct scenario *s, const char *const words[4])
{
    struct hf_bytes  argv[4];
    size_t           argc = 0;
    struct hf_reply *reply;
    for (; argc < 4 && words[argc]; argc++) argv[argc] = hf_str(words[argc]);
    const hf_instant from = hf_now();
    const hf_err     err = hf_client_command(s->client, NULL, argv, argc, &reply, NULL);
    if (!err) hf_reply_free(reply);
    return scenario_saw(s, from, hf_ms(SCENARIO_TIMEOUT_MS), err);
}

static bool is_served(void *scenario)
{
    return scenario_set(scenario, "bystander", "served") == HF_OK;
}

static void play(struct scenario *s, const struct refusal *refusal)
{
    for (int i = 0; refusal->setup[i]; i++) redis_server_do(s->server, refusal->setup[i]);
    const hf_err err = ask(s, refusal->command);
    if (err != refusal->expected) {
        fail_msg("%s: %s, not %s", refusal->command[0], hf_err_name(err),
                 hf_err_name(refusal->expected));
    }
    if (refusal->undo) redis_server_do(s->server, refusal->undo);
    assert_true(wait_until(is_served, s, hf_seconds(5)));
}

static void each_refusal_has_its_own_status(void **state)
{
    (void)state;
    struct scenario s;
    scenario_open(&s, &(struct scenario_setup){ 0 });
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) play(&s, &refusals[i]);

    struct hf_health health;
    hf_health_get(s.client, &health);
    assert_int_equal(health.breaker.state, HF_BREAKER_CLOSED);
    scenario_close(&s);
}

/* What the caller got wrong never reaches the server. */
static void mistakes_of_the_caller_are_told_at_once(void **state)
{
    (void)state;
    struct scenario       s;
    struct hf_value      *value;
    struct hf_reply      *reply;
    struct hf_error       error;
    const struct hf_bytes argv[] = { hf_str("MULTI") };
    const struct hf_set   none = { .ttl = hf_ns(0) };
    scenario_open(&s, &(struct scenario_setup){ 0 });
    const long long before = redis_server_info(s.server, "total_commands_processed");
    assert_int_equal(hf_client_command(s.client, NULL, argv, 0, &reply, &error),
                     HF_E_INVALID);
    assert_int_equal(hf_client_command(s.client, NULL, argv, 1, &reply, &error),
                     HF_E_INVALID);
    assert_non_null(strstr(error.detail, "MULTI"));
    assert_int_equal(hf_cache_get(s.cache, NULL, hf_str(""), &value, &error), HF_E_INVALID);
    assert_int_equal(hf_cache_set(s.cache, NULL, hf_str("k"), hf_str("v"), &none, &error),
                     HF_E_RANGE);
    const long long after = redis_server_info(s.server, "total_commands_processed");
    assert_true(after - before <= 2); /* Those of the test itself. */
    scenario_close(&s);
}

static void answers_that_make_no_sense_harm_only_who_waited_for_them(void **state)
{
    (void)state;
    static const char *const lies[] = {
        "inject:direction=to-client,times=1,data=+stray\\r\\n",
        "corrupt:direction=to-client,times=1", "duplicate:direction=to-client,times=1",
        "cut:direction=to-client,after-bytes=3,times=1"
    };
    struct scenario s;
    struct fault    fault;
    char            data[FAULT_DATA_MAX], why[FAULT_WHY_MAX], text[32];
    scenario_open(&s, &(struct scenario_setup){ .proxy = true });
    assert_int_equal(scenario_set(&s, "k", "v"), HF_OK);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        if (!fault_parse(lies[i], &fault, data, why)) fail_msg("%s", why);
        (void)fault_proxy_set(s.proxy, &fault);
        for (int call = 0; call < 5; call++) {
            const hf_err err = scenario_get(&s, "k", text, sizeof text);
            if (err == HF_OK && strcmp(text, "v") != 0) s.wrong++;
        }
        fault_proxy_clear(s.proxy);
        scenario_expect_recovery(&s, hf_now());
    }
    scenario_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_refusal_has_its_own_status),
        cmocka_unit_test(mistakes_of_the_caller_are_told_at_once),
        cmocka_unit_test(answers_that_make_no_sense_harm_only_who_waited_for_them),
    };
    return RUN_TESTS(tests);
}
