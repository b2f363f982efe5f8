/* What is said of an entry is what a read does with it, and saying it changes nothing. */

#include "support/cache_fixture.h"
#include "support/near_fixture.h"
#include "support/test.h"
#include "support/wait.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct hf_explanation *explain_in(struct hf_cache *cache, const char *key)
{
    static struct hf_explanation e;
    struct hf_error              error;
    memset(&e, 0xaa, sizeof e);
    assert_int_equal(hf_cache_explain(cache, NULL, hf_str(key), &e, &error), HF_OK);
    return &e;
}

static struct hf_explanation *explain(struct cache_fixture *f, const char *key)
{
    return explain_in(f->cache, key);
}

/* That, and that a read agrees. */
static void check(struct cache_fixture *f, const char *key, enum hf_entry_state state)
{
    struct hf_value             *value = NULL;
    const struct hf_explanation *e = explain(f, key);
    assert_string_equal(hf_entry_state_name(e->state), hf_entry_state_name(state));
    assert_int_equal(e->tier, state == HF_ENTRY_FRESH ? HF_TIER_REDIS : HF_TIER_NONE);
    assert_int_equal(hf_cache_get(f->cache, NULL, hf_str(key), &value, NULL),
                     state == HF_ENTRY_FRESH ? HF_OK : HF_MISS);
    hf_value_release(value);
}

static void an_entry_is_told_with_its_times_and_sizes(void **state)
{
    (void)state;
    static char          text[4000]; /* Of zeros, which get small. */
    const struct hf_set  how = { .ttl = hf_seconds(60), .metadata = hf_str("from a test") };
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    assert_int_equal(
        hf_cache_set(f.cache, NULL, hf_str("k"), hf_bytes(text, sizeof text), &how, NULL),
        HF_OK);
    check(&f, "k", HF_ENTRY_FRESH);
    const struct hf_explanation *e = explain(&f, "k");
    assert_true(e->is_readable);
    assert_int_equal(e->kind, HF_KIND_VALUE);
    assert_string_equal(e->redis_type, "string");
    assert_string_equal(e->codec, "lz4");
    assert_int_equal(e->raw_size, sizeof text);
    assert_int_equal(e->metadata_size, strlen("from a test"));
    assert_true(e->stored_size < sizeof text && e->size > e->stored_size);
    assert_int_equal(e->ttl_whole.ns, hf_seconds(60).ns);
    assert_true(e->ttl.ns > hf_seconds(20).ns && e->ttl.ns <= hf_seconds(60).ns);
    assert_true(e->has_kept && e->kept.ns > hf_seconds(20).ns);
    assert_true(e->age.ns < hf_seconds(40).ns);
    assert_false(e->is_sealed || e->is_sliding || e->tag_count);
    cache_fixture_close(&f);
}

static void what_is_not_there_or_not_ours_is_told_apart(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    check(&f, "nothing", HF_ENTRY_NONE);
    redis_server_do(f.server, "SET t@0:text hello");
    redis_server_do(f.server, "RPUSH t@0:list a b");
    check(&f, "text", HF_ENTRY_FOREIGN);
    assert_int_equal(explain(&f, "text")->size, 5);
    check(&f, "list", HF_ENTRY_FOREIGN);
    assert_string_equal(explain(&f, "list")->redis_type, "list");
    assert_false(explain(&f, "list")->is_readable);
    cache_fixture_close(&f);
}

static void damage_is_seen_wherever_it_is(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    for (int at = 8; at < 69; at += 10) {
        char command[64];
        assert_int_equal(cache_fixture_set(&f, "k", "value"), HF_OK);
        check(&f, "k", HF_ENTRY_FRESH);
        snprintf(command, sizeof command, "SETRANGE t@0:k %d ~~~~~~~~", at);
        redis_server_do(f.server, command);
        check(&f, "k", HF_ENTRY_DAMAGED);
    }
    cache_fixture_close(&f);
}

static void a_cut_entry_is_damaged(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    assert_int_equal(cache_fixture_set(&f, "k", "value"), HF_OK);
    redis_server_do(f.server,
                    "EVAL redis.call('set',KEYS[1],string.sub(redis.call('get',KEYS[1]),1,67)"
                    ") 1 t@0:k");
    check(&f, "k", HF_ENTRY_DAMAGED);
    cache_fixture_close(&f);
}

