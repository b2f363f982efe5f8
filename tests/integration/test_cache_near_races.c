/* The near cache against a real server, in each order in which news of a change can meet the
 * reading and writing of values, and in each way in which they can fail to come. */

#include "support/near_fixture.h"
#include "support/test.h"
#include "support/wait.h"

#include <hiredis/hiredis.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* So long that nothing but what the test is about can come to the rescue. */
#define LONG_COHERENCE hf_seconds(60)

static const struct hf_call brief = { .timeout = { 100000000 } };

/* ---- Between a read and its answer --------------------------------------------- */

struct reader {
    struct near_fixture *f;
    pthread_t            thread;
    hf_err               err;
    uint64_t             held;
};

static void *read_old(void *ctx)
{
    struct reader *r = ctx;
    r->err = party_expect(&r->f->ours, "a", "old");
    return NULL;
}

static bool has_server_read(void *ctx)
{
    const struct reader *r = ctx;
    redisReply          *stats = redis_server_command(r->f->server, "INFO commandstats");
    const char          *gets = strstr(stats->str, "cmdstat_get:calls=");
    const bool           has_read = gets != NULL;
    freeReplyObject(stats);
    return has_read;
}

/* A read of "a" whose answer, "old", is on its way and held back. */
static void start_reading(struct near_fixture *f, struct reader *r, hf_duration coherence)
{
    near_fixture_open(f, &(struct hf_cache_options){ .near_coherence_max = coherence });
    const uint64_t told = party_stats(&f->ours).cache_near_changes;
    assert_int_equal(party_set(&f->other, "a", "old"), HF_OK);
    while (party_stats(&f->ours).cache_near_changes == told) sched_yield();
    redis_server_do(f->server, "CONFIG RESETSTAT");
    *r = (struct reader){ .f = f, .held = near_hold(f, DATA) };
    assert_int_equal(pthread_create(&r->thread, NULL, read_old, r), 0);
    assert_true(wait_until(has_server_read, r, NEAR_BOUND));
}

static void end_reading(struct reader *r)
{
    fault_proxy_lift(r->f->proxy, r->held);
    pthread_join(r->thread, NULL);
    assert_int_equal(r->err, HF_OK);
}

static void a_change_told_between_a_read_and_its_answer_voids_the_answer(void **state)
{
    (void)state;
    struct near_fixture f;
    struct reader       r;
    start_reading(&f, &r, LONG_COHERENCE);
    const uint64_t told = party_stats(&f.ours).cache_near_changes;
    assert_int_equal(party_set(&f.other, "a", "new"), HF_OK);
    while (party_stats(&f.ours).cache_near_changes == told) sched_yield();
    end_reading(&r);
    assert_int_equal(party_expect(&f.ours, "a", "new"), HF_OK);
    near_fixture_close(&f);
}

static void flushall_between_a_read_and_its_answer_voids_the_answer(void **state)
{
    (void)state;
    struct near_fixture f;
    struct reader       r;
    start_reading(&f, &r, LONG_COHERENCE);
    const uint64_t told = party_stats(&f.ours).cache_near_changes;
    redis_server_do(f.server, "FLUSHALL");
    while (party_stats(&f.ours).cache_near_changes == told) sched_yield();
    end_reading(&r);
    assert_int_equal(party_expect(&f.ours, "a", "old"), HF_MISS);
    near_fixture_close(&f);
}

/* Somebody is told of changes to all keys with our prefix, and has shown that he listens. */
static bool is_somebody_told(void *ctx)
{
    struct near_fixture *f = ctx;
    redisReply          *list = redis_server_command(f->server, "CLIENT LIST");
    const char          *line = list->str;
    bool                 is_told = false;
    for (const char *at = line; (at = strstr(at, "flags=")); at++) {
        const size_t flags = strcspn(at, " ");
        const size_t rest = strcspn(at, "\n");
        const char  *command = strstr(at, "cmd=ping");
        if (memchr(at, 'B', flags) && command && command < at + rest) is_told = true;
    }
    freeReplyObject(list);
    return is_told;
}

static void a_loss_of_the_news_between_a_read_and_its_answer_voids_the_answer(void **state)
{
    (void)state;
    struct near_fixture f;
    struct reader       r;
    start_reading(&f, &r, hf_seconds(1));
    fault_proxy_cut(f.proxy, TRACKING, FAULT_CLOSE);
    assert_int_equal(party_set(&f.other, "a", "new"), HF_OK);
    /* The first PING of the next connection comes after it has become live. */
    assert_true(wait_until(is_somebody_told, &f, NEAR_BOUND));
    end_reading(&r);
    assert_int_equal(party_expect(&f.ours, "a", "new"), HF_OK);
    near_fixture_close(&f);
}

