#include "redis.h"

#include "die.h"

#include <stdlib.h>
#include <string.h>

redisContext *redis_try_connect(const struct address *address)
{
    redisContext *redis = address->unix_path ? redisConnectUnix(address->unix_path)
                                             : redisConnect("127.0.0.1", address->port);
    if (redis && !redis->err) return redis;
    if (redis) redisFree(redis);
    return NULL;
}

redisContext *redis_connect(const struct address *address)
{
    redisContext *redis = redis_try_connect(address);
    if (!redis) die("hiredis cannot connect");
    return redis;
}

bool redis_get(redisContext *redis, struct hf_bytes key, struct hf_bytes expected)
{
    const char  *argv[] = { "GET", key.data };
    const size_t sizes[] = { 3, key.size };
    redisReply  *reply = redisCommandArgv(redis, 2, argv, sizes);
    if (!reply) return false;

    const char *last = (const char *)expected.data + expected.size - 1;
    const bool  good = reply->type == REDIS_REPLY_STRING &&
                      (size_t)reply->len == expected.size &&
                      reply->str[expected.size - 1] == *last;
    freeReplyObject(reply);
    return good;
}

void redis_send_set(redisContext *redis, struct hf_bytes key, struct hf_bytes value)
{
    const char  *argv[] = { "SET", key.data, value.data };
    const size_t sizes[] = { 3, key.size, value.size };
    redisAppendCommandArgv(redis, 3, argv, sizes);
}

bool redis_receive_ok(redisContext *redis)
{
    void *reply;
    if (redisGetReply(redis, &reply) != REDIS_OK) return false;

    const bool good = ((redisReply *)reply)->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    return good;
}

bool redis_set(redisContext *redis, struct hf_bytes key, struct hf_bytes value)
{
    redis_send_set(redis, key, value);
    return redis_receive_ok(redis);
}

void redis_info_text(redisContext *redis, const char *field, char *text, size_t capacity)
{
    text[0] = '\0';
    redisReply *reply = redisCommand(redis, "INFO everything");
    if (!reply) return;

    const char *at = reply->type == REDIS_REPLY_STRING ? strstr(reply->str, field) : NULL;
    if (at) {
        at += strlen(field) + 1;
        const size_t size = strcspn(at, "\r\n");
        const size_t kept = size < capacity ? size : capacity - 1;
        memcpy(text, at, kept);
        text[kept] = '\0';
    }
    freeReplyObject(reply);
}

long redis_info_number(redisContext *redis, const char *field)
{
    char text[32];
    redis_info_text(redis, field, text, sizeof text);
    return strtol(text, NULL, 10);
}
