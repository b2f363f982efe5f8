#include "tasks/name.h"

#include "support/test.h"

#include <string.h>

static void ids_are_of_few_characters_and_of_a_length(void **state)
{
    (void)state;
    struct hf_error error;
    char            text[HF_TASK_ID_MAX + 2] = "";
    assert_int_equal(hf_task_check_id("a.B_9:-", 64, "id", &error), HF_OK);
    static const char *const bad[] = { "", " ", "a b", "a\t", "a/b", "{a}", "\x80", "a\n" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(hf_task_check_id(bad[i], 64, "id", &error), HF_E_INVALID);
        assert_memory_equal(error.detail, "id: ", 4);
    }
    assert_int_equal(hf_task_check_id(NULL, 64, "id", NULL), HF_E_INVALID);
    memset(text, 'x', HF_TASK_ID_MAX + 1);
    assert_int_equal(hf_task_check_id(text, HF_TASK_ID_MAX, "id", NULL), HF_E_INVALID);
    assert_int_equal(hf_task_check_id(text + 1, HF_TASK_ID_MAX, "id", NULL), HF_OK);
}

static void names_are_printable_and_may_be_left_out(void **state)
{
    (void)state;
    char text[HF_TASK_NAME_MAX + 2] = "";
    assert_int_equal(hf_task_check_name(NULL, "owner", NULL), HF_OK);
    assert_int_equal(hf_task_check_name("team/ada@host{1}", "owner", NULL), HF_OK);
    assert_int_equal(hf_task_check_name("", "owner", NULL), HF_E_INVALID);
    assert_int_equal(hf_task_check_name("two words", "owner", NULL), HF_E_INVALID);
    assert_int_equal(hf_task_check_name("\x7F", "owner", NULL), HF_E_INVALID);
    assert_int_equal(hf_task_check_name("\xC3\xA4", "owner", NULL), HF_E_INVALID);
    memset(text, 'x', HF_TASK_NAME_MAX + 1);
    assert_int_equal(hf_task_check_name(text, "owner", NULL), HF_E_INVALID);
    assert_int_equal(hf_task_check_name(text + 1, "owner", NULL), HF_OK);
}

static void made_ids_are_ids_and_differ(void **state)
{
    (void)state;
    char a[HF_TASK_ID_MAX + 1], b[HF_TASK_ID_MAX + 1];
    assert_int_equal(hf_task_make_id(a, NULL), HF_OK);
    assert_int_equal(hf_task_make_id(b, NULL), HF_OK);
    assert_int_equal(strlen(a), 32);
    assert_int_equal(hf_task_check_id(a, HF_TASK_ID_MAX, "id", NULL), HF_OK);
    assert_string_not_equal(a, b);
}

static void a_line_is_one_line_and_cut_between_characters(void **state)
{
    (void)state;
    char line[HF_TASK_TEXT_MAX], text[HF_TASK_TEXT_MAX + 8];
    assert_int_equal(hf_task_line(hf_str(""), line), 0);
    assert_int_equal(hf_task_line(hf_bytes(NULL, 0), line), 0);
    assert_int_equal(hf_task_line(hf_str("a\nb\tc\x7F"), line), 6);
    assert_memory_equal(line, "a b c ", 6);

    memset(text, 'x', sizeof text);
    assert_int_equal(hf_task_line(hf_bytes(text, HF_TASK_TEXT_MAX), line), HF_TASK_TEXT_MAX);
    assert_int_equal(hf_task_line(hf_bytes(text, HF_TASK_TEXT_MAX + 1), line),
                     HF_TASK_TEXT_MAX);
    memcpy(text + HF_TASK_TEXT_MAX - 1, "\xC3\xA4", 2); /* Astride the border. */
    assert_int_equal(hf_task_line(hf_bytes(text, HF_TASK_TEXT_MAX + 1), line),
                     HF_TASK_TEXT_MAX - 1);
    memset(text, '\x80', sizeof text); /* No UTF-8 at all: still bounded. */
    const size_t size = hf_task_line(hf_bytes(text, sizeof text), line);
    assert_true(size <= HF_TASK_TEXT_MAX && size >= HF_TASK_TEXT_MAX - 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_of_few_characters_and_of_a_length),
        cmocka_unit_test(names_are_printable_and_may_be_left_out),
        cmocka_unit_test(made_ids_are_ids_and_differ),
        cmocka_unit_test(a_line_is_one_line_and_cut_between_characters),
    };
    return RUN_TESTS(tests);
}