static void a_write_of_our_own_with_an_unknown_end_voids_what_was_read_before(void **state)
{
    (void)state;
    struct near_fixture f;
    struct reader       r;
    start_reading(&f, &r, LONG_COHERENCE);
    near_hold(&f, TRACKING);
    assert_int_not_equal(
        hf_cache_set(f.ours.cache, &brief, hf_str("a"), hf_str("new"), NULL, &f.ours.error),
        HF_OK);
    end_reading(&r);
    party_wait(&f.ours, "a", "new", HF_OK);
    near_fixture_close(&f);
}

/* ---- Our own writes ------------------------------------------------------------ */

static hf_err load_new(struct hf_bytes key, struct hf_loaded *loaded, void *ctx)
{
    (void)key;
    (void)ctx;
    return hf_loaded_set(loaded, hf_str("new"));
}

static void write_set(struct party *p)
{
    assert_int_equal(party_set(p, "a", "new"), HF_OK);
}

static void write_set_many(struct party *p)
{
    const struct hf_bytes key = hf_str("a"), value = hf_str("new");
    hf_err                err;
    assert_int_equal(hf_cache_set_many(p->cache, NULL, &key, &value, 1, NULL, &err, NULL),
                     HF_OK);
}

static void write_delete(struct party *p)
{
    assert_int_equal(hf_cache_delete(p->cache, NULL, hf_str("a"), NULL), HF_OK);
}

static void write_delete_many(struct party *p)
{
    const struct hf_bytes key = hf_str("a");
    hf_err                err;
    assert_int_equal(hf_cache_delete_many(p->cache, NULL, &key, 1, &err, NULL), HF_OK);
}

static void write_delete_matching(struct party *p)
{
    struct hf_sweep sweep = { 0 };
    assert_int_equal(
        hf_cache_delete_matching(p->cache, NULL, hf_str("a*"), &sweep, NULL, NULL, NULL),
        HF_OK);
}

static void write_clear(struct party *p)
{
    assert_int_equal(hf_cache_clear(p->cache, NULL, NULL), HF_OK);
}

/* A touch leaves the value, but not what is known of its expiry. */
static void write_touch(struct party *p)
{
    struct hf_value *value;
    assert_int_equal(hf_cache_touch(p->cache, NULL, hf_str("a"), hf_seconds(9), NULL), HF_OK);
    assert_int_equal(hf_cache_get(p->cache, NULL, hf_str("a"), &value, NULL), HF_OK);
    assert_true(hf_value_ttl(value).ns <= hf_seconds(9).ns);
    hf_value_release(value);
}

static void what_we_write_ourselves_is_seen_at_once_though_nothing_is_told(void **state)
{
    (void)state;
    const struct {
        void (*write)(struct party *p);
        hf_err after;
    } writes[] = {
        { write_set, HF_OK },
        { write_set_many, HF_OK },
        { write_delete, HF_MISS },
        { write_delete_many, HF_MISS },
        { write_delete_matching, HF_MISS },
        { write_clear, HF_MISS },
        { write_touch, HF_E_INVALID },
    };
    struct near_fixture f;
    near_fixture_open(&f, &(struct hf_cache_options){ .near_coherence_max = LONG_COHERENCE });
    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
        near_keep(&f, "a", "old");
        const uint64_t held = near_hold(&f, TRACKING);
        writes[i].write(&f.ours);
        assert_int_equal(party_expect(&f.ours, "a", "new"), writes[i].after);
        fault_proxy_lift(f.proxy, held);
    }
    near_fixture_close(&f);
}

static void what_a_loader_stores_replaces_what_is_kept(void **state)
{
    (void)state;
    struct near_fixture  f;
    struct hf_value     *value;
    const struct hf_set  soon = { .ttl = hf_ms(300) };
    const struct hf_load how = { .ttl = hf_seconds(100) };
    near_fixture_open(&f, &(struct hf_cache_options){ .near_coherence_max = LONG_COHERENCE,
                                                      .stale_limit = hf_seconds(100) });
    assert_int_equal(
        hf_cache_set(f.other.cache, NULL, hf_str("a"), hf_str("old"), &soon, NULL), HF_OK);
    party_wait(&f.ours, "a", "", HF_MISS); /* Kept, and expired meanwhile. */
    near_hold(&f, TRACKING);
    assert_int_equal(hf_cache_load(f.ours.cache, NULL, hf_str("a"), &how, load_new, NULL,
                                   &value, &f.ours.error),
                     HF_OK);
    hf_value_release(value);
    assert_int_equal(party_expect(&f.ours, "a", "new"), HF_OK);
    near_fixture_close(&f);
}

