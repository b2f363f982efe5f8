#include "export/redis_info.h"

#include "support/test.h"

static uint64_t value_of(const char *text)
{
    uint64_t values[HF_REDIS_INFO_COUNT];
    hf_redis_info_parse(hf_str(text), values);
    return values[HF_REDIS_INFO_used_memory];
}

static void numbers_are_taken_by_their_whole_name(void **state)
{
    (void)state;
    assert_int_equal(value_of("# Memory\r\nused_memory:42\r\nused_memory_rss:7\r\n"), 42);
    assert_int_equal(value_of("used_memory_rss:7\r\nxused_memory:8\r\n"), 0);
    assert_int_equal(value_of("used_memory:18446744073709551600\r\n"), UINT64_C(0) - 16);
}

static void what_is_no_whole_number_is_0(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "",
        "used_memory",
        "used_memory:",
        "used_memory:-1\r\n",
        "used_memory:1.5\r\n",
        "used_memory:1K\r\n",
        "used_memory: 1\r\n",
        "used_memory:99999999999999999999999999\r\n",
        "\r\n\n:\n::\r\n",
    };
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        assert_int_equal(value_of(odd[i]), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_taken_by_their_whole_name),
        cmocka_unit_test(what_is_no_whole_number_is_0),
    };
    return RUN_TESTS(tests);
}
