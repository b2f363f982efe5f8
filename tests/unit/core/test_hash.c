#include "core/hash.h"

#include "support/test.h"

/* These values are stored in Redis: a library that computed others would lose every entry.
 * Computed with xxHash 0.8.1. */
static void stored_hashes_stay_what_they_are(void **state)
{
    (void)state;
    assert_int_equal(hf_hash64(hf_bytes(NULL, 0), 0), UINT64_C(0x2d06800538d394c2));
    assert_int_equal(hf_hash64(hf_str("holdfast"), 0), UINT64_C(0x4ddf46ebd3ad850b));
    const struct hf_hash128 hash = hf_hash128(hf_str("holdfast"), 0);
    assert_int_equal(hash.high, UINT64_C(0xd725ef720e130d9f));
    assert_int_equal(hash.low, UINT64_C(0xdf1a3c122ca59e45));
}

static void another_seed_gives_another_hash(void **state)
{
    (void)state;
    assert_int_not_equal(hf_hash64(hf_str("a"), 0), hf_hash64(hf_str("a"), 1));
    assert_int_not_equal(hf_hash128(hf_str("a"), 0).low, hf_hash128(hf_str("a"), 1).low);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stored_hashes_stay_what_they_are),
        cmocka_unit_test(another_seed_gives_another_hash),
    };
    return RUN_TESTS(tests);
}