static void the_key_of_a_failed_delete_misses_though_it_was_kept(void **state)
{
    (void)state;
    struct near_fixture f;
    near_fixture_open(&f, &(struct hf_cache_options){ .near_coherence_max = LONG_COHERENCE });
    near_keep(&f, "a", "old");
    redis_server_do(f.server, "ACL SETUSER default -unlink -del");
    assert_int_equal(hf_cache_delete(f.ours.cache, NULL, hf_str("a"), NULL), HF_E_NOPERM);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(party_expect(&f.ours, "a", "old"), HF_MISS);
    }
    redis_server_do(f.server, "ACL SETUSER default +@all");
    near_fixture_close(&f);
}

/* ---- When no news come --------------------------------------------------------- */

static void when_the_news_hang_it_is_believed_no_longer_than_it_may(void **state)
{
    (void)state;
    struct near_fixture f;
    const hf_duration   max = hf_ms(1500);
    near_fixture_open(&f, &(struct hf_cache_options){ .near_coherence_max = max });
    near_keep(&f, "a", "old");
    const uint64_t held = near_hold(&f, TRACKING);
    assert_int_equal(party_set(&f.other, "a", "new"), HF_OK);
    const hf_instant changed = hf_now();
    hf_instant       seen = changed;
    while (hf_before(seen, hf_later(changed, NEAR_BOUND)) &&
           party_expect(&f.ours, "a", "old") == HF_OK) {
        seen = hf_now();
        sched_yield();
    }
    /* What was seen last was read before that look at the clock. */
    assert_true(hf_between(changed, seen).ns <= max.ns);
    assert_int_equal(party_expect(&f.ours, "a", "new"), HF_OK);

    fault_proxy_lift(f.proxy, held);
    near_keep(&f, "a", "newer");
    near_fixture_close(&f);
}

static void
a_lost_connection_for_the_news_is_replaced_and_what_was_missed_forgotten(void **state)
{
    (void)state;
    struct near_fixture f;
    near_fixture_open(&f, &(struct hf_cache_options){ .near_coherence_max = LONG_COHERENCE });
    near_keep(&f, "a", "old");
    const uint64_t refused = fault_proxy_set(f.proxy, &(struct fault){ .kind = FAULT_RESET });
    fault_proxy_cut(f.proxy, TRACKING, FAULT_CLOSE);
    assert_int_equal(party_set(&f.other, "a", "new"), HF_OK);
    party_wait(&f.ours, "a", "new", HF_OK); /* Over the connection that is still there. */
    assert_int_equal(party_set(&f.other, "a", "newer"), HF_OK);
    assert_int_equal(party_expect(&f.ours, "a", "newer"), HF_OK);
    fault_proxy_lift(f.proxy, refused);
    near_keep(&f, "a", "newest");
    near_fixture_close(&f);
}

static bool has_another_connection(void *ctx)
{
    return fault_proxy_counts(((struct near_fixture *)ctx)->proxy).accepted > TRACKING;
}

/* What changed is not known then, so nothing that was kept may be believed. */
static void news_that_make_no_sense_end_the_connection_for_the_news(void **state)
{
    (void)state;
    static const char *const news[] = { ">2\r\n$10\r\ninvalidate\r\n:5\r\n",
                                        ">2\r\n$10\r\ninvalidate\r\n*1\r\n:5\r\n",
                                        ">1\r\n$10\r\ninvalidate\r\n" };
    for (size_t i = 0; i < sizeof news / sizeof news[0]; i++) {
        struct near_fixture f;
        near_fixture_open(&f,
                          &(struct hf_cache_options){ .near_coherence_max = LONG_COHERENCE });
        near_keep(&f, "a", "old");
        (void)fault_proxy_set(f.proxy, &(struct fault){ .kind = FAULT_INJECT,
                                                        .direction = FAULT_TO_CLIENT,
                                                        .connection = TRACKING,
                                                        .times = 1,
                                                        .data = hf_str(news[i]) });
        assert_true(wait_until(has_another_connection, &f, NEAR_BOUND));
        near_keep(&f, "a", "new");
        near_fixture_close(&f);
    }
}

