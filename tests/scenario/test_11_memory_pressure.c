#include "support/scenario.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Scenario 11: many values of a megabyte and more, by many threads at once. They come back
 * whole, small calls are served beside them, and memory is bounded and given back. */

enum {
    THREADS = 8,
    SMALL_THREADS = 4,
    VALUE = 1536 * 1024,
    PEAK_MAX = 2 * THREADS * VALUE,
};

static const hf_duration patience = { INT64_C(5000000000) };

/* Byte i of the value of a thread. */
static unsigned char pattern(unsigned thread, size_t i)
{
    return (unsigned char)(i * 31 + thread * 7 + (i >> 10));
}

static void store_and_fetch(struct scenario *s, unsigned thread)
{
    char           key[32];
    unsigned char *sent = malloc(VALUE);
    for (size_t i = 0; i < VALUE; i++) sent[i] = pattern(thread, i);
    snprintf(key, sizeof key, "image:%u", thread);

    const struct hf_call call = { .timeout = patience, .expect_large = true };
    struct hf_value     *found;
    hf_instant           from = hf_now();
    hf_err err = hf_cache_set(s->cache, &call, hf_str(key), hf_bytes(sent, VALUE), NULL,
                              NULL);
    (void)scenario_saw(s, from, patience, err);
    from = hf_now();
    if (!err) err = hf_cache_get(s->cache, &call, hf_str(key), &found, NULL);
    if (!scenario_saw(s, from, patience, err)) {
        const struct hf_bytes got = hf_value_data(found);
        if (got.size != VALUE || memcmp(got.data, sent, VALUE) != 0) {
            atomic_fetch_add(&s->wrong, 1);
        }
        hf_value_release(found);
    }
    free(sent);
}

static void act(struct scenario *s, unsigned thread, uint64_t turn)
{
    (void)turn;
    if (thread < THREADS) {
        store_and_fetch(s, thread);
    } else if (scenario_cache_set(s, "small", "quick") == HF_OK) {
        (void)!scenario_cache_expect(s, "small", "quick");
    }
}

static bool is_given_back(void *scenario)
{
    return atomic_load(&((struct scenario *)scenario)->memory.bytes) < 4 * 1024 * 1024;
}

static void large_values_come_back_whole_in_bounded_memory(void **state)
{
    (void)state;
    struct scenario s;
    scenario_open(&s, &(struct scenario_setup){ 0 });
    scenario_start(&s, THREADS + SMALL_THREADS, act);
    scenario_play(hf_seconds(2));
    scenario_stop(&s);
    printf("  peak %ld MB\n", atomic_load(&s.memory.bytes_peak) >> 20);
    assert_true(scenario_count(&s, HF_CATEGORY_NONE) > 100);
    assert_true(atomic_load(&s.memory.bytes_peak) < PEAK_MAX);
    assert_true(wait_until(is_given_back, &s, hf_seconds(30)));
    scenario_close(&s);
}

static void a_value_over_the_limit_is_refused_before_it_costs(void **state)
{
    (void)state;
    static const char *const options[] = { "value_size_max", "1mb", NULL };
    struct scenario          s;
    unsigned char           *huge = calloc(1, VALUE);
    scenario_open(&s, &(struct scenario_setup){ .options = options });
    const long peak = atomic_load(&s.memory.bytes_peak);
    assert_int_equal(
        hf_cache_set(s.cache, NULL, hf_str("huge"), hf_bytes(huge, VALUE), NULL, NULL),
        HF_E_TOO_LARGE);
    assert_true(atomic_load(&s.memory.bytes_peak) < peak + 64 * 1024);
    assert_int_equal(scenario_cache_set(&s, "small", "fits"), HF_OK);
    scenario_close(&s);
    free(huge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_values_come_back_whole_in_bounded_memory),
        cmocka_unit_test(a_value_over_the_limit_is_refused_before_it_costs),
    };
    return RUN_TESTS(tests);
}
