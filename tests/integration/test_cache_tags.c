/* Entries with tags, while nothing fails: each call sees of them what get would. */

#include "support/tag_kit.h"
#include "support/test.h"
#include "support/wait.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>

#define BOUND hf_seconds(20)

/* ---- In calm weather ----------------------------------------------------------- */

static void an_invalidated_tag_makes_its_entries_miss_and_no_others(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    assert_int_equal(tag_set(&f, "a", "1", "red"), HF_OK);
    assert_int_equal(tag_set_in(f.cache, "b", "2", "blue", "red", "green"), HF_OK);
    assert_int_equal(tag_set(&f, "c", "3", "blue"), HF_OK);
    assert_int_equal(cache_fixture_set(&f, "d", "4"), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "a", "1"), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "b", "2"), HF_OK);

    assert_int_equal(tag_invalidate(&f, "red"), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "a", "1"), HF_MISS);
    assert_int_equal(cache_fixture_expect(&f, "b", "2"), HF_MISS);
    assert_int_equal(cache_fixture_expect(&f, "c", "3"), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "d", "4"), HF_OK);
    assert_int_equal(cache_fixture_stats(&f).cache_tag_invalid, 2);
    assert_int_equal(cache_fixture_stats(&f).cache_tag_invalidations, 1);
    cache_fixture_close(&f);
}

static void what_is_set_afterwards_is_valid_and_the_rest_stays_invalid(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    assert_int_equal(tag_set(&f, "a", "old", "red"), HF_OK);
    assert_int_equal(tag_set(&f, "b", "old", "red"), HF_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(tag_invalidate(&f, "red"), HF_OK);
        assert_int_equal(tag_set(&f, "a", "new", "red"), HF_OK);
        assert_int_equal(cache_fixture_expect(&f, "a", "new"), HF_OK);
        assert_int_equal(cache_fixture_expect(&f, "b", "old"), HF_MISS);
    }
    cache_fixture_close(&f);
}

static void several_tags_go_in_one_call_and_unknown_ones_too(void **state)
{
    (void)state;
    struct cache_fixture  f;
    const struct hf_bytes tags[] = { hf_str("red"), hf_str("never used"), hf_str("blue") };
    cache_fixture_open(&f, NULL);
    assert_int_equal(tag_set(&f, "a", "1", "red"), HF_OK);
    assert_int_equal(tag_set(&f, "b", "2", "blue"), HF_OK);
    assert_int_equal(hf_cache_invalidate_tags(f.cache, NULL, tags, 3, &f.error), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "a", "1"), HF_MISS);
    assert_int_equal(cache_fixture_expect(&f, "b", "2"), HF_MISS);
    assert_int_equal(hf_cache_invalidate_tags(f.cache, NULL, NULL, 0, &f.error), HF_OK);
    cache_fixture_close(&f);
}

static void bad_tags_are_refused_before_anything_is_sent(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct hf_bytes      tags[HF_TAGS_MAX + 1];
    char                 name[HF_TAG_SIZE_MAX + 1];
    struct hf_value     *value;
    struct hf_set        how = { .ttl = hf_seconds(60), .tags = tags };
    struct hf_load       load = { .tags = tags, .tag_count = HF_TAGS_MAX + 1 };
    cache_fixture_open(&f, NULL);
    memset(name, 'x', sizeof name);
    for (size_t i = 0; i <= HF_TAGS_MAX; i++) tags[i] = hf_str("same");
    how.tag_count = HF_TAGS_MAX + 1;
    const struct hf_bytes key = hf_str("k"), text = hf_str("v");
    assert_int_equal(hf_cache_set(f.cache, NULL, key, text, &how, NULL), HF_E_INVALID);
    assert_int_equal(hf_cache_load(f.cache, NULL, key, &load, NULL, NULL, &value, NULL),
                     HF_E_INVALID);
    how.tag_count = HF_TAGS_MAX;
    assert_int_equal(hf_cache_set(f.cache, NULL, key, text, &how, NULL), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "k", "v"), HF_OK);
    tags[3] = hf_str("");
    assert_int_equal(hf_cache_set(f.cache, NULL, key, text, &how, NULL), HF_E_INVALID);
    tags[3] = hf_bytes(name, sizeof name);
    assert_int_equal(hf_cache_set(f.cache, NULL, key, text, &how, NULL), HF_E_TOO_LARGE);
    tags[3] = hf_bytes(name, HF_TAG_SIZE_MAX);
    assert_int_equal(hf_cache_set(f.cache, NULL, key, text, &how, NULL), HF_OK);
    assert_int_equal(tag_invalidate(&f, ""), HF_E_INVALID);
    assert_int_equal(
        hf_cache_invalidate_tag(f.cache, NULL, hf_bytes(name, sizeof name), NULL),
        HF_E_TOO_LARGE);
    assert_int_equal(hf_cache_invalidate_tag(f.cache, NULL, tags[3], NULL), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "k", "v"), HF_MISS);
    cache_fixture_close(&f);
}

