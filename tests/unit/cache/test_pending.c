#include "cache/pending.h"

#include "core/rng.h"
#include "support/counting_allocator.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct counting_allocator memory;
    struct hf_pending         pending;
};

static void set_up(struct fixture *f)
{
    counting_allocator_init(&f->memory);
    hf_pending_init(&f->pending, &f->memory.base);
}

static void tear_down(struct fixture *f)
{
    hf_pending_deinit(&f->pending);
    assert_int_equal(f->memory.blocks, 0);
}

static hf_err add(struct fixture *f, const char *key)
{
    return hf_pending_add(&f->pending, hf_str(key));
}

static uint64_t ticket(const struct fixture *f, const char *key)
{
    return hf_pending_ticket(&f->pending, hf_str(key));
}

static void holds_what_was_added_until_it_is_removed(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(ticket(&f, "a"), 0);
    assert_int_equal(add(&f, "a"), HF_OK);
    assert_int_equal(add(&f, "b"), HF_OK);
    assert_int_not_equal(ticket(&f, "a"), 0);
    assert_int_equal(ticket(&f, "ab"), 0);
    hf_pending_remove(&f.pending, hf_str("a"), ticket(&f, "a"));
    assert_int_equal(ticket(&f, "a"), 0);
    assert_int_not_equal(ticket(&f, "b"), 0);
    assert_int_equal(f.pending.count, 1);
    tear_down(&f);
}

static void an_old_ticket_removes_nothing(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(add(&f, "a"), HF_OK);
    const uint64_t first = ticket(&f, "a");
    assert_int_equal(add(&f, "a"), HF_OK);
    assert_int_not_equal(ticket(&f, "a"), first);
    assert_int_equal(f.pending.count, 1);
    hf_pending_remove(&f.pending, hf_str("a"), first);
    hf_pending_remove(&f.pending, hf_str("a"), 0);
    assert_int_equal(f.pending.count, 1);

    /* Nor after the key came back: tickets are never given twice. */
    hf_pending_remove(&f.pending, hf_str("a"), ticket(&f, "a"));
    assert_int_equal(add(&f, "a"), HF_OK);
    hf_pending_remove(&f.pending, hf_str("a"), first);
    assert_int_equal(f.pending.count, 1);
    tear_down(&f);
}

static void the_oldest_delete_comes_first(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(add(&f, "a"), HF_OK);
    assert_int_equal(add(&f, "b"), HF_OK);
    assert_int_equal(add(&f, "c"), HF_OK);
    assert_int_equal(add(&f, "a"), HF_OK);
    static const char            order[] = "bca";
    const struct hf_pending_key *k = f.pending.oldest;
    for (int i = 0; i < 3; i++, k = k->next) assert_int_equal(k->bytes[0], order[i]);
    assert_null(k);
    tear_down(&f);
}

static void is_bounded_in_keys(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    char key[16];
    for (int i = 0; i < HF_PENDING_KEYS_MAX; i++) {
        snprintf(key, sizeof key, "%d", i);
        assert_int_equal(add(&f, key), HF_OK);
    }
    assert_int_equal(add(&f, "one more"), HF_E_OVERLOAD);
    assert_int_equal(add(&f, "7"), HF_OK);
    hf_pending_remove(&f.pending, hf_str("5"), ticket(&f, "5"));
    assert_int_equal(add(&f, "one more"), HF_OK);
    tear_down(&f);
}

static void is_bounded_in_bytes(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    char *large = malloc(HF_PENDING_BYTES_MAX);
    memset(large, 'x', HF_PENDING_BYTES_MAX);
    assert_int_equal(hf_pending_add(&f.pending, hf_bytes(large, HF_PENDING_BYTES_MAX - 1)),
                     HF_OK);
    assert_int_equal(add(&f, "ab"), HF_E_OVERLOAD);
    assert_int_equal(add(&f, "a"), HF_OK);
    assert_int_equal(add(&f, "b"), HF_E_OVERLOAD);
    hf_pending_clear(&f.pending);
    assert_int_equal(f.memory.blocks, 0);
    assert_int_equal(add(&f, "b"), HF_OK);
    free(large);
    tear_down(&f);
}

static void without_memory_nothing_is_added(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    for (long at = 1; at <= 2; at++) {
        f.memory.fail_at = f.memory.requests + at;
        assert_int_equal(add(&f, "a"), HF_E_NOMEM);
        assert_int_equal(f.pending.count, 0);
        assert_int_equal(ticket(&f, "a"), 0);
    }
    assert_int_equal(add(&f, "a"), HF_OK);
    tear_down(&f);
}

/* Against a plain array of 64 keys, which collide in the table or not as chance has it. */
static void any_history_agrees_with_a_plain_array(void **state)
{
    (void)state;
    enum { KEYS = 64 };
    struct fixture f;
    struct hf_rng  rng = { 3 };
    uint64_t       tickets[KEYS] = { 0 };
    set_up(&f);
    for (int step = 0; step < 100000; step++) {
        const char            byte = (char)hf_rng_below(&rng, KEYS);
        const struct hf_bytes key = hf_bytes(&byte, 1);
        if (hf_rng_below(&rng, 2)) {
            assert_int_equal(hf_pending_add(&f.pending, key), HF_OK);
            tickets[(int)byte] = hf_pending_ticket(&f.pending, key);
        } else {
            hf_pending_remove(&f.pending, key, tickets[(int)byte]);
            tickets[(int)byte] = 0;
        }
        size_t count = 0;
        for (int i = 0; i < KEYS; i++) count += tickets[i] != 0;
        assert_int_equal(f.pending.count, count);
        assert_int_equal(hf_pending_ticket(&f.pending, key), tickets[(int)byte]);
    }
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_what_was_added_until_it_is_removed),
        cmocka_unit_test(an_old_ticket_removes_nothing),
        cmocka_unit_test(the_oldest_delete_comes_first),
        cmocka_unit_test(is_bounded_in_keys),
        cmocka_unit_test(is_bounded_in_bytes),
        cmocka_unit_test(without_memory_nothing_is_added),
        cmocka_unit_test(any_history_agrees_with_a_plain_array),
    };
    return RUN_TESTS(tests);
}
