#include "core/buffer.h"

#include "support/counting_allocator.h"
#include "support/test.h"

#include <string.h>

enum { LIMIT = 1000 };

struct fixture {
    struct counting_allocator memory;
    struct hf_buffer          buffer;
};

static void set_up(struct fixture *f)
{
    counting_allocator_init(&f->memory);
    hf_buffer_init(&f->buffer, &f->memory.base, LIMIT);
}

static void tear_down(struct fixture *f)
{
    hf_buffer_deinit(&f->buffer);
    assert_int_equal(f->memory.blocks, 0);
}

static void grows_to_its_limit_and_no_further(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    for (int i = 0; i < LIMIT; i++) assert_int_equal(hf_buffer_append(&f.buffer, "x", 1), 0);

    assert_int_equal(hf_buffer_append(&f.buffer, "y", 1), HF_E_TOO_LARGE);
    assert_int_equal(hf_buffer_size(&f.buffer), LIMIT);
    hf_buffer_consume(&f.buffer, 1);
    assert_int_equal(hf_buffer_append(&f.buffer, "y", 1), HF_OK);
    assert_int_equal(hf_buffer_bytes(&f.buffer)[LIMIT - 1], 'y');
    tear_down(&f);
}

static void keeps_bytes_in_order_while_consuming(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    unsigned char next_in = 0, next_out = 0;
    for (int round = 0; round < 10000; round++) {
        for (int i = 0; i < 7; i++, next_in++) {
            assert_int_equal(hf_buffer_append(&f.buffer, &next_in, 1), HF_OK);
        }
        while (hf_buffer_size(&f.buffer) > 900) {
            assert_int_equal((unsigned char)*hf_buffer_bytes(&f.buffer), next_out++);
            hf_buffer_consume(&f.buffer, 1);
        }
    }
    tear_down(&f);
}

static void running_out_of_memory_changes_nothing(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(hf_buffer_append(&f.buffer, "abc", 3), HF_OK);
    f.memory.fail_at = f.memory.requests + 1;
    char large[600] = { 0 };
    assert_int_equal(hf_buffer_append(&f.buffer, large, sizeof large), HF_E_NOMEM);
    assert_int_equal(hf_buffer_size(&f.buffer), 3);
    assert_memory_equal(hf_buffer_bytes(&f.buffer), "abc", 3);
    tear_down(&f);
}

static void a_sum_that_overflows_is_too_large(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(hf_buffer_append(&f.buffer, "abc", 3), HF_OK);
    assert_int_equal(hf_buffer_reserve(&f.buffer, SIZE_MAX - 1), HF_E_TOO_LARGE);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_to_its_limit_and_no_further),
        cmocka_unit_test(keeps_bytes_in_order_while_consuming),
        cmocka_unit_test(running_out_of_memory_changes_nothing),
        cmocka_unit_test(a_sum_that_overflows_is_too_large),
    };
    return RUN_TESTS(tests);
}
