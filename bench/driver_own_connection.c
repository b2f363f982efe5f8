#include "driver.h"
#include "redis.h"

#include <stdlib.h>

static void *open_address(struct lab *lab, const struct address *address)
{
    (void)lab;
    return (void *)address;
}

static void close_nothing(void *shared)
{
    (void)shared;
}

static void *join(void *shared)
{
    return redis_connect(shared);
}

static void leave(void *caller)
{
    redisFree(caller);
}

static bool get(void *caller, struct hf_bytes key, struct hf_bytes expected)
{
    return redis_get(caller, key, expected);
}

static bool set(void *caller, struct hf_bytes key, struct hf_bytes value)
{
    return redis_set(caller, key, value);
}

const struct driver own_connection = {
    "hiredis, one connection per thread", open_address, close_nothing, join, leave, get, set,
};
