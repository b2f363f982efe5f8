#include "export/exporter.h"

#include "export/routes.h"

#include <errno.h>
#include <jansson.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    IDLE_SECONDS = 3,
    CONNECTION_BYTES = 16 * 1024, /* What a request's head may fill. */
};

static hf_err fail(struct hf_error *error, hf_err err, const char *what)
{
    if (!error) return err;
    error->code = err;
    snprintf(error->detail, sizeof error->detail, "exporter: %.200s", what);
    return err;
}

/* ---- What the daemon calls ----------------------------------------------------- */

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *data, size_t *data_size, void **seen)
{
    (void)version;
    (void)data;
    if (!*seen) { /* The head has come; a body may follow, and is not looked at. */
        *seen = ctx;
        return MHD_YES;
    }
    if (*data_size) {
        *data_size = 0;
        return MHD_YES;
    }
    return hf_answer_send(connection, hf_route(ctx, connection, method, path));
}

static void on_connection(void *ctx, struct MHD_Connection *connection, void **kept,
                          enum MHD_ConnectionNotificationCode what)
{
    struct hf_exporter *e = ctx;
    (void)kept;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        hf_guests_enter(&e->guests, info->connect_fd);
    } else {
        hf_guests_leave(&e->guests, info->connect_fd);
    }
}

/* ---- Listening ----------------------------------------------------------------- */

/* Its thread inherits the mask: signals are for the application's own threads. */
static struct MHD_Daemon *start(struct hf_exporter *e, const struct addrinfo *address)
{
    const unsigned flags = MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD;
    const unsigned ipv6 = address->ai_family == AF_INET6 ? MHD_USE_IPv6 : 0;
    sigset_t       all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    struct MHD_Daemon *daemon = MHD_start_daemon(
        flags | ipv6, 0, NULL, NULL, on_request, e, MHD_OPTION_SOCK_ADDR, address->ai_addr,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, e, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)HF_EXPORTER_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
        MHD_OPTION_END);
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
    char                  port[8], what[256];
    snprintf(port, sizeof port, "%u", (unsigned)o->port);
    const int found = getaddrinfo(host, port, &hints, &address);
    if (found) {
        snprintf(what, sizeof what, "%.128s: %s", host, gai_strerror(found));
        return fail(error, HF_E_RESOLVE, what);
    }
    errno = 0;
    e->daemon = start(e, address);
    const int cause = errno;
    freeaddrinfo(address);
    if (e->daemon) return HF_OK;
    snprintf(what, sizeof what, "cannot listen on %.128s port %s: %s", host, port,
             cause ? strerror(cause) : "out of memory or threads");
    return fail(error, HF_E_SYSTEM, what);
}

static hf_err take_token(struct hf_exporter *e, const struct hf_exporter_options *o,
                         struct hf_error *error)
{
    char what[128];
    if (!o->token && o->is_private) {
        return fail(error, HF_E_INVALID, "is_private wants a token");
    }
    if (!o->token) return HF_OK;
    const size_t size = strlen(o->token);
    if (size < HF_EXPORTER_TOKEN_MIN || size > HF_EXPORTER_TOKEN_MAX) {
        snprintf(what, sizeof what, "a token of %zu bytes; it must have %d to %d", size,
                 HF_EXPORTER_TOKEN_MIN, HF_EXPORTER_TOKEN_MAX);
        return fail(error, HF_E_INVALID, what);
    }
    for (size_t i = 0; i < size; i++) {
        if (o->token[i] > ' ' && o->token[i] <= '~') continue;
        snprintf(what, sizeof what, "byte %zu of the token is not visible ASCII", i);
        return fail(error, HF_E_INVALID, what);
    }
    memcpy(e->token, o->token, size + 1);
    e->is_private = o->is_private;
    return HF_OK;
}

