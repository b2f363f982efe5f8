#include "export/stats_json.h"

#include <holdfast/health.h>
#include <holdfast/stats.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEALTH_MAX = 16 * 1024,
    STATS_MAX = 64 * 1024,
    BASE64_MAX = (HF_COLLECTOR_KEY_MAX + 2) / 3 * 4 + 1
};

/* RFC 4648; to has room for 4 characters for each 3 bytes begun, and a NUL. */
static void base64(const char *bytes, size_t size, char *to)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                 "0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        const size_t  left = size - i;
        unsigned char part[3] = { 0 };
        memcpy(part, bytes + i, left < 3 ? left : 3);
        *to++ = digits[part[0] >> 2];
        *to++ = digits[(part[0] & 3) << 4 | part[1] >> 4];
        *to++ = left > 1 ? digits[(part[1] & 15) << 2 | part[2] >> 6] : '=';
        *to++ = left > 2 ? digits[part[2] & 63] : '=';
    }
    *to = '\0';
}

static json_t *seconds_json(hf_duration d)
{
    return json_real((double)d.ns / 1e9);
}

static json_t *ago_json(hf_instant then, hf_instant now)
{
    return seconds_json(hf_between(then, now));
}

static json_t *count_json(uint64_t count)
{
    return json_integer((json_int_t)count);
}

json_t *hf_export_put(json_t *object, const char *name, json_t *value)
{
    if (json_object_set_new(object, name, value) == 0) return object;
    json_decref(object);
    return NULL;
}

json_t *hf_export_append(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) == 0) return array;
    json_decref(array);
    return NULL;
}

/* What the library says of itself; NULL when out of memory. */
json_t *hf_export_health_json(struct hf_client *client)
{
    char   text[HEALTH_MAX];
    size_t length;
    if (hf_health_json(client, text, sizeof text, &length)) return NULL;
    return json_loadb(text, length, 0, NULL);
}

static json_t *own_json(const struct hf_client *client)
{
    char   *text = malloc(STATS_MAX);
    size_t  length;
    json_t *json = NULL;
    if (text && hf_stats_json(client, text, STATS_MAX, &length) == HF_OK) {
        json = json_loadb(text, length, 0, NULL);
    }
    free(text);
    return json;
}

/* ---- What Redis said ----------------------------------------------------------- */

static json_t *redis_json(struct hf_collector *c, const struct hf_client *client,
                          hf_instant now)
{
    struct hf_source s;
    if (!hf_collector_find(c, client, HF_SOURCE_REDIS, 0, &s)) return json_null();
    json_t *json = json_pack("{s:o}", "seconds_ago", ago_json(s.at, now));
    for (size_t i = 0; i < HF_REDIS_INFO_COUNT; i++) {
        json = hf_export_put(json, hf_redis_info_rows[i].name, count_json(s.found.redis[i]));
    }
    return json;
}

static json_t *key_json(const struct hf_source_key *key)
{
    json_t *text = json_stringn(key->bytes, key->size);
    char    encoded[BASE64_MAX];
    if (text) return json_pack("{s:o, s:I}", "key", text, "reads", (json_int_t)key->reads);
    base64(key->bytes, key->size, encoded);
    return json_pack("{s:s, s:I}", "key_base64", encoded, "reads", (json_int_t)key->reads);
}

static json_t *caches_json(struct hf_collector *c, const struct hf_client *client,
                           hf_instant now)
{
    struct hf_source s;
    json_t          *caches = json_array();
    for (size_t i = 0; hf_collector_find(c, client, HF_SOURCE_CACHE, i, &s); i++) {
        json_t *keys = json_array();
        for (size_t k = 0; k < s.found.hot.count; k++) {
            keys = hf_export_append(keys, key_json(&s.found.hot.each[k]));
        }
        caches = hf_export_append(caches, json_pack("{s:s, s:o, s:o}", "prefix", s.prefix,
                                                    "seconds_ago", ago_json(s.at, now),
                                                    "hot_keys", keys));
    }
    return caches;
}

static json_t *tasks_json(struct hf_collector *c, const struct hf_client *client,
                          hf_instant now)
{
    struct hf_source s;
    json_t          *all = json_array();
    for (size_t i = 0; hf_collector_find(c, client, HF_SOURCE_TASKS, i, &s); i++) {
        const struct hf_source_tasks *t = &s.found.tasks;
        json_t                       *by = json_object(), *oldest = json_object();
        for (enum hf_task_status k = 0; k < HF_TASK_STATUSES; k++) {
            by = hf_export_put(by, hf_task_status_name(k), count_json(t->by_status[k]));
            oldest = hf_export_put(oldest, hf_task_status_name(k),
                                   seconds_json(t->oldest[k]));
        }
        all = hf_export_append(
            all,
            json_pack("{s:s, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I}", "prefix", s.prefix,
                      "seconds_ago", ago_json(s.at, now), "by_status", by, "oldest_seconds",
                      oldest, "overdue_seconds", seconds_json(t->overdue), "leases",
                      (json_int_t)t->leases, "recovered", (json_int_t)t->recovered, "mended",
                      (json_int_t)t->mended, "set_aside", (json_int_t)t->set_aside));
    }
    return all;
}

json_t *hf_export_client_json(struct hf_collector *collector, const struct hf_shown *shown,
                              hf_instant now)
{
    struct hf_client *client = shown->client;
    json_t           *json = own_json(client);
    json_t           *more = json_object();
    more = hf_export_put(more, "name", json_string(shown->name));
    more = hf_export_put(more, "health", hf_export_health_json(client));
    more = hf_export_put(more, "caches", caches_json(collector, client, now));
    more = hf_export_put(more, "tasks", tasks_json(collector, client, now));
    more = hf_export_put(more, "redis", redis_json(collector, client, now));
    const bool is_whole = json && more && json_object_update(json, more) == 0;
    json_decref(more);
    if (is_whole) return json;
    json_decref(json);
    return NULL;
}
