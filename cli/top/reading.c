#include "reading.h"

#include "shown.h"

#include <holdfast/stats.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void reading_clear(struct reading *r)
{
    memset(r, 0, sizeof *r);
    r->at = hf_now();
    r->uptime = -1;
}

void reading_add(struct reading *r, const char *name, double value, bool is_gauge)
{
    if (r->row_count == READING_ROWS) return;
    struct reading_row *row = &r->rows[r->row_count++];
    shown(hf_str(name), row->name, sizeof row->name);
    row->value = value;
    row->is_gauge = is_gauge;
}

static const struct reading_row *find(const struct reading *r, const char *name)
{
    for (size_t i = 0; i < r->row_count; i++) {
        if (strcmp(r->rows[i].name, name) == 0) return &r->rows[i];
    }
    return NULL;
}

double reading_value(const struct reading *r, const char *name)
{
    const struct reading_row *row = find(r, name);
    return row ? row->value : 0;
}

/* ---- Differences --------------------------------------------------------------- */

double reading_seconds(const struct reading *before, const struct reading *now)
{
    const double seconds = (double)hf_between(before->at, now->at).ns / 1e9;
    return seconds > 0 ? seconds : 0;
}

static double growth(const struct reading *before, const struct reading *now,
                     const char *name)
{
    const double grown = reading_value(now, name) - reading_value(before, name);
    return grown > 0 && find(before, name) ? grown : 0;
}

double reading_rate(const struct reading *before, const struct reading *now, const char *name)
{
    const double seconds = reading_seconds(before, now);
    return seconds > 0 ? growth(before, now, name) / seconds : 0;
}

double reading_hit_rate(const struct reading *before, const struct reading *now)
{
    const bool   is_server = find(now, "keyspace_hits") != NULL;
    const double hits = growth(before, now, is_server ? "keyspace_hits" : "cache_hits");
    const double misses = growth(before, now, is_server ? "keyspace_misses" : "cache_misses");
    return hits + misses > 0 ? hits / (hits + misses) : -1;
}

static const struct reading_latency *find_latency(const struct reading *r, const char *name)
{
    for (size_t i = 0; i < r->latency_count; i++) {
        if (strcmp(r->latencies[i].name, name) == 0) return &r->latencies[i];
    }
    return NULL;
}

double reading_quantile(const struct reading *before, const struct reading *now,
                        const char *name, double part)
{
    const struct reading_latency *a = find_latency(before, name),
                                 *b = find_latency(now, name);
    if (!a || !b || a->bucket_count != b->bucket_count || b->bucket_count == 0) return -1;

    const size_t last = b->bucket_count - 1;
    const double all = b->counts[last] - a->counts[last], wanted = part * all;
    double       low = 0, below = 0;
    if (all <= 0) return -1;
    for (size_t i = 0; i <= last; i++) {
        const double count = b->counts[i] - a->counts[i];
        if (count >= wanted && count > below) {
            if (isinf(b->bounds[i])) return low;
            return low + (b->bounds[i] - low) * (wanted - below) / (count - below);
        }
        below = count;
        low = b->bounds[i];
    }
    return low;
}

/* ---- From JSON ----------------------------------------------------------------- */

static const json_t *member(const json_t *object, const char *name)
{
    return json_object_get(object, name);
}

static double number(const json_t *object, const char *name)
{
    return json_number_value(member(object, name));
}

static int whole(const json_t *object, const char *name)
{
    const double value = number(object, name);
    return value > -1e9 && value < 1e9 ? (int)value : 0;
}

/* "" where there is no text. */
static void take_text(const json_t *object, const char *name, char *to, size_t size)
{
    const json_t *text = member(object, name);
    to[0] = '\0';
    if (!json_is_string(text)) return;
    shown(hf_bytes(json_string_value(text), json_string_length(text)), to, size);
}

static void take_breaker(struct reading *r, const json_t *breaker)
{
    char          last[80] = "", from[16], to[16];
    const json_t *history = member(breaker, "history"); /* The oldest first. */
    const json_t *move = json_array_get(history, json_array_size(history) - 1);
    const json_t *probe = member(breaker, "next_probe_seconds");
    char          next[48] = "";
    take_text(breaker, "state", r->breaker_state, sizeof r->breaker_state);
    if (move) {
        take_text(move, "from", from, sizeof from);
        take_text(move, "to", to, sizeof to);
        snprintf(last, sizeof last, "; %s to %s %.0f s ago", from, to,
                 number(move, "seconds_ago"));
    }
    if (json_is_number(probe)) {
        snprintf(next, sizeof next, ", probe in %.1f s", json_number_value(probe));
    }
    snprintf(r->breaker, sizeof r->breaker, "%s%s, %d of %d failures%s%s", r->breaker_state,
             json_is_true(member(breaker, "forced")) ? " (forced)" : "",
             whole(breaker, "failures"), whole(breaker, "threshold"), next, last);
}

static void take_health(struct reading *r, const json_t *health)
{
    take_text(health, "status", r->status, sizeof r->status);
    take_text(health, "reason", r->reason, sizeof r->reason);
    take_text(health, "endpoint", r->endpoint, sizeof r->endpoint);
    take_breaker(r, member(health, "breaker"));
    snprintf(r->pool, sizeof r->pool,
             "%d open, %d idle, %d leased of %d; %d of %d calls under way",
             whole(health, "connections_open"), whole(health, "connections_idle"),
             whole(health, "connections_leased"), whole(health, "connections_max"),
             whole(health, "calls_under_way"), whole(health, "calls_max"));
}

