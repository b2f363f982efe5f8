#include "net/reply_builder.h"

#include "support/counting_allocator.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

struct fixture {
    struct counting_allocator memory;
    struct hf_reply_builder   builder;
};

static void set_up(struct fixture *f)
{
    counting_allocator_init(&f->memory);
    hf_reply_builder_init(&f->builder, &f->memory.base);
}

static void tear_down(struct fixture *f)
{
    hf_reply_builder_deinit(&f->builder);
    assert_int_equal(f->memory.blocks, 0);
}

static struct hf_reply integer(int64_t value)
{
    return (struct hf_reply){ .type = HF_REPLY_INTEGER, .integer = value };
}

static void aggregates_take_the_values_pushed_since_they_began(void **state)
{
    (void)state;
    struct fixture  f;
    struct hf_reply node;
    set_up(&f);
    assert_int_equal(hf_reply_builder_begin(&f.builder, 10), HF_OK);
    assert_int_equal(hf_reply_builder_push(&f.builder, integer(1)), HF_OK);
    assert_int_equal(hf_reply_builder_text(&f.builder, HF_REPLY_STRING, "ab", 2, &node),
                     HF_OK);
    assert_int_equal(hf_reply_builder_push(&f.builder, node), HF_OK);
    assert_int_equal(hf_reply_builder_push(&f.builder, integer(3)), HF_OK);
    assert_int_equal(hf_reply_builder_gather(&f.builder, 1, HF_REPLY_SET, &node), HF_OK);
    assert_int_equal(hf_reply_builder_push(&f.builder, node), HF_OK);
    assert_int_equal(hf_reply_builder_gather(&f.builder, 0, HF_REPLY_ARRAY, &node), HF_OK);

    struct hf_reply *reply = hf_reply_builder_finish(&f.builder, node);
    assert_int_equal(hf_reply_count(reply), 2);
    const struct hf_reply *set = hf_reply_at(reply, 1);
    assert_int_equal(hf_reply_type(set), HF_REPLY_SET);
    assert_true(hf_reply_is_text(hf_reply_at(set, 0), "ab"));
    hf_reply_free(reply);
    tear_down(&f);
}

static void texts_and_children_stay_where_they_are_while_the_tree_grows(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    static char     texts[COUNT][40];
    struct fixture  f;
    struct hf_reply node;
    set_up(&f);
    assert_int_equal(hf_reply_builder_begin(&f.builder, 10), HF_OK);
    for (int i = 0; i < COUNT; i++) {
        const size_t size = (size_t)snprintf(texts[i], sizeof texts[i], "%0*d", 1 + i % 39,
                                             i);
        assert_int_equal(
            hf_reply_builder_text(&f.builder, HF_REPLY_STRING, texts[i], size, &node), HF_OK);
        assert_int_equal(hf_reply_builder_push(&f.builder, node), HF_OK);
        const uint32_t last = f.builder.count - 1;
        assert_int_equal(hf_reply_builder_gather(&f.builder, last, HF_REPLY_ARRAY, &node),
                         HF_OK);
        assert_int_equal(hf_reply_builder_push(&f.builder, node), HF_OK);
    }
    assert_int_equal(hf_reply_builder_gather(&f.builder, 0, HF_REPLY_ARRAY, &node), HF_OK);
    struct hf_reply *reply = hf_reply_builder_finish(&f.builder, node);
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(hf_reply_is_text(hf_reply_at(hf_reply_at(reply, i), 0), texts[i]));
    }
    hf_reply_free(reply);
    assert_in_range(f.memory.bytes, 0, HF_REPLY_BUILDER_IDLE_MAX + 16);
    tear_down(&f);
}

static void a_large_string_grows_as_it_is_filled_and_keeps_no_slack(void **state)
{
    (void)state;
    const size_t   total = 1000 * 1000;
    struct fixture f;
    size_t         at = 0;
    set_up(&f);
    assert_int_equal(hf_reply_builder_begin(&f.builder, 0), HF_OK);
    while (at < total) {
        char  *data;
        size_t room;
        assert_int_equal(hf_reply_builder_open_room(&f.builder, total - at, &data, &room),
                         HF_OK);
        assert_in_range(room, 1, total - at);
        if (room > 1000) room = 1000;
        memset(data, 'a' + (int)(at / 1000 % 26), room);
        hf_reply_builder_open_extend(&f.builder, room);
        at += room;
        assert_in_range(f.memory.bytes, at, 4 * at + 70000);
    }
    assert_int_equal(*hf_reply_builder_open_tail(&f.builder, 1), 'a' + 999 % 26);
    hf_reply_builder_open_trim(&f.builder, 500 * 1000);
    const struct hf_reply node = hf_reply_builder_open_close(&f.builder, HF_REPLY_STRING);
    struct hf_reply      *reply = hf_reply_builder_finish(&f.builder, node);

    struct hf_bytes bytes;
    assert_int_equal(hf_reply_bytes(reply, &bytes), HF_OK);
    assert_int_equal(bytes.size, 500 * 1000);
    assert_int_equal(strlen(bytes.data), 500 * 1000);
    assert_int_equal(((const char *)bytes.data)[499999], 'a' + 499 % 26);
    assert_in_range(f.memory.bytes, 0, 520 * 1000);
    hf_reply_free(reply);
    tear_down(&f);
}

static hf_err build(struct hf_reply_builder *b, struct hf_reply **reply)
{
    struct hf_reply node;
    hf_err          err = hf_reply_builder_begin(b, 0);
    for (int i = 0; i < 100 && !err; i++) {
        err = hf_reply_builder_text(b, HF_REPLY_STRING, "0123456789", 10, &node);
        if (!err) err = hf_reply_builder_push(b, node);
    }
    char  *data;
    size_t room;
    if (!err) err = hf_reply_builder_open_room(b, 3, &data, &room);
    if (err) return err;
    memcpy(data, "abc", 3);
    hf_reply_builder_open_extend(b, 3);
    hf_reply_builder_open_trim(b, 1);
    err = hf_reply_builder_push(b, hf_reply_builder_open_close(b, HF_REPLY_STRING));
    if (!err) err = hf_reply_builder_gather(b, 0, HF_REPLY_ARRAY, &node);
    if (!err) *reply = hf_reply_builder_finish(b, node);
    return err;
}

static void whatever_allocation_fails_nothing_leaks_and_the_next_tree_is_whole(void **state)
{
    (void)state;
    for (long fail_at = 1;; fail_at++) {
        struct fixture   f;
        struct hf_reply *reply = NULL;
        set_up(&f);
        f.memory.fail_at = fail_at;
        const hf_err err = build(&f.builder, &reply);
        if (err) {
            assert_int_equal(err, HF_E_NOMEM);
            hf_reply_builder_drop(&f.builder);
            assert_int_equal(build(&f.builder, &reply), HF_OK);
        }
        assert_int_equal(hf_reply_count(reply), 101);
        assert_true(hf_reply_is_text(hf_reply_at(reply, 100), "ab"));
        hf_reply_free(reply);
        tear_down(&f);
        if (!err) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aggregates_take_the_values_pushed_since_they_began),
        cmocka_unit_test(texts_and_children_stay_where_they_are_while_the_tree_grows),
        cmocka_unit_test(a_large_string_grows_as_it_is_filled_and_keeps_no_slack),
        cmocka_unit_test(whatever_allocation_fails_nothing_leaks_and_the_next_tree_is_whole),
    };
    return RUN_TESTS(tests);
}
