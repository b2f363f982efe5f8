#include "resilience/dial_pace.h"

#include "support/test.h"

static const hf_instant begin = { 1000000000000 };

static struct hf_dial_pace pace_of(uint64_t seed)
{
    struct hf_dial_pace p;
    hf_dial_pace_init(&p, seed);
    return p;
}

static int64_t wait_ms(const struct hf_dial_pace *p, hf_instant now)
{
    return hf_to_ms(hf_between(now, hf_dial_pace_next(p)));
}

static void the_first_dial_begins_at_once(void **state)
{
    (void)state;
    const struct hf_dial_pace p = pace_of(1);
    assert_int_equal(wait_ms(&p, begin), 0);
    assert_int_equal(wait_ms(&p, (hf_instant){ 0 }), 0);
}

static void failing_and_hanging_dials_are_100_to_200_ms_apart(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct hf_dial_pace p = pace_of(seed);
        hf_instant          now = begin;
        for (int i = 0; i < 100; i++) {
            hf_dial_pace_started(&p, now);
            if (i % 2) hf_dial_pace_ended(&p, now, HF_E_CONNECT);
            assert_in_range(wait_ms(&p, now), 100, 200);
            now = hf_dial_pace_next(&p);
        }
    }
}

static void after_a_success_the_next_may_begin_at_once(void **state)
{
    (void)state;
    struct hf_dial_pace p = pace_of(1);
    hf_dial_pace_started(&p, begin);
    hf_dial_pace_ended(&p, begin, HF_OK);
    assert_int_equal(wait_ms(&p, begin), 0);
    hf_dial_pace_started(&p, begin);
    hf_dial_pace_hurry(&p);
    assert_int_equal(wait_ms(&p, begin), 0);
}

static void no_more_than_the_cap_begin_however_well_they_go(void **state)
{
    (void)state;
    struct hf_dial_pace p = pace_of(1);
    int                 begun = 0;
    for (int ms = 0; ms < 10000; ms++) {
        const hf_instant now = hf_later(begin, hf_ms((uint32_t)ms));
        while (!hf_before(now, hf_dial_pace_next(&p))) {
            hf_dial_pace_started(&p, now);
            hf_dial_pace_ended(&p, now, HF_OK);
            begun++;
        }
        if (ms == 0) assert_int_equal(begun, HF_DIALS_AT_ONCE);
    }
    assert_in_range(begun, HF_DIALS_AT_ONCE + 99, HF_DIALS_AT_ONCE + 100);
}

static void refused_credentials_back_off_to_half_a_minute(void **state)
{
    (void)state;
    static const int64_t pauses_ms[] = { 1000, 2000, 4000, 8000, 16000, 30000, 30000 };
    struct hf_dial_pace  p = pace_of(1);
    hf_instant           now = begin;
    for (size_t i = 0; i < sizeof pauses_ms / sizeof pauses_ms[0]; i++) {
        hf_dial_pace_started(&p, now);
        hf_dial_pace_ended(&p, now, i % 2 ? HF_E_AUTH : HF_E_NOPERM);
        assert_in_range(wait_ms(&p, now), pauses_ms[i], pauses_ms[i] * 5 / 4);
        now = hf_dial_pace_next(&p);
    }
    hf_dial_pace_started(&p, now);
    hf_dial_pace_ended(&p, now, HF_OK);
    hf_dial_pace_started(&p, now);
    hf_dial_pace_ended(&p, now, HF_E_AUTH);
    assert_in_range(wait_ms(&p, now), 1000, 1250);
}

static void clients_that_lost_the_same_server_spread_out(void **state)
{
    (void)state;
    enum { CLIENTS = 200, SLOT_MS = 5, SLOTS = 100 / SLOT_MS + 1 };
    int slots[SLOTS] = { 0 };
    for (uint64_t seed = 1; seed <= CLIENTS; seed++) {
        struct hf_dial_pace p = pace_of(seed);
        hf_dial_pace_started(&p, begin);
        slots[(wait_ms(&p, begin) - 100) / SLOT_MS]++;
    }
    for (int i = 0; i < SLOTS; i++) assert_in_range(slots[i], 0, CLIENTS / 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_dial_begins_at_once),
        cmocka_unit_test(failing_and_hanging_dials_are_100_to_200_ms_apart),
        cmocka_unit_test(after_a_success_the_next_may_begin_at_once),
        cmocka_unit_test(no_more_than_the_cap_begin_however_well_they_go),
        cmocka_unit_test(refused_credentials_back_off_to_half_a_minute),
        cmocka_unit_test(clients_that_lost_the_same_server_spread_out),
    };
    return RUN_TESTS(tests);
}
