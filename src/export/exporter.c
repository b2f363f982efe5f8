#include "export/page.h"
#include "export/stats_json.h"

#include <errno.h>
#include <holdfast/exporter.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IDLE_SECONDS = 10 };

struct shown {
    char              name[HF_EXPORTER_NAME_MAX + 1];
    struct hf_client *client;
};

struct hf_exporter {
    struct MHD_Daemon *daemon;
    hf_instant         opened;
    pthread_mutex_t    lock;
    struct {
        struct shown each[HF_EXPORTER_CLIENTS_MAX];
        size_t       count;
    } locked; /* By lock. */
};

struct answer {
    unsigned             status;
    const char          *kind;
    struct MHD_Response *response;
};

static enum MHD_Result send_answer(struct MHD_Connection *connection, struct answer a)
{
    if (!a.response) return MHD_NO;
    MHD_add_response_header(a.response, "Content-Type", a.kind);
    MHD_add_response_header(a.response, "Cache-Control", "no-store");
    MHD_add_response_header(a.response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(a.response, "X-Frame-Options", "DENY");
    if (a.status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        MHD_add_response_header(a.response, "Allow", "GET, HEAD");
    }
    const enum MHD_Result result = MHD_queue_response(connection, a.status, a.response);
    MHD_destroy_response(a.response);
    return result;
}

static struct answer text_answer(unsigned status, const char *text)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
    return (struct answer){ status, "text/plain; charset=utf-8", response };
}

static struct answer page_answer(void)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        hf_export_page_size, (void *)(uintptr_t)hf_export_page, MHD_RESPMEM_PERSISTENT);
    return (struct answer){ MHD_HTTP_OK, "text/html; charset=utf-8", response };
}

static json_t *clients_json(struct hf_exporter *e, hf_instant now)
{
    json_t *clients = json_array();
    pthread_mutex_lock(&e->lock);
    for (size_t i = 0; i < e->locked.count; i++) {
        const struct shown *s = &e->locked.each[i];
        json_array_append_new(clients, hf_export_client_json(s->name, s->client, now));
    }
    pthread_mutex_unlock(&e->lock);
    return clients;
}

static struct answer stats_answer(struct hf_exporter *e)
{
    const hf_instant now = hf_now();
    const double     uptime = (double)hf_between(e->opened, now).ns / 1e9;
    json_t          *clients = clients_json(e, now);
    json_t          *json = json_pack("{s:s, s:f, s:o}", "holdfast", HOLDFAST_VERSION,
                                      "uptime_seconds", uptime, "clients", clients);
    char            *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(json);
    if (!text) return text_answer(MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
    struct MHD_Response *response = MHD_create_response_from_buffer(strlen(text), text,
                                                                    MHD_RESPMEM_MUST_FREE);
    if (!response) free(text);
    return (struct answer){ MHD_HTTP_OK, "application/json", response };
}

static struct answer answer_to(struct hf_exporter *e, const char *path)
{
    if (strcmp(path, "/") == 0) return page_answer();
    if (strcmp(path, "/stats") == 0) return stats_answer(e);
    if (strcmp(path, "/livez") == 0) return text_answer(MHD_HTTP_OK, "ok\n");
    return text_answer(MHD_HTTP_NOT_FOUND, "there is /, /stats and /livez\n");
}

static enum MHD_Result answer(void *ctx, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *data,
                              size_t *data_size, void **seen)
{
    (void)version, (void)data;
    const bool is_read = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    if (!*seen) { /* The head has come; a body may follow, and is not looked at. */
        *seen = ctx;
        return MHD_YES;
    }
    if (*data_size) {
        *data_size = 0;
        return MHD_YES;
    }
    if (!is_read) {
        return send_answer(connection,
                           text_answer(MHD_HTTP_METHOD_NOT_ALLOWED, "read only\n"));
    }
    return send_answer(connection, answer_to(ctx, path));
}

static hf_err fail(struct hf_error *error, hf_err err, const char *host, const char *port,
                   const char *why)
{
    if (error) {
        error->code = err;
        snprintf(error->detail, sizeof error->detail, "listen on %.64s port %s: %s", host,
                 port, why);
    }
    return err;
}

/* Its thread inherits the mask: signals are for the application's own threads. */
static struct MHD_Daemon *start(struct hf_exporter *e, const struct addrinfo *address)
{
    const unsigned flags = MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD;
    const unsigned ipv6 = address->ai_family == AF_INET6 ? MHD_USE_IPv6 : 0;
    sigset_t       all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    struct MHD_Daemon *daemon = MHD_start_daemon(
        flags | ipv6, 0, NULL, NULL, answer, e, MHD_OPTION_SOCK_ADDR, address->ai_addr,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)HF_EXPORTER_CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS, MHD_OPTION_END);
    const int cause = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = cause;
    return daemon;
}

