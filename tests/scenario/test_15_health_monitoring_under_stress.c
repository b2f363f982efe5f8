#include "support/scenario.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

/* Scenario 15: health and statistics are read all the time while many threads call and the
 * network fails in every way at random. Reading never waits, never contradicts itself, and
 * tells in the end that all is well. */

enum { CALLERS = 24, WATCHERS = 4, LOOK_MAX_MS = 20, STORM_S = 4 };

static void call_on(struct scenario *s, uint64_t turn)
{
    char text[32];
    if (turn % 3 == 0)
        (void)!scenario_cache_set(s, "k", "v");
    else if (turn % 3 == 1)
        (void)!scenario_cache_expect(s, "k", "v");
    else
        (void)!scenario_get(s, "other", text, sizeof text);
}

static bool is_sound(const struct hf_health *h)
{
    const bool is_refusing = h->breaker.state == HF_BREAKER_OPEN;
    return h->connections_open <= h->connections_max &&
           h->connections_idle + h->connections_leased <= h->connections_open + 1 &&
           h->calls_under_way <= h->calls_max && !(is_refusing && h->status == HF_STATUS_UP);
}

static void watch(struct scenario *s)
{
    struct hf_health  health;
    struct hf_stats   stats;
    struct hf_latency latency;
    const hf_instant  from = hf_now();
    hf_health_get(s->client, &health);
    hf_stats_get(s->client, &stats);
    hf_stats_latency(s->client, HF_LATENCY_CALL, &latency);
    const hf_instant to = hf_now();
    if (!is_sound(&health)) atomic_fetch_add(&s->wrong, 1);
    if (hf_between(from, to).ns > hf_ms(LOOK_MAX_MS).ns) {
        const int64_t late = canary_worst_delay(s->canary, from, to).ns;
        if (hf_between(from, to).ns - late > hf_ms(LOOK_MAX_MS).ns) {
            atomic_fetch_add(&s->wrong, 1);
        }
    }
}

static void act(struct scenario *s, unsigned thread, uint64_t turn)
{
    if (thread < WATCHERS)
        watch(s);
    else
        call_on(s, turn);
}

static void health_is_told_truly_and_at_once_in_every_storm(void **state)
{
    (void)state;
    static const char *const options[] = { "health_check_interval", "1", NULL };
    const unsigned           harmless = 1u << FAULT_CORRUPT | 1u << FAULT_DUPLICATE |
                              1u << FAULT_INJECT;
    const char     *given = getenv("HF_SEED");
    const uint64_t  seed = given ? strtoull(given, NULL, 10) : (uint64_t)hf_now().ns;
    struct scenario s;
    struct hf_stats stats;
    printf("  HF_SEED=%llu\n", (unsigned long long)seed);
    scenario_open(&s, &(struct scenario_setup){
                          .server = { .tcp = true }, .proxy = true, .options = options });
    scenario_start(&s, CALLERS + WATCHERS, act);
    /* Without lies about values, which a plain GET cannot see through. */
    fault_proxy_play(s.proxy, &(struct fault_play){
                                  .seed = seed,
                                  .kinds = ((1u << FAULT_KINDS) - 1) & ~harmless,
                                  .calm_max = hf_ms(300),
                                  .storm_max = hf_ms(300),
                              });
    scenario_play(hf_seconds(STORM_S));
    fault_proxy_clear(s.proxy);
    scenario_expect_recovery(&s, hf_now());
    scenario_stop(&s);

    hf_stats_get(s.client, &stats);
    assert_true(stats.health_checks > 0); /* Fewer than seconds: it is probed while down. */
    assert_true(stats.health_checks >= stats.health_failures);
    assert_int_equal(stats.calls_in_flight, 0);
    scenario_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(health_is_told_truly_and_at_once_in_every_storm),
    };
    return RUN_TESTS(tests);
}
