#include "suggest.h"

#include "support/test.h"

static const char *best_of(const char *typed, const char *const *candidates)
{
    struct suggestion s = suggest_for(typed);
    for (; *candidates; candidates++) suggest_offer(&s, *candidates);
    return s.best;
}

static const char *const words[] = { "get",    "set",  "del",  "exists", "ttl",
                                     "health", "ping", "demo", "help",   NULL };

static void one_slip_is_seen_through(void **state)
{
    (void)state;
    assert_string_equal(best_of("gte", words), "get");      /* swapped */
    assert_string_equal(best_of("helth", words), "health"); /* lost */
    assert_string_equal(best_of("pingg", words), "ping");   /* added */
    assert_string_equal(best_of("demi", words), "demo");    /* changed */
    assert_string_equal(best_of("exist", words), "exists");
    assert_string_equal(best_of("SET", words), "set");
}

static void what_is_far_from_everything_gets_no_suggestion(void **state)
{
    (void)state;
    assert_null(best_of("frobnicate", words));
    assert_null(best_of("x", words));
    assert_null(best_of("none", words)); /* Two letters of four from "demo". */
    assert_null(best_of("", words));
}

static void the_nearest_wins_and_of_equals_the_first(void **state)
{
    (void)state;
    const char *const flags[] = { "--socket-timeout", "--socket-connect-timeout",
                                  "--attempt-timeout", NULL };
    assert_string_equal(best_of("--scoket-timeout", flags), "--socket-timeout");
    assert_string_equal(best_of("--socket-conect-timeout", flags),
                        "--socket-connect-timeout");
    assert_string_equal(best_of("let", words), "get");
}

static void words_of_any_length_are_survived(void **state)
{
    (void)state;
    const char *const longest[] = { "1234567890123456789012345678901234567890", NULL };
    assert_string_equal(best_of("1234567890123456789012345678901234567891", longest),
                        longest[0]);
    assert_null(best_of("12345678901234567890123456789012345678901", longest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_slip_is_seen_through),
        cmocka_unit_test(what_is_far_from_everything_gets_no_suggestion),
        cmocka_unit_test(the_nearest_wins_and_of_equals_the_first),
        cmocka_unit_test(words_of_any_length_are_survived),
    };
    return RUN_TESTS(tests);
}
