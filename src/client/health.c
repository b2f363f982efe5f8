#include <holdfast/health.h>

#include "client/client.h"
#include "core/error.h"

#include <holdfast/stats.h>
#include <stdio.h>
#include <string.h>

const char *hf_status_name(enum hf_status status)
{
    switch (status) {
    case HF_STATUS_UP: return "up";
    case HF_STATUS_DEGRADED: return "degraded";
    case HF_STATUS_DOWN: return "down";
    }
    return "unknown";
}

static const struct hf_health_number numbers[] = {
#define X(field, help) { #field, help },
    HF_HEALTH_MAP(X)
#undef X
};

enum { NUMBERS = sizeof numbers / sizeof numbers[0] };

const struct hf_health_number *hf_health_number_at(size_t index)
{
    return index < NUMBERS ? &numbers[index] : NULL;
}

uint32_t hf_health_number(const struct hf_health *health, size_t index)
{
    const uint32_t *values[] = {
#define X(field, help) &health->field,
        HF_HEALTH_MAP(X)
#undef X
    };
    return index < NUMBERS ? *values[index] : 0;
}

/* What the endpoint's lock guards, copied out. */
static void read_endpoint(struct hf_endpoint *e, struct hf_health *health, bool *is_degraded,
                          struct hf_error *story)
{
    pthread_mutex_lock(&e->lock);
    health->error = e->locked.why;
    health->checked = e->locked.checked;
    health->check_took = e->locked.check_took;
    health->connections_idle = e->locked.idle_count;
    health->connections_leased = e->locked.leased;
    health->connections_wanted = e->locked.wanted;
    health->is_fence_whole = !e->locked.is_fence_forbidden;
    *is_degraded = e->locked.is_degraded;
    *story = e->locked.story;
    pthread_mutex_unlock(&e->lock);
}

static bool is_passing(enum hf_breaker_state state)
{
    return state != HF_BREAKER_OPEN && state != HF_BREAKER_FORCED_OPEN;
}

static void judge(struct hf_health *health, bool is_connected, bool is_degraded,
                  const struct hf_error *story)
{
    const enum hf_breaker_state state = health->breaker.state;
    const char                 *reason = "answers";
    health->status = HF_STATUS_UP;
    if (!is_passing(state)) {
        health->status = HF_STATUS_DOWN;
        reason = state == HF_BREAKER_OPEN ? "circuit breaker is open"
                                          : "circuit breaker is forced open";
    } else if (!is_connected) {
        health->status = HF_STATUS_DOWN;
        reason = health->error ? "no connection" : "not connected yet";
    } else if (is_degraded) {
        health->status = HF_STATUS_DEGRADED;
        reason = "refuses writes: it cannot persist, or lacks replicas";
    } else if (state == HF_BREAKER_HALF_OPEN) {
        health->status = HF_STATUS_DEGRADED;
        reason = "circuit breaker is probing";
    } else if (!health->is_fence_whole) {
        health->status = HF_STATUS_DEGRADED;
        reason = "late commands of lost connections cannot be ruled out (CLIENT KILL, INFO "
                 "or CLIENT ID failed or is forbidden)";
    }
    if (health->status == HF_STATUS_DOWN && health->error) {
        struct hf_error whole = *story;
        (void)hf_fail_in(&whole, health->error, "%s", reason);
        memcpy(health->reason, whole.detail, sizeof health->reason);
    } else {
        snprintf(health->reason, sizeof health->reason, "%s", reason);
    }
}

static void say_forked(struct hf_health *health)
{
    *health = (struct hf_health){ .status = HF_STATUS_DOWN, .error = HF_E_FORKED };
    snprintf(health->reason, sizeof health->reason, "%s", hf_err_text(HF_E_FORKED));
}

