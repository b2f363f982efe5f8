/* Values with tags in a near cache, and invalidations that are cut off in each way: what was
 * invalidated is not given out of the process either, fresh or stale. */

#include "support/near_fixture.h"
#include "support/tag_kit.h"
#include "support/test.h"
#include "support/wait.h"

#include <hiredis/hiredis.h>

static const struct hf_call brief = { .timeout = { 100000000 } };

/* Set again while it misses: ours may not have heard yet. */
static bool is_kept(void *ctx)
{
    struct near_fixture *f = ctx;
    const uint64_t       before = party_stats(&f->ours).cache_near_hits;
    const hf_err         err = party_expect(&f->ours, "a", "old");
    if (err) (void)!tag_set_in(f->other.cache, "a", "old", "red", "blue", NULL);
    return !err && party_stats(&f->ours).cache_near_hits > before;
}

/* "a" is "old", with two tags, set by the other; ours has it in the process. */
static void keep_tagged(struct near_fixture *f)
{
    assert_int_equal(hf_cache_invalidate_tag(f->other.cache, NULL, hf_str("red"), NULL),
                     HF_OK);
    assert_int_equal(hf_cache_invalidate_tag(f->other.cache, NULL, hf_str("blue"), NULL),
                     HF_OK);
    assert_true(wait_until(is_kept, f, NEAR_BOUND));
}

static hf_err invalidate(struct party *p)
{
    return hf_cache_invalidate_tag(p->cache, &brief, hf_str("red"), &p->error);
}

static void a_hit_in_the_process_asks_nobody_and_ends_with_its_tag(void **state)
{
    (void)state;
    struct near_fixture f;
    near_fixture_open(&f, &(struct hf_cache_options){ 0 });
    keep_tagged(&f);
    const struct hf_stats before = party_stats(&f.ours);
    for (int i = 0; i < 100; i++) assert_int_equal(party_expect(&f.ours, "a", "old"), HF_OK);
    const struct hf_stats after = party_stats(&f.ours);
    assert_int_equal(after.cache_tag_checks, before.cache_tag_checks);
    assert_int_equal(after.cache_near_hits, before.cache_near_hits + 100);

    assert_int_equal(invalidate(&f.ours), HF_OK);
    assert_int_equal(party_expect(&f.ours, "a", "old"), HF_MISS);
    keep_tagged(&f);
    assert_int_equal(hf_cache_clear(f.ours.cache, NULL, NULL), HF_OK);
    assert_int_equal(party_expect(&f.ours, "a", "old"), HF_MISS);
    near_fixture_close(&f);
}

static void what_another_invalidates_is_told(void **state)
{
    (void)state;
    struct near_fixture f;
    near_fixture_open(&f, &(struct hf_cache_options){ .near_coherence_max = hf_seconds(60) });
    keep_tagged(&f);
    assert_int_equal(invalidate(&f.other), HF_OK);
    party_wait(&f.ours, "a", "old", HF_MISS);
    keep_tagged(&f);
    redis_server_do(f.server, "DEL t@0/tag:blue");
    party_wait(&f.ours, "a", "old", HF_MISS);
    near_fixture_close(&f);
}

static void without_news_it_is_believed_no_longer_than_said(void **state)
{
    (void)state;
    struct near_fixture f;
    near_fixture_open(&f, &(struct hf_cache_options){ .near_coherence_max = hf_ms(500) });
    keep_tagged(&f);
    (void)near_hold(&f, TRACKING);
    const hf_instant end = hf_later(hf_now(), hf_ms(3600));
    assert_int_equal(invalidate(&f.other), HF_OK);
    party_wait(&f.ours, "a", "old", HF_MISS);
    assert_true(hf_before(hf_now(), end));
    near_fixture_close(&f);
}

struct looking {
    struct near_fixture *f;
    hf_err               err;
    bool                 is_stale;
};

static bool is_given_stale(void *ctx)
{
    struct looking  *at = ctx;
    struct hf_value *value;
    at->err = hf_cache_get(at->f->ours.cache, &brief, hf_str("a"), &value, NULL);
    if (at->err) return false;
    at->is_stale = hf_value_is_stale(value);
    hf_value_release(value);
    return at->is_stale;
}

static void in_an_outage_it_is_given_stale_until_it_is_invalidated(void **state)
{
    (void)state;
    struct near_fixture f;
    struct looking      at = { .f = &f };
    near_fixture_open(&f, &(struct hf_cache_options){ .near_coherence_max = hf_ms(200),
                                                      .stale_limit = hf_seconds(60),
                                                      .stale_on_error = true });
    keep_tagged(&f);
    redis_server_pause(f.server);
    assert_true(wait_until(is_given_stale, &at, NEAR_BOUND));
    assert_int_not_equal(invalidate(&f.ours), HF_OK);
    for (int i = 0; i < 10; i++) {
        assert_false(is_given_stale(&at));
        assert_int_not_equal(at.err, HF_OK);
    }
    redis_server_resume(f.server);
    assert_int_equal(hf_client_wait_ready(f.ours.client, NEAR_BOUND, NULL), HF_OK);
    party_wait(&f.ours, "a", "old", HF_MISS);
    near_fixture_close(&f);
}

/* ---- Cut off ------------------------------------------------------------------- */

static bool is_made_up_for(void *ctx)
{
    struct near_fixture *f = ctx;
    redisReply          *reply = redis_server_command(f->server, "EXISTS t@0/tag:red");
    const bool           is_gone = reply->integer == 0;
    freeReplyObject(reply);
    assert_int_not_equal(party_expect(&f->ours, "a", "old"), HF_OK);
    return is_gone;
}

/* The request is lost, the answer, or each after some bytes of it. */
static void an_invalidation_that_is_cut_off_holds_from_then_on(void **state)
{
    (void)state;
    const struct fault faults[] = {
        { .kind = FAULT_BLACK_HOLE, .direction = FAULT_TO_SERVER },
        { .kind = FAULT_CUT, .direction = FAULT_TO_SERVER, .times = 1, .after_bytes = 20 },
        { .kind = FAULT_CUT,
          .direction = FAULT_TO_CLIENT,
          .times = 1,
          .end = FAULT_RESET_END },
    };
    struct near_fixture f;
    near_fixture_open(&f, &(struct hf_cache_options){ .near_coherence_max = hf_ms(200) });
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        keep_tagged(&f);
        (void)fault_proxy_set(f.proxy, &faults[i]);
        (void)!invalidate(&f.ours);
        assert_int_not_equal(party_expect(&f.ours, "a", "old"), HF_OK);
        fault_proxy_clear(f.proxy);
        assert_true(wait_until(is_made_up_for, &f, NEAR_BOUND));
        assert_int_not_equal(party_expect(&f.ours, "a", "old"), HF_OK);
        assert_int_equal(hf_client_wait_ready(f.ours.client, NEAR_BOUND, NULL), HF_OK);
    }
    near_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hit_in_the_process_asks_nobody_and_ends_with_its_tag),
        cmocka_unit_test(what_another_invalidates_is_told),
        cmocka_unit_test(without_news_it_is_believed_no_longer_than_said),
        cmocka_unit_test(in_an_outage_it_is_given_stale_until_it_is_invalidated),
        cmocka_unit_test(an_invalidation_that_is_cut_off_holds_from_then_on),
    };
    return RUN_TESTS(tests);
}
