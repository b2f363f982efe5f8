#include "support/cache_fixture.h"
#include "support/test.h"
#include "support/wait.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>

static void a_value_comes_back_as_it_was(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    assert_int_equal(cache_fixture_expect(&f, "k", "v"), HF_MISS);
    assert_int_equal(cache_fixture_set(&f, "k", "v"), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "k", "v"), HF_OK);
    assert_int_equal(cache_fixture_set(&f, "k", "another"), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "k", "another"), HF_OK);

    const struct hf_stats stats = cache_fixture_stats(&f);
    assert_int_equal(stats.cache_hits, 2);
    assert_int_equal(stats.cache_misses, 1);
    assert_int_equal(stats.cache_sets, 2);
    assert_int_equal(stats.cache_bytes_written, 8);
    assert_int_equal(stats.cache_bytes_read, 8);
    cache_fixture_close(&f);
}

static void keys_and_values_are_binary(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    char bytes[256];
    for (int i = 0; i < 256; i++) bytes[i] = (char)i;
    const struct hf_bytes all = hf_bytes(bytes, sizeof bytes);
    const struct hf_bytes key = hf_bytes("a\0\r\nb", 5);
    struct hf_value      *value;

    assert_int_equal(hf_cache_set(f.cache, NULL, key, all, NULL, NULL), HF_OK);
    assert_int_equal(hf_cache_get(f.cache, NULL, key, &value, NULL), HF_OK);
    assert_int_equal(hf_value_data(value).size, 256);
    assert_memory_equal(hf_value_data(value).data, bytes, 256);
    hf_value_release(value);
    assert_int_equal(hf_cache_get(f.cache, NULL, hf_bytes("a\0\r\nc", 5), &value, NULL),
                     HF_MISS);
    assert_int_equal(hf_cache_set(f.cache, NULL, key, hf_bytes(NULL, 0), NULL, NULL), HF_OK);
    assert_int_equal(hf_cache_get(f.cache, NULL, key, &value, NULL), HF_OK);
    assert_int_equal(hf_value_data(value).size, 0);
    hf_value_release(value);
    cache_fixture_close(&f);
}

static void a_value_outlives_its_entry_and_its_cache(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    struct hf_value *value;
    assert_int_equal(cache_fixture_set(&f, "k", "kept"), HF_OK);
    assert_int_equal(hf_cache_get(f.cache, NULL, hf_str("k"), &value, NULL), HF_OK);
    struct hf_value *again = hf_value_acquire(value);
    assert_int_equal(hf_cache_delete(f.cache, NULL, hf_str("k"), NULL), HF_OK);
    hf_cache_close(f.cache);
    f.cache = NULL;
    hf_value_release(value);
    assert_memory_equal(hf_value_data(again).data, "kept", 4);
    assert_false(hf_value_is_stale(again));
    assert_true(hf_value_ttl(again).ns > hf_seconds(3500).ns);
    assert_true(hf_value_age(again).ns < hf_seconds(60).ns);
    hf_value_release(again);
    cache_fixture_close(&f);
}

static void delete_and_exists_say_whether_it_was_there(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    const struct hf_bytes key = hf_str("k");
    assert_int_equal(hf_cache_exists(f.cache, NULL, key, NULL), HF_MISS);
    assert_int_equal(hf_cache_delete(f.cache, NULL, key, NULL), HF_MISS);
    assert_int_equal(cache_fixture_set(&f, "k", "v"), HF_OK);
    assert_int_equal(hf_cache_exists(f.cache, NULL, key, NULL), HF_OK);
    assert_int_equal(hf_cache_delete(f.cache, NULL, key, NULL), HF_OK);
    assert_int_equal(hf_cache_exists(f.cache, NULL, key, NULL), HF_MISS);
    assert_int_equal(cache_fixture_expect(&f, "k", "v"), HF_MISS);
    cache_fixture_close(&f);
}

struct looking {
    struct cache_fixture *f;
    const char           *key;
};

static bool is_missing(void *ctx)
{
    const struct looking *at = ctx;
    return hf_cache_exists(at->f->cache, NULL, hf_str(at->key), NULL) == HF_MISS;
}

