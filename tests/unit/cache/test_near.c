#include "cache/near.h"

#include "support/counting_allocator.h"
#include "support/test.h"

#include <pthread.h>

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXPIRES_MS = 1000000 };

struct fixture {
    struct counting_allocator memory;
    struct hf_metrics        *metrics;
    struct hf_near            near;
    struct hf_near_time       at;
};

static void set_up(struct fixture *f, size_t bytes)
{
    counting_allocator_init(&f->memory);
    f->at = (struct hf_near_time){ { 1000000000000 }, 1000 };
    assert_int_equal(hf_metrics_open(&f->memory.base, &f->metrics), HF_OK);
    assert_int_equal(
        hf_near_init(&f->near, &f->memory.base, f->metrics, bytes, hf_seconds(1), 9), HF_OK);
}

static void set_up_live(struct fixture *f)
{
    set_up(f, 1024 * 1024);
    hf_near_live(&f->near, f->at.now);
}

static struct hf_stats stats_of(const struct fixture *f)
{
    struct hf_stats stats;
    hf_metrics_read(f->metrics, &stats);
    return stats;
}

static void tear_down(struct fixture *f)
{
    hf_near_deinit(&f->near);
    assert_int_equal(stats_of(f).cache_near_entries, 0);
    assert_int_equal(stats_of(f).cache_near_bytes, 0);
    hf_metrics_close(f->metrics);
    assert_int_equal(f->memory.blocks, 0);
}

static struct hf_near_ticket ticket(struct fixture *f, const char *name)
{
    const struct hf_near_key key = hf_near_key(&f->near, hf_str(name));
    return hf_near_ticket(&f->near, &key);
}

static bool keep(struct fixture *f, const char *name, struct hf_near_ticket with,
                 const char *value)
{
    const struct hf_near_key   key = hf_near_key(&f->near, hf_str(name));
    const struct hf_near_entry entry = { .data = hf_str(value), .expires_ms = EXPIRES_MS };
    return hf_near_keep(&f->near, &key, with, &entry, f->at);
}

static bool evict(struct fixture *f, const char *name)
{
    const struct hf_near_key key = hf_near_key(&f->near, hf_str(name));
    return hf_near_evict(&f->near, &key);
}

static bool is_value(struct hf_value *value, const char *text)
{
    if (!value) return false;
    const struct hf_bytes data = hf_value_data(value);
    const bool same = data.size == strlen(text) && memcmp(data.data, text, data.size) == 0;
    hf_value_release(value);
    return same;
}

static struct hf_value *get(struct fixture *f, const char *name)
{
    const struct hf_near_key key = hf_near_key(&f->near, hf_str(name));
    return hf_near_get(&f->near, &key, f->at);
}

static struct hf_value *get_stale(struct fixture *f, const char *name, int64_t stale_ms)
{
    const struct hf_near_key key = hf_near_key(&f->near, hf_str(name));
    return hf_near_get_stale(&f->near, &key, f->at, stale_ms);
}

static void a_hit_is_counted_once_and_only_when_it_is_one(void **state)
{
    (void)state;
    struct fixture f;
    set_up_live(&f);
    const struct hf_near_key   nothing = hf_near_key(&f.near, hf_str("nothing"));
    const struct hf_near_entry absent = { .expires_ms = EXPIRES_MS, .is_absent = true };
    assert_true(keep(&f, "a", ticket(&f, "a"), "1"));
    assert_true(hf_near_keep(&f.near, &nothing, ticket(&f, "nothing"), &absent, f.at));
    for (int round = 1; round <= 3; round++) {
        const struct hf_near_key key = hf_near_key(&f.near, hf_str("a"));
        assert_true(is_value(get(&f, "a"), "1"));
        assert_true(is_value(hf_near_look(&f.near, &key, f.at), "1"));
        assert_true(is_value(get(&f, "nothing"), ""));
        assert_null(get(&f, "unknown"));
        hf_near_settle(&f.near);
        hf_near_settle(&f.near);
        assert_int_equal(stats_of(&f).cache_near_hits, round);
    }
    tear_down(&f);
}

/* Nobody may look for as long as he likes: a hot key is hit 2^32 times in minutes. */
static void hits_that_nobody_asks_for_do_not_wrap(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t       counted = 0;
    set_up_live(&f);
    assert_true(keep(&f, "a", ticket(&f, "a"), "1"));
    for (uint32_t i = 0; i <= f.near.lane_mask; i++) {
        for (uint32_t j = 0; j <= f.near.gate_mask; j++) {
            f.near.lanes[i].gates[j].hits = UINT32_MAX;
            counted += UINT32_MAX;
        }
    }
    assert_true(is_value(get(&f, "a"), "1"));
    hf_near_settle(&f.near);
    assert_true(stats_of(&f).cache_near_hits == counted + 1);
    tear_down(&f);
}