hf_err hf_exporter_open(const struct hf_exporter_options *options,
                        struct hf_exporter **exporter, struct hf_error *error)
{
    const struct hf_exporter_options defaults = { 0 };
    struct hf_exporter              *e = calloc(1, sizeof *e);
    if (!e) return fail(error, HF_E_NOMEM, "out of memory");
    if (!options) options = &defaults;
    e->pid = getpid();
    e->opened = hf_now();
    pthread_mutex_init(&e->lock, NULL);
    hf_collector_init(&e->collector, options->is_passive);
    hf_err err = take_token(e, options, error);
    if (!err) err = listen_on(e, options, error);
    if (!err && hf_collector_start(&e->collector)) {
        err = fail(error, HF_E_SYSTEM, "cannot start a thread");
    }
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
    const bool has_threads = e->pid == getpid();
    if (e->daemon && has_threads) {
        MHD_stop_daemon(e->daemon);
    } else if (e->daemon) { /* The thread that would have to be stopped is the parent's. */
        const union MHD_DaemonInfo *info = MHD_get_daemon_info(e->daemon,
                                                               MHD_DAEMON_INFO_LISTEN_FD);
        (void)close(info->listen_fd);
    }
    hf_collector_deinit(&e->collector, has_threads);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

uint16_t hf_exporter_port(const struct hf_exporter *e)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(e->daemon,
                                                           MHD_DAEMON_INFO_BIND_PORT);
    return info ? info->port : 0;
}

/* ---- Who is shown -------------------------------------------------------------- */

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

static hf_err check_name(const char *name)
{
    if (!*name || !is_utf8(name)) return HF_E_INVALID;
    return strlen(name) > HF_EXPORTER_NAME_MAX ? HF_E_TOO_LARGE : HF_OK;
}

hf_err hf_exporter_add(struct hf_exporter *e, const char *name, struct hf_client *client)
{
    const struct hf_source source = {
        .kind = HF_SOURCE_REDIS,
        .owner = client,
        .of.client = client,
    };
    hf_err err = check_name(name);
    if (err) return err;

    pthread_mutex_lock(&e->lock);
    if (is_taken(e, name)) {
        err = HF_E_INVALID;
    } else if (e->locked.count == HF_EXPORTER_CLIENTS_MAX) {
        err = HF_E_TOO_LARGE;
    } else {
        struct hf_shown *s = &e->locked.each[e->locked.count];
        *s = (struct hf_shown){ .client = client, .ready = HF_READY_ALWAYS };
        snprintf(s->name, sizeof s->name, "%s", name);
        err = hf_collector_add(&e->collector, &source);
        if (!err) e->locked.count++;
    }
    pthread_mutex_unlock(&e->lock);
    return err;
}

/* Shows one more thing under a client. */
static hf_err add_source(struct hf_exporter *e, const char *prefix, struct hf_source *source)
{
    hf_err err = check_name(prefix);
    if (err) return err;
    snprintf(source->prefix, sizeof source->prefix, "%s", prefix);
    err = HF_E_INVALID;
    pthread_mutex_lock(&e->lock);
    for (size_t i = 0; i < e->locked.count && err; i++) {
        if (e->locked.each[i].client == source->owner) err = HF_OK;
    }
    if (!err) err = hf_collector_add(&e->collector, source);
    pthread_mutex_unlock(&e->lock);
    return err;
}

hf_err hf_exporter_add_cache(struct hf_exporter *e, const struct hf_client *client,
                             const char *prefix, struct hf_cache *cache)
{
    struct hf_source source = { .kind = HF_SOURCE_CACHE, .owner = client, .of.cache = cache };
    return add_source(e, prefix, &source);
}

hf_err hf_exporter_add_tasks(struct hf_exporter *e, const struct hf_client *client,
                             const char *prefix, struct hf_tasks *tasks)
{
    struct hf_source source = { .kind = HF_SOURCE_TASKS, .owner = client, .of.tasks = tasks };
    return add_source(e, prefix, &source);
}

hf_err hf_exporter_set_ready_rule(struct hf_exporter *e, const struct hf_client *client,
                                  enum hf_ready_rule rule)
{
    hf_err err = HF_E_INVALID;
    pthread_mutex_lock(&e->lock);
    for (size_t i = 0; i < e->locked.count; i++) {
        if (e->locked.each[i].client != client) continue;
        e->locked.each[i].ready = rule;
        err = HF_OK;
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
    hf_collector_forget(&e->collector, client);
}

const char *hf_ready_rule_name(enum hf_ready_rule rule)
{
    switch (rule) {
    case HF_READY_ALWAYS: return "always";
    case HF_READY_ONCE_CONNECTED: return "once_connected";
    case HF_READY_UNLESS_DOWN: return "unless_down";
    case HF_READY_WHILE_UP: return "while_up";
    }
    return "unknown";
}
