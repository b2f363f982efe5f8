#include "cache/near_shard.h"

#include "core/hash.h"
#include "core/rng.h"
#include "support/counting_allocator.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

enum { SHARD_BYTES = 64 * 1024 };

struct fixture {
    struct counting_allocator memory;
    struct hf_near_shard      shard;
};

static void set_up(struct fixture *f, size_t bytes_max)
{
    counting_allocator_init(&f->memory);
    assert_int_equal(hf_near_shard_init(&f->shard, &f->memory.base, bytes_max), HF_OK);
}

static void tear_down(struct fixture *f)
{
    hf_near_shard_deinit(&f->shard);
    assert_int_equal(f->memory.blocks, 0);
}

static struct hf_near_key key_of(const char *text)
{
    const struct hf_bytes bytes = hf_str(text);
    return (struct hf_near_key){ bytes, hf_hash64(bytes, 1) };
}

/* Room for one key at a time. */
static struct hf_near_key numbered(unsigned number)
{
    static char text[24];
    snprintf(text, sizeof text, "key:%012u", number);
    return key_of(text);
}

static bool put(struct fixture *f, const char *name, const char *value)
{
    const struct hf_near_key   key = key_of(name);
    const struct hf_near_entry entry = { .data = hf_str(value), .expires_ms = 10 };
    return hf_near_shard_put(&f->shard, &key, &entry);
}

static struct hf_value *find(struct fixture *f, const char *name)
{
    const struct hf_near_key key = key_of(name);
    return hf_near_shard_find(&f->shard, &key);
}

static bool holds(struct fixture *f, const char *name, const char *value)
{
    const struct hf_value *found = find(f, name);
    if (!found) return false;
    const struct hf_bytes data = hf_value_data(found);
    return data.size == strlen(value) && memcmp(data.data, value, data.size) == 0;
}

static void what_is_put_is_found_until_it_is_removed(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, SHARD_BYTES);
    const struct hf_near_key key = key_of("a");
    assert_null(find(&f, "a"));
    assert_true(put(&f, "a", "1"));
    assert_true(put(&f, "b", ""));
    assert_true(holds(&f, "a", "1"));
    assert_true(holds(&f, "b", ""));
    assert_true(put(&f, "a", "other"));
    assert_true(holds(&f, "a", "other"));
    assert_int_equal(f.shard.count, 2);

    assert_true(hf_near_shard_remove(&f.shard, &key));
    assert_false(hf_near_shard_remove(&f.shard, &key));
    assert_null(find(&f, "a"));
    assert_true(holds(&f, "b", ""));
    tear_down(&f);
}

static void keys_with_the_same_hash_are_told_apart(void **state)
{
    (void)state;
    struct fixture             f;
    const struct hf_near_key   a = { hf_str("a"), 7 }, b = { hf_str("b"), 7 };
    const struct hf_near_entry entry = { .data = hf_str("value of a"), .expires_ms = 10 };
    set_up(&f, SHARD_BYTES);
    assert_true(hf_near_shard_put(&f.shard, &a, &entry));
    assert_null(hf_near_shard_find(&f.shard, &b));
    assert_non_null(hf_near_shard_find(&f.shard, &a));
    tear_down(&f);
}

static void a_removed_value_lives_on_for_who_holds_it(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, SHARD_BYTES);
    assert_true(put(&f, "a", "held"));
    struct hf_value *held = hf_value_acquire(find(&f, "a"));
    hf_near_shard_clear(&f.shard);
    assert_null(find(&f, "a"));
    assert_int_equal(hf_value_data(held).size, 4);
    assert_memory_equal(hf_value_data(held).data, "held", 4);
    hf_value_release(held);
    tear_down(&f);
}

/* The allocator counts what is asked for; malloc's own 8 bytes and rounding come on top. */
static void it_never_takes_more_memory_than_it_may(void **state)
{
    (void)state;
    struct fixture f;
    struct hf_rng  rng = { 1 };
    char           value[4096] = { 0 };
    set_up(&f, SHARD_BYTES);
    for (unsigned i = 0; i < 20000; i++) {
        const struct hf_near_key   key = numbered((unsigned)hf_rng_below(&rng, 3000));
        const size_t               size = (size_t)hf_rng_below(&rng, sizeof value);
        const struct hf_near_entry entry = { .data = hf_bytes(value, i % 9 ? 64 : size),
                                             .expires_ms = 10 };
        (void)hf_near_shard_put(&f.shard, &key, &entry);
        if (i % 3 == 0) (void)hf_near_shard_find(&f.shard, &key);
        if (i % 17 == 0) (void)hf_near_shard_remove(&f.shard, &key);
        assert_true(f.shard.bytes <= SHARD_BYTES);
        assert_true((size_t)f.memory.bytes <= f.shard.bytes);
    }
    assert_true(f.shard.evictions > 0);
    assert_true(f.shard.bytes > SHARD_BYTES / 2);
    tear_down(&f);
}