static bool is_gauge(const char *name)
{
    const struct hf_stat_info *info;
    for (size_t i = 0; (info = hf_stat_at(i)); i++) {
        if (strcmp(info->name, name) == 0) return info->kind == HF_STAT_GAUGE;
    }
    return false;
}

static void take_rows(struct reading *r, json_t *stats)
{
    const char *name;
    json_t     *value;
    json_object_foreach(stats, name, value)
    {
        if (json_is_number(value)) {
            reading_add(r, name, json_number_value(value), is_gauge(name));
        }
    }
}

static void take_buckets(struct reading_latency *l, const json_t *buckets)
{
    size_t        i;
    const json_t *pair;
    json_array_foreach(buckets, i, pair)
    {
        if (i == READING_BUCKETS) break;
        const json_t *bound = json_array_get(pair, 0);
        l->bounds[i] = json_is_number(bound) ? json_number_value(bound) : HUGE_VAL;
        l->counts[i] = json_number_value(json_array_get(pair, 1));
        l->bucket_count = i + 1;
    }
}

static void take_latencies(struct reading *r, json_t *latency)
{
    const char *name;
    json_t     *value;
    json_object_foreach(latency, name, value)
    {
        if (r->latency_count == READING_LATENCIES) return;
        struct reading_latency *l = &r->latencies[r->latency_count++];
        shown(hf_str(name), l->name, sizeof l->name);
        l->count = number(value, "count");
        l->p50 = number(value, "p50_seconds");
        l->p90 = number(value, "p90_seconds");
        l->p99 = number(value, "p99_seconds");
        l->p999 = number(value, "p999_seconds");
        l->max = number(value, "max_seconds");
        take_buckets(l, member(value, "buckets"));
    }
}

static void take_hot(struct reading *r, const json_t *caches)
{
    size_t        i, j;
    const json_t *cache, *hot;
    json_array_foreach(caches, i, cache)
    {
        json_array_foreach(member(cache, "hot_keys"), j, hot)
        {
            if (r->hot_count == READING_HOT) return;
            struct reading_hot *h = &r->hot[r->hot_count++];
            take_text(hot, member(hot, "key") ? "key" : "key_base64", h->key, sizeof h->key);
            h->reads = number(hot, "reads");
        }
    }
}

static void take_slow(struct reading *r, const json_t *calls)
{
    size_t        i;
    const json_t *call;
    json_array_foreach(calls, i, call)
    {
        char command[32], error[32], reason[90];
        if (r->slow_count == READING_SLOW) return;
        struct reading_slow *s = &r->slow[r->slow_count++];
        s->seconds_ago = number(call, "seconds_ago");
        s->took = number(call, "took_seconds");
        take_text(call, "command", command, sizeof command);
        take_text(call, "error", error, sizeof error);
        take_text(call, "reason", reason, sizeof reason);
        snprintf(s->text, sizeof s->text, "%s %s: %s", command, error, reason);
    }
}

static void take_tasks(struct reading *r, const json_t *list)
{
    static const char *const statuses[] = { "pending", "running", "success", "failure",
                                            "cancelled" };
    size_t                   i;
    const json_t            *tasks;
    json_array_foreach(list, i, tasks)
    {
        char prefix[48];
        if (r->task_count == READING_TASKS) return;
        char  *line = r->tasks[r->task_count++];
        size_t size = sizeof r->tasks[0];
        take_text(tasks, "prefix", prefix, sizeof prefix);
        int used = snprintf(line, size, "%s:", prefix);
        for (size_t s = 0; s < sizeof statuses / sizeof statuses[0]; s++) {
            used += snprintf(line + used, size - (size_t)used, "%s %d %s", s ? "," : "",
                             whole(member(tasks, "by_status"), statuses[s]), statuses[s]);
        }
    }
}

static const json_t *pick(struct reading *r, const json_t *clients, size_t wanted,
                          const char *name)
{
    r->client_count = json_array_size(clients);
    r->client = wanted;
    if (!name) return json_array_get(clients, wanted);
    for (r->client = 0; r->client < r->client_count; r->client++) {
        const json_t *client = json_array_get(clients, r->client);
        const char   *given = json_string_value(member(client, "name"));
        if (given && strcmp(given, name) == 0) return client;
    }
    return NULL;
}

bool reading_from_stats(struct reading *r, const json_t *stats, size_t wanted,
                        const char *name)
{
    reading_clear(r);
    const json_t *client = pick(r, member(stats, "clients"), wanted, name);
    if (!json_is_object(client)) return false;

    const json_t *uptime = member(stats, "uptime_seconds");
    if (json_is_number(uptime)) r->uptime = json_number_value(uptime);
    take_text(client, "name", r->name, sizeof r->name);
    take_health(r, member(client, "health"));
    take_rows(r, json_object_get(client, "stats"));
    take_latencies(r, json_object_get(client, "latency"));
    take_hot(r, member(client, "caches"));
    take_slow(r, member(client, "slow_calls"));
    take_tasks(r, member(client, "tasks"));
    return true;
}