static void versions_are_asked_for_once_and_not_for_each_read(void **state)
{
    (void)state;
    struct cache_fixture f;
    const int64_t        started = hf_now().ns;
    cache_fixture_open(&f, NULL);
    assert_int_equal(tag_set_in(f.cache, "a", "1", "red", "blue", NULL), HF_OK);
    for (int i = 0; i < 200; i++) assert_int_equal(cache_fixture_expect(&f, "a", "1"), HF_OK);
    for (int i = 0; i < 200; i++) assert_int_equal(tag_set(&f, "b", "2", "blue"), HF_OK);
    const int64_t seconds = (hf_now().ns - started) / 1000000000;
    assert_true(cache_fixture_stats(&f).cache_tag_checks <= 1 + 2 * (uint64_t)seconds);
    cache_fixture_close(&f);
}

static void what_get_misses_is_not_there_for_the_other_calls_either(void **state)
{
    (void)state;
    struct cache_fixture  f;
    struct hf_metadata    metadata;
    struct hf_value      *value;
    hf_duration           ttl;
    const struct hf_bytes key = hf_str("a");
    cache_fixture_open(&f, &(struct hf_cache_options){ .stale_limit = hf_seconds(60) });
    assert_int_equal(tag_set(&f, "a", "1", "red"), HF_OK);
    assert_int_equal(hf_cache_exists(f.cache, NULL, key, NULL), HF_OK);
    assert_int_equal(hf_cache_ttl(f.cache, NULL, key, &ttl, NULL), HF_OK);
    assert_int_equal(hf_cache_metadata(f.cache, NULL, key, &metadata, NULL), HF_OK);
    assert_int_equal(hf_cache_touch(f.cache, NULL, key, hf_seconds(30), NULL), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "a", "1"), HF_OK);

    assert_int_equal(tag_invalidate(&f, "red"), HF_OK);
    assert_int_equal(hf_cache_exists(f.cache, NULL, key, NULL), HF_MISS);
    assert_int_equal(hf_cache_ttl(f.cache, NULL, key, &ttl, NULL), HF_MISS);
    assert_int_equal(hf_cache_metadata(f.cache, NULL, key, &metadata, NULL), HF_MISS);
    assert_int_equal(hf_cache_touch(f.cache, NULL, key, hf_seconds(30), NULL), HF_MISS);
    assert_int_equal(hf_cache_get_stale(f.cache, NULL, key, &value, NULL), HF_MISS);
    assert_int_equal(hf_cache_delete(f.cache, NULL, key, NULL), HF_OK);
    cache_fixture_close(&f);
}

static hf_err set_if(struct cache_fixture *f, const char *value, enum hf_set_condition when)
{
    const struct hf_bytes tag = hf_str("red");
    const struct hf_set   how = {
          .ttl = hf_seconds(60), .condition = when, .tags = &tag, .tag_count = 1
    };
    return hf_cache_set(f->cache, NULL, hf_str("a"), hf_str(value), &how, &f->error);
}

static hf_err set_one_of_many_if(struct cache_fixture *f, const char *value,
                                 enum hf_set_condition when)
{
    const struct hf_set   how = { .ttl = hf_seconds(60), .condition = when };
    const struct hf_bytes key = hf_str("a"), text = hf_str(value);
    hf_err                err;
    const hf_err all = hf_cache_set_many(f->cache, NULL, &key, &text, 1, &how, &err, NULL);
    assert_int_equal(all, err == HF_MISS ? HF_OK : err);
    return err;
}