static void a_small_entry_costs_less_than_97_bytes_more_than_its_value(void **state)
{
    (void)state;
    struct fixture             f;
    const char                 value[64] = { 0 };
    const struct hf_near_entry entry = { .data = hf_bytes(value, 64), .expires_ms = 10 };
    set_up(&f, 16 * 1024 * 1024);
    for (unsigned i = 0; i < 40000; i++) {
        const struct hf_near_key key = numbered(i);
        assert_true(hf_near_shard_put(&f.shard, &key, &entry));
    }
    const size_t each = f.shard.bytes / f.shard.count;
    assert_true(each - 64 - numbered(0).bytes.size <= 96);
    tear_down(&f);
}

static void what_is_too_large_is_not_kept_and_displaces_nothing_but_its_own_key(void **state)
{
    (void)state;
    struct fixture f;
    static char    large[SHARD_BYTES / 8 + 1];
    static char    long_key[HF_NEAR_KEY_MAX + 1];
    memset(large, 'x', sizeof large - 1);
    set_up(&f, SHARD_BYTES);
    assert_true(put(&f, "a", "1"));
    assert_true(put(&f, "b", "1"));
    assert_false(put(&f, "a", large));
    assert_null(find(&f, "a"));
    assert_true(holds(&f, "b", "1"));

    const struct hf_near_key   key = { hf_bytes(long_key, sizeof long_key), 3 };
    const struct hf_near_entry entry = { .data = hf_str(""), .expires_ms = 10 };
    assert_false(hf_near_shard_put(&f.shard, &key, &entry));
    assert_int_equal(f.shard.count, 1);
    tear_down(&f);
}

static void a_key_of_64_kib_is_not_kept_though_there_is_room(void **state)
{
    (void)state;
    enum { ROOM = 64 * 1024 * 1024 };
    struct fixture f;
    char          *text = calloc(1, HF_NEAR_KEY_MAX + 1);
    assert_non_null(text);
    set_up(&f, ROOM);
    const struct hf_near_entry entry = { .data = hf_str("v"), .expires_ms = 10 };
    for (size_t size = HF_NEAR_KEY_MAX; size <= HF_NEAR_KEY_MAX + 1; size++) {
        const struct hf_bytes    bytes = hf_bytes(text, size);
        const struct hf_near_key key = { bytes, hf_hash64(bytes, 1) };
        assert_int_equal(hf_near_shard_put(&f.shard, &key, &entry), size == HF_NEAR_KEY_MAX);
        assert_int_equal(hf_near_shard_find(&f.shard, &key) != NULL, size == HF_NEAR_KEY_MAX);
    }
    tear_down(&f);
    free(text);
}

static void removing_changes_the_number_of_the_key_and_clearing_that_of_all(void **state)
{
    (void)state;
    struct fixture           f;
    const struct hf_near_key key = key_of("a");
    set_up(&f, SHARD_BYTES);
    const uint32_t first = hf_near_shard_version(&f.shard, &key);
    assert_true(put(&f, "a", "1"));
    assert_int_equal(hf_near_shard_version(&f.shard, &key), first);
    (void)hf_near_shard_remove(&f.shard, &key);
    const uint32_t second = hf_near_shard_version(&f.shard, &key);
    assert_int_not_equal(second, first);
    (void)hf_near_shard_remove(&f.shard, &key);
    const uint32_t third = hf_near_shard_version(&f.shard, &key);
    assert_int_not_equal(third, second);
    hf_near_shard_clear(&f.shard);
    assert_int_not_equal(hf_near_shard_version(&f.shard, &key), third);
    tear_down(&f);
}

static void a_sliding_value_is_fresh_for_half_of_its_life(void **state)
{
    (void)state;
    struct fixture             f;
    const struct hf_near_key   key = key_of("a");
    const struct hf_near_entry entry = {
        .data = hf_str("value"), .created_ms = 1000, .expires_ms = 9000, .sliding_ms = 4000
    };
    set_up(&f, SHARD_BYTES);
    assert_true(hf_near_shard_put(&f.shard, &key, &entry));
    assert_true(holds(&f, "a", "value"));
    assert_int_equal(hf_near_shard_fresh_until_ms(find(&f, "a")), 7000);
    assert_true(put(&f, "b", "value"));
    assert_int_equal(hf_near_shard_fresh_until_ms(find(&f, "b")), 10);
    tear_down(&f);
}