static void a_cleared_cache_is_told_from_an_empty_one(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    assert_int_equal(cache_fixture_set(&f, "k", "value"), HF_OK);
    assert_int_equal(hf_cache_clear(f.cache, NULL, &f.error), HF_OK);
    check(&f, "k", HF_ENTRY_CLEARED);
    check(&f, "other", HF_ENTRY_NONE);
    cache_fixture_close(&f);
}

static bool is_stale(void *ctx)
{
    return explain(ctx, "k")->state == HF_ENTRY_STALE;
}

static void an_expired_entry_may_still_be_served_stale(void **state)
{
    (void)state;
    const struct hf_set  how = { .ttl = hf_ms(1) };
    struct cache_fixture f;
    cache_fixture_open(&f, &(struct hf_cache_options){ .stale_limit = hf_seconds(60) });
    assert_int_equal(hf_cache_set(f.cache, NULL, hf_str("k"), hf_str("v"), &how, NULL),
                     HF_OK);
    assert_true(wait_until(is_stale, &f, hf_seconds(10)));
    check(&f, "k", HF_ENTRY_STALE);
    assert_int_equal(explain(&f, "k")->ttl.ns, 0);
    assert_true(explain(&f, "k")->kept.ns > 0);
    cache_fixture_close(&f);
}

static void a_sliding_entry_is_not_prolonged_by_it(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, &(struct hf_cache_options){ .sliding = true });
    assert_int_equal(cache_fixture_set(&f, "k", "value"), HF_OK);
    redis_server_do(f.server, "PEXPIRE t@0:k 100000"); /* Far less than half of an hour. */
    const struct hf_explanation *e = explain(&f, "k");
    assert_true(e->is_sliding);
    assert_int_equal(e->state, HF_ENTRY_FRESH);
    assert_true(e->ttl.ns <= hf_seconds(100).ns && e->ttl.ns > hf_seconds(50).ns);
    e = explain(&f, "k");
    assert_true(e->kept.ns <= hf_seconds(100).ns);
    cache_fixture_close(&f);
}

static void reads_are_not_counted(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, &(struct hf_cache_options){ .near_bytes = 1 << 20 });
    assert_int_equal(cache_fixture_set(&f, "k", "value"), HF_OK);
    const struct hf_stats before = cache_fixture_stats(&f);
    (void)explain(&f, "k");
    (void)explain(&f, "nothing");
    const struct hf_stats after = cache_fixture_stats(&f);
    assert_int_equal(after.cache_hits, before.cache_hits);
    assert_int_equal(after.cache_misses, before.cache_misses);
    assert_int_equal(after.cache_near_hits, before.cache_near_hits);
    assert_int_equal(after.cache_near_misses, before.cache_near_misses);
    cache_fixture_close(&f);
}

static void a_near_value_is_found_nearer(void **state)
{
    (void)state;
    struct near_fixture f;
    near_fixture_open(&f, &(struct hf_cache_options){ .near_coherence_max = hf_seconds(60) });
    assert_int_equal(party_set(&f.other, "k", "value"), HF_OK);
    assert_int_equal(explain_in(f.ours.cache, "k")->tier, HF_TIER_REDIS);
    party_wait_near(&f.ours, "k", "value");
    assert_int_equal(explain_in(f.ours.cache, "k")->tier, HF_TIER_NEAR);
    assert_int_equal(explain_in(f.other.cache, "k")->tier, HF_TIER_REDIS);
    near_fixture_close(&f);
}