static bool is_gone_from_the_server(void *ctx)
{
    struct cache_fixture *f = ctx;
    redisReply           *reply = redis_server_command(f->server, "EXISTS t@0:k");
    const bool            is_gone = reply->integer == 0;
    freeReplyObject(reply);
    return is_gone;
}

static void an_entry_ends_with_its_ttl(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    const struct hf_set how = { .ttl = hf_ms(30) };
    assert_int_equal(hf_cache_set(f.cache, NULL, hf_str("k"), hf_str("v"), &how, &f.error),
                     HF_OK);
    assert_true(wait_until(is_missing, &(struct looking){ &f, "k" }, hf_seconds(10)));
    assert_int_equal(cache_fixture_expect(&f, "k", "v"), HF_MISS);
    assert_true(wait_until(is_gone_from_the_server, &f, hf_seconds(10)));
    cache_fixture_close(&f);
}

static void ttl_tells_what_is_left_and_touch_changes_it(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    const struct hf_bytes key = hf_str("k");
    const struct hf_set   how = { .ttl = hf_seconds(100) };
    hf_duration           ttl = hf_ns(-1);

    assert_int_equal(hf_cache_ttl(f.cache, NULL, key, &ttl, NULL), HF_MISS);
    assert_int_equal(hf_cache_touch(f.cache, NULL, key, hf_seconds(1), NULL), HF_MISS);
    assert_int_equal(ttl.ns, -1);
    assert_int_equal(hf_cache_set(f.cache, NULL, key, hf_str("v"), &how, NULL), HF_OK);
    assert_int_equal(hf_cache_ttl(f.cache, NULL, key, &ttl, NULL), HF_OK);
    assert_in_range(ttl.ns, hf_seconds(50).ns, hf_seconds(100).ns);

    assert_int_equal(hf_cache_touch(f.cache, NULL, key, hf_seconds(1000), &f.error), HF_OK);
    assert_int_equal(hf_cache_ttl(f.cache, NULL, key, &ttl, NULL), HF_OK);
    assert_in_range(ttl.ns, hf_seconds(900).ns, hf_seconds(1000).ns);
    redisReply *reply = redis_server_command(f.server, "PTTL t@0:k");
    assert_in_range(reply->integer, 900000, 1000000);
    freeReplyObject(reply);
    assert_int_equal(cache_fixture_expect(&f, "k", "v"), HF_OK);

    assert_int_equal(hf_cache_touch(f.cache, NULL, key, hf_ms(1), &f.error), HF_OK);
    assert_true(wait_until(is_missing, &(struct looking){ &f, "k" }, hf_seconds(10)));
    cache_fixture_close(&f);
}

static void a_condition_decides_whether_it_is_stored(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    const struct hf_bytes key = hf_str("k");
    const struct hf_set   absent = { .ttl = hf_seconds(60), .condition = HF_SET_IF_ABSENT };
    const struct hf_set   present = { .ttl = hf_seconds(60), .condition = HF_SET_IF_PRESENT };

    assert_int_equal(hf_cache_set(f.cache, NULL, key, hf_str("1"), &present, NULL), HF_MISS);
    assert_int_equal(cache_fixture_expect(&f, "k", "1"), HF_MISS);
    assert_int_equal(hf_cache_set(f.cache, NULL, key, hf_str("2"), &absent, &f.error), HF_OK);
    assert_int_equal(hf_cache_set(f.cache, NULL, key, hf_str("3"), &absent, NULL), HF_MISS);
    assert_int_equal(cache_fixture_expect(&f, "k", "2"), HF_OK);
    assert_int_equal(hf_cache_set(f.cache, NULL, key, hf_str("4"), &present, NULL), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "k", "4"), HF_OK);

    /* What get would not give out counts as absent. */
    redis_server_do(f.server, "SET t@0:k somebody-elses");
    assert_int_equal(hf_cache_set(f.cache, NULL, key, hf_str("5"), &present, NULL), HF_MISS);
    assert_int_equal(hf_cache_set(f.cache, NULL, key, hf_str("6"), &absent, NULL), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "k", "6"), HF_OK);
    redis_server_do(f.server, "DEL t@0:k");
    redis_server_do(f.server, "RPUSH t@0:k a b");
    assert_int_equal(hf_cache_set(f.cache, NULL, key, hf_str("7"), &absent, NULL), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "k", "7"), HF_OK);
    cache_fixture_close(&f);
}

