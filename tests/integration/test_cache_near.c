/* The near cache against a real server: what Redis tells of changes, in every order in which
 * that can meet the reading and writing of values, and what happens when it does not. Two
 * clients: ours is behind a proxy that can hold back what comes on either of its connections,
 * the other one is not. */

#include "support/fault_proxy.h"
#include "support/redis_server.h"
#include "support/test.h"
#include "support/wait.h"

#include <hiredis/hiredis.h>
#include <holdfast/holdfast.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DATA = 1, TRACKING = 2 }; /* Connections of the proxy, in the order they are made. */

#define BOUND hf_seconds(20)

struct party {
    struct hf_client *client;
    struct hf_cache  *cache;
    struct hf_error   error;
};

struct fixture {
    struct redis_server *server;
    struct fault_proxy  *proxy;
    struct party         ours, other;
};

static void party_open(struct party *p, const char *url, const struct hf_cache_options *with)
{
    struct hf_options      *options;
    struct hf_cache_options how = *with;
    how.key_prefix = "t";
    assert_int_equal(hf_options_open(&options), HF_OK);
    assert_int_equal(hf_options_set(options, "url", url, &p->error), HF_OK);
    hf_options_set_log(options, HF_LOG_SILENT, NULL, NULL);
    assert_int_equal(hf_client_open(options, &p->client, &p->error), HF_OK);
    hf_options_close(options);
    assert_int_equal(hf_client_wait_ready(p->client, BOUND, &p->error), HF_OK);
    assert_int_equal(hf_cache_open(p->client, &how, &p->cache, &p->error), HF_OK);
}

static void party_close(struct party *p)
{
    hf_cache_close(p->cache);
    hf_client_close(p->client);
}

static struct hf_stats stats_of(struct party *p)
{
    struct hf_stats stats;
    hf_stats_get(p->client, &stats);
    return stats;
}

/* What get says of a key: HF_OK only for exactly this text. */
static hf_err expect(struct party *p, const char *key, const char *text)
{
    struct hf_value *value;
    const hf_err     err = hf_cache_get(p->cache, NULL, hf_str(key), &value, &p->error);
    if (err) return err;
    const struct hf_bytes data = hf_value_data(value);
    const bool same = data.size == strlen(text) && memcmp(data.data, text, data.size) == 0;
    hf_value_release(value);
    return same ? HF_OK : HF_E_INVALID;
}

static hf_err set(struct party *p, const char *key, const char *text)
{
    return hf_cache_set(p->cache, NULL, hf_str(key), hf_str(text), NULL, &p->error);
}

struct looking {
    struct party *p;
    const char   *key, *text;
    hf_err        wanted;
};

static bool hits_near(void *ctx)
{
    const struct looking *at = ctx;
    const uint64_t        before = stats_of(at->p).cache_near_hits;
    return expect(at->p, at->key, at->text) == HF_OK &&
           stats_of(at->p).cache_near_hits > before;
}

static void wait_for_near_hit(struct party *p, const char *key, const char *text)
{
    assert_true(wait_until(hits_near, &(struct looking){ p, key, text, HF_OK }, BOUND));
}

static bool gives(void *ctx)
{
    const struct looking *at = ctx;
    return expect(at->p, at->key, at->text) == at->wanted;
}

static void wait_for(struct party *p, const char *key, const char *text, hf_err wanted)
{
    assert_true(wait_until(gives, &(struct looking){ p, key, text, wanted }, BOUND));
}

static void fixture_open(struct fixture *f, const struct hf_cache_options *with)
{
    static const struct hf_cache_options plain = { 0 };
    f->server = redis_server_open(NULL);
    party_open(&f->other, redis_server_unix_url(f->server), &plain);
    assert_int_equal(set(&f->other, "probe", "1"), HF_OK);
    for (;;) { /* Until a slow machine does not dial twice. */
        struct hf_cache_options how = *with;
        if (how.near_bytes == 0) how.near_bytes = 1024 * 1024;
        f->proxy = fault_proxy_start(redis_server_socket(f->server));
        party_open(&f->ours, fault_proxy_url(f->proxy), &how);
        wait_for_near_hit(&f->ours, "probe", "1");
        if (fault_proxy_counts(f->proxy).accepted == TRACKING) return;
        party_close(&f->ours);
        fault_proxy_close(f->proxy);
    }
}

static void fixture_close(struct fixture *f)
{
    party_close(&f->ours);
    party_close(&f->other);
    fault_proxy_close(f->proxy);
    redis_server_close(f->server);
}

/* What the server sends on this connection is kept back, in order, until it is lifted. */
static uint64_t hold(struct fixture *f, uint32_t connection)
{
    return fault_proxy_set(f->proxy, &(struct fault){ .kind = FAULT_BLACK_HOLE,
                                                      .direction = FAULT_TO_CLIENT,
                                                      .connection = connection });
}

/* In both caches, and known to be in the near one. */
static void keep(struct fixture *f, const char *key, const char *text)
{
    assert_int_equal(set(&f->other, key, text), HF_OK);
    wait_for_near_hit(&f->ours, key, text);
}

/* ---- Changes ------------------------------------------------------------------- */