static void seals_are_told_by_who_has_which_key(void **state)
{
    (void)state;
    const struct hf_cache_key     key = { .id = 1, .bytes = { 42 } };
    const struct hf_cache_key     other = { .id = 2, .bytes = { 43 } };
    const struct hf_cache_options with_other = { .key_prefix = "t",
                                                 .keys = &other,
                                                 .key_count = 1 };
    struct hf_cache              *stranger;
    struct cache_fixture          f;
    cache_fixture_open(&f, &(struct hf_cache_options){ .keys = &key, .key_count = 1 });
    assert_int_equal(hf_cache_open(f.client, &with_other, &stranger, &f.error), HF_OK);
    assert_int_equal(cache_fixture_set(&f, "k", "value"), HF_OK);
    check(&f, "k", HF_ENTRY_FRESH);
    assert_true(explain(&f, "k")->is_sealed);
    assert_int_equal(explain(&f, "k")->raw_size, 5);
    assert_int_equal(explain_in(stranger, "k")->state, HF_ENTRY_SEALED);
    assert_true(explain_in(stranger, "k")->is_readable);
    hf_cache_close(stranger);
    cache_fixture_close(&f);
}

static void a_large_value_tells_its_chunks(void **state)
{
    (void)state;
    static char          piece[150000];
    struct hf_writer    *writer;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    assert_int_equal(hf_writer_open(f.cache, NULL, hf_str("k"), NULL, &writer, &f.error),
                     HF_OK);
    for (int i = 0; i < 16; i++) {
        assert_int_equal(hf_writer_write(writer, hf_bytes(piece, sizeof piece), &f.error),
                         HF_OK);
    }
    assert_int_equal(hf_writer_commit(writer, &f.error), HF_OK);
    hf_writer_close(writer);
    const struct hf_explanation *e = explain(&f, "k");
    assert_int_equal(e->state, HF_ENTRY_FRESH);
    assert_int_equal(e->kind, HF_KIND_LARGE);
    assert_int_equal(e->raw_size, 16 * sizeof piece);
    assert_int_equal(e->chunk_count, 3);
    cache_fixture_close(&f);
}

static void an_entry_of_files_tells_which_kind(void **state)
{
    (void)state;
    char                  path[] = "/tmp/holdfast-explain.XXXXXX";
    const int             fd = mkstemp(path);
    struct hf_files      *files;
    struct hf_explanation e;
    struct cache_fixture  f;
    cache_fixture_open(&f, NULL);
    assert_int_equal(write(fd, "text", 4), 4);
    assert_int_equal(hf_files_open(f.client, &(struct hf_files_options){ .host = "here" },
                                   &files, &f.error),
                     HF_OK);
    assert_int_equal(hf_file_refer(files, NULL, hf_str("r"), path, NULL, &f.error), HF_OK);
    assert_int_equal(hf_file_store(files, NULL, hf_str("c"), path, NULL, &f.error), HF_OK);
    assert_int_equal(hf_files_explain(files, NULL, hf_str("r"), &e, &f.error), HF_OK);
    assert_int_equal(e.state, HF_ENTRY_FRESH);
    assert_int_equal(e.kind, HF_KIND_FILE_REFERENCE);
    assert_int_equal(hf_files_explain(files, NULL, hf_str("c"), &e, &f.error), HF_OK);
    assert_int_equal(e.kind, HF_KIND_FILE_CONTENT);
    hf_files_close(files);
    close(fd);
    unlink(path);
    cache_fixture_close(&f);
}

static void a_larger_value_than_allowed_is_unknown(void **state)
{
    (void)state;
    static char           value[20000];
    struct hf_options    *options;
    struct hf_client     *client;
    struct hf_cache      *narrow;
    struct hf_explanation e;
    struct cache_fixture  f;
    cache_fixture_open(&f, &(struct hf_cache_options){ .compression = HF_COMPRESSION_OFF });
    assert_int_equal(
        hf_cache_set(f.cache, NULL, hf_str("k"), hf_bytes(value, sizeof value), NULL, NULL),
        HF_OK);
    assert_int_equal(hf_options_open(&options), HF_OK);
    const char *url = redis_server_unix_url(f.server);
    assert_int_equal(hf_options_set(options, "url", url, &f.error), HF_OK);
    assert_int_equal(hf_options_set(options, "value_size_max", "1kb", &f.error), HF_OK);
    assert_int_equal(hf_client_open(options, &client, &f.error), HF_OK);
    hf_options_close(options);
    assert_int_equal(hf_cache_open(client, &(struct hf_cache_options){ .key_prefix = "t" },
                                   &narrow, &f.error),
                     HF_OK);
    assert_int_equal(hf_cache_explain(narrow, NULL, hf_str("k"), &e, &f.error), HF_OK);
    assert_int_equal(e.state, HF_ENTRY_UNKNOWN);
    assert_int_equal(e.raw_size, sizeof value);
    hf_cache_close(narrow);
    hf_client_close(client);
    cache_fixture_close(&f);
}