static void the_loss_of_the_other_connection_leaves_it_right(void **state)
{
    (void)state;
    struct near_fixture f;
    near_fixture_open(&f, &(struct hf_cache_options){ .near_coherence_max = LONG_COHERENCE });
    near_keep(&f, "a", "old");
    fault_proxy_cut(f.proxy, DATA, FAULT_CLOSE);
    assert_int_equal(party_set(&f.other, "a", "new"), HF_OK);
    party_wait(&f.ours, "a", "new", HF_OK);
    near_keep(&f, "a", "newer");
    near_fixture_close(&f);
}

static void a_server_that_comes_back_empty_is_believed(void **state)
{
    (void)state;
    struct near_fixture f;
    near_fixture_open(&f, &(struct hf_cache_options){ .near_coherence_max = LONG_COHERENCE });
    near_keep(&f, "a", "old");
    redis_server_restart(f.server);
    party_wait(&f.ours, "a", "", HF_MISS);
    party_wait(&f.other, "a", "", HF_MISS);
    near_keep(&f, "a", "new");
    near_fixture_close(&f);
}

/* The name leads to another server now, as after a failover; the old one lives, and goes on
 * answering whoever listens to it for changes. */
static void news_of_another_server_than_the_one_that_is_read_are_not_believed(void **state)
{
    (void)state;
    struct party                  ours, other;
    char                          path[256], url[300];
    const struct hf_cache_options near = { .near_bytes = 1024 * 1024,
                                           .near_coherence_max = LONG_COHERENCE };
    const struct hf_cache_options plain = { 0 };
    struct redis_server *first = redis_server_open(NULL), *second = redis_server_open(NULL);
    snprintf(path, sizeof path, "%s/name", redis_server_folder(first));
    snprintf(url, sizeof url, "unix://%s", path);
    assert_int_equal(symlink(redis_server_socket(first), path), 0);
    party_open(&ours, url, &near);
    party_open(&other, redis_server_unix_url(second), &plain);
    assert_int_equal(party_set(&ours, "a", "of the first"), HF_OK);
    assert_int_equal(party_set(&other, "a", "of the second"), HF_OK);
    party_wait_near(&ours, "a", "of the first");

    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink(redis_server_socket(second), path), 0);
    redisReply *list = redis_server_command(first, "CLIENT LIST");
    long long   data = 0;
    for (const char *line = list->str; line && *line; line = strchr(line, '\n')) {
        if (*line == '\n' && !*++line) break;
        const char  *flags = strstr(line, "flags=");
        const char  *user = strstr(line, "cmd=client");
        const size_t size = strcspn(line, "\n");
        if (user && user < line + size) continue; /* The one that asks. */
        if (!memchr(flags, 'B', strcspn(flags, " "))) data = atoll(line + strlen("id="));
    }
    freeReplyObject(list);
    redis_server_do(first, "CLIENT KILL ID %lld", data);

    party_wait(&ours, "a", "of the second", HF_OK);
    party_wait_near(&ours, "a", "of the second");
    assert_int_equal(party_set(&other, "a", "newer"), HF_OK);
    party_wait(&ours, "a", "newer", HF_OK);
    party_close(&ours);
    party_close(&other);
    assert_int_equal(unlink(path), 0);
    redis_server_close(first);
    redis_server_close(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_told_between_a_read_and_its_answer_voids_the_answer),
        cmocka_unit_test(flushall_between_a_read_and_its_answer_voids_the_answer),
        cmocka_unit_test(a_loss_of_the_news_between_a_read_and_its_answer_voids_the_answer),
        cmocka_unit_test(a_write_of_our_own_with_an_unknown_end_voids_what_was_read_before),
        cmocka_unit_test(what_we_write_ourselves_is_seen_at_once_though_nothing_is_told),
        cmocka_unit_test(what_a_loader_stores_replaces_what_is_kept),
        cmocka_unit_test(the_key_of_a_failed_delete_misses_though_it_was_kept),
        cmocka_unit_test(when_the_news_hang_it_is_believed_no_longer_than_it_may),
        cmocka_unit_test(
            a_lost_connection_for_the_news_is_replaced_and_what_was_missed_forgotten),
        cmocka_unit_test(news_that_make_no_sense_end_the_connection_for_the_news),
        cmocka_unit_test(the_loss_of_the_other_connection_leaves_it_right),
        cmocka_unit_test(a_server_that_comes_back_empty_is_believed),
        cmocka_unit_test(news_of_another_server_than_the_one_that_is_read_are_not_believed),
    };
    return RUN_TESTS(tests);
}