static void past_its_expiry_a_value_is_given_only_as_stale(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, &(struct hf_cache_options){ .stale_limit = hf_seconds(600) });
    const struct hf_bytes key = hf_str("k");
    const struct hf_set   how = { .ttl = hf_ms(1) };
    const struct hf_set   absent = { .ttl = hf_seconds(60), .condition = HF_SET_IF_ABSENT };
    struct hf_value      *value;

    assert_int_equal(hf_cache_set(f.cache, NULL, key, hf_str("old"), &how, NULL), HF_OK);
    assert_true(wait_until(is_missing, &(struct looking){ &f, "k" }, hf_seconds(10)));
    assert_int_equal(cache_fixture_expect(&f, "k", "old"), HF_MISS);
    assert_int_equal(hf_cache_get_stale(f.cache, NULL, key, &value, NULL), HF_OK);
    assert_true(hf_value_is_stale(value));
    assert_int_equal(hf_value_ttl(value).ns, 0);
    assert_memory_equal(hf_value_data(value).data, "old", 3);
    hf_value_release(value);
    assert_int_equal(cache_fixture_stats(&f).cache_stale, 1);
    assert_true(cache_fixture_stats(&f).cache_expired > 0);

    assert_int_equal(hf_cache_set(f.cache, NULL, key, hf_str("new"), &absent, NULL), HF_OK);
    assert_int_equal(hf_cache_get_stale(f.cache, NULL, key, &value, NULL), HF_OK);
    assert_false(hf_value_is_stale(value));
    hf_value_release(value);
    cache_fixture_close(&f);
}

static int64_t left_in_redis_ms(struct cache_fixture *f)
{
    redisReply   *reply = redis_server_command(f->server, "PTTL t@0:k");
    const int64_t ms = reply->integer;
    freeReplyObject(reply);
    return ms;
}

static bool is_whole_again(void *ctx)
{
    return left_in_redis_ms(ctx) > 900000;
}

static void a_sliding_entry_is_prolonged_in_the_second_half_of_its_time(void **state)
{
    (void)state;
    static const uint32_t stale_limits_s[] = { 0, 50 };
    for (int i = 0; i < 2; i++) {
        struct cache_fixture f;
        hf_duration          ttl;
        const uint32_t       stale_s = stale_limits_s[i];
        cache_fixture_open(&f,
                           &(struct hf_cache_options){ .sliding = true,
                                                       .default_ttl = hf_seconds(1000),
                                                       .stale_limit = hf_seconds(stale_s) });
        const struct hf_bytes key = hf_str("k");
        assert_int_equal(cache_fixture_set(&f, "k", "v"), HF_OK);

        redis_server_do(f.server, "PEXPIRE t@0:k %d", 700000 + (int)stale_s * 1000);
        assert_int_equal(cache_fixture_expect(&f, "k", "v"), HF_OK);
        assert_int_equal(hf_cache_ttl(f.cache, NULL, key, &ttl, NULL), HF_OK);
        assert_in_range(ttl.ns, hf_seconds(600).ns, hf_seconds(700).ns);
        assert_false(is_whole_again(&f));

        redis_server_do(f.server, "PEXPIRE t@0:k %d", 400000 + (int)stale_s * 1000);
        assert_int_equal(cache_fixture_expect(&f, "k", "v"), HF_OK);
        assert_true(wait_until(is_whole_again, &f, hf_seconds(20)));
        assert_int_equal(hf_cache_exists(f.cache, NULL, key, NULL), HF_OK);

        /* Touch gives it another whole TTL; others who read it see it as it is. */
        assert_int_equal(hf_cache_touch(f.cache, NULL, key, hf_seconds(3000), NULL), HF_OK);
        redis_server_do(f.server, "PEXPIRE t@0:k %d", 1400000 + (int)stale_s * 1000);
        assert_int_equal(cache_fixture_expect(&f, "k", "v"), HF_OK);
        assert_true(wait_until(is_whole_again, &f, hf_seconds(20)));
        cache_fixture_close(&f);
    }
}

