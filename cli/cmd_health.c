#include "amount.h"
#include "connection.h"
#include "info.h"
#include "json.h"

#include <holdfast/health.h>
#include <stdio.h>
#include <string.h>

/* What INFO says, as far as it matters here; "" where an ACL forbids to ask. */
struct server {
    char     version[32];
    char     role[16];
    char     policy[32];
    uint64_t uptime_seconds;
    uint64_t clients;
    uint64_t memory_used;
    uint64_t memory_max; /* 0: no limit. */
};

struct report {
    struct hf_health health;
    const char      *status;
    const char      *reason;
    bool             has_answered;
    double           latency_ms;
    bool             has_info; /* server is filled in. */
    struct server    server;
};

static void read_info(struct connection *c, struct report *r)
{
    struct info    info;
    struct server *s = &r->server;
    r->has_info = info_read(c->client, &info, NULL) == HF_OK;
    if (r->has_info) {
        info_text(&info, "redis_version", s->version, sizeof s->version);
        info_text(&info, "role", s->role, sizeof s->role);
        info_text(&info, "maxmemory_policy", s->policy, sizeof s->policy);
        s->uptime_seconds = info_count(&info, "uptime_in_seconds");
        s->clients = info_count(&info, "connected_clients");
        s->memory_used = info_count(&info, "used_memory");
        s->memory_max = info_count(&info, "maxmemory");
    }
    info_free(&info);
}

/* Twice: the first also pays for connecting. */
static void ping(struct connection *c, struct report *r)
{
    const struct hf_bytes argv[] = { hf_str("PING") };
    for (int i = 0; i < 2; i++) {
        struct hf_reply *reply;
        const hf_instant sent = hf_now();
        r->has_answered = hf_client_command(c->client, NULL, argv, 1, &reply, &c->error) ==
                          HF_OK;
        if (!r->has_answered) return;
        r->latency_ms = (double)hf_between(sent, hf_now()).ns / 1e6;
        hf_reply_free(reply);
    }
}

/* What the client knows, and what only INFO tells. */
static void judge(struct connection *c, struct report *r)
{
    const struct server *s = &r->server;
    ping(c, r);
    if (r->has_answered) read_info(c, r);
    hf_health_get(c->client, &r->health);
    r->status = hf_status_name(r->health.status);
    r->reason = r->health.reason;
    if (r->health.status != HF_STATUS_UP || !r->has_info) return;

    const bool is_full = s->memory_max && s->memory_used >= s->memory_max &&
                         strcmp(s->policy, "noeviction") == 0;
    const bool is_replica = strcmp(s->role, "slave") == 0;
    if (is_full || is_replica) r->status = hf_status_name(HF_STATUS_DEGRADED);
    if (is_full) r->reason = "out of memory: writes are refused";
    if (is_replica) r->reason = "a read-only replica: writes are refused";
}

static void print_json(const struct report *r)
{
    json_begin();
    json_text("status", r->status);
    json_text("reason", r->reason);
    json_text("endpoint", r->health.endpoint);
    json_text("breaker", hf_breaker_state_name(r->health.breaker.state));
    if (r->health.error) json_text("error", hf_err_name(r->health.error));
    if (r->has_answered) json_number("latency_ms", r->latency_ms);
    if (r->has_info) {
        json_count("protocol", r->health.protocol);
        json_text("redis_version", r->server.version);
        json_text("role", r->server.role);
        json_count("uptime_seconds", r->server.uptime_seconds);
        json_count("clients", r->server.clients);
        json_count("memory_used", r->server.memory_used);
        json_count("memory_max", r->server.memory_max);
        json_text("memory_policy", r->server.policy);
    }
    json_end();
}

static void print_text(const struct report *r)
{
    const double mb = 1024 * 1024;
    printf("status    %s: %s\n", r->status, r->reason);
    printf("endpoint  %s\n", r->health.endpoint);
    printf("breaker   %s\n", hf_breaker_state_name(r->health.breaker.state));
    if (r->has_answered) printf("latency   %.3f ms\n", r->latency_ms);
    if (!r->has_info) return;
    printf("server    Redis %s, %s, up %llu s, %llu %s, RESP%u\n", r->server.version,
           r->server.role, (unsigned long long)r->server.uptime_seconds,
           (unsigned long long)r->server.clients,
           amount_noun(r->server.clients, "client", "clients"), r->health.protocol);
    printf("memory    %.1f MB", (double)r->server.memory_used / mb);
    if (r->server.memory_max) {
        printf(" of %.1f MB, %s\n", (double)r->server.memory_max / mb, r->server.policy);
    } else {
        puts(", no limit");
    }
}

enum exit_status run_health(const struct invocation *inv)
{
    struct connection c;
    struct report     r = { 0 };
    enum exit_status  status = connection_open(&c, inv);
    if (status == EXIT_OK) {
        judge(&c, &r);
        if (inv->json) {
            print_json(&r);
        } else {
            print_text(&r);
        }
        if (!r.has_answered) status = EXIT_UNAVAILABLE;
    }
    connection_close(&c);
    return status;
}
