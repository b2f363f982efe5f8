#include "die.h"
#include "driver.h"
#include "redis.h"

#include <pthread.h>
#include <stdlib.h>

enum { POOL_SIZE = 20 };

/* As a careful user writes it: last used first, signalled outside the lock. */
struct pool {
    pthread_mutex_t lock;
    pthread_cond_t  returned;
    redisContext   *free[POOL_SIZE];
    int             free_count;
};

static void *pool_open(struct lab *lab, const struct address *address)
{
    (void)lab;
    struct pool *pool = calloc(1, sizeof *pool);
    if (!pool) die("out of memory");
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->returned, NULL);
    while (pool->free_count < POOL_SIZE) {
        pool->free[pool->free_count++] = redis_connect(address);
    }
    return pool;
}

static void pool_close(void *shared)
{
    struct pool *pool = shared;
    for (int i = 0; i < POOL_SIZE; i++) redisFree(pool->free[i]);
    pthread_cond_destroy(&pool->returned);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

static redisContext *pool_get(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->free_count == 0) pthread_cond_wait(&pool->returned, &pool->lock);
    redisContext *redis = pool->free[--pool->free_count];
    pthread_mutex_unlock(&pool->lock);
    return redis;
}

static void pool_put(struct pool *pool, redisContext *redis)
{
    pthread_mutex_lock(&pool->lock);
    pool->free[pool->free_count++] = redis;
    pthread_mutex_unlock(&pool->lock);
    pthread_cond_signal(&pool->returned);
}

static void *join(void *shared)
{
    return shared;
}

static void leave(void *caller)
{
    (void)caller;
}

static bool get(void *caller, struct hf_bytes key, struct hf_bytes expected)
{
    redisContext *redis = pool_get(caller);
    const bool    good = redis_get(redis, key, expected);
    pool_put(caller, redis);
    return good;
}

static bool set(void *caller, struct hf_bytes key, struct hf_bytes value)
{
    redisContext *redis = pool_get(caller);
    const bool    good = redis_set(redis, key, value);
    pool_put(caller, redis);
    return good;
}

const struct driver pool20 = {
    "hiredis, pool of 20", pool_open, pool_close, join, leave, get, set,
};