static void a_sliding_entry_ends_when_nobody_reads_it(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct hf_value     *value;
    hf_duration          ttl;
    cache_fixture_open(
        &f, &(struct hf_cache_options){ .sliding = true, .stale_limit = hf_seconds(600) });
    const struct hf_bytes key = hf_str("k");
    assert_int_equal(cache_fixture_set(&f, "k", "v"), HF_OK);
    redis_server_do(f.server, "PEXPIRE t@0:k 500000");
    assert_int_equal(cache_fixture_expect(&f, "k", "v"), HF_MISS);
    assert_int_equal(hf_cache_ttl(f.cache, NULL, key, &ttl, NULL), HF_MISS);
    assert_int_equal(hf_cache_get_stale(f.cache, NULL, key, &value, NULL), HF_OK);
    assert_true(hf_value_is_stale(value));
    hf_value_release(value);
    assert_true(left_in_redis_ms(&f) <= 500000);
    redis_server_do(f.server, "RPUSH t@0:list a");
    assert_int_equal(cache_fixture_expect(&f, "list", "v"), HF_MISS);
    assert_int_equal(cache_fixture_stats(&f).cache_foreign, 1);
    cache_fixture_close(&f);
}

static void what_is_not_ours_is_a_counted_miss(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    struct hf_value *value;
    hf_duration      ttl;

    redis_server_do(f.server, "SET t@0:text hello");
    redis_server_do(f.server, "SET t@0:empty %b", "", (size_t)0);
    redis_server_do(f.server, "RPUSH t@0:list a b c");
    redis_server_do(f.server, "HSET t@0:hash a b");
    static const char *const keys[] = { "text", "empty", "list", "hash" };
    for (size_t i = 0; i < 4; i++) {
        const struct hf_bytes key = hf_str(keys[i]);
        assert_int_equal(hf_cache_get(f.cache, NULL, key, &value, NULL), HF_MISS);
        assert_int_equal(cache_fixture_stats(&f).cache_foreign, i + 1);
    }
    for (size_t i = 0; i < 4; i++) {
        const struct hf_bytes key = hf_str(keys[i]);
        assert_int_equal(hf_cache_exists(f.cache, NULL, key, NULL), HF_MISS);
        assert_int_equal(hf_cache_ttl(f.cache, NULL, key, &ttl, NULL), HF_MISS);
        assert_int_equal(hf_cache_touch(f.cache, NULL, key, hf_seconds(9), NULL), HF_MISS);
        assert_int_equal(cache_fixture_set(&f, keys[i], "ours"), HF_OK);
        assert_int_equal(cache_fixture_expect(&f, keys[i], "ours"), HF_OK);
    }
    cache_fixture_close(&f);
}

/* Goal: a value damaged in Redis is never given out. Method: every byte of a real entry is
 * changed in the server, and the entry is cut at every length. */
static void a_damaged_entry_is_never_a_value(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    assert_int_equal(cache_fixture_set(&f, "k", "value"), HF_OK);
    redisReply *whole = redis_server_command(f.server, "GET t@0:k");
    assert_int_equal(whole->len, 64 + 5);
    for (size_t at = 0; at < whole->len; at++) {
        whole->str[at] ^= 0x10;
        redis_server_do(f.server, "SET t@0:k %b", whole->str, (size_t)whole->len);
        whole->str[at] ^= 0x10;
        assert_int_equal(cache_fixture_expect(&f, "k", "value"), HF_MISS);
        redis_server_do(f.server, "SET t@0:k %b", whole->str, at);
        assert_int_equal(cache_fixture_expect(&f, "k", "value"), HF_MISS);
    }
    redis_server_do(f.server, "SET t@0:other %b", whole->str, (size_t)whole->len);
    assert_int_equal(cache_fixture_expect(&f, "other", "value"), HF_MISS);

    const struct hf_stats stats = cache_fixture_stats(&f);
    assert_int_equal(stats.cache_foreign + stats.cache_corrupt, stats.cache_misses);
    assert_int_equal(stats.cache_misses, 2 * 69 + 1);
    redis_server_do(f.server, "SET t@0:k %b", whole->str, (size_t)whole->len);
    assert_int_equal(cache_fixture_expect(&f, "k", "value"), HF_OK);
    freeReplyObject(whole);
    cache_fixture_close(&f);
}

