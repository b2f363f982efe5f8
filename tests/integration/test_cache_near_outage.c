/* What the near cache is good for while Redis fails: values marked stale, within their limit,
 * for those who asked for that. */

#include "support/near_fixture.h"
#include "support/test.h"
#include "support/wait.h"

static const struct hf_call brief = { .timeout = { 100000000 } };

#define COHERENCE hf_ms(200)

struct outage {
    void (*begin)(struct near_fixture *f);
    void (*end)(struct near_fixture *f);
};

static void pause_server(struct near_fixture *f)
{
    redis_server_pause(f->server);
}

static void resume_server(struct near_fixture *f)
{
    redis_server_resume(f->server);
}

static void kill_server(struct near_fixture *f)
{
    redis_server_kill(f->server);
}

static void start_server(struct near_fixture *f)
{
    redis_server_spawn(f->server);
    redis_server_wait_ready(f->server);
}

static void swallow(struct near_fixture *f)
{
    (void)fault_proxy_set(f->proxy, &(struct fault){ .kind = FAULT_BLACK_HOLE });
}

static void let_pass(struct near_fixture *f)
{
    fault_proxy_clear(f->proxy);
}

static const struct outage outages[] = {
    { pause_server, resume_server },
    { kill_server, start_server },
    { swallow, let_pass },
};

enum { OUTAGES = sizeof outages / sizeof outages[0] };

struct looking {
    struct near_fixture *f;
    hf_err               err;
    bool                 is_stale;
};

static bool is_given_stale(void *ctx)
{
    struct looking  *at = ctx;
    struct hf_value *value;
    at->err = hf_cache_get(at->f->ours.cache, &brief, hf_str("a"), &value,
                           &at->f->ours.error);
    if (at->err) return false;
    at->is_stale = hf_value_is_stale(value);
    assert_int_equal(hf_value_data(value).size, 3);
    assert_memory_equal(hf_value_data(value).data, "old", 3);
    assert_int_equal(hf_value_ttl(value).ns > 0, !at->is_stale);
    hf_value_release(value);
    return at->is_stale;
}

static bool is_refused(void *ctx)
{
    struct looking *at = ctx;
    (void)is_given_stale(ctx);
    return at->err != HF_OK && at->err != HF_MISS;
}

static void open_and_keep(struct near_fixture *f, bool stale_on_error, hf_duration limit)
{
    near_fixture_open(f, &(struct hf_cache_options){ .near_coherence_max = COHERENCE,
                                                     .stale_on_error = stale_on_error,
                                                     .stale_limit = limit });
    near_keep(f, "a", "old");
}

static void in_an_outage_a_kept_value_is_given_marked_stale_to_who_opted_in(void **state)
{
    (void)state;
    for (int i = 0; i < OUTAGES; i++) {
        struct near_fixture   f;
        const struct hf_bytes keys[] = { hf_str("a"), hf_str("unknown") };
        struct hf_value      *values[2];
        hf_err                errs[2];
        open_and_keep(&f, true, hf_seconds(600));
        outages[i].begin(&f);
        assert_true(wait_until(is_given_stale, &(struct looking){ &f, 0, 0 }, NEAR_BOUND));
        const struct hf_stats before = party_stats(&f.ours);
        assert_true(before.cache_near_stale >= 1);
        assert_true(before.cache_stale >= 1);

        assert_int_not_equal(
            hf_cache_get_many(f.ours.cache, &brief, keys, 2, values, errs, NULL), HF_OK);
        assert_int_equal(errs[0], HF_OK);
        assert_true(hf_value_is_stale(values[0]));
        hf_value_release(values[0]);
        assert_int_not_equal(errs[1], HF_OK);
        assert_null(values[1]);

        outages[i].end(&f);
        near_keep(&f, "a", "new");
        near_fixture_close(&f);
    }
}

static void who_did_not_opt_in_is_told_of_the_failure_unless_he_asks_for_stale(void **state)
{
    (void)state;
    struct near_fixture f;
    struct hf_value    *value;
    open_and_keep(&f, false, hf_seconds(600));
    redis_server_pause(f.server);
    assert_true(wait_until(is_refused, &(struct looking){ &f, 0, 0 }, NEAR_BOUND));
    assert_int_equal(hf_cache_get_stale(f.ours.cache, &brief, hf_str("a"), &value, NULL),
                     HF_OK);
    assert_true(hf_value_is_stale(value));
    hf_value_release(value);
    redis_server_resume(f.server);
    near_fixture_close(&f);
}

static void past_its_limit_nothing_stale_is_given(void **state)
{
    (void)state;
    struct near_fixture f;
    struct looking      at = { &f, 0, 0 };
    open_and_keep(&f, true, hf_ms(1000));
    redis_server_pause(f.server);
    assert_true(wait_until(is_given_stale, &at, NEAR_BOUND));
    assert_true(wait_until(is_refused, &at, NEAR_BOUND));
    assert_false(is_given_stale(&at));
    redis_server_resume(f.server);
    near_fixture_close(&f);
}

static void what_was_deleted_is_not_given_stale(void **state)
{
    (void)state;
    struct near_fixture f;
    struct looking      at = { &f, 0, 0 };
    open_and_keep(&f, true, hf_seconds(600));
    redis_server_pause(f.server);
    assert_int_not_equal(hf_cache_delete(f.ours.cache, &brief, hf_str("a"), NULL), HF_OK);
    for (int i = 0; i < 5; i++) assert_false(is_given_stale(&at));
    assert_int_not_equal(at.err, HF_OK);
    redis_server_resume(f.server);
    near_fixture_close(&f);
}

static hf_err fail_to_load(struct hf_bytes key, struct hf_loaded *loaded, void *ctx)
{
    (void)key;
    (void)loaded;
    (void)ctx;
    return HF_E_SYSTEM;
}

static void when_the_loader_fails_too_the_kept_value_stands_in(void **state)
{
    (void)state;
    struct near_fixture f;
    struct hf_value    *value;
    open_and_keep(&f, false, hf_seconds(600));
    redis_server_pause(f.server);
    assert_true(wait_until(is_refused, &(struct looking){ &f, 0, 0 }, NEAR_BOUND));
    assert_int_equal(hf_cache_load(f.ours.cache, &brief, hf_str("a"), NULL, fail_to_load,
                                   NULL, &value, &f.ours.error),
                     HF_OK);
    assert_true(hf_value_is_stale(value));
    assert_memory_equal(hf_value_data(value).data, "old", 3);
    hf_value_release(value);
    redis_server_resume(f.server);
    near_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_an_outage_a_kept_value_is_given_marked_stale_to_who_opted_in),
        cmocka_unit_test(who_did_not_opt_in_is_told_of_the_failure_unless_he_asks_for_stale),
        cmocka_unit_test(past_its_limit_nothing_stale_is_given),
        cmocka_unit_test(what_was_deleted_is_not_given_stale),
        cmocka_unit_test(when_the_loader_fails_too_the_kept_value_stands_in),
    };
    return RUN_TESTS(tests);
}
