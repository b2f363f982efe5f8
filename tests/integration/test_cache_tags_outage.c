/* Invalidation by tag: what was declared invalid is never served again, whatever happens to
 * the news of it. */

#include "support/tag_kit.h"
#include "support/test.h"
#include "support/wait.h"

#include <hiredis/hiredis.h>

#define BOUND hf_seconds(20)

/* ---- Other processes ----------------------------------------------------------- */

struct looking {
    struct cache_fixture *f;
    const char           *key;
    const char           *value;
};

static bool misses(void *ctx)
{
    const struct looking *at = ctx;
    return cache_fixture_expect(at->f, at->key, at->value) == HF_MISS;
}

static void the_news_of_another_process_come_within_the_bound(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct tag_other     other;
    cache_fixture_open(&f, NULL);
    tag_other_open(&other, &f);
    assert_int_equal(tag_set(&f, "a", "old", "red"), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "a", "old"), HF_OK);
    const hf_instant end = hf_later(hf_now(), hf_ms(3050));
    assert_int_equal(hf_cache_invalidate_tag(other.cache, NULL, hf_str("red"), NULL), HF_OK);
    struct looking at = { &f, "a", "old" };
    assert_true(wait_until(misses, &at, hf_between(hf_now(), end)));
    assert_int_equal(tag_set(&f, "a", "new", "red"), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "a", "new"), HF_OK);
    tag_other_close(&other);
    cache_fixture_close(&f);
}

static void an_entry_newer_than_what_is_known_of_its_tag_is_served(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct tag_other     other;
    cache_fixture_open(&f, NULL);
    tag_other_open(&other, &f);
    assert_int_equal(tag_set(&f, "a", "old", "red"), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "a", "old"), HF_OK);
    assert_int_equal(hf_cache_invalidate_tag(other.cache, NULL, hf_str("red"), NULL), HF_OK);
    assert_int_equal(tag_set_in(other.cache, "a", "new", "red", NULL, NULL), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "a", "new"), HF_OK);
    tag_other_close(&other);
    cache_fixture_close(&f);
}

static void a_version_that_was_evicted_makes_its_entries_miss(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    assert_int_equal(tag_set(&f, "a", "old", "red"), HF_OK);
    redis_server_do(f.server, "DEL t@0/tag:red");
    struct looking at = { &f, "a", "old" };
    assert_true(wait_until(misses, &at, BOUND));
    assert_int_equal(tag_set(&f, "b", "new", "red"), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "b", "new"), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "a", "old"), HF_MISS);
    cache_fixture_close(&f);
}

static bool sets(void *ctx)
{
    struct cache_fixture *f = ctx;
    return tag_set(f, "a", "new", "red") == HF_OK;
}

static void what_is_no_version_is_invalid_and_is_replaced(void **state)
{
    (void)state;
    struct cache_fixture f;
    const char *const    spoils[] = { "SET t@0/tag:red nonsense",
                                      "SET t@0/tag:red 000000000000000g",
                                      "SET t@0/tag:red 0000000000000000",
                                      "RPUSH t@0/tag:red 1" };
    for (size_t i = 0; i < sizeof spoils / sizeof *spoils; i++) {
        cache_fixture_open(&f, NULL);
        assert_int_equal(tag_set(&f, "a", "old", "red"), HF_OK);
        redis_server_do(f.server, "DEL t@0/tag:red");
        redis_server_do(f.server, spoils[i]);
        struct tag_other other;
        tag_other_open(&other, &f);
        struct hf_value *value;
        assert_int_equal(hf_cache_get(other.cache, NULL, hf_str("a"), &value, NULL), HF_MISS);
        tag_other_close(&other);
        assert_int_equal(tag_invalidate(&f, "red"), HF_OK);
        redis_server_do(f.server, spoils[i]);
        assert_int_equal(tag_set(&f, "a", "new", "red"), HF_E_TYPE);
        assert_true(wait_until(sets, &f, BOUND));
        cache_fixture_close(&f);
    }
}

/* ---- Outages ------------------------------------------------------------------- */

static bool is_made_up_for(void *ctx)
{
    struct cache_fixture *f = ctx;
    redisReply           *reply = redis_server_command(f->server, "EXISTS t@0/tag:red");
    const bool            is_gone = reply->integer == 0;
    freeReplyObject(reply);
    return is_gone;
}

static void an_invalidation_during_an_outage_is_made_up_for(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    assert_int_equal(tag_set(&f, "a", "old", "red"), HF_OK);
    assert_int_equal(tag_set(&f, "b", "kept", "blue"), HF_OK);
    redis_server_pause(f.server);
    assert_int_not_equal(tag_invalidate(&f, "red"), HF_OK);
    redis_server_resume(f.server);
    assert_int_equal(hf_client_wait_ready(f.client, BOUND, NULL), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "a", "old"), HF_MISS);
    assert_true(wait_until(is_made_up_for, &f, BOUND));
    assert_int_equal(cache_fixture_expect(&f, "a", "old"), HF_MISS);
    assert_int_equal(cache_fixture_expect(&f, "b", "kept"), HF_OK);
    assert_int_equal(cache_fixture_stats(&f).cache_deletes_late, 1);
    cache_fixture_close(&f);
}

