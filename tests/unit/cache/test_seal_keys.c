#include "support/test.h"

#include <holdfast/seal.h>
#include <string.h>

#define HEX_1 "0101010101010101010101010101010101010101010101010101010101010101"
#define HEX_A "abABabABabABabABabABabABabABabABabABabABabABabABabABabABabABabAB"

struct fixture {
    struct hf_cache_key keys[3];
    size_t              count;
    struct hf_error     error;
};

static hf_err parse(struct fixture *f, const char *text)
{
    *f = (struct fixture){ .count = 99 };
    memset(f->keys, 0x55, sizeof f->keys);
    return hf_cache_keys_parse(hf_str(text), f->keys, 3, &f->count, &f->error);
}

static void keys_are_read_in_their_order(void **state)
{
    (void)state;
    struct fixture f;
    assert_int_equal(parse(&f, "7:" HEX_1), HF_OK);
    assert_int_equal(f.count, 1);
    assert_int_equal(f.keys[0].id, 7);
    for (int i = 0; i < HF_CACHE_KEY_SIZE; i++) assert_int_equal(f.keys[0].bytes[i], 1);

    assert_int_equal(parse(&f, "\n 4294967295:" HEX_A "\t\r\n0:" HEX_1 "\n"), HF_OK);
    assert_int_equal(f.count, 2);
    assert_int_equal(f.keys[0].id, UINT32_MAX);
    assert_int_equal(f.keys[0].bytes[31], 0xab);
    assert_int_equal(f.keys[1].id, 0);
}

static void what_is_no_key_is_refused_and_not_shown(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "  \n",
        "7",
        "7:",
        ":" HEX_1,
        HEX_1,
        "x:" HEX_1,
        "-1:" HEX_1,
        "4294967296:" HEX_1,
        "99999999999999999999:" HEX_1,
        "7:" HEX_1 "0",
        "7:" HEX_1 ",8:" HEX_A,
        "7:" HEX_1 " 7:" HEX_A,
        "7:" HEX_1 " 8",
        "7:g101010101010101010101010101010101010101010101010"
        "101010101010101",
        "7:010101010101010101010101010101010101010101010101010"
        "10101010101"
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct fixture f;
        assert_int_equal(parse(&f, texts[i]), HF_E_INVALID);
        assert_int_equal(f.count, 99);
        assert_null(strstr(f.error.detail, "0101"));
        static const struct hf_cache_key wiped[3];
        assert_memory_equal(f.keys, wiped, sizeof wiped);
    }
}

static void a_key_too_many_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    assert_int_equal(parse(&f, "1:" HEX_1 " 2:" HEX_1 " 3:" HEX_1), HF_OK);
    assert_int_equal(parse(&f, "1:" HEX_1 " 2:" HEX_1 " 3:" HEX_1 " 4:" HEX_1),
                     HF_E_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_read_in_their_order),
        cmocka_unit_test(what_is_no_key_is_refused_and_not_shown),
        cmocka_unit_test(a_key_too_many_is_refused),
    };
    return RUN_TESTS(tests);
}
