#include "source.h"

#include "info.h"

#include "shown.h"
#include <holdfast/access.h>
#include <holdfast/health.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOT_KEYS = 50 };

/* What of INFO is worth a row. */
static const struct {
    const char *name;
    bool        is_gauge;
} fields[] = {
    { "total_commands_processed", false },
    { "total_connections_received", false },
    { "rejected_connections", false },
    { "total_error_replies", false },
    { "keyspace_hits", false },
    { "keyspace_misses", false },
    { "expired_keys", false },
    { "evicted_keys", false },
    { "total_net_input_bytes", false },
    { "total_net_output_bytes", false },
    { "used_cpu_user", false },
    { "used_cpu_sys", false },
    { "connected_clients", true },
    { "blocked_clients", true },
    { "maxclients", true },
    { "used_memory", true },
    { "used_memory_rss", true },
    { "maxmemory", true },
    { "connected_slaves", true },
};

enum exit_status source_open(struct source *s, const struct invocation *inv, const char *from,
                             const char *token_file)
{
    *s = (struct source){ .inv = inv, .is_exporter = from != NULL };
    if (from) {
        const bool is_good = exporter_open(&s->exporter, from, token_file);
        memcpy(s->shown, s->exporter.shown, sizeof s->exporter.shown);
        return is_good ? EXIT_OK : EXIT_USAGE;
    }
    const enum exit_status status = connection_open(&s->c, inv);
    if (status == EXIT_OK) {
        struct hf_health health;
        hf_health_get(s->c.client, &health);
        shown(hf_str(health.endpoint), s->shown, sizeof s->shown);
    }
    return status;
}

void source_close(struct source *s)
{
    json_decref(s->stats);
    connection_close(&s->c);
    explicit_bzero(s->exporter.token, sizeof s->exporter.token);
}

static bool read_exporter(struct source *s, struct reading *r)
{
    json_t *stats = exporter_get(&s->exporter, "/stats");
    if (!stats) {
        memcpy(s->why, s->exporter.why, sizeof s->why);
        return false;
    }
    json_decref(s->stats);
    s->stats = stats;
    if (reading_from_stats(r, stats, s->client, s->client_name)) return true;
    if (s->client_name) {
        char name[64];
        snprintf(s->why, sizeof s->why, "%s: it has no client \"%s\"", s->shown,
                 shown(hf_str(s->client_name), name, sizeof name));
    } else {
        snprintf(s->why, sizeof s->why, "%s: it tells of no client", s->shown);
    }
    return false;
}

/* ---- A Redis ------------------------------------------------------------------- */

static void take_health(struct source *s, struct reading *r)
{
    struct hf_health h;
    hf_health_get(s->c.client, &h);
    snprintf(r->name, sizeof r->name, "server");
    snprintf(r->status, sizeof r->status, "%s", hf_status_name(h.status));
    shown(hf_str(h.reason), r->reason, sizeof r->reason);
    shown(hf_str(h.endpoint), r->endpoint, sizeof r->endpoint);
    r->client_count = 1;
}

static void take_info(struct reading *r, const struct info *info)
{
    char text[64], policy[32], version[32];
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (!info_text(info, fields[i].name, text, sizeof text)) continue;
        reading_add(r, fields[i].name, strtod(text, NULL), fields[i].is_gauge);
    }
    const double used = reading_value(r, "used_memory"), max = reading_value(r, "maxmemory");
    info_text(info, "maxmemory_policy", policy, sizeof policy);
    r->uptime = (double)info_count(info, "uptime_in_seconds");
    info_text(info, "redis_version", version, sizeof version);
    snprintf(r->name, sizeof r->name, "Redis %s", version);
    if (max > 0) {
        snprintf(r->pool, sizeof r->pool, "memory %.1f of %.1f MB, %s", used / 1048576,
                 max / 1048576, policy);
    } else {
        snprintf(r->pool, sizeof r->pool, "memory %.1f MB, no limit", used / 1048576);
    }
}

static void take_hot(struct source *s, struct reading *r)
{
    struct hf_hot *hot;
    if (hf_cache_hot(s->c.cache, NULL, HOT_KEYS, &hot, NULL)) return;
    for (size_t i = 0; hf_hot_at(hot, i) && r->hot_count < READING_HOT; i++) {
        struct reading_hot *h = &r->hot[r->hot_count++];
        shown(hf_hot_at(hot, i)->key, h->key, sizeof h->key);
        h->reads = (double)hf_hot_at(hot, i)->reads;
    }
    hf_hot_free(hot);
}

static bool read_redis(struct source *s, struct reading *r)
{
    struct info info;
    uint64_t    keys, expiring;
    reading_clear(r);
    const hf_instant start = hf_now();
    const hf_err     err = info_read(s->c.client, &info, &s->c.error);
    if (err) {
        info_free(&info);
        snprintf(s->why, sizeof s->why, "%s%s%s", hf_err_text(err),
                 s->c.error.detail[0] ? ": " : "", s->c.error.detail);
        return false;
    }
    const double ms = (double)hf_between(start, hf_now()).ns / 1e6;
    r->at = hf_now();
    take_health(s, r);
    take_info(r, &info);
    info_keys(&info, &keys, &expiring);
    reading_add(r, "keys", (double)keys, true);
    reading_add(r, "keys_with_ttl", (double)expiring, true);
    reading_add(r, "round_trip_ms", ms, true);
    if (s->wants_hot) take_hot(s, r);
    info_free(&info);
    return true;
}

bool source_read(struct source *s, struct reading *r)
{
    return s->is_exporter ? read_exporter(s, r) : read_redis(s, r);
}
