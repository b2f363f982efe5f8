#include "cache/namespace.h"

#include "support/test.h"

struct fixture {
    struct hf_namespace namespace;
    struct hf_namespace_reading reading;
    hf_instant                  now;
};

static void set_up(struct fixture *f)
{
    hf_namespace_init(&f->namespace);
    f->now = (hf_instant){ hf_seconds(1000).ns };
}

static uint64_t token(struct fixture *f)
{
    return hf_namespace_token(&f->namespace, f->now, &f->reading);
}

static void know(struct fixture *f, uint64_t value)
{
    assert_int_equal(token(f), 0);
    hf_namespace_read(&f->namespace, f->reading, value);
    assert_int_equal(token(f), value);
}

static void pass(struct fixture *f, hf_duration d)
{
    f->now = hf_later(f->now, d);
}

static void is_read_before_the_first_use(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    know(&f, 7);
    pass(&f, hf_ms(999));
    assert_int_equal(token(&f), 7);
    hf_namespace_deinit(&f.namespace);
}

static void one_caller_reads_it_again_while_the_others_go_on(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    know(&f, 7);
    pass(&f, HF_NAMESPACE_FRESH);
    assert_int_equal(token(&f), 0);
    assert_int_equal(token(&f), 7);
    assert_int_equal(token(&f), 7);
    hf_namespace_read(&f.namespace, f.reading, 8);
    assert_int_equal(token(&f), 8);
    hf_namespace_deinit(&f.namespace);
}

static void a_reader_that_never_returns_is_replaced(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    know(&f, 7);
    pass(&f, HF_NAMESPACE_FRESH);
    assert_int_equal(token(&f), 0);
    pass(&f, HF_NAMESPACE_FRESH);
    assert_int_equal(token(&f), 0);
    assert_int_equal(token(&f), 7);
    hf_namespace_deinit(&f.namespace);
}

static void nobody_goes_on_with_one_past_the_limit(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    know(&f, 7);
    pass(&f, HF_NAMESPACE_LIMIT);
    for (int i = 0; i < 3; i++) assert_int_equal(token(&f), 0);
    hf_namespace_deinit(&f.namespace);
}

static void an_answer_from_before_a_replacement_is_ignored(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    know(&f, 7);
    pass(&f, HF_NAMESPACE_FRESH);
    assert_int_equal(token(&f), 0);
    const struct hf_namespace_reading old = f.reading;
    hf_namespace_replace(&f.namespace, f.now, 9);
    hf_namespace_read(&f.namespace, old, 7);
    assert_int_equal(token(&f), 9);

    hf_namespace_replace(&f.namespace, f.now, 0);
    hf_namespace_read(&f.namespace, old, 7);
    assert_int_equal(token(&f), 0);
    hf_namespace_read(&f.namespace, f.reading, 10);
    assert_int_equal(token(&f), 10);
    hf_namespace_deinit(&f.namespace);
}

static void the_older_of_two_answers_does_not_win(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(token(&f), 0);
    const struct hf_namespace_reading older = f.reading;
    pass(&f, hf_ms(1));
    know(&f, 8);
    hf_namespace_read(&f.namespace, older, 7);
    assert_int_equal(token(&f), 8);
    hf_namespace_deinit(&f.namespace);
}

static void only_sixteen_hexadecimal_digits_are_a_token(void **state)
{
    (void)state;
    assert_int_equal(hf_namespace_parse(hf_str("0123456789abcdef")),
                     UINT64_C(0x0123456789abcdef));
    static const char *const wrong[] = { "",
                                         "0",
                                         "0123456789abcde",
                                         "0123456789abcdef0",
                                         "0123456789abcdeg",
                                         "0123456789ABCDEF",
                                         " 123456789abcdef",
                                         "0x23456789abcdef",
                                         "0000000000000000" };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(hf_namespace_parse(hf_str(wrong[i])), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_read_before_the_first_use),
        cmocka_unit_test(one_caller_reads_it_again_while_the_others_go_on),
        cmocka_unit_test(a_reader_that_never_returns_is_replaced),
        cmocka_unit_test(nobody_goes_on_with_one_past_the_limit),
        cmocka_unit_test(an_answer_from_before_a_replacement_is_ignored),
        cmocka_unit_test(only_sixteen_hexadecimal_digits_are_a_token),
        cmocka_unit_test(the_older_of_two_answers_does_not_win),
    };
    return RUN_TESTS(tests);
}
