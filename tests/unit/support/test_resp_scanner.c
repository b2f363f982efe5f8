#include "support/resp_scanner.h"

#include "support/test.h"

#include <string.h>

/* Messages, each of which must be found whole. */
static const char *const messages[] = {
    "+OK\r\n",
    "-ERR wrong 12\r\n",
    ":-42\r\n",
    "$0\r\n\r\n",
    "$5\r\nhello\r\n",
    "$6\r\n\r\n+OK\n\r\n",
    "$-1\r\n",
    "*0\r\n",
    "*-1\r\n",
    "*2\r\n$1\r\na\r\n$1\r\nb\r\n",
    "*2\r\n*2\r\n:1\r\n*0\r\n*1\r\n+x\r\n",
    "%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n",
    "~1\r\n#t\r\n",
    "_\r\n",
    ",1.5\r\n",
    "(123456789012345678901234567890\r\n",
    "!3\r\nERR\r\n",
    "=7\r\ntxt:abc\r\n",
    ">2\r\n+push\r\n:1\r\n",
    "|1\r\n+key\r\n:90\r\n:7\r\n",
    "*2\r\n|1\r\n+key\r\n:90\r\n:7\r\n+x\r\n",
    "|0\r\n+x\r\n",
    "PING\r\n",
};

enum { MESSAGES = sizeof messages / sizeof messages[0] };

static void finds_the_end_of_each_message(void **state)
{
    (void)state;
    struct resp_scanner s = { 0 };
    for (int i = 0; i < MESSAGES; i++) {
        char         text[128];
        const size_t size = strlen(messages[i]);
        bool         whole;
        memcpy(text, messages[i], size);
        memcpy(text + size, "+next\r\n", 7);
        assert_int_equal(resp_scan(&s, text, size + 7, &whole), size);
        assert_true(whole);
    }
}

static void does_not_care_how_bytes_arrive(void **state)
{
    (void)state;
    struct resp_scanner s = { 0 };
    for (int i = 0; i < MESSAGES; i++) {
        for (const char *byte = messages[i]; *byte != '\0'; byte++) {
            bool whole;
            assert_int_equal(resp_scan(&s, byte, 1, &whole), 1);
            assert_int_equal(whole, byte[1] == '\0');
        }
    }
}

static void nonsense_is_taken_too(void **state)
{
    (void)state;
    struct resp_scanner s = { 0 };
    char                nonsense[4096];
    unsigned            seed = 1;
    for (size_t i = 0; i < sizeof nonsense; i++) {
        seed = seed * 1103515245 + 12345;
        nonsense[i] = "*$%|>+-09a\r\n\r\n\n\n"[seed >> 16 & 15];
    }
    for (size_t at = 0; at < sizeof nonsense;) {
        bool         whole;
        const size_t used = resp_scan(&s, nonsense + at, sizeof nonsense - at, &whole);
        assert_in_range(used, 1, sizeof nonsense - at);
        at += used;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_end_of_each_message),
        cmocka_unit_test(does_not_care_how_bytes_arrive),
        cmocka_unit_test(nonsense_is_taken_too),
    };
    return RUN_TESTS(tests);
}
