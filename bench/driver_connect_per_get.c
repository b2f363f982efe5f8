#include "driver.h"
#include "redis.h"

#include <stddef.h>

static void *open_address(struct lab *lab, const struct address *address)
{
    (void)lab;
    return (void *)address;
}

static void do_nothing(void *shared)
{
    (void)shared;
}

static void *join(void *shared)
{
    return shared;
}

static bool get(void *caller, struct hf_bytes key, struct hf_bytes expected)
{
    redisContext *redis = redis_connect(caller);
    const bool    good = redis_get(redis, key, expected);
    redisFree(redis);
    return good;
}

static bool set(void *caller, struct hf_bytes key, struct hf_bytes value)
{
    redisContext *redis = redis_connect(caller);
    const bool    good = redis_set(redis, key, value);
    redisFree(redis);
    return good;
}

const struct driver connect_per_get = {
    "hiredis, one connection per call", open_address, do_nothing, join, do_nothing, get, set,
};