static void without_memory_nothing_is_kept_and_nothing_lost(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, SHARD_BYTES);
    for (unsigned i = 0; i < 200; i++) {
        f.memory.fail_at = f.memory.requests + 1 + i % 4;
        const struct hf_near_key   key = numbered(i);
        const struct hf_near_entry entry = { .data = hf_str("value"), .expires_ms = 10 };
        const size_t               before = f.shard.count;
        const bool                 is_kept = hf_near_shard_put(&f.shard, &key, &entry);
        assert_int_equal(f.shard.count, before + (is_kept ? 1 : 0));
        assert_int_equal(hf_near_shard_find(&f.shard, &key) != NULL, is_kept);
    }
    f.memory.fail_at = 0;
    assert_true(f.shard.count > 100);
    tear_down(&f);
}

/* ---- What stays ---------------------------------------------------------------- */

enum { KEYS = 20000, ROOM = KEYS / 10, REQUESTS = 400000, SCAN_EVERY = 20000, SCAN = 5000 };

/* Requests after the law of Zipf, and from time to time a run of keys that nobody wants. */
struct trace {
    struct hf_rng rng;
    double        sums[KEYS];
    unsigned      scanned;
};

static struct trace *trace_open(void)
{
    struct trace *t = calloc(1, sizeof *t);
    double        sum = 0;
    assert_non_null(t);
    t->rng.state = 42;
    for (int i = 0; i < KEYS; i++) t->sums[i] = sum += 1.0 / (i + 1);
    return t;
}

static unsigned trace_next(struct trace *t, unsigned index)
{
    if (index % SCAN_EVERY < SCAN) return KEYS + t->scanned++;
    const double u = (double)(hf_rng_next(&t->rng) >> 11) / 9007199254740992.0 *
                     t->sums[KEYS - 1];
    unsigned low = 0, high = KEYS - 1;
    while (low < high) {
        const unsigned middle = (low + high) / 2;
        if (t->sums[middle] < u) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static double share_of_hits(struct hf_near_shard *shard)
{
    struct trace              *t = trace_open();
    const char                 value[64] = { 0 };
    const struct hf_near_entry entry = { .data = hf_bytes(value, 64), .expires_ms = 10 };
    unsigned                   hits = 0;
    for (unsigned i = 0; i < REQUESTS; i++) {
        const struct hf_near_key key = numbered(trace_next(t, i));
        if (hf_near_shard_find(shard, &key)) {
            hits++;
        } else {
            (void)hf_near_shard_put(shard, &key, &entry);
        }
    }
    free(t);
    return (double)hits / REQUESTS;
}

/* Which keys the latest `room` different ones are, told by when each was last asked for. */
static double share_of_hits_of_lru(unsigned room)
{
    struct trace *t = trace_open();
    const size_t  keys = KEYS + REQUESTS;
    unsigned     *asked = calloc(keys, sizeof *asked);         /* When last; 0: never. */
    unsigned     *whose = calloc(REQUESTS + 1, sizeof *whose); /* Asked for then. */
    unsigned      hits = 0, oldest = 1, held = 0;
    assert_true(asked && whose);
    for (unsigned i = 1; i <= REQUESTS; i++) {
        const unsigned key = trace_next(t, i - 1);
        const bool     is_held = asked[key] >= oldest;
        if (is_held) hits++;
        if (!is_held) held++;
        asked[key] = i;
        whose[i] = key;
        while (held > room || asked[whose[oldest]] != oldest) {
            if (asked[whose[oldest]] == oldest) held--;
            oldest++;
        }
    }
    free(asked);
    free(whose);
    free(t);
    return (double)hits / REQUESTS;
}

static void
scans_and_what_is_asked_for_once_do_not_displace_what_is_asked_for_often(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, ROOM * 170);
    const double ours = share_of_hits(&f.shard);
    const double lru = share_of_hits_of_lru((unsigned)f.shard.count);
    print_message("hits: ours %.3f, least recently used %.3f\n", ours, lru);
    assert_true(ours >= 1.05 * lru);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_found_until_it_is_removed),
        cmocka_unit_test(keys_with_the_same_hash_are_told_apart),
        cmocka_unit_test(a_removed_value_lives_on_for_who_holds_it),
        cmocka_unit_test(it_never_takes_more_memory_than_it_may),
        cmocka_unit_test(a_small_entry_costs_less_than_97_bytes_more_than_its_value),
        cmocka_unit_test(what_is_too_large_is_not_kept_and_displaces_nothing_but_its_own_key),
        cmocka_unit_test(a_key_of_64_kib_is_not_kept_though_there_is_room),
        cmocka_unit_test(removing_changes_the_number_of_the_key_and_clearing_that_of_all),
        cmocka_unit_test(a_sliding_value_is_fresh_for_half_of_its_life),
        cmocka_unit_test(without_memory_nothing_is_kept_and_nothing_lost),
        cmocka_unit_test(
            scans_and_what_is_asked_for_once_do_not_displace_what_is_asked_for_often),
    };
    return RUN_TESTS(tests);
}
