#include "export/stats_json.h"

#include <holdfast/health.h>
#include <holdfast/stats.h>
#include <string.h>

enum { TEXT_MAX = 512, BASE64_MAX = (HF_COLLECTOR_KEY_MAX + 2) / 3 * 4 + 1 };

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

/* Text for people; bytes beyond ASCII become '?' when they are not UTF-8. */
static json_t *text_json(const char *text)
{
    char    ascii[TEXT_MAX] = "";
    json_t *json = json_string(text);
    if (json) return json;
    for (size_t i = 0; i < sizeof ascii - 1 && text[i]; i++) {
        ascii[i] = (signed char)text[i] < 0 ? '?' : text[i];
    }
    return json_string(ascii);
}

static json_t *seconds_json(hf_duration d)
{
    return json_real((double)d.ns / 1e9);
}

static json_t *ago_json(hf_instant then, hf_instant now)
{
    return then.ns == 0 ? json_null() : seconds_json(hf_between(then, now));
}

static json_t *count_json(uint64_t count)
{
    return json_integer((json_int_t)count);
}

static json_t *history_json(const struct hf_breaker_snapshot *b, hf_instant now)
{
    json_t *history = json_array();
    for (uint32_t i = 0; i < b->history_count; i++) {
        const struct hf_breaker_transition *t = &b->history[i];
        json_array_append_new(
            history, json_pack("{s:o, s:s, s:s, s:o}", "seconds_ago", ago_json(t->at, now),
                               "from", hf_breaker_state_name(t->from), "to",
                               hf_breaker_state_name(t->to), "reason", text_json(t->why)));
    }
    return history;
}

static json_t *breaker_json(const struct hf_breaker_snapshot *b, hf_instant now)
{
    const bool forced = b->state == HF_BREAKER_FORCED_OPEN ||
                        b->state == HF_BREAKER_DISABLED ||
                        b->state == HF_BREAKER_METRICS_ONLY;
    json_t *probe = b->next_probe_in.ns ? seconds_json(b->next_probe_in) : json_null();
    return json_pack(
        "{s:s, s:b, s:I, s:I, s:o, s:o, s:I, s:I, s:I, s:I, s:o}", "state",
        hf_breaker_state_name(b->state), "forced", forced, "failures",
        (json_int_t)b->failures_in_a_row, "threshold", (json_int_t)b->failures_to_open,
        "next_probe_seconds", probe, "since_seconds_ago", ago_json(b->since, now),
        "window_calls", (json_int_t)b->window_calls, "window_failures",
        (json_int_t)b->window_failures, "refused", (json_int_t)b->refused, "transitions",
        (json_int_t)b->transitions, "history", history_json(b, now));
}

json_t *hf_export_health_json(const struct hf_health *h, hf_instant now)
{
    json_t *json = json_pack(
        "{s:s, s:o, s:o, s:s, s:o, s:o, s:b, s:s, s:o}", "status", hf_status_name(h->status),
        "reason", text_json(h->reason), "endpoint", text_json(h->endpoint), "error",
        hf_err_name(h->error), "checked_seconds_ago", ago_json(h->checked, now),
        "check_took_seconds", seconds_json(h->check_took), "is_fence_whole",
        h->is_fence_whole, "near_error", hf_err_name(h->near_error), "breaker",
        breaker_json(&h->breaker, now));
    json_object_set_new(json, "connections_open", count_json(h->connections_open));
    json_object_set_new(json, "connections_idle", count_json(h->connections_idle));
    json_object_set_new(json, "connections_leased", count_json(h->connections_leased));
    json_object_set_new(json, "connections_max", count_json(h->connections_max));
    json_object_set_new(json, "calls_under_way", count_json(h->calls_under_way));
    json_object_set_new(json, "calls_max", count_json(h->calls_max));
    json_object_set_new(json, "protocol", count_json(h->protocol));
    return json;
}

static json_t *stats_json(const struct hf_client *client)
{
    const struct hf_stat_info *row;
    struct hf_stats            stats;
    json_t                    *json = json_object();
    hf_stats_get(client, &stats);
    for (size_t i = 0; (row = hf_stat_at(i)); i++) {
        json_object_set_new(json, row->name, count_json(hf_stat_value(&stats, i)));
    }
    return json;
}

static json_t *buckets_json(const struct hf_client *client, enum hf_latency_of what)
{
    struct hf_latency_buckets buckets;
    json_t                   *json = json_array();
    hf_stats_buckets(client, what, &buckets);
    for (size_t i = 0; i < HF_LATENCY_BUCKETS; i++) {
        const bool is_last = i == HF_LATENCY_BUCKETS - 1;
        json_t    *bound = is_last ? json_null() : seconds_json(hf_latency_bound(i));
        json_array_append_new(json, json_pack("[o, I]", bound, (json_int_t)buckets.up_to[i]));
    }
    return json;
}

static json_t *latency_json(const struct hf_client *client)
{
    json_t *json = json_object();
    for (enum hf_latency_of what = 0; what < HF_LATENCY_COUNT; what++) {
        struct hf_latency l;
        hf_stats_latency(client, what, &l);
        json_object_set_new(json, hf_latency_name(what),
                            json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "count",
                                      (json_int_t)l.count, "sum_seconds", seconds_json(l.sum),
                                      "p50_seconds", seconds_json(l.p50), "p90_seconds",
                                      seconds_json(l.p90), "p99_seconds", seconds_json(l.p99),
                                      "p999_seconds", seconds_json(l.p999), "max_seconds",
                                      seconds_json(l.max), "buckets",
                                      buckets_json(client, what)));
    }
    return json;
}

static json_t *slow_json(const struct hf_client *client, hf_instant now)
{
    struct hf_slow_call calls[HF_SLOW_CALLS];
    json_t             *json = json_array();
    const size_t        count = hf_stats_slow_calls(client, calls, HF_SLOW_CALLS);
    for (size_t i = 0; i < count; i++) {
        const struct hf_slow_call *c = &calls[i];
        json_array_append_new(
            json, json_pack("{s:o, s:s, s:o, s:o, s:I, s:s, s:s}", "seconds_ago",
                            ago_json(c->ended, now), "command", c->command, "took_seconds",
                            seconds_json(c->took), "timeout_seconds",
                            seconds_json(c->timeout), "attempts", (json_int_t)c->attempts,
                            "error", hf_err_name(c->error), "reason", c->reason));
    }
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
        json_object_set_new(json, hf_redis_info_rows[i].name, count_json(s.found.redis[i]));
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
            json_array_append_new(keys, key_json(&s.found.hot.each[k]));
        }
        json_array_append_new(caches,
                              json_pack("{s:s, s:o, s:o}", "prefix", s.prefix, "seconds_ago",
                                        ago_json(s.at, now), "hot_keys", keys));
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
            json_object_set_new(by, hf_task_status_name(k), count_json(t->by_status[k]));
            json_object_set_new(oldest, hf_task_status_name(k), seconds_json(t->oldest[k]));
        }
        json_array_append_new(
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
    struct hf_health  health;
    hf_health_get(client, &health);
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name", shown->name,
                     "health", hf_export_health_json(&health, now), "stats",
                     stats_json(client), "latency", latency_json(client), "slow_calls",
                     slow_json(client, now), "caches", caches_json(collector, client, now),
                     "tasks", tasks_json(collector, client, now), "redis",
                     redis_json(collector, client, now));
}