static hf_err listen_on(struct hf_exporter *e, const struct hf_exporter_options *o,
                        struct hf_error *error)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
    const char           *host = o->host ? o->host : "127.0.0.1";
    struct addrinfo      *address;
    char                  port[8];
    snprintf(port, sizeof port, "%u", (unsigned)o->port);
    const int found = getaddrinfo(host, port, &hints, &address);
    if (found) return fail(error, HF_E_RESOLVE, host, port, gai_strerror(found));

    errno = 0;
    e->daemon = start(e, address);
    const int cause = errno;
    freeaddrinfo(address);
    if (e->daemon) return HF_OK;
    return fail(error, HF_E_SYSTEM, host, port, cause ? strerror(cause) : "cannot be opened");
}

hf_err hf_exporter_open(const struct hf_exporter_options *options,
                        struct hf_exporter **exporter, struct hf_error *error)
{
    const struct hf_exporter_options defaults = { 0 };
    struct hf_exporter              *e = calloc(1, sizeof *e);
    if (!e) return HF_E_NOMEM;
    e->opened = hf_now();
    pthread_mutex_init(&e->lock, NULL);
    const hf_err err = listen_on(e, options ? options : &defaults, error);
    if (err) {
        hf_exporter_close(e);
        return err;
    }
    *exporter = e;
    return HF_OK;
}

void hf_exporter_close(struct hf_exporter *e)
{
    if (!e) return;
    if (e->daemon) MHD_stop_daemon(e->daemon);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

static bool is_utf8(const char *name)
{
    json_t *json = json_string(name);
    json_decref(json);
    return json != NULL;
}

static bool is_taken(const struct hf_exporter *e, const char *name)
{
    for (size_t i = 0; i < e->locked.count; i++) {
        if (strcmp(e->locked.each[i].name, name) == 0) return true;
    }
    return false;
}

hf_err hf_exporter_add(struct hf_exporter *e, const char *name, struct hf_client *client)
{
    hf_err err = HF_OK;
    if (!*name || !is_utf8(name)) return HF_E_INVALID;
    if (strlen(name) > HF_EXPORTER_NAME_MAX) return HF_E_TOO_LARGE;

    pthread_mutex_lock(&e->lock);
    if (is_taken(e, name)) {
        err = HF_E_INVALID;
    } else if (e->locked.count == HF_EXPORTER_CLIENTS_MAX) {
        err = HF_E_TOO_LARGE;
    } else {
        struct shown *s = &e->locked.each[e->locked.count++];
        snprintf(s->name, sizeof s->name, "%s", name);
        s->client = client;
    }
    pthread_mutex_unlock(&e->lock);
    return err;
}

void hf_exporter_remove(struct hf_exporter *e, const struct hf_client *client)
{
    pthread_mutex_lock(&e->lock);
    size_t kept = 0;
    for (size_t i = 0; i < e->locked.count; i++) {
        if (e->locked.each[i].client != client) e->locked.each[kept++] = e->locked.each[i];
    }
    e->locked.count = kept;
    pthread_mutex_unlock(&e->lock);
}

uint16_t hf_exporter_port(const struct hf_exporter *e)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(e->daemon,
                                                           MHD_DAEMON_INFO_BIND_PORT);
    return info ? info->port : 0;
}