static void a_condition_sees_what_get_would(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    assert_int_equal(set_if(&f, "1", HF_SET_IF_PRESENT), HF_MISS);
    assert_int_equal(set_if(&f, "1", HF_SET_IF_ABSENT), HF_OK);
    assert_int_equal(set_if(&f, "2", HF_SET_IF_ABSENT), HF_MISS);
    assert_int_equal(set_if(&f, "3", HF_SET_IF_PRESENT), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "a", "3"), HF_OK);

    assert_int_equal(tag_invalidate(&f, "red"), HF_OK);
    assert_int_equal(set_if(&f, "4", HF_SET_IF_PRESENT), HF_MISS);
    assert_int_equal(cache_fixture_expect(&f, "a", "4"), HF_MISS);
    assert_int_equal(set_if(&f, "5", HF_SET_IF_ABSENT), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "a", "5"), HF_OK);

    assert_int_equal(set_one_of_many_if(&f, "6", HF_SET_IF_ABSENT), HF_MISS);
    assert_int_equal(tag_invalidate(&f, "red"), HF_OK);
    assert_int_equal(set_one_of_many_if(&f, "7", HF_SET_IF_PRESENT), HF_MISS);
    assert_int_equal(set_one_of_many_if(&f, "8", HF_SET_IF_ABSENT), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "a", "8"), HF_OK);
    cache_fixture_close(&f);
}

static void many_keys_are_judged_in_one_round_trip(void **state)
{
    (void)state;
    enum { MANY = 100 };
    struct cache_fixture  f;
    struct tag_other      other;
    static char           names[MANY][8];
    struct hf_bytes       keys[MANY], values[MANY];
    struct hf_value      *found[MANY];
    hf_err                errs[MANY];
    const struct hf_bytes tags[] = { hf_str("even"), hf_str("odd") };
    cache_fixture_open(&f, NULL);
    tag_other_open(&other, &f);
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "%d", i);
        keys[i] = values[i] = hf_str(names[i]);
    }
    for (int half = 0; half < 2; half++) {
        const struct hf_set how = { .ttl = hf_seconds(60),
                                    .tags = &tags[half],
                                    .tag_count = 1 };
        assert_int_equal(hf_cache_set_many(f.cache, NULL, keys + half * MANY / 2,
                                           values + half * MANY / 2, MANY / 2, &how, errs,
                                           NULL),
                         HF_OK);
    }
    assert_int_equal(tag_invalidate(&f, "odd"), HF_OK);
    assert_int_equal(hf_cache_get_many(other.cache, NULL, keys, MANY, found, errs, NULL),
                     HF_OK);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(errs[i], i < MANY / 2 ? HF_OK : HF_MISS);
        hf_value_release(found[i]);
    }
    struct hf_stats stats;
    hf_stats_get(other.client, &stats);
    assert_int_equal(stats.cache_tag_checks, 1);
    tag_other_close(&other);
    cache_fixture_close(&f);
}

static void a_streamed_value_has_tags_too(void **state)
{
    (void)state;
    enum { LARGE = 3 * 1024 * 1024 };
    struct cache_fixture  f;
    struct hf_writer     *writer;
    struct hf_reader     *reader;
    const struct hf_bytes key = hf_str("a"), tag = hf_str("red");
    const struct hf_set   how = {
          .ttl = hf_seconds(60), .metadata = hf_str("said"), .tags = &tag, .tag_count = 1
    };
    const size_t sizes[] = { 5, LARGE };
    char        *bytes = calloc(1, LARGE);
    cache_fixture_open(&f, NULL);
    for (int i = 0; i < 2; i++) {
        for (int is_late = 0; is_late < 2; is_late++) {
            assert_int_equal(hf_writer_open(f.cache, NULL, key, &how, &writer, NULL), HF_OK);
            assert_int_equal(hf_writer_write(writer, hf_bytes(bytes, sizes[i]), NULL), HF_OK);
            if (is_late) assert_int_equal(tag_invalidate(&f, "red"), HF_OK);
            assert_int_equal(hf_writer_commit(writer, NULL), HF_OK);
            hf_writer_close(writer);
            if (!is_late) {
                assert_int_equal(hf_reader_open(f.cache, NULL, key, &reader, NULL), HF_OK);
                assert_int_equal(hf_reader_size(reader), sizes[i]);
                assert_int_equal(hf_reader_metadata(reader).size, 4);
                hf_reader_close(reader);
                assert_int_equal(tag_invalidate(&f, "red"), HF_OK);
            }
            assert_int_equal(hf_reader_open(f.cache, NULL, key, &reader, NULL), HF_MISS);
            assert_int_equal(hf_cache_exists(f.cache, NULL, key, NULL), HF_MISS);
        }
    }
    free(bytes);
    cache_fixture_close(&f);
}