/* The status, why, and what it depends on; nothing that calls count in. */
static void read_condition(struct hf_client *client, struct hf_health *health)
{
    struct hf_endpoint   *e = &client->endpoint;
    const struct hf_link *shared = atomic_load(&e->shared);
    bool                  is_degraded;
    struct hf_error       story;

    *health = (struct hf_health){ 0 };
    read_endpoint(e, health, &is_degraded, &story);
    hf_breaker_snapshot(&e->breaker, hf_now(), &health->breaker);
    judge(health, shared != NULL, is_degraded, &story);
    health->near_error = hf_trackings_why(&client->trackings, &story);
    if (health->near_error && health->status == HF_STATUS_UP) {
        health->status = HF_STATUS_DEGRADED;
        memcpy(health->reason, story.detail, sizeof health->reason);
    }
}

static void read_health(struct hf_client *client, struct hf_health *health)
{
    struct hf_stats stats;
    read_condition(client, health);
    hf_url_describe(&client->options->url, health->endpoint, sizeof health->endpoint);
    hf_metrics_read(client->metrics, &stats);
    health->connections_open = (uint32_t)stats.connections_open;
    health->connections_max = client->options->max_connections;
    health->calls_under_way = hf_client_calls(client);
    health->calls_max = client->options->calls_max;
    health->retries_left = hf_retry_budget_left(&client->endpoint.budget);
    health->protocol = atomic_load(&client->endpoint.protocol);
}

void hf_health_get(struct hf_client *client, struct hf_health *health)
{
    if (hf_client_is_forked(client)) {
        say_forked(health);
    } else {
        read_health(client, health);
    }
}

static enum hf_event event_of(enum hf_status status)
{
    switch (status) {
    case HF_STATUS_UP: return HF_EVENT_HEALTH_UP;
    case HF_STATUS_DEGRADED: return HF_EVENT_HEALTH_DEGRADED;
    case HF_STATUS_DOWN: break;
    }
    return HF_EVENT_HEALTH_DOWN;
}

void hf_client_watch_health(struct hf_client *client)
{
    struct hf_health health;
    read_condition(client, &health);
    /* After reading: that a client which is being closed loses its connection is no news. */
    if (atomic_load(&client->endpoint.is_closed)) return;
    if (health.status == client->status_told) return;

    const char *const         from = hf_status_name(client->status_told);
    const struct hf_log_field fields[] = { hf_log_text("from", from),
                                           hf_log_text("reason", health.reason) };
    client->status_told = health.status;
    hf_log(&client->logger, event_of(health.status), fields, 2, "%s -> %s: %s", from,
           hf_status_name(health.status), health.reason);
}

void hf_health_check(struct hf_client *client)
{
    if (hf_client_is_forked(client)) return;
    hf_endpoint_check_now(&client->endpoint);
    hf_client_attention(client);
}

hf_err hf_health_force_breaker(struct hf_client *client, enum hf_breaker_state state)
{
    return hf_breaker_force(&client->endpoint.breaker, hf_now(), state);
}

void hf_health_reset_breaker(struct hf_client *client)
{
    hf_breaker_reset(&client->endpoint.breaker, hf_now());
}

void hf_stats_get(const struct hf_client *client, struct hf_stats *stats)
{
    if (!hf_client_is_forked(client)) {
        hf_trackings_settle((struct hf_trackings *)&client->trackings);
    }
    hf_metrics_read(client->metrics, stats);
    stats->cache_hits += stats->cache_near_hits; /* Counted once, to be quick. */
    stats->calls_in_flight = hf_client_calls(client);
    stats->logs_dropped = atomic_load(&client->logger.dropped);
}

void hf_stats_latency(const struct hf_client *client, enum hf_latency_of what,
                      struct hf_latency *latency)
{
    hf_metrics_latency(client->metrics, what, latency);
}

size_t hf_stats_slow_calls(const struct hf_client *client, struct hf_slow_call *calls,
                           size_t max)
{
    if (hf_client_is_forked(client)) return 0; /* Somebody may have held its lock. */
    return hf_slow_log_read((struct hf_slow_log *)&client->slow_log, calls, max);
}

void hf_stats_buckets(const struct hf_client *client, enum hf_latency_of what,
                      struct hf_latency_buckets *buckets)
{
    hf_metrics_buckets(client->metrics, what, buckets);
}