static void pass(struct fixture *f, uint32_t ms)
{
    f->at.now = hf_later(f->at.now, hf_ms(ms));
    f->at.unix_ms += ms;
}

static void what_was_asked_for_before_it_was_live_is_not_kept(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, 1024 * 1024);
    const struct hf_near_ticket before = ticket(&f, "a");
    assert_false(keep(&f, "a", before, "1"));
    hf_near_live(&f.near, f.at.now);
    assert_false(keep(&f, "a", before, "1"));
    assert_null(get(&f, "a"));

    assert_true(keep(&f, "a", ticket(&f, "a"), "1"));
    assert_true(is_value(get(&f, "a"), "1"));
    assert_int_equal(stats_of(&f).cache_near_entries, 1);
    tear_down(&f);
}

static void what_changed_while_it_was_asked_for_is_not_kept(void **state)
{
    (void)state;
    struct fixture f;
    set_up_live(&f);
    struct hf_near_ticket asked = ticket(&f, "a");
    assert_false(evict(&f, "a"));
    assert_false(keep(&f, "a", asked, "old"));

    asked = ticket(&f, "a");
    hf_near_flush(&f.near);
    assert_false(keep(&f, "a", asked, "old"));

    asked = ticket(&f, "a");
    hf_near_lost(&f.near);
    assert_false(keep(&f, "a", asked, "old"));
    hf_near_live(&f.near, f.at.now);
    assert_false(keep(&f, "a", asked, "old"));
    assert_null(get(&f, "a"));
    tear_down(&f);
}

static void a_later_answer_does_not_displace_what_is_fresh(void **state)
{
    (void)state;
    struct fixture f;
    set_up_live(&f);
    const struct hf_near_ticket first = ticket(&f, "a"), second = ticket(&f, "a");
    assert_true(keep(&f, "a", second, "newer"));
    assert_false(keep(&f, "a", first, "overtaken"));
    assert_true(is_value(get(&f, "a"), "newer"));
    tear_down(&f);
}

static void a_change_removes_what_is_kept(void **state)
{
    (void)state;
    struct fixture f;
    set_up_live(&f);
    assert_true(keep(&f, "a", ticket(&f, "a"), "1"));
    assert_true(keep(&f, "b", ticket(&f, "b"), "2"));
    assert_true(evict(&f, "a"));
    assert_null(get(&f, "a"));
    assert_true(is_value(get(&f, "b"), "2"));
    hf_near_flush(&f.near);
    assert_null(get(&f, "b"));
    assert_null(get_stale(&f, "b", 60000));
    assert_int_equal(stats_of(&f).cache_near_entries, 0);
    tear_down(&f);
}

static void it_is_fresh_only_while_it_is_heard_of(void **state)
{
    (void)state;
    struct fixture f;
    set_up_live(&f);
    assert_true(keep(&f, "a", ticket(&f, "a"), "1"));
    pass(&f, 989);
    assert_true(is_value(get(&f, "a"), "1"));
    pass(&f, 1);
    assert_null(get(&f, "a"));
    hf_near_heard(&f.near, f.at.now);
    assert_true(is_value(get(&f, "a"), "1"));
    hf_near_lost(&f.near);
    assert_null(get(&f, "a"));
    tear_down(&f);
}

static void it_is_not_fresh_past_its_expiry(void **state)
{
    (void)state;
    struct fixture f;
    set_up_live(&f);
    assert_true(keep(&f, "a", ticket(&f, "a"), "1"));
    f.at.unix_ms = EXPIRES_MS - 1;
    assert_true(is_value(get(&f, "a"), "1"));
    f.at.unix_ms = EXPIRES_MS;
    assert_null(get(&f, "a"));
    assert_true(is_value(get_stale(&f, "a", 1), "1"));
    assert_null(get_stale(&f, "a", 0));
    assert_true(keep(&f, "a", ticket(&f, "a"), "new"));
    tear_down(&f);
}

static void
what_is_lost_may_be_had_as_stale_within_its_limit_until_it_is_live_again(void **state)
{
    (void)state;
    struct fixture f;
    set_up_live(&f);
    assert_true(keep(&f, "a", ticket(&f, "a"), "1"));
    hf_near_lost(&f.near);
    pass(&f, 1000 + 500);
    assert_true(is_value(get_stale(&f, "a", 500), "1"));
    pass(&f, 1);
    assert_null(get_stale(&f, "a", 500));
    assert_true(is_value(get_stale(&f, "a", 501), "1"));
    hf_near_live(&f.near, f.at.now);
    assert_null(get_stale(&f, "a", 60000));
    tear_down(&f);
}

static void without_memory_it_is_not_there(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, 1024 * 1024);
    for (long i = 1; i <= 9; i++) {
        struct hf_near other;
        f.memory.fail_at = f.memory.requests + i;
        assert_int_equal(
            hf_near_init(&other, &f.memory.base, f.metrics, 1024 * 1024, hf_seconds(1), 9),
            HF_E_NOMEM);
        hf_near_deinit(&other);
    }
    f.memory.fail_at = 0;
    tear_down(&f);
}