static void bad_input_is_refused_before_anything_is_sent(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    static char           large[1024 * 1024 + 1];
    const struct hf_bytes key = hf_str("k");
    struct hf_value      *value;
    const long long       commands = redis_server_info(f.server, "total_commands_processed");

    assert_int_equal(cache_fixture_set(&f, "", "v"), HF_E_INVALID);
    assert_string_equal(f.error.detail, "cache set: key of 0 bytes");
    assert_int_equal(hf_cache_get(f.cache, NULL, hf_bytes(NULL, 0), &value, NULL),
                     HF_E_INVALID);
    assert_int_equal(hf_cache_get(f.cache, NULL, hf_bytes(large, 65536), &value, NULL),
                     HF_E_TOO_LARGE);
    assert_int_equal(
        hf_cache_set(f.cache, NULL, key, hf_bytes(large, sizeof large), NULL, NULL),
        HF_E_TOO_LARGE);
    const int64_t bad[] = { 0, -1, INT64_MIN, INT64_MAX };
    for (size_t i = 0; i < 4; i++) {
        const struct hf_set how = { .ttl = hf_ns(bad[i]) };
        assert_int_equal(hf_cache_set(f.cache, NULL, key, hf_str("v"), &how, NULL),
                         HF_E_RANGE);
        assert_int_equal(hf_cache_touch(f.cache, NULL, key, hf_ns(bad[i]), NULL), HF_E_RANGE);
    }
    /* Two INFOs of our own, at most one PING of the health check. */
    assert_in_range(redis_server_info(f.server, "total_commands_processed"), commands,
                    commands + 3);
    assert_int_equal(cache_fixture_stats(&f).cache_errors, 12);
    assert_int_equal(cache_fixture_stats(&f).cache_errors_usage, 12);
    cache_fixture_close(&f);
}

static void values_at_the_limit_are_stored(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    enum { LIMIT = 1024 * 1024 };
    static const size_t sizes[] = { 0, 1, 4031, 4032, 4033, 65536, LIMIT - 1, LIMIT };
    char               *large = malloc(LIMIT);
    for (size_t i = 0; i < LIMIT; i++) large[i] = (char)(i * 7 >> 3);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct hf_value *value;
        assert_int_equal(hf_cache_set(f.cache, NULL, hf_str("k"), hf_bytes(large, sizes[i]),
                                      NULL, &f.error),
                         HF_OK);
        assert_int_equal(hf_cache_get(f.cache, NULL, hf_str("k"), &value, &f.error), HF_OK);
        assert_int_equal(hf_value_data(value).size, sizes[i]);
        assert_memory_equal(hf_value_data(value).data, large, sizes[i]);
        hf_value_release(value);
    }
    free(large);
    cache_fixture_close(&f);
}

static void versions_and_prefixes_are_caches_apart(void **state)
{
    (void)state;
    struct cache_fixture    f;
    struct hf_cache        *other;
    struct hf_value        *value;
    struct hf_cache_options options = { .key_prefix = "t", .version = 1 };
    cache_fixture_open(&f, NULL);
    assert_int_equal(cache_fixture_set(&f, "k", "v"), HF_OK);
    assert_int_equal(hf_cache_open(f.client, &options, &other, NULL), HF_OK);
    assert_int_equal(hf_cache_get(other, NULL, hf_str("k"), &value, NULL), HF_MISS);
    hf_cache_close(other);

    options.key_prefix = "t@0:";
    assert_int_equal(hf_cache_open(f.client, &options, &other, &f.error), HF_E_INVALID);
    options = (struct hf_cache_options){ .default_ttl = hf_ns(-1) };
    assert_int_equal(hf_cache_open(f.client, &options, &other, &f.error), HF_E_RANGE);
    options = (struct hf_cache_options){ .stale_limit = hf_ns(-1) };
    assert_int_equal(hf_cache_open(f.client, &options, &other, &f.error), HF_E_RANGE);
    cache_fixture_close(&f);
}

