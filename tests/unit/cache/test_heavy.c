#include "cache/heavy.h"

#include "core/rng.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

enum { UNIVERSE = 20000 };

static struct hf_bytes name(char text[16], unsigned number)
{
    const int size = snprintf(text, 16, "key:%u", number);
    return hf_bytes(text, (size_t)size);
}

static const struct hf_heavy_key *find(const struct hf_heavy *h, unsigned number)
{
    char                  text[16];
    const struct hf_bytes key = name(text, number);
    for (size_t i = 0; i < h->count; i++) {
        const struct hf_heavy_key *k = &h->keys[i];
        if (k->size == key.size && memcmp(k->bytes, key.data, key.size) == 0) return k;
    }
    return NULL;
}

static void add(struct hf_heavy *h, unsigned number, uint64_t by)
{
    char text[16];
    hf_heavy_add(h, name(text, number), by, (int64_t)number);
}

static void while_there_is_room_all_is_exact(void **state)
{
    (void)state;
    struct hf_heavy *h = calloc(1, sizeof *h);
    assert_non_null(h);
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < HF_HEAVY_KEYS; i++) add(h, i, i + 1);
        for (unsigned i = 0; i < HF_HEAVY_KEYS; i++) add(h, i, 1);
        assert_int_equal(h->count, HF_HEAVY_KEYS);
        for (unsigned i = 0; i < HF_HEAVY_KEYS; i++) {
            const struct hf_heavy_key *k = find(h, i);
            assert_non_null(k);
            assert_int_equal(k->count, i + 2);
            assert_int_equal(k->error, 0);
            assert_int_equal(k->last_ms, i);
        }
        hf_heavy_clear(h);
        assert_int_equal(h->count, 0);
    }
    free(h);
}

/* Against exact counts, for a few shapes of traffic. */
static void its_error_is_within_what_it_promises(void **state)
{
    (void)state;
    static uint64_t  truth[UNIVERSE];
    struct hf_heavy *h = calloc(1, sizeof *h);
    assert_non_null(h);
    for (int shape = 0; shape < 3; shape++) {
        struct hf_rng rng = { 42 };
        uint64_t      total = 0;
        memset(truth, 0, sizeof truth);
        hf_heavy_clear(h);
        for (int i = 0; i < 200000; i++) {
            uint64_t number = hf_rng_below(&rng, UNIVERSE);
            if (shape == 1) number = number * number / UNIVERSE * number / UNIVERSE;
            if (shape == 2 && i % 2) number = (unsigned)i % 10;
            const uint64_t by = 1 + hf_rng_below(&rng, 3);
            add(h, (unsigned)number, by);
            truth[number] += by;
            total += by;
        }
        assert_int_equal(h->total, total);
        for (unsigned i = 0; i < UNIVERSE; i++) {
            const struct hf_heavy_key *k = find(h, i);
            if (truth[i] > total / HF_HEAVY_KEYS) assert_non_null(k);
            if (!k) continue;
            assert_true(k->count >= truth[i]);
            assert_true(k->count - k->error <= truth[i]);
            assert_true(k->error <= total / HF_HEAVY_KEYS);
        }
    }
    free(h);
}

static void keys_that_are_too_long_are_left_out(void **state)
{
    (void)state;
    struct hf_heavy *h = calloc(1, sizeof *h);
    char             text[HF_HEAVY_KEY_MAX + 1];
    assert_non_null(h);
    memset(text, 'x', sizeof text);
    hf_heavy_add(h, hf_bytes(text, sizeof text), 1, 0);
    hf_heavy_add(h, hf_bytes(text, 0), 1, 0);
    assert_int_equal(h->count, 0);
    hf_heavy_add(h, hf_bytes(text, HF_HEAVY_KEY_MAX), 1, 0);
    assert_int_equal(h->count, 1);
    free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(while_there_is_room_all_is_exact),
        cmocka_unit_test(its_error_is_within_what_it_promises),
        cmocka_unit_test(keys_that_are_too_long_are_left_out),
    };
    return RUN_TESTS(tests);
}
