#include "die.h"
#include "figures.h"
#include "ours.h"
#include "redis.h"

#include <holdfast/backup.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 100 };

static double seconds_since(hf_instant begun)
{
    return (double)hf_between(begun, hf_now()).ns / 1e9;
}

static void open_ours(struct lab *lab, const struct dataset *data, struct hf_client **client,
                      struct hf_cache **cache)
{
    *client = ours_open(&lab->server.unix_address, NULL, NULL);
    *cache = ours_open_cache(*client, data);
}

static void close_ours(struct hf_client *client, struct hf_cache *cache)
{
    hf_cache_close(cache);
    hf_client_close(client);
}

/* Keys a second, of this cache, into a file on the same file system. */
double backup_holdfast(struct lab *lab, const struct load *load, const struct driver *driver)
{
    (void)driver;
    const struct dataset   *data = lab_dataset(lab, load->value_size);
    struct hf_client       *client;
    struct hf_cache        *cache;
    struct hf_backup_report done;
    struct hf_error         error;
    char                    path[128];
    uint64_t                keys = 0;
    open_ours(lab, data, &client, &cache);
    snprintf(path, sizeof path, "%s/backup", lab->server.folder);
    const hf_instant begun = hf_now();
    const hf_instant end = hf_later(begun, lab->slice);
    do {
        if (hf_cache_backup(cache, NULL, NULL, path, &done, &error)) die("%s", error.detail);
        if (done.entries < data->count) die("backup: not all entries are in it");
        keys += done.entries;
    } while (hf_before(hf_now(), end));
    const double rate = (double)keys / seconds_since(begun);
    close_ours(client, cache);
    remove(path);
    return rate;
}

double restore_holdfast(struct lab *lab, const struct load *load, const struct driver *driver)
{
    (void)driver;
    const struct dataset   *data = lab_dataset(lab, load->value_size);
    const struct hf_restore how = { .overwrite = true };
    struct hf_client       *client;
    struct hf_cache        *cache;
    struct hf_backup_report done;
    struct hf_error         error;
    char                    path[128];
    uint64_t                keys = 0;
    open_ours(lab, data, &client, &cache);
    snprintf(path, sizeof path, "%s/backup", lab->server.folder);
    if (hf_cache_backup(cache, NULL, NULL, path, &done, &error)) die("%s", error.detail);
    const hf_instant begun = hf_now();
    const hf_instant end = hf_later(begun, lab->slice);
    do {
        struct hf_restore_report back = { 0 };
        if (hf_cache_restore(cache, NULL, &how, path, &back, &error)) die("%s", error.detail);
        if (back.restored < data->count) die("restore: not all entries came back");
        keys += back.restored;
    } while (hf_before(hf_now(), end));
    const double rate = (double)keys / seconds_since(begun);
    close_ours(client, cache);
    remove(path);
    return rate;
}

static redisReply *next_reply(redisContext *redis)
{
    void *reply;
    if (redisGetReply(redis, &reply) != REDIS_OK ||
        ((redisReply *)reply)->type == REDIS_REPLY_ERROR)
        die("hiredis: DUMP or RESTORE failed");
    return reply;
}

static void send_dump(redisContext *redis, struct hf_bytes key)
{
    const char  *dump[] = { "DUMP", key.data }, *left[] = { "PTTL", key.data };
    const size_t sizes[] = { 4, key.size };
    redisAppendCommandArgv(redis, 2, dump, sizes);
    redisAppendCommandArgv(redis, 2, left, sizes);
}

/* The usual loop: DUMP and PTTL of 100 keys at a time, written to a file. */
double dump_loop(struct lab *lab, const struct load *load, const struct driver *driver)
{
    (void)driver;
    const struct dataset *data = lab_dataset(lab, load->value_size);
    redisContext         *redis = redis_connect(&lab->server.unix_address);
    char                  path[128];
    uint64_t              keys = 0;
    snprintf(path, sizeof path, "%s/dump", lab->server.folder);
    const hf_instant begun = hf_now();
    const hf_instant end = hf_later(begun, lab->slice);
    do {
        FILE *file = fopen(path, "we");
        if (!file) die("%s cannot be written", path);
        for (size_t first = 0; first < data->count; first += BATCH) {
            const size_t count = data->count - first < BATCH ? data->count - first : BATCH;
            for (size_t i = 0; i < count; i++) send_dump(redis, data->keys[first + i]);
            for (size_t i = 0; i < 2 * count; i++) {
                redisReply *reply = next_reply(redis);
                if (reply->type == REDIS_REPLY_STRING)
                    fwrite(reply->str, 1, reply->len, file);
                freeReplyObject(reply);
            }
        }
        if (fflush(file) || fsync(fileno(file)) || fclose(file))
            die("%s cannot be written", path);
        keys += data->count;
    } while (hf_before(hf_now(), end));
    redisFree(redis);
    remove(path);
    return (double)keys / seconds_since(begun);
}

static void send_restore(redisContext *redis, struct hf_bytes key, const redisReply *dump)
{
    const char  *argv[] = { "RESTORE", key.data, "3600000", dump->str, "REPLACE" };
    const size_t sizes[] = { 7, key.size, 7, dump->len, 7 };
    redisAppendCommandArgv(redis, 5, argv, sizes);
}

double restore_loop(struct lab *lab, const struct load *load, const struct driver *driver)
{
    (void)driver;
    const struct dataset *data = lab_dataset(lab, load->value_size);
    redisContext         *redis = redis_connect(&lab->server.unix_address);
    const char           *argv[] = { "DUMP", data->keys[0].data };
    const size_t          sizes[] = { 4, data->keys[0].size };
    redisReply           *dump = redisCommandArgv(redis, 2, argv, sizes);
    uint64_t              keys = 0;
    if (!dump || dump->type != REDIS_REPLY_STRING) die("hiredis: DUMP failed");
    const hf_instant begun = hf_now();
    const hf_instant end = hf_later(begun, lab->slice);
    do {
        for (size_t first = 0; first < data->count; first += BATCH) {
            const size_t count = data->count - first < BATCH ? data->count - first : BATCH;
            for (size_t i = 0; i < count; i++)
                send_restore(redis, data->keys[first + i], dump);
            for (size_t i = 0; i < count; i++) freeReplyObject(next_reply(redis));
        }
        keys += data->count;
    } while (hf_before(hf_now(), end));
    const double rate = (double)keys / seconds_since(begun);
    /* Without a TTL, as the other measurements want them. */
    for (size_t i = 0; i < data->count; i++) {
        if (!redis_set(redis, data->keys[i], data->value)) die("hiredis: SET failed");
    }
    freeReplyObject(dump);
    redisFree(redis);
    return rate;
}
