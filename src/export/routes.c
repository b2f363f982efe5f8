#include "export/routes.h"

#include "export/page.h"
#include "export/prometheus.h"
#include "export/stats_json.h"

#include <holdfast/health.h>
#include <holdfast/stats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum access {
    OPEN,    /* To whoever reaches it. */
    READING, /* Needs the token if the exporter is private. */
    CHANGE,  /* Always needs the token. */
};

struct request {
    struct hf_exporter    *exporter;
    struct MHD_Connection *connection;
};

struct route {
    const char *path;
    const char *method;
    enum access access;
    struct hf_answer (*answer)(const struct request *r);
};

static const char *argument(const struct request *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, name);
}

static struct hf_answer page(const struct request *r)
{
    (void)r;
    return hf_answer_constant("text/html; charset=utf-8", hf_export_page,
                              hf_export_page_size);
}

static struct hf_answer livez(const struct request *r)
{
    (void)r;
    return hf_answer_constant("text/plain; charset=utf-8", "ok\n", 3);
}

/* ---- Readiness and health ------------------------------------------------------ */

static bool is_ready(const struct hf_shown *s, const struct hf_health *health)
{
    struct hf_stats stats;
    switch (s->ready) {
    case HF_READY_ALWAYS: return true;
    case HF_READY_ONCE_CONNECTED: hf_stats_get(s->client, &stats); return stats.connects > 0;
    case HF_READY_UNLESS_DOWN: return health->status != HF_STATUS_DOWN;
    case HF_READY_WHILE_UP: return health->status == HF_STATUS_UP;
    }
    return false;
}

static struct hf_answer readyz(const struct request *r)
{
    struct hf_exporter *e = r->exporter;
    char               *text = NULL;
    size_t              size;
    bool                all = true;
    FILE               *to = open_memstream(&text, &size);
    if (!to) return hf_answer_text(MHD_HTTP_INTERNAL_SERVER_ERROR, "", NULL);
    pthread_mutex_lock(&e->lock);
    for (size_t i = 0; i < e->locked.count; i++) {
        const struct hf_shown *s = &e->locked.each[i];
        struct hf_health       health;
        hf_health_get(s->client, &health);
        if (is_ready(s, &health)) continue;
        all = false;
        fprintf(to, "not ready: %s is %s%s%s\n", s->name, hf_status_name(health.status),
                e->is_private ? "" : ": ", e->is_private ? "" : health.reason);
    }
    pthread_mutex_unlock(&e->lock);
    if (all) fputs("ready\n", to);
    if (fclose(to)) {
        free(text);
        text = NULL;
    }
    return hf_answer_text(all ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
                          "text/plain; charset=utf-8", text);
}

static struct hf_answer healthz(const struct request *r)
{
    struct hf_exporter *e = r->exporter;
    enum hf_status      worst = HF_STATUS_UP;
    json_t             *clients = json_array();
    pthread_mutex_lock(&e->lock);
    for (size_t i = 0; i < e->locked.count; i++) {
        const struct hf_shown *s = &e->locked.each[i];
        struct hf_health       health;
        hf_health_get(s->client, &health);
        if (worst < health.status) worst = health.status;
        clients = hf_export_append(clients, hf_export_put(hf_export_health_json(s->client),
                                                          "name", json_string(s->name)));
    }
    pthread_mutex_unlock(&e->lock);
    return hf_answer_json(MHD_HTTP_OK, json_pack("{s:s, s:o}", "status",
                                                 hf_status_name(worst), "clients", clients));
}

/* ---- Numbers ------------------------------------------------------------------- */

