#include "tasks/record.h"

#include "core/alloc.h"
#include "support/counting_allocator.h"
#include "support/test.h"

#include <string.h>

enum { FIELDS_MAX = 64 };

/* "f=1 s=0 ...": fields of one letter, values without blanks. */
static hf_err parse(const struct hf_allocator *a, const char *text, struct hf_task **task)
{
    struct hf_bytes fields[FIELDS_MAX];
    size_t          count = 0;
    for (const char *at = text; *at; at += strspn(at, " ")) {
        const size_t size = strcspn(at, " ");
        fields[count++] = hf_bytes(at, 1);
        fields[count++] = hf_bytes(at + 2, size - 2);
        at += size;
    }
    return hf_task_parse(a, "id", fields, count, task, NULL);
}

static const char least[] = "f=1 s=0 t=render p=0 v=1 c=1700000000123456 d=1700000000123456";

static void the_least_record_has_defaults(void **state)
{
    (void)state;
    struct hf_task *task;
    assert_int_equal(parse(&hf_allocator_default, least, &task), HF_OK);
    assert_string_equal(task->id, "id");
    assert_string_equal(task->type, "render");
    assert_string_equal(task->owner, "");
    assert_string_equal(task->message, "");
    assert_int_equal(task->created_ms, 1700000000123);
    assert_int_equal(task->retry_limit, 3);
    assert_int_equal(task->crash_limit, 3);
    assert_int_equal(task->payload.size, 0);
    assert_int_equal(task->error_count, 0);
    hf_task_free(task);
    hf_task_free(NULL);
}

static void every_field_is_read(void **state)
{
    (void)state;
    struct hf_task *task;
    char            text[1024] = "o=ada u=key w=host:1 j=on g=0.25 k=17 q=2 r=1 R=0 x=1 X=9 "
                                 "a=1700000001000000 z=1700000002000000 l=30000000 b=pay "
                                 "y=res m=meta E= unknown=1 ";
    strcat(text, least);
    assert_int_equal(parse(&hf_allocator_default, text, &task), HF_OK);
    assert_string_equal(task->owner, "ada");
    assert_string_equal(task->unique, "key");
    assert_string_equal(task->worker, "host:1");
    assert_string_equal(task->message, "on");
    assert_true(task->progress == 0.25);
    assert_int_equal(task->token, 17);
    assert_int_equal(task->starts, 2);
    assert_int_equal(task->retries, 1);
    assert_int_equal(task->retry_limit, 0);
    assert_int_equal(task->crashes, 1);
    assert_int_equal(task->crash_limit, 9);
    assert_int_equal(task->started_ms, 1700000001000);
    assert_int_equal(task->completed_ms, 1700000002000);
    assert_int_equal(hf_to_ms(task->lease), 30000);
    assert_memory_equal(task->payload.data, "pay", 4);
    assert_memory_equal(task->result.data, "res", 4);
    assert_memory_equal(task->metadata.data, "meta", 5);
    hf_task_free(task);
}

static void errors_are_read_newest_first(void **state)
{
    (void)state;
    static const char kept[] = "e1700000002000000 no paper\nx1700000001000000 lost by w\n";
    const struct hf_bytes fields[] = {
        hf_str("f"), hf_str("1"), hf_str("s"), hf_str("3"),  hf_str("t"), hf_str("t"),
        hf_str("p"), hf_str("2"), hf_str("v"), hf_str("9"),  hf_str("c"), hf_str("1"),
        hf_str("d"), hf_str("1"), hf_str("E"), hf_str(kept),
    };
    struct hf_task *task;
    assert_int_equal(hf_task_parse(&hf_allocator_default, "id", fields, 16, &task, NULL),
                     HF_OK);
    assert_int_equal(task->error_count, 2);
    assert_false(task->errors[0].is_crash);
    assert_int_equal(task->errors[0].at_ms, 1700000002000);
    assert_int_equal(task->errors[0].text.size, 8);
    assert_memory_equal(task->errors[0].text.data, "no paper", 8);
    assert_true(task->errors[1].is_crash);
    hf_task_free(task);
}

static void what_is_no_record_is_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *more; /* In front of the least record, and so it wins. */
        hf_err      err;
    } cases[] = {
        { "f=2 ", HF_E_TASK_NEWER },
        { "f=99 s=9 ", HF_E_TASK_NEWER },
        { "f=0 ", HF_E_TASK_DAMAGED },
        { "f= ", HF_E_TASK_DAMAGED },
        { "f=-1 ", HF_E_TASK_DAMAGED },
        { "s=5 ", HF_E_TASK_DAMAGED },
        { "s=x ", HF_E_TASK_DAMAGED },
        { "p=3 ", HF_E_TASK_DAMAGED },
        { "v=1e3 ", HF_E_TASK_DAMAGED },
        { "c=-1 ", HF_E_TASK_DAMAGED },
        { "d= ", HF_E_TASK_DAMAGED },
        { "g=1.5 ", HF_E_TASK_DAMAGED },
        { "g=nan ", HF_E_TASK_DAMAGED },
        { "g=-0.1 ", HF_E_TASK_DAMAGED },
        { "r=4294967296 ", HF_E_TASK_DAMAGED },
        { "k=99999999999999999999 ", HF_E_TASK_DAMAGED },
        { "E=x ", HF_E_TASK_DAMAGED },
        { "l=-3 ", HF_E_TASK_DAMAGED },
    };
    struct hf_task *task;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];
        strcpy(text, cases[i].more);
        strcat(text, least);
        if (parse(&hf_allocator_default, text, &task) != cases[i].err) {
            fail_msg("%s", cases[i].more);
        }
    }
    assert_int_equal(parse(&hf_allocator_default, "", &task), HF_E_TASK_UNKNOWN);
    assert_int_equal(parse(&hf_allocator_default, "f=1", &task), HF_E_TASK_DAMAGED);

    const struct hf_bytes nul[] = { hf_str("f"), hf_str("1"), hf_str("s"),
                                    hf_str("0"), hf_str("t"), hf_bytes("a\0b", 3) };
    assert_int_equal(hf_task_parse(&hf_allocator_default, "id", nul, 6, &task, NULL),
                     HF_E_TASK_DAMAGED);
}

static void without_memory_nothing_is_left_behind(void **state)
{
    (void)state;
    struct counting_allocator memory;
    struct hf_task           *task;
    counting_allocator_init(&memory);
    assert_int_equal(parse(&memory.base, least, &task), HF_OK);
    hf_task_free(task);
    assert_int_equal(parse(&memory.base, "f=1 s=0", &task), HF_E_TASK_DAMAGED);
    assert_int_equal(memory.blocks, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_record_has_defaults),
        cmocka_unit_test(every_field_is_read),
        cmocka_unit_test(errors_are_read_newest_first),
        cmocka_unit_test(what_is_no_record_is_told_apart),
        cmocka_unit_test(without_memory_nothing_is_left_behind),
    };
    return RUN_TESTS(tests);
}
