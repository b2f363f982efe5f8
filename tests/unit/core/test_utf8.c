#include "core/utf8.h"

#include "support/test.h"

#include <string.h>

static void characters_of_each_length_are_read(void **state)
{
    (void)state;
    const struct {
        const char *text;
        uint32_t    character;
    } cases[] = {
        { "a", 'a' },
        { "\x7f", 0x7f },
        { "\xc2\x80", 0x80 },
        { "\xc3\xa9", 0xe9 },
        { "\xdf\xbf", 0x7ff },
        { "\xe0\xa0\x80", 0x800 },
        { "\xed\x9f\xbf", 0xd7ff },
        { "\xee\x80\x80", 0xe000 },
        { "\xef\xbf\xbf", 0xffff },
        { "\xf0\x90\x80\x80", 0x10000 },
        { "\xf4\x8f\xbf\xbf", 0x10ffff },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t     character = 0;
        const size_t size = strlen(cases[i].text);
        assert_int_equal(hf_utf8_read(cases[i].text, size, &character), size);
        assert_int_equal(character, cases[i].character);
        if (size > 1) assert_int_equal(hf_utf8_read(cases[i].text, size - 1, &character), 0);
    }
}

static void what_is_not_utf8_is_refused(void **state)
{
    (void)state;
    const char *const cases[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xc3(",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xf0\x8f\xbf\xbf",
        "\xe2\x82(",
        "\xff\xff\xff",
        "\xfe",
        "\xf4\x90\x80\x80",
        "\xf8\x88\x80\x80\x80",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t character = 42;
        assert_int_equal(hf_utf8_read(cases[i], strlen(cases[i]), &character), 0);
        assert_int_equal(character, 42);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_of_each_length_are_read),
        cmocka_unit_test(what_is_not_utf8_is_refused),
    };
    return RUN_TESTS(tests);
}
