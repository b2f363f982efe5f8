#include "tasks/grant.h"

#include "support/test.h"

static void a_kept_nonce_is_used_again_once_for_its_kind(void **state)
{
    (void)state;
    struct hf_grants g;
    hf_grants_init(&g);
    uint64_t nonce = 7;
    assert_false(hf_grants_take(&g, 1, &nonce));
    hf_grants_keep(&g, 1, 100);
    hf_grants_keep(&g, 2, 200);
    assert_false(hf_grants_take(&g, 3, &nonce));
    assert_int_equal(nonce, 7);
    assert_true(hf_grants_take(&g, 1, &nonce));
    assert_int_equal(nonce, 100);
    assert_false(hf_grants_take(&g, 1, &nonce));
    assert_true(hf_grants_take(&g, 2, &nonce));
    assert_int_equal(nonce, 200);
    hf_grants_deinit(&g);
}

static void more_than_there_is_room_for_are_forgotten(void **state)
{
    (void)state;
    struct hf_grants g;
    hf_grants_init(&g);
    uint64_t nonce;
    for (uint64_t i = 0; i < HF_GRANTS_MAX + 10; i++) hf_grants_keep(&g, 1, 1000 + i);
    for (int i = 0; i < HF_GRANTS_MAX; i++) assert_true(hf_grants_take(&g, 1, &nonce));
    assert_false(hf_grants_take(&g, 1, &nonce));
    hf_grants_deinit(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kept_nonce_is_used_again_once_for_its_kind),
        cmocka_unit_test(more_than_there_is_room_for_are_forgotten),
    };
    return RUN_TESTS(tests);
}