/* ---- Threads ------------------------------------------------------------------- */

/* One thread changes a number and says so; the others read and keep it. Whoever is told by
 * `seen` that a change was announced must never get an older number from there. */

enum { CHANGES = 20000, READERS = 3, CROWD = 8 };

struct race {
    struct fixture *f;
    atomic_int      number; /* What Redis would hold. */
    atomic_int      seen;   /* The latest number whose change has been told. */
    atomic_bool     is_over;
    atomic_int      hits, wrong;
};

static int number_of(const struct hf_value *value)
{
    int                   number;
    const struct hf_bytes data = hf_value_data(value);
    assert_int_equal(data.size, sizeof number);
    memcpy(&number, data.data, sizeof number);
    return number;
}

static void *read_and_keep(void *context)
{
    struct race *r = context;
    char         name[2] = "a";
    for (unsigned i = 0; !atomic_load(&r->is_over); i++) {
        name[0] = (char)('a' + i % CROWD);
        const struct hf_near_key key = hf_near_key(&r->f->near, hf_str(name));
        const int                seen = atomic_load(&r->seen);
        struct hf_value         *value = hf_near_get(&r->f->near, &key, r->f->at);
        if (value) {
            atomic_fetch_add(&r->hits, 1);
            if (number_of(value) < seen) atomic_fetch_add(&r->wrong, 1);
            hf_value_release(value);
            continue;
        }
        const struct hf_near_ticket asked = hf_near_ticket(&r->f->near, &key);
        const int                   number = atomic_load(&r->number);
        const struct hf_near_entry  entry = { .data = hf_bytes(&number, sizeof number),
                                              .expires_ms = EXPIRES_MS };
        if (i % 16 == 0) sched_yield(); /* The answer takes its time. */
        (void)hf_near_keep(&r->f->near, &key, asked, &entry, r->f->at);
    }
    return NULL;
}

static void change(struct race *r, int number)
{
    atomic_store(&r->number, number);
    if (number % 50 == 0) {
        hf_near_flush(&r->f->near);
    } else if (number % 50 == 25) {
        hf_near_lost(&r->f->near);
        hf_near_live(&r->f->near, r->f->at.now);
    } else {
        for (int i = 0; i < CROWD; i++) (void)evict(r->f, (char[]){ (char)('a' + i), '\0' });
    }
    atomic_store(&r->seen, number);
    if (number % 16 == 0) sched_yield();
}

static void nobody_gets_what_was_before_a_change_that_was_told(void **state)
{
    (void)state;
    struct fixture f;
    set_up_live(&f);
    struct race r = { .f = &f };
    pthread_t   readers[READERS];
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_create(&readers[i], NULL, read_and_keep, &r), 0);
    }
    for (int number = 1; number <= CHANGES || atomic_load(&r.hits) < 100; number++) {
        change(&r, number);
    }
    atomic_store(&r.is_over, true);
    for (int i = 0; i < READERS; i++) pthread_join(readers[i], NULL);
    assert_int_equal(atomic_load(&r.wrong), 0);
    tear_down(&f);
}

static void a_forked_child_leaves_what_a_thread_was_changing(void **state)
{
    (void)state;
    struct fixture f;
    int            status;
    set_up_live(&f);
    assert_true(keep(&f, "key", ticket(&f, "key"), "value"));
    const pid_t child = fork();
    if (child == 0) {
        for (uint32_t i = 0; i <= f.near.lane_mask; i++) {
            struct hf_near_lane *lane = &f.near.lanes[i];
            for (uint32_t j = 0; j <= f.near.gate_mask; j++) {
                hf_brief_lock(&lane->gates[j].lock);
            }
            lane->shard.small.bytes++; /* Half of a change. */
        }
        hf_near_deinit(&f.near);
        _exit(0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hit_is_counted_once_and_only_when_it_is_one),
        cmocka_unit_test(hits_that_nobody_asks_for_do_not_wrap),
        cmocka_unit_test(what_was_asked_for_before_it_was_live_is_not_kept),
        cmocka_unit_test(what_changed_while_it_was_asked_for_is_not_kept),
        cmocka_unit_test(a_later_answer_does_not_displace_what_is_fresh),
        cmocka_unit_test(a_change_removes_what_is_kept),
        cmocka_unit_test(it_is_fresh_only_while_it_is_heard_of),
        cmocka_unit_test(it_is_not_fresh_past_its_expiry),
        cmocka_unit_test(
            what_is_lost_may_be_had_as_stale_within_its_limit_until_it_is_live_again),
        cmocka_unit_test(without_memory_it_is_not_there),
        cmocka_unit_test(nobody_gets_what_was_before_a_change_that_was_told),
        cmocka_unit_test(a_forked_child_leaves_what_a_thread_was_changing),
    };
    return RUN_TESTS(tests);
}
