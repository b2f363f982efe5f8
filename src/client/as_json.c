#include "client/client.h"
#include "core/alloc.h"

#include <holdfast/stats.h>
#include <jansson.h>
#include <string.h>

enum { TEXT_MAX = 512 };

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

/* Nothing is left out: without memory for one there is nothing. */
static json_t *put(json_t *object, const char *name, json_t *value)
{
    if (json_object_set_new(object, name, value) == 0) return object;
    json_decref(object);
    return NULL;
}

static json_t *append(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) == 0) return array;
    json_decref(array);
    return NULL;
}

static json_t *history_json(const struct hf_breaker_snapshot *b, hf_instant now)
{
    json_t *history = json_array();
    for (uint32_t i = 0; i < b->history_count; i++) {
        const struct hf_breaker_transition *t = &b->history[i];
        json_t *move = json_pack("{s:o, s:s, s:s, s:o}", "seconds_ago", ago_json(t->at, now),
                                 "from", hf_breaker_state_name(t->from), "to",
                                 hf_breaker_state_name(t->to), "reason", text_json(t->why));
        history = append(history, move);
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

static json_t *health_json(const struct hf_health *h, hf_instant now)
{
    json_t *json = json_pack(
        "{s:s, s:o, s:o, s:s, s:o, s:o, s:b, s:s, s:o}", "status", hf_status_name(h->status),
        "reason", text_json(h->reason), "endpoint", text_json(h->endpoint), "error",
        hf_err_name(h->error), "checked_seconds_ago", ago_json(h->checked, now),
        "check_took_seconds", seconds_json(h->check_took), "is_fence_whole",
        h->is_fence_whole, "near_error", hf_err_name(h->near_error), "breaker",
        breaker_json(&h->breaker, now));
    const struct hf_health_number *row;
    for (size_t i = 0; (row = hf_health_number_at(i)); i++) {
        json = put(json, row->name, count_json(hf_health_number(h, i)));
    }
    return json;
}

static json_t *stats_json(const struct hf_client *client)
{
    const struct hf_stat_info *row;
    struct hf_stats            stats;
    json_t                    *json = json_object();
    hf_stats_get(client, &stats);
    for (size_t i = 0; (row = hf_stat_at(i)); i++) {
        json = put(json, row->name, count_json(hf_stat_value(&stats, i)));
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
        json = append(json, json_pack("[o, I]", bound, (json_int_t)buckets.up_to[i]));
    }
    return json;
}

static json_t *latency_json(const struct hf_client *client)
{
    json_t *json = json_object();
    for (enum hf_latency_of what = 0; what < HF_LATENCY_COUNT; what++) {
        struct hf_latency l;
        hf_stats_latency(client, what, &l);
        json_t *one = json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "count",
                                (json_int_t)l.count, "sum_seconds", seconds_json(l.sum),
                                "p50_seconds", seconds_json(l.p50), "p90_seconds",
                                seconds_json(l.p90), "p99_seconds", seconds_json(l.p99),
                                "p999_seconds", seconds_json(l.p999), "max_seconds",
                                seconds_json(l.max), "buckets", buckets_json(client, what));
        json = put(json, hf_latency_name(what), one);
    }
    return json;
}

static json_t *call_json(const struct hf_slow_call *c, hf_instant now)
{
    return json_pack("{s:o, s:s, s:o, s:o, s:I, s:s, s:s}", "seconds_ago",
                     ago_json(c->ended, now), "command", c->command, "took_seconds",
                     seconds_json(c->took), "timeout_seconds", seconds_json(c->timeout),
                     "attempts", (json_int_t)c->attempts, "error", hf_err_name(c->error),
                     "reason", c->reason);
}

static json_t *slow_json(const struct hf_client *client, hf_instant now)
{
    struct hf_slow_call calls[HF_SLOW_CALLS];
    json_t             *json = json_array();
    const size_t        count = hf_stats_slow_calls(client, calls, HF_SLOW_CALLS);
    for (size_t i = 0; i < count; i++) json = append(json, call_json(&calls[i], now));
    return json;
}

/* Memory may run out on the way: so first somewhere else. */
static hf_err write_whole(const struct hf_client *client, const json_t *json, char *to,
                          size_t size, size_t *length)
{
    const size_t flags = JSON_COMPACT | JSON_REAL_PRECISION(9);
    const size_t whole = json ? json_dumpb(json, NULL, 0, flags) : 0;
    if (whole == 0) return HF_E_NOMEM;

    *length = whole;
    if (whole >= size) return HF_E_TOO_LARGE;
    char *text = hf_alloc(hf_client_allocator(client), whole);
    if (!text) return HF_E_NOMEM;

    const bool is_whole = json_dumpb(json, text, whole, flags) == whole;
    if (is_whole) memcpy(to, text, whole);
    if (is_whole) to[whole] = '\0';
    hf_free(hf_client_allocator(client), text);
    return is_whole ? HF_OK : HF_E_NOMEM;
}

/* Takes the object over. */
static hf_err write_json(const struct hf_client *client, json_t *json, char *to, size_t size,
                         size_t *length)
{
    const hf_err err = write_whole(client, json, to, size, length);
    json_decref(json);
    return err;
}

hf_err hf_health_json(struct hf_client *client, char *to, size_t size, size_t *length)
{
    struct hf_health health;
    hf_health_get(client, &health);
    return write_json(client, health_json(&health, hf_now()), to, size, length);
}

hf_err hf_stats_json(const struct hf_client *client, char *to, size_t size, size_t *length)
{
    json_t *json = json_pack("{s:o, s:o, s:o}", "stats", stats_json(client), "latency",
                             latency_json(client), "slow_calls", slow_json(client, hf_now()));
    return write_json(client, json, to, size, length);
}
