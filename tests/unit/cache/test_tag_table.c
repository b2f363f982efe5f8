#include "cache/tag_table.h"

#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

struct fixture {
    struct hf_tag_table *table;
    hf_instant           now;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->table = calloc(1, sizeof *f->table);
    f->now = (hf_instant){ hf_seconds(1000).ns };
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    free(f->table);
    free(f);
    return 0;
}

static void pass(struct fixture *f, hf_duration d)
{
    f->now = hf_later(f->now, d);
}

static void read(struct fixture *f, const char *name, uint64_t version)
{
    const struct hf_tag_reading reading = hf_tag_table_ask(f->table, hf_str(name), f->now);
    hf_tag_table_note(f->table, hf_str(name), reading, version, hf_never());
}

/* Of an entry that was there a moment ago. */
static enum hf_tag_verdict judge(struct fixture *f, const char *name, uint64_t version)
{
    const struct hf_tag tag = { hf_str(name), version };
    return hf_tag_table_judge(f->table, &tag, f->now, hf_later(f->now, hf_ns(1)));
}

static uint64_t version(struct fixture *f, const char *name)
{
    return hf_tag_table_version(f->table, hf_str(name), f->now, hf_later(f->now, hf_ms(1)));
}

static void is_valid_with_the_version_that_was_read(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(judge(f, "a", 7), HF_TAG_UNKNOWN);
    read(f, "a", 7);
    assert_int_equal(judge(f, "a", 7), HF_TAG_VALID);
    assert_int_equal(judge(f, "b", 7), HF_TAG_UNKNOWN);
    assert_int_equal(version(f, "a"), 7);
    assert_int_equal(version(f, "b"), 0);
}

static void is_invalid_only_by_a_version_newer_than_the_entry(void **state)
{
    struct fixture *f = *state;
    read(f, "a", 7);
    assert_int_equal(judge(f, "a", 8), HF_TAG_UNKNOWN);
    const struct hf_tag tag = { hf_str("a"), 8 };
    assert_int_equal(hf_tag_table_judge(f->table, &tag, f->now, f->now), HF_TAG_INVALID);
    read(f, "a", 0);
    assert_int_equal(hf_tag_table_judge(f->table, &tag, f->now, f->now), HF_TAG_INVALID);
    assert_int_equal(version(f, "a"), 0);
}

static void one_caller_reads_it_again_while_the_others_go_on(void **state)
{
    struct fixture *f = *state;
    read(f, "a", 7);
    pass(f, hf_ms(999));
    assert_int_equal(judge(f, "a", 7), HF_TAG_VALID);
    assert_int_equal(version(f, "a"), 7);
    pass(f, hf_ms(1));
    assert_int_equal(version(f, "a"), 0);
    assert_int_equal(judge(f, "a", 7), HF_TAG_UNKNOWN);
    assert_int_equal(judge(f, "a", 7), HF_TAG_VALID);
    pass(f, HF_TAG_FRESH);
    assert_int_equal(judge(f, "a", 7), HF_TAG_UNKNOWN);
    assert_int_equal(judge(f, "a", 7), HF_TAG_VALID);
}

static void nothing_is_believed_past_the_limit(void **state)
{
    struct fixture *f = *state;
    read(f, "a", 7);
    pass(f, hf_ns(HF_TAG_LIMIT.ns - 1));
    (void)judge(f, "a", 7);
    assert_int_equal(judge(f, "a", 7), HF_TAG_VALID);
    pass(f, hf_ns(1));
    assert_int_equal(judge(f, "a", 7), HF_TAG_UNKNOWN);
    assert_int_equal(judge(f, "a", 7), HF_TAG_UNKNOWN);
}