/* Redis answers all this time, and its version is still the old one. */
static void until_then_nothing_with_the_tag_is_served(void **state)
{
    (void)state;
    struct cache_fixture  f;
    struct hf_value      *value;
    struct hf_reader     *reader;
    hf_duration           ttl;
    hf_err                err;
    const struct hf_bytes key = hf_str("a");
    cache_fixture_open(&f, &(struct hf_cache_options){ .stale_limit = hf_seconds(60) });
    assert_int_equal(tag_set(&f, "a", "old", "red"), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "a", "old"), HF_OK);
    cache_fixture_forbid_deletes(&f);
    assert_int_equal(tag_invalidate(&f, "red"), HF_E_NOPERM);
    for (int i = 0; i < 20; i++)
        assert_int_equal(cache_fixture_expect(&f, "a", "old"), HF_MISS);
    assert_int_equal(hf_cache_get_many(f.cache, NULL, &key, 1, &value, &err, NULL), HF_OK);
    assert_int_equal(err, HF_MISS);
    assert_int_equal(hf_cache_get_stale(f.cache, NULL, key, &value, NULL), HF_MISS);
    assert_int_equal(hf_cache_exists(f.cache, NULL, key, NULL), HF_MISS);
    assert_int_equal(hf_cache_ttl(f.cache, NULL, key, &ttl, NULL), HF_MISS);
    assert_int_equal(hf_cache_touch(f.cache, NULL, key, hf_seconds(9), NULL), HF_MISS);
    assert_int_equal(hf_reader_open(f.cache, NULL, key, &reader, NULL), HF_MISS);

    /* What is set meanwhile gets the old version, which is not to be remembered. */
    assert_int_equal(tag_set(&f, "b", "meanwhile", "red"), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "b", "meanwhile"), HF_MISS);
    cache_fixture_allow_deletes(&f);
    assert_true(wait_until(is_made_up_for, &f, BOUND));
    assert_int_equal(cache_fixture_expect(&f, "a", "old"), HF_MISS);
    assert_int_equal(cache_fixture_expect(&f, "b", "meanwhile"), HF_MISS);
    assert_true(wait_until(sets, &f, BOUND));
    struct looking at = { &f, "a", "new" };
    for (int i = 0; i < 3000 && misses(&at); i++) (void)sets(&f);
    assert_int_equal(cache_fixture_expect(&f, "a", "new"), HF_OK);
    cache_fixture_close(&f);
}

static void a_full_server_still_invalidates(void **state)
{
    (void)state;
    struct cache_fixture f;
    const char *const args[] = { "--maxmemory", "100mb", "--maxmemory-policy", "noeviction",
                                 NULL };
    cache_fixture_open_with(&f, NULL, args);
    assert_int_equal(tag_set(&f, "a", "old", "red"), HF_OK);
    redis_server_do(f.server, "CONFIG SET maxmemory 1");
    assert_int_equal(tag_set(&f, "b", "new", "unheard of"), HF_E_OOM);
    assert_int_equal(cache_fixture_expect(&f, "a", "old"), HF_OK);
    assert_int_equal(tag_invalidate(&f, "red"), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "a", "old"), HF_MISS);
    cache_fixture_close(&f);
}

/* ---- Loads --------------------------------------------------------------------- */

struct race {
    struct cache_fixture *f;
    hf_err                gives;
    int                   calls;
    bool                  invalidates;
};

static hf_err load(struct hf_bytes key, struct hf_loaded *loaded, void *ctx)
{
    struct race *race = ctx;
    (void)key;
    race->calls++;
    if (race->invalidates) assert_int_equal(tag_invalidate(race->f, "red"), HF_OK);
    return race->gives ? race->gives : hf_loaded_set_with(loaded, hf_str("v"), hf_str("m"));
}

static hf_err get_or_load(struct race *race)
{
    const struct hf_bytes tag = hf_str("red");
    const struct hf_load  how = {
         .negative_ttl = hf_seconds(60), .tags = &tag, .tag_count = 1, .in_caller = true
    };
    struct hf_value *value;
    const hf_err     err = hf_cache_load(race->f->cache, NULL, hf_str("k"), &how, load, race,
                                         &value, &race->f->error);
    if (!err) hf_value_release(value);
    return err;
}

static void an_invalidation_during_a_load_voids_it(void **state)
{
    (void)state;
    struct cache_fixture f;
    const hf_err         gives[] = { HF_OK, HF_MISS };
    for (int i = 0; i < 2; i++) {
        cache_fixture_open(&f, NULL);
        struct race race = { .f = &f, .gives = gives[i], .invalidates = true };
        assert_int_equal(get_or_load(&race), gives[i]);
        assert_int_equal(race.calls, 1);
        assert_int_equal(cache_fixture_expect(&f, "k", "v"), HF_MISS);
        race.invalidates = false;
        assert_int_equal(get_or_load(&race), gives[i]);
        assert_int_equal(race.calls, 2);
        assert_int_equal(get_or_load(&race), gives[i]);
        assert_int_equal(race.calls, 2);
        assert_int_equal(tag_invalidate(&f, "red"), HF_OK);
        assert_int_equal(get_or_load(&race), gives[i]);
        assert_int_equal(race.calls, 3);
        cache_fixture_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_news_of_another_process_come_within_the_bound),
        cmocka_unit_test(an_entry_newer_than_what_is_known_of_its_tag_is_served),
        cmocka_unit_test(a_version_that_was_evicted_makes_its_entries_miss),
        cmocka_unit_test(what_is_no_version_is_invalid_and_is_replaced),
        cmocka_unit_test(an_invalidation_during_an_outage_is_made_up_for),
        cmocka_unit_test(until_then_nothing_with_the_tag_is_served),
        cmocka_unit_test(a_full_server_still_invalidates),
        cmocka_unit_test(an_invalidation_during_a_load_voids_it),
    };
    return RUN_TESTS(tests);
}
