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

static void a_stream_has_the_hash_of_the_whole_however_it_is_cut(void **state)
{
    (void)state;
    unsigned char bytes[3000];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(i * 7);
    const struct hf_hash128 whole = hf_hash128(hf_bytes(bytes, sizeof bytes), 0);
    for (size_t cut = 1; cut < sizeof bytes; cut = cut * 3 + 1) {
        struct hf_hash_stream stream;
        hf_hash_stream_init(&stream);
        for (size_t at = 0; at < sizeof bytes; at += cut) {
            const size_t left = sizeof bytes - at;
            hf_hash_stream_add(&stream, hf_bytes(bytes + at, left < cut ? left : cut));
        }
        const struct hf_hash128 hash = hf_hash_stream_end(&stream);
        assert_int_equal(hash.low, whole.low);
        assert_int_equal(hash.high, whole.high);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stored_hashes_stay_what_they_are),
        cmocka_unit_test(another_seed_gives_another_hash),
        cmocka_unit_test(a_stream_has_the_hash_of_the_whole_however_it_is_cut),
    };
    return RUN_TESTS(tests);
}
