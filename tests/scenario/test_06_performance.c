#include "support/scenario.h"
#include "support/test.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

/* Scenario 6: sharing a client is worth it. Absolute figures prove nothing on a shared
 * machine; so the same threads do the same reads through a pool of 20 connections, guarded by
 * a mutex, by turns. (./dev bench measures it with care.) */

enum { THREADS = 16, POOL = 20, ROUNDS = 5, SPAN_MS = 150 };

struct pool {
    pthread_mutex_t mutex;
    pthread_cond_t  returned;
    redisContext   *idle[POOL];
    int             idle_count;
};

struct race {
    struct hf_client *client; /* Or NULL: the pool. */
    struct pool      *pool;
    atomic_bool       stops;
    atomic_long       reads, failures;
};

static void read_through_pool(struct pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    while (pool->idle_count == 0) pthread_cond_wait(&pool->returned, &pool->mutex);
    redisContext *redis = pool->idle[--pool->idle_count];
    pthread_mutex_unlock(&pool->mutex);

    freeReplyObject(redisCommand(redis, "GET k"));

    pthread_mutex_lock(&pool->mutex);
    pool->idle[pool->idle_count++] = redis;
    pthread_cond_signal(&pool->returned);
    pthread_mutex_unlock(&pool->mutex);
}

static void *read_on(void *ctx)
{
    struct race *race = ctx;
    while (!atomic_load(&race->stops)) {
        if (race->pool)
            read_through_pool(race->pool);
        else if (client_do(race->client, "GET", "k", NULL))
            race->failures++;
        atomic_fetch_add(&race->reads, 1);
    }
    return NULL;
}

static double reads_in_a_span(struct hf_client *client, struct pool *pool)
{
    struct race race = { .client = client, .pool = pool };
    pthread_t   threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &race), 0);
    }
    scenario_play(hf_ms(SPAN_MS));
    atomic_store(&race.stops, true);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(race.failures, 0);
    return (double)race.reads;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void sharing_a_client_beats_a_pool_of_connections(void **state)
{
    (void)state;
    struct scenario s;
    struct pool     pool = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, { 0 }, 0 };
    double          ratios[ROUNDS];
    scenario_open(&s, &(struct scenario_setup){ 0 });
    assert_int_equal(scenario_set(&s, "k", "v"), HF_OK);
    while (pool.idle_count < POOL) {
        pool.idle[pool.idle_count++] = redisConnectUnix(redis_server_socket(s.server));
    }
    for (int i = 0; i < ROUNDS; i++) {
        const double ours = reads_in_a_span(s.client, NULL);
        ratios[i] = ours / reads_in_a_span(NULL, &pool);
    }
    qsort(ratios, ROUNDS, sizeof *ratios, ascending);
    printf("  %d threads: %.1f times the reads of a pool of %d connections\n", THREADS,
           ratios[ROUNDS / 2], POOL);
    assert_true(ratios[ROUNDS / 2] > 1);

    struct hf_stats stats;
    hf_stats_get(s.client, &stats);
    assert_int_equal(stats.connects, 1);
    while (pool.idle_count > 0) redisFree(pool.idle[--pool.idle_count]);
    scenario_close(&s);
}

/* A hundred reads at once cost far less than a hundred one by one: in commands, which can be
 * counted, rather than in time. */
static void a_batch_is_one_round_trip(void **state)
{
    (void)state;
    enum { MANY = 100 };
    struct scenario  s;
    char             keys[MANY][16];
    struct hf_bytes  wanted[MANY];
    struct hf_value *values[MANY];
    hf_err           errs[MANY];
    scenario_open(&s, &(struct scenario_setup){ 0 });
    for (int i = 0; i < MANY; i++) {
        snprintf(keys[i], sizeof keys[i], "many:%d", i);
        wanted[i] = hf_str(keys[i]);
        assert_int_equal(scenario_cache_set(&s, keys[i], keys[i]), HF_OK);
    }
    const long long before = redis_server_info(s.server, "total_reads_processed");
    assert_int_equal(hf_cache_get_many(s.cache, NULL, wanted, MANY, values, errs, NULL),
                     HF_OK);
    const long long after = redis_server_info(s.server, "total_reads_processed");
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(errs[i], HF_OK);
        hf_value_release(values[i]);
    }
    assert_true(after - before <= 10);
    scenario_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sharing_a_client_beats_a_pool_of_connections),
        cmocka_unit_test(a_batch_is_one_round_trip),
    };
    return RUN_TESTS(tests);
}