static struct hf_answer metrics(const struct request *r)
{
    struct hf_exporter *e = r->exporter;
    hf_collector_look(&e->collector);
    pthread_mutex_lock(&e->lock);
    char *text = hf_prometheus_text(&e->collector, e->locked.each, e->locked.count);
    pthread_mutex_unlock(&e->lock);
    return hf_answer_text(MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", text);
}

static struct hf_answer stats(const struct request *r)
{
    struct hf_exporter *e = r->exporter;
    const hf_instant    now = hf_now();
    const double        uptime = (double)hf_between(e->opened, now).ns / 1e9;
    json_t             *clients = json_array();
    hf_collector_look(&e->collector);
    pthread_mutex_lock(&e->lock);
    for (size_t i = 0; i < e->locked.count; i++) {
        clients = hf_export_append(
            clients, hf_export_client_json(&e->collector, &e->locked.each[i], now));
    }
    pthread_mutex_unlock(&e->lock);
    return hf_answer_json(MHD_HTTP_OK,
                          json_pack("{s:s, s:f, s:o}", "holdfast", HOLDFAST_VERSION,
                                    "uptime_seconds", uptime, "clients", clients));
}

/* ---- Breakers ------------------------------------------------------------------ */

static bool parse_state(const char *text, enum hf_breaker_state *state)
{
    static const enum hf_breaker_state forced[] = {
        HF_BREAKER_FORCED_OPEN,
        HF_BREAKER_DISABLED,
        HF_BREAKER_METRICS_ONLY,
    };
    for (size_t i = 0; text && i < sizeof forced / sizeof forced[0]; i++) {
        if (strcmp(text, hf_breaker_state_name(forced[i])) != 0) continue;
        *state = forced[i];
        return true;
    }
    return false;
}

struct look {
    bool takes_state;
    bool all_known;
};

static enum MHD_Result look_at_argument(void *ctx, enum MHD_ValueKind kind, const char *name,
                                        const char *value)
{
    struct look *look = ctx;
    const bool   is_known = strcmp(name, "client") == 0 ||
                          (look->takes_state && strcmp(name, "state") == 0);
    (void)kind;
    if (!value || !is_known) look->all_known = false;
    return MHD_YES;
}

/* A slip in a name must not change all breakers for one. */
static bool has_unknown_arguments(const struct request *r, bool takes_state)
{
    struct look look = { takes_state, true };
    MHD_get_connection_values(r->connection, MHD_GET_ARGUMENT_KIND, look_at_argument, &look);
    return !look.all_known;
}

/* Of the named client, or of all; the state NULL resets. */
static struct hf_answer change(const struct request *r, const enum hf_breaker_state *state)
{
    struct hf_exporter *e = r->exporter;
    const char         *name = argument(r, "client");
    json_int_t          changed = 0;
    if (has_unknown_arguments(r, state != NULL)) {
        return hf_answer_error(MHD_HTTP_BAD_REQUEST,
                               state ? "there are client=NAME and state=STATE"
                                     : "there is client=NAME only");
    }
    pthread_mutex_lock(&e->lock);
    for (size_t i = 0; i < e->locked.count; i++) {
        const struct hf_shown *s = &e->locked.each[i];
        if (name && strcmp(name, s->name) != 0) continue;
        changed++;
        if (!state) {
            hf_health_reset_breaker(s->client);
        } else {
            (void)!hf_health_force_breaker(s->client, *state);
        }
    }
    pthread_mutex_unlock(&e->lock);
    if (changed == 0 && name) {
        return hf_answer_error(MHD_HTTP_NOT_FOUND, "there is no such client; see /stats");
    }
    return hf_answer_json(MHD_HTTP_OK, json_pack("{s:I}", "changed", changed));
}

static struct hf_answer reset(const struct request *r)
{
    return change(r, NULL);
}

static struct hf_answer force(const struct request *r)
{
    enum hf_breaker_state state;
    if (parse_state(argument(r, "state"), &state)) return change(r, &state);
    return hf_answer_error(MHD_HTTP_BAD_REQUEST,
                           "state= must be forced_open, disabled or metrics_only");
}

/* ---- Who may have what --------------------------------------------------------- */

/* Takes as long for one wrong token as for another of the same length. */
static bool is_same(const char *token, const char *shown)
{
    const size_t  size = strlen(token);
    unsigned char differ = 0;
    if (strlen(shown) != size) return false;
    for (size_t i = 0; i < size; i++) differ |= (unsigned char)(token[i] ^ shown[i]);
    return !differ;
}

static bool has_token(const struct request *r)
{
    static const char scheme[] = "Bearer ";
    const char       *shown = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND,
                                                          "Authorization");
    return shown && strncasecmp(shown, scheme, sizeof scheme - 1) == 0 &&
           is_same(r->exporter->token, shown + sizeof scheme - 1);
}

static struct hf_answer answer_if_allowed(const struct route *route, const struct request *r)
{
    const struct hf_exporter *e = r->exporter;
    const bool                needs_token = route->access == CHANGE ||
                             (route->access == READING && e->is_private);
    if (!needs_token) return route->answer(r);
    if (!*e->token) {
        return hf_answer_error(MHD_HTTP_FORBIDDEN,
                               "this exporter has no token, so nothing can be changed");
    }
    if (has_token(r)) return route->answer(r);
    return hf_answer_error(MHD_HTTP_UNAUTHORIZED, "the token is missing or wrong");
}

static const struct route routes[] = {
    { "/", "GET", OPEN, page },
    { "/livez", "GET", OPEN, livez },
    { "/readyz", "GET", OPEN, readyz },
    { "/healthz", "GET", READING, healthz },
    { "/metrics", "GET", READING, metrics },
    { "/stats", "GET", READING, stats },
    { "/breaker/reset", "POST", CHANGE, reset },
    { "/breaker/force", "POST", CHANGE, force },
};

struct hf_answer hf_route(struct hf_exporter *exporter, struct MHD_Connection *connection,
                          const char *method, const char *path)
{
    const struct request r = { exporter, connection };
    const char          *asked = strcmp(method, "HEAD") == 0 ? "GET" : method;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        const struct route *route = &routes[i];
        if (strcmp(path, route->path) != 0) continue;
        if (strcmp(asked, route->method) == 0) return answer_if_allowed(route, &r);
        struct hf_answer refused = hf_answer_error(MHD_HTTP_METHOD_NOT_ALLOWED,
                                                   "not with this method");
        refused.allow = strcmp(route->method, "GET") == 0 ? "GET, HEAD" : route->method;
        return refused;
    }
    return hf_answer_error(MHD_HTTP_NOT_FOUND,
                           "there are /, /livez, /readyz, /healthz, /metrics, /stats, "
                           "/breaker/reset and /breaker/force");
}