static void without_redis_it_fails_and_writes_nothing(void **state)
{
    (void)state;
    const struct hf_call  call = { .timeout = hf_ms(200) };
    struct hf_explanation e = { .size = 77 };
    struct cache_fixture  f;
    cache_fixture_open(&f, NULL);
    redis_server_pause(f.server);
    const hf_err err = hf_cache_explain(f.cache, &call, hf_str("k"), &e, &f.error);
    redis_server_resume(f.server);
    assert_int_equal(hf_err_category(err), HF_CATEGORY_TIMEOUT);
    assert_non_null(strstr(f.error.detail, "cache explain"));
    assert_int_equal(e.size, 77);
    assert_int_equal(hf_cache_explain(f.cache, NULL, hf_str(""), &e, &f.error), HF_E_INVALID);
    cache_fixture_close(&f);
}

static void an_entry_tells_which_of_its_tags_made_it_invalid(void **state)
{
    (void)state;
    const struct hf_bytes tags[] = { hf_str("prices"), hf_str("news") };
    const struct hf_set   how = { .ttl = hf_seconds(60), .tags = tags, .tag_count = 2 };
    struct cache_fixture  f;
    cache_fixture_open(&f, NULL);
    assert_int_equal(hf_cache_set(f.cache, NULL, hf_str("k"), hf_str("v"), &how, &f.error),
                     HF_OK);
    check(&f, "k", HF_ENTRY_FRESH);
    const struct hf_explanation *e = explain(&f, "k");
    assert_int_equal(e->tag_count, 2);
    assert_string_equal(e->tags[0], "prices");
    assert_true(e->is_tag_valid[0] && e->is_tag_valid[1]);
    assert_int_equal(e->raw_size, 1);
    assert_int_equal(hf_cache_invalidate_tag(f.cache, NULL, tags[1], &f.error), HF_OK);
    check(&f, "k", HF_ENTRY_INVALID);
    e = explain(&f, "k");
    assert_true(e->is_tag_valid[0] && !e->is_tag_valid[1]);
    redis_server_do(f.server, "SETRANGE t@0:k 70 ~~~~~~~~");
    check(&f, "k", HF_ENTRY_DAMAGED);
    cache_fixture_close(&f);
}

static void names_are_never_null(void **state)
{
    (void)state;
    for (int i = 0; i <= HF_ENTRY_FORGED + 1; i++) {
        assert_non_null(hf_entry_state_name((enum hf_entry_state)i));
        assert_non_null(hf_entry_state_text((enum hf_entry_state)i));
        assert_non_null(hf_tier_name((enum hf_tier)i));
    }
    assert_string_equal(hf_tier_name(HF_TIER_NEAR), "near");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_told_with_its_times_and_sizes),
        cmocka_unit_test(what_is_not_there_or_not_ours_is_told_apart),
        cmocka_unit_test(damage_is_seen_wherever_it_is),
        cmocka_unit_test(a_cut_entry_is_damaged),
        cmocka_unit_test(a_cleared_cache_is_told_from_an_empty_one),
        cmocka_unit_test(an_expired_entry_may_still_be_served_stale),
        cmocka_unit_test(a_sliding_entry_is_not_prolonged_by_it),
        cmocka_unit_test(reads_are_not_counted),
        cmocka_unit_test(a_near_value_is_found_nearer),
        cmocka_unit_test(seals_are_told_by_who_has_which_key),
        cmocka_unit_test(a_large_value_tells_its_chunks),
        cmocka_unit_test(an_entry_of_files_tells_which_kind),
        cmocka_unit_test(a_larger_value_than_allowed_is_unknown),
        cmocka_unit_test(without_redis_it_fails_and_writes_nothing),
        cmocka_unit_test(an_entry_tells_which_of_its_tags_made_it_invalid),
        cmocka_unit_test(names_are_never_null),
    };
    return RUN_TESTS(tests);
}
