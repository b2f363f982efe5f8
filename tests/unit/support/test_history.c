#include "support/history.h"

#include "support/test.h"

/* The checker itself: what can have been passes, and each thing that cannot is found. */

static struct deed deed(enum deed_kind kind, uint64_t value, int64_t began, int64_t ended)
{
    return (struct deed){
        .kind = kind, .key = 1, .value = value, .began = { began }, .ended = { ended }
    };
}

static struct deed with(struct deed d, enum deed_outcome outcome)
{
    d.outcome = outcome;
    return d;
}

static struct deed cached(struct deed d)
{
    d.is_cached = true;
    return d;
}

static struct deed stale(struct deed d)
{
    d.is_stale = true;
    return d;
}

static size_t check(const struct deed *deeds, size_t count)
{
    struct history *history = history_open();
    for (size_t i = 0; i < count; i++) history_note(history, &deeds[i]);
    assert_int_equal(history_size(history), count);
    const size_t wrong = history_check(history);
    history_close(history);
    return wrong;
}

#define CHECK(...)                                                                           \
    check((const struct deed[]){ __VA_ARGS__ },                                              \
          sizeof((const struct deed[]){ __VA_ARGS__ }) / sizeof(struct deed))

#define WRITE(value, began, ended) deed(DEED_WRITE, value, began, ended)
#define READ(value, began, ended)  deed(DEED_READ, value, began, ended)
#define ERASE(began, ended)        deed(DEED_ERASE, 0, began, ended)
#define LOAD(value, began)         deed(DEED_LOAD, value, began, INT64_MAX)

static void what_can_have_been_passes(void **state)
{
    (void)state;
    assert_int_equal(CHECK(READ(0, 1, 2)), 0);
    assert_int_equal(CHECK(WRITE(5, 1, 2), READ(5, 3, 4)), 0);
    assert_int_equal(CHECK(WRITE(5, 1, 4), READ(0, 2, 3)), 0); /* Not landed yet. */
    assert_int_equal(CHECK(WRITE(5, 1, 4), READ(5, 2, 3)), 0); /* Or landed early. */
    assert_int_equal(CHECK(WRITE(5, 1, 2), ERASE(3, 4), READ(0, 5, 6)), 0);
    assert_int_equal(CHECK(WRITE(5, 1, 6), WRITE(6, 2, 3), READ(5, 7, 8)), 0); /* Crossed. */
    assert_int_equal(CHECK(WRITE(5, 1, 2), cached(READ(0, 3, 4))), 0);
    assert_int_equal(CHECK(LOAD(5, 1), READ(5, 2, 3)), 0);
    assert_int_equal(CHECK(ERASE(1, 2), LOAD(5, 3), READ(5, 4, 5)), 0);
}

static void an_unknown_write_may_land_until_a_later_one_is_acknowledged(void **state)
{
    (void)state;
    const struct deed unknown = with(WRITE(5, 1, 2), DEED_UNKNOWN);
    assert_int_equal(CHECK(unknown, READ(5, 9, 10)), 0);
    assert_int_equal(CHECK(unknown, READ(0, 9, 10)), 0);
    assert_int_equal(CHECK(unknown, WRITE(6, 3, 8), READ(5, 7, 9)), 0);
    assert_int_equal(CHECK(unknown, WRITE(6, 3, 4), READ(5, 5, 6)), 1);
    assert_int_equal(CHECK(unknown, with(WRITE(6, 3, 4), DEED_UNKNOWN), READ(5, 5, 6)), 0);
}

static void a_value_out_of_nowhere_is_found(void **state)
{
    (void)state;
    assert_int_equal(CHECK(WRITE(5, 1, 2), READ(6, 3, 4)), 1);
    assert_int_equal(CHECK(WRITE(5, 5, 6), READ(5, 3, 4)), 1);
    assert_int_equal(CHECK(with(WRITE(5, 1, 2), DEED_NOT_APPLIED), READ(5, 3, 4)), 1);
    struct deed elsewhere = WRITE(5, 1, 2);
    elsewhere.key = 2;
    assert_int_equal(CHECK(elsewhere, READ(5, 3, 4)), 1);
}

static void an_old_value_is_found_unless_it_was_marked(void **state)
{
    (void)state;
    assert_int_equal(CHECK(WRITE(5, 1, 2), WRITE(6, 3, 4), READ(5, 5, 6)), 1);
    assert_int_equal(CHECK(WRITE(5, 1, 2), ERASE(3, 4), READ(5, 5, 6)), 1);
    assert_int_equal(CHECK(WRITE(5, 1, 2), ERASE(3, 4), cached(READ(5, 5, 6))), 1);
    assert_int_equal(CHECK(WRITE(5, 1, 2), WRITE(6, 3, 4), stale(READ(5, 5, 6))), 0);
    assert_int_equal(CHECK(WRITE(5, 1, 2), stale(READ(6, 5, 6))), 1);
    assert_int_equal(CHECK(LOAD(5, 1), ERASE(2, 3), READ(5, 4, 5)), 1);
}

static void a_lost_write_is_found(void **state)
{
    (void)state;
    assert_int_equal(CHECK(WRITE(5, 1, 2), READ(0, 3, 4)), 1);
    assert_int_equal(CHECK(WRITE(5, 3, 4), ERASE(1, 2), READ(0, 5, 6)), 1);
    assert_int_equal(
        CHECK(WRITE(5, 1, 2), with(ERASE(3, 4), DEED_NOT_APPLIED), READ(0, 5, 6)), 1);
    assert_int_equal(CHECK(WRITE(5, 1, 2), with(ERASE(3, 4), DEED_UNKNOWN), READ(0, 5, 6)),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_can_have_been_passes),
        cmocka_unit_test(an_unknown_write_may_land_until_a_later_one_is_acknowledged),
        cmocka_unit_test(a_value_out_of_nowhere_is_found),
        cmocka_unit_test(an_old_value_is_found_unless_it_was_marked),
        cmocka_unit_test(a_lost_write_is_found),
    };
    return RUN_TESTS(tests);
}