static void an_answer_from_before_it_was_forgotten_is_ignored(void **state)
{
    struct fixture             *f = *state;
    const struct hf_tag_reading late = hf_tag_table_ask(f->table, hf_str("a"), f->now);
    read(f, "a", 7);
    hf_tag_table_forget(f->table, hf_str("a"));
    assert_int_equal(judge(f, "a", 7), HF_TAG_UNKNOWN);
    hf_tag_table_note(f->table, hf_str("a"), late, 7, hf_never());
    assert_int_equal(judge(f, "a", 7), HF_TAG_UNKNOWN);
    read(f, "a", 8);
    assert_int_equal(judge(f, "a", 8), HF_TAG_VALID);

    const struct hf_tag_reading later = hf_tag_table_ask(f->table, hf_str("a"), f->now);
    hf_tag_table_forget_all(f->table);
    hf_tag_table_note(f->table, hf_str("a"), later, 8, hf_never());
    assert_int_equal(judge(f, "a", 8), HF_TAG_UNKNOWN);
}

static void an_answer_older_than_what_is_known_is_ignored(void **state)
{
    struct fixture             *f = *state;
    const struct hf_tag_reading old = hf_tag_table_ask(f->table, hf_str("a"), f->now);
    pass(f, hf_ns(1));
    read(f, "a", 8);
    hf_tag_table_note(f->table, hf_str("a"), old, 7, hf_never());
    assert_int_equal(judge(f, "a", 8), HF_TAG_VALID);
}

static void a_value_is_stored_only_under_a_version_that_lasts_as_long(void **state)
{
    struct fixture             *f = *state;
    const struct hf_bytes       name = hf_str("a");
    const hf_instant            end = hf_later(f->now, hf_seconds(60));
    const struct hf_tag_reading reading = hf_tag_table_ask(f->table, name, f->now);
    hf_tag_table_note(f->table, name, reading, 7, end);
    assert_int_equal(hf_tag_table_version(f->table, name, f->now, end), 7);
    assert_int_equal(hf_tag_table_version(f->table, name, f->now, hf_later(end, hf_ns(1))),
                     0);
}

static void what_was_known_is_told_apart_from_what_is(void **state)
{
    struct fixture          *f = *state;
    const struct hf_tag_mark same = hf_tag_mark(&(struct hf_tag){ hf_str("a"), 7 });
    const struct hf_tag_mark other = hf_tag_mark(&(struct hf_tag){ hf_str("a"), 8 });
    read(f, "a", 7);
    pass(f, hf_seconds(59));
    assert_true(hf_tag_table_knew(f->table, same, f->now, hf_seconds(60)));
    assert_false(hf_tag_table_knew(f->table, other, f->now, hf_seconds(60)));
    pass(f, hf_seconds(1));
    assert_false(hf_tag_table_knew(f->table, same, f->now, hf_seconds(60)));
    read(f, "a", 7);
    hf_tag_table_forget(f->table, hf_str("a"));
    assert_false(hf_tag_table_knew(f->table, same, f->now, hf_seconds(60)));
}

static void more_tags_than_fit_drive_out_the_oldest_of_their_set(void **state)
{
    struct fixture *f = *state;
    enum { MANY = 20000 };
    size_t known = 0, last = 0;
    char   name[16];
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "%d", i);
        read(f, name, (uint64_t)i + 1);
        pass(f, hf_ns(1));
    }
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "%d", i);
        const bool is_known = judge(f, name, (uint64_t)i + 1) == HF_TAG_VALID;
        known += is_known;
        if (i >= MANY - HF_TAG_WAYS) last += is_known;
    }
    assert_int_equal(known, HF_TAG_SHARDS * HF_TAG_SETS * HF_TAG_WAYS);
    assert_int_equal(last, HF_TAG_WAYS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(is_valid_with_the_version_that_was_read),
        TEST(is_invalid_only_by_a_version_newer_than_the_entry),
        TEST(one_caller_reads_it_again_while_the_others_go_on),
        TEST(nothing_is_believed_past_the_limit),
        TEST(an_answer_from_before_it_was_forgotten_is_ignored),
        TEST(an_answer_older_than_what_is_known_is_ignored),
        TEST(a_value_is_stored_only_under_a_version_that_lasts_as_long),
        TEST(what_was_known_is_told_apart_from_what_is),
        TEST(more_tags_than_fit_drive_out_the_oldest_of_their_set),
    };
    return RUN_TESTS(tests);
}