static void a_value_read_twice_comes_from_the_process(void **state)
{
    (void)state;
    struct fixture   f;
    struct hf_value *value;
    fixture_open(&f, &(struct hf_cache_options){ .default_ttl = hf_seconds(100) });
    keep(&f, "a", "1");
    const struct hf_stats before = stats_of(&f.ours);
    assert_int_equal(hf_cache_get(f.ours.cache, NULL, hf_str("a"), &value, NULL), HF_OK);
    assert_int_equal(stats_of(&f.ours).cache_near_hits, before.cache_near_hits + 1);
    assert_int_equal(stats_of(&f.ours).calls, before.calls);
    assert_int_equal(stats_of(&f.ours).cache_hits, before.cache_hits + 1);
    assert_int_equal(stats_of(&f.ours).cache_near_entries, 2);
    assert_true(stats_of(&f.ours).cache_near_bytes > 0);
    assert_false(hf_value_is_stale(value));
    assert_true(hf_value_ttl(value).ns > hf_seconds(3000).ns);
    assert_true(hf_value_age(value).ns < hf_seconds(60).ns);
    assert_int_equal(set(&f.ours, "a", "2"), HF_OK);
    assert_memory_equal(hf_value_data(value).data, "1", 1);
    hf_value_release(value);
    fixture_close(&f);
}

static void what_another_client_writes_or_deletes_is_seen(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, &(struct hf_cache_options){ 0 });
    keep(&f, "a", "1");
    keep(&f, "b", "1");
    const uint64_t changes = stats_of(&f.ours).cache_near_changes;
    assert_int_equal(set(&f.other, "a", "2"), HF_OK);
    wait_for(&f.ours, "a", "2", HF_OK);
    assert_int_equal(hf_cache_delete(f.other.cache, NULL, hf_str("b"), NULL), HF_OK);
    wait_for(&f.ours, "b", "", HF_MISS);
    assert_true(stats_of(&f.ours).cache_near_changes >= changes + 2);
    fixture_close(&f);
}

static void what_another_client_clears_is_gone(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, &(struct hf_cache_options){ 0 });
    keep(&f, "a", "1");
    assert_int_equal(hf_cache_clear(f.other.cache, NULL, NULL), HF_OK);
    wait_for(&f.ours, "a", "", HF_MISS);
    keep(&f, "a", "2");
    fixture_close(&f);
}

static void flushall_empties_it(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, &(struct hf_cache_options){ .near_coherence_max = hf_seconds(60) });
    keep(&f, "a", "1");
    redis_server_do(f.server, "FLUSHALL");
    wait_for(&f.ours, "a", "", HF_MISS);
    fixture_close(&f);
}

static void what_the_server_evicts_or_expires_is_gone(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, &(struct hf_cache_options){ .near_coherence_max = hf_seconds(60) });
    keep(&f, "a", "1");
    redis_server_do(f.server, "PEXPIRE t@0:a 50");
    wait_for(&f.ours, "a", "", HF_MISS);
    fixture_close(&f);
}

/* ---- Orders in which things meet ----------------------------------------------- */

struct reader {
    struct fixture *f;
    pthread_t       thread;
    hf_err          err;
};

static void *read_old(void *ctx)
{
    struct reader *r = ctx;
    r->err = expect(&r->f->ours, "a", "old");
    return NULL;
}

static bool has_reply_held_back(void *ctx)
{
    const struct reader *r = ctx;
    redisReply          *stats = redis_server_command(r->f->server, "INFO commandstats");
    const char          *get = strstr(stats->str, "cmdstat_get:calls=");
    const bool           is_read = get && atoi(get + strlen("cmdstat_get:calls=")) > 0;
    freeReplyObject(stats);
    return is_read;
}

/* A read of "a" whose answer, "old", is on its way and held back. */
static uint64_t start_reading(struct fixture *f, struct reader *r)
{
    assert_int_equal(set(&f->other, "a", "old"), HF_OK);
    wait_for_near_hit(&f->ours, "probe", "1"); /* All that was told is known. */
    redis_server_do(f->server, "CONFIG RESETSTAT");
    const uint64_t held = hold(f, DATA);
    *r = (struct reader){ .f = f };
    assert_int_equal(pthread_create(&r->thread, NULL, read_old, r), 0);
    assert_true(wait_until(has_reply_held_back, r, BOUND));
    return held;
}

static void
a_change_that_is_told_between_the_read_and_its_answer_voids_the_answer(void **state)
{
    (void)state;
    struct fixture f;
    struct reader  r;
    fixture_open(&f, &(struct hf_cache_options){ .near_coherence_max = hf_seconds(60) });
    const uint64_t held = start_reading(&f, &r);
    const uint64_t told = stats_of(&f.ours).cache_near_changes;
    assert_int_equal(set(&f.other, "a", "new"), HF_OK);
    while (stats_of(&f.ours).cache_near_changes == told) sched_yield();
    fault_proxy_lift(f.proxy, held);
    pthread_join(r.thread, NULL);
    assert_int_equal(r.err, HF_OK);
    assert_int_equal(expect(&f.ours, "a", "new"), HF_OK);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_read_twice_comes_from_the_process),
        cmocka_unit_test(what_another_client_writes_or_deletes_is_seen),
        cmocka_unit_test(what_another_client_clears_is_gone),
        cmocka_unit_test(flushall_empties_it),
        cmocka_unit_test(what_the_server_evicts_or_expires_is_gone),
        cmocka_unit_test(
            a_change_that_is_told_between_the_read_and_its_answer_voids_the_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
