/* redis.h - the few calls that the rivals and the lab make through hiredis.
 *
 * Each does what a careful user would: keys ready made, lengths passed, replies checked and
 * freed.
 *
 * Threads:  a context belongs to one thread at a time. */

#ifndef BENCH_REDIS_H
#define BENCH_REDIS_H

#include "server.h"

#include <hiredis/hiredis.h>
#include <holdfast/bytes.h>
#include <stdbool.h>
#include <stddef.h>

/* NULL when nobody answers there. */
redisContext *redis_try_connect(const struct address *address);

/* The same, but dies. */
redisContext *redis_connect(const struct address *address);

/* True when the reply is a value of this size and ends in the same byte. */
bool redis_get(redisContext *redis, struct hf_bytes key, struct hf_bytes expected);

bool redis_set(redisContext *redis, struct hf_bytes key, struct hf_bytes value);

/* The two halves of it, to send many at once. */
void redis_send_set(redisContext *redis, struct hf_bytes key, struct hf_bytes value);
bool redis_receive_ok(redisContext *redis);

/* A field of INFO. 0 or "" when it is not there. */
long redis_info_number(redisContext *redis, const char *field);
void redis_info_text(redisContext *redis, const char *field, char *text, size_t capacity);

#endif