static void without_a_server_each_call_says_why(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    const struct hf_call call = { .timeout = hf_ms(200) };
    struct hf_value     *value = NULL;
    hf_duration          ttl = hf_ns(-1);
    assert_int_equal(cache_fixture_set(&f, "k", "v"), HF_OK);
    redis_server_kill(f.server);

    const struct hf_bytes key = hf_str("k");
    const hf_err          errs[] = {
                 hf_cache_get(f.cache, &call, key, &value, &f.error),
                 hf_cache_set(f.cache, &call, key, hf_str("w"), NULL, &f.error),
                 hf_cache_exists(f.cache, &call, key, &f.error),
                 hf_cache_ttl(f.cache, &call, key, &ttl, &f.error),
                 hf_cache_touch(f.cache, &call, key, hf_seconds(9), &f.error),
                 hf_cache_delete(f.cache, &call, key, &f.error),
    };
    for (size_t i = 0; i < sizeof errs / sizeof errs[0]; i++) {
        assert_int_not_equal(errs[i], HF_OK);
        assert_int_not_equal(errs[i], HF_MISS);
    }
    assert_null(value);
    assert_int_equal(ttl.ns, -1);
    assert_int_equal(cache_fixture_stats(&f).cache_errors, 6);

    redis_server_restart(f.server);
    assert_int_equal(hf_client_wait_ready(f.client, hf_seconds(30), &f.error), HF_OK);
    assert_int_equal(cache_fixture_set(&f, "k", "again"), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "k", "again"), HF_OK);
    cache_fixture_close(&f);
}

static void running_out_of_memory_anywhere_is_an_error_and_leaks_nothing(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    assert_int_equal(cache_fixture_set(&f, "k", "v"), HF_OK);
    char large[8192] = { 0 };
    for (long at = 1; at <= 40; at++) {
        struct hf_value *value = NULL;
        f.memory.fail_at = f.memory.requests + at;
        const hf_err set = hf_cache_set(f.cache, NULL, hf_str("large"),
                                        hf_bytes(large, sizeof large), NULL, &f.error);
        const hf_err get = hf_cache_get(f.cache, NULL, hf_str("k"), &value, &f.error);
        f.memory.fail_at = 0;
        assert_true(set == HF_OK || hf_err_category(set) != HF_CATEGORY_USAGE);
        if (get == HF_OK) assert_memory_equal(hf_value_data(value).data, "v", 1);
        if (get == HF_OK) hf_value_release(value);
        assert_int_not_equal(get, HF_MISS);
    }
    assert_int_equal(hf_client_wait_ready(f.client, hf_seconds(30), &f.error), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "k", "v"), HF_OK);
    cache_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_comes_back_as_it_was),
        cmocka_unit_test(keys_and_values_are_binary),
        cmocka_unit_test(a_value_outlives_its_entry_and_its_cache),
        cmocka_unit_test(delete_and_exists_say_whether_it_was_there),
        cmocka_unit_test(an_entry_ends_with_its_ttl),
        cmocka_unit_test(ttl_tells_what_is_left_and_touch_changes_it),
        cmocka_unit_test(a_condition_decides_whether_it_is_stored),
        cmocka_unit_test(past_its_expiry_a_value_is_given_only_as_stale),
        cmocka_unit_test(a_sliding_entry_is_prolonged_in_the_second_half_of_its_time),
        cmocka_unit_test(a_sliding_entry_ends_when_nobody_reads_it),
        cmocka_unit_test(what_is_not_ours_is_a_counted_miss),
        cmocka_unit_test(a_damaged_entry_is_never_a_value),
        cmocka_unit_test(bad_input_is_refused_before_anything_is_sent),
        cmocka_unit_test(values_at_the_limit_are_stored),
        cmocka_unit_test(versions_and_prefixes_are_caches_apart),
        cmocka_unit_test(without_a_server_each_call_says_why),
        cmocka_unit_test(running_out_of_memory_anywhere_is_an_error_and_leaks_nothing),
    };
    return RUN_TESTS(tests);
}
