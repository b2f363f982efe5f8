#include "core/base64.h"

#include "support/test.h"

#include <string.h>

static void decodes_the_published_vectors(void **state)
{
    (void)state;
    /* RFC 4648, section 10. */
    static const char *const texts[] = { "",         "Zg==",     "Zm8=",    "Zm9v",
                                         "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy" };
    unsigned char            bytes[6];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t size = 99;
        assert_int_equal(hf_base64_decode(hf_str(texts[i]), bytes, &size), HF_OK);
        assert_int_equal(size, i);
        assert_memory_equal(bytes, "foobar", i);
    }
}

static void all_bytes_can_be_had(void **state)
{
    (void)state;
    unsigned char bytes[3];
    size_t        size;
    assert_int_equal(hf_base64_decode(hf_str("+/8A"), bytes, &size), HF_OK);
    assert_int_equal(size, 3);
    assert_memory_equal(bytes, "\xfb\xff\0", 3);
}

static void refuses_what_no_encoder_writes(void **state)
{
    (void)state;
    static const char *const texts[] = { "Z",        "Zg",     "Zg=",      "Zg===", "=Zg=",
                                         "Z===",     "====",   "Zm8=Zm8=", "Zh==",  "Zm9=",
                                         "Zm 9vYmF", "Zm9v\n", "Zm-_" };
    unsigned char            bytes[16];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t size = 99;
        assert_int_equal(hf_base64_decode(hf_str(texts[i]), bytes, &size), HF_E_INVALID);
        assert_int_equal(size, 99);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_the_published_vectors),
        cmocka_unit_test(all_bytes_can_be_had),
        cmocka_unit_test(refuses_what_no_encoder_writes),
    };
    return RUN_TESTS(tests);
}