static int64_t life_of(struct cache_fixture *f, const char *wire)
{
    redisReply   *reply = redis_server_command(f->server, "PTTL %s", wire);
    const int64_t ms = reply->integer;
    freeReplyObject(reply);
    return ms;
}

static bool lives_longer(void *ctx)
{
    return life_of(ctx, "t@0/tag:red") > 60000;
}

static void a_version_lives_as_long_as_what_needs_it_and_not_for_ever(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct tag_other     other;
    cache_fixture_open(&f, &(struct hf_cache_options){ .sliding = true });
    tag_other_open(&other, &f);
    assert_int_equal(tag_set(&f, "a", "1", "red"), HF_OK);
    assert_in_range(life_of(&f, "t@0/tag:red"), 60000, 120000);

    redis_server_do(f.server, "PEXPIRE t@0/tag:red 20000");
    struct hf_value *value;
    assert_int_equal(hf_cache_get(other.cache, NULL, hf_str("a"), &value, NULL), HF_OK);
    hf_value_release(value);
    assert_true(wait_until(lives_longer, &f, BOUND));
    tag_other_close(&other);
    cache_fixture_close(&f);
}

/* ---- Forgeries ----------------------------------------------------------------- */

static void flip_each_byte(struct cache_fixture *f)
{
    redisReply *entry = redis_server_command(f->server, "GET t@0:a");
    for (size_t i = 0; i < entry->len; i++) {
        entry->str[i] ^= 0x10;
        redis_server_do(f->server, "SET t@0:a %b", entry->str, entry->len);
        const hf_err err = cache_fixture_expect(f, "a", "value");
        assert_true(err == HF_MISS);
        assert_int_equal(hf_cache_delete(f->cache, NULL, hf_str("gone"), NULL), HF_MISS);
        entry->str[i] ^= 0x10;
    }
    redis_server_do(f->server, "SET t@0:a %b", entry->str, entry->len);
    assert_int_equal(cache_fixture_expect(f, "a", "value"), HF_OK);
    freeReplyObject(entry);
}

static void a_flipped_byte_is_a_miss_wherever_it_is(void **state)
{
    (void)state;
    struct cache_fixture      f;
    const struct hf_cache_key key = { .id = 1, .bytes = { 1, 2, 3 } };
    for (int is_sealed = 0; is_sealed < 2; is_sealed++) {
        cache_fixture_open(&f, &(struct hf_cache_options){ .keys = is_sealed ? &key : NULL,
                                                           .key_count = (size_t)is_sealed });
        assert_int_equal(tag_set_in(f.cache, "a", "value", "red", "blue", NULL), HF_OK);
        flip_each_byte(&f);
        assert_int_equal(hf_cache_touch(f.cache, NULL, hf_str("a"), hf_seconds(90), NULL),
                         HF_OK);
        assert_int_equal(cache_fixture_expect(&f, "a", "value"), HF_OK);
        assert_int_equal(tag_invalidate(&f, "blue"), HF_OK);
        assert_int_equal(cache_fixture_expect(&f, "a", "value"), HF_MISS);
        cache_fixture_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_invalidated_tag_makes_its_entries_miss_and_no_others),
        cmocka_unit_test(what_is_set_afterwards_is_valid_and_the_rest_stays_invalid),
        cmocka_unit_test(several_tags_go_in_one_call_and_unknown_ones_too),
        cmocka_unit_test(bad_tags_are_refused_before_anything_is_sent),
        cmocka_unit_test(versions_are_asked_for_once_and_not_for_each_read),
        cmocka_unit_test(what_get_misses_is_not_there_for_the_other_calls_either),
        cmocka_unit_test(a_condition_sees_what_get_would),
        cmocka_unit_test(many_keys_are_judged_in_one_round_trip),
        cmocka_unit_test(a_streamed_value_has_tags_too),
        cmocka_unit_test(a_version_lives_as_long_as_what_needs_it_and_not_for_ever),
        cmocka_unit_test(a_flipped_byte_is_a_miss_wherever_it_is),
    };
    return RUN_TESTS(tests);
}
