#include "client/client.h"

#include "core/alloc.h"
#include "core/cancel.h"
#include "core/error.h"
#include "core/rng.h"
#include "core/thread.h"
#include "net/futex.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    IDLE_LEASE_S = 60,
    ELEMENTS_MAX = 16 * 1024 * 1024, /* Values in one reply. */
    DEPTH_MAX = 64,
    SLOTS_MIN = 64,
};

const struct hf_options *hf_client_options(const struct hf_client *client)
{
    return client->options;
}

const struct hf_allocator *hf_client_allocator(const struct hf_client *client)
{
    return &client->options->allocator;
}

const struct hf_tracer *hf_client_tracer(const struct hf_client *client)
{
    return client->tracer;
}

struct hf_logger *hf_client_logger(struct hf_client *client)
{
    return &client->logger;
}

bool hf_client_is_forked(const struct hf_client *client)
{
    return hf_fork_guard_is_child(&client->fork_guard);
}

struct hf_metrics *hf_client_metrics(struct hf_client *client)
{
    return client->metrics;
}

void hf_client_attention(void *ctx)
{
    const struct hf_client *client = ctx;
    const uint64_t          one = 1;
    if (write(client->wake_fd, &one, sizeof one) < 0) return; /* Full: it is awake. */
}

/* ---- Opening ------------------------------------------------------------------- */

static uint32_t power_of_two_from(uint32_t n)
{
    uint32_t power = SLOTS_MIN;
    while (power < n && power < (UINT32_C(1) << 31)) power *= 2;
    return power;
}

static struct hf_endpoint_opts endpoint_opts(struct hf_client *client, uint64_t seed)
{
    const struct hf_options *o = client->options;
    struct hf_endpoint_opts  opts = {
        .plan = {
            .allocator = &o->allocator,
            .url = &o->url,
            .socket_path = client->embedded ? hf_embedded_socket(client->embedded) : NULL,
            .client_name = o->client_name[0] ? o->client_name : NULL,
            .tls = client->tls,
            .login = client->login,
            .patience = o->socket_timeout,
        },
        .limits = {
            .slots_max = power_of_two_from(o->calls_max),
            .bytes_max = o->bytes_in_flight_max,
            .reply = { o->reply_size_max, ELEMENTS_MAX, DEPTH_MAX },
            .timeouts_max = o->breaker_threshold,
        },
        .breaker = hf_breaker_opts_default(),
        .retry = { .attempt_timeout = o->attempt_timeout,
                   .retry_on_timeout = o->retry_on_timeout },
        .adapts = o->adaptive_limit,
        .connections_max = o->max_connections,
        .connect_timeout = o->socket_connect_timeout,
        .health_interval = o->health_check_interval,
        .health_timeout = o->socket_timeout,
        .lifetime = o->connection_lifetime,
        .idle_max = hf_seconds(IDLE_LEASE_S),
        .seed = seed,
    };
    opts.breaker.failures_to_open = o->breaker_threshold;
    opts.breaker.open_for = o->breaker_timeout;
    opts.breaker.seed = seed;
    return opts;
}

static hf_err start_embedded(struct hf_client *client, struct hf_error *error)
{
    const struct hf_url *url = &client->options->url;
    if (url->scheme != HF_SCHEME_EMBEDDED) return HF_OK;
    return hf_embedded_start(hf_client_allocator(client), url->path, &client->embedded,
                             error);
}

static const char *text_or_null(const char *text)
{
    return text[0] ? text : NULL;
}

static hf_err start_tls(struct hf_client *client, struct hf_error *error)
{
    const struct hf_options *o = client->options;
    if (o->url.scheme != HF_SCHEME_TLS) return HF_OK;
    const struct hf_tls_opts opts = {
        .ca_file = text_or_null(o->tls_ca_file),
        .cert_file = text_or_null(o->tls_cert_file),
        .key_file = text_or_null(o->tls_key_file),
        .crl_file = text_or_null(o->tls_crl_file),
        .server_name = text_or_null(o->tls_server_name),
        .ciphers = text_or_null(o->tls_ciphers),
        .verify = o->tls_verify,
    };
    return hf_tls_open(&client->tls, &o->allocator, &client->logger, &opts, o->url.host,
                       error);
}

static hf_err start_login(struct hf_client *client)
{
    const struct hf_options *o = client->options;
    if (!o->ask_credentials) return HF_OK;
    return hf_login_open(&client->login, &o->allocator, o->ask_credentials, o->ask_ctx);
}

static hf_err start_endpoint(struct hf_client *client)
{
    const struct hf_mux_owner     owner = { hf_client_attention, client, client->metrics };
    const struct hf_endpoint_opts opts = endpoint_opts(client, hf_rng_seed());
    return hf_endpoint_init(&client->endpoint, hf_client_allocator(client),
                            hf_client_logger(client), client->metrics, &owner, &opts);
}

static struct hf_client *make_client(struct hf_options *options)
{
    struct hf_client *client = hf_alloc_zero(&options->allocator, 1, sizeof *client);
    if (!client) return NULL;
    client->options = options;
    client->wake_fd = -1;
    client->asyncs.earliest = hf_never();
    client->status_told = HF_STATUS_DOWN;
    char endpoint[HF_URL_DESCRIBE_MAX];
    hf_url_describe(&options->url, endpoint, sizeof endpoint);
    hf_logger_init(&client->logger, &options->log, endpoint);
    options->tracer.endpoint = client->logger.endpoint;
    if (options->tracer.start || options->tracer.end) client->tracer = &options->tracer;
    pthread_mutex_init(&client->async_lock, NULL);
    hf_callbacks_init(&client->callbacks);
    hf_trackings_init(&client->trackings);
    return client;
}

static hf_err copy_options(const struct hf_options *options, struct hf_options **copy,
                           struct hf_error *error)
{
    struct hf_options *defaults = NULL;
    hf_err             err = HF_OK;
    if (!options) {
        err = hf_options_open(&defaults);
        if (err) return hf_fail_bare(error, err);
        options = defaults;
    }
    err = hf_options_check(options, error);
    if (!err) {
        err = hf_options_copy(options, copy);
        if (err) (void)hf_fail_bare(error, err);
    }
    hf_options_close(defaults);
    return err;
}

static hf_err open_client(const struct hf_options *options, struct hf_client **opened,
                          struct hf_error *error)
{
    struct hf_options *copy;
    hf_err             err = copy_options(options, &copy, error);
    if (err) return err;

    struct hf_client *client = make_client(copy);
    if (!client) {
        hf_options_close(copy);
        return hf_fail(error, HF_E_NOMEM, "open client");
    }
    err = hf_metrics_open(hf_client_allocator(client), &client->metrics);
    if (err) goto no_metrics;
    err = hf_fork_guard_init(&client->fork_guard);
    if (err) goto no_guard;
    client->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    err = client->wake_fd < 0 ? HF_E_SYSTEM : HF_OK;
    if (err) goto no_wake;
    struct hf_error story = { .code = HF_OK };
    err = start_tls(client, &story);
    if (err) goto no_tls;
    err = start_login(client);
    if (err) goto no_login;
    err = start_embedded(client, &story);
    if (err) goto no_server;
    err = start_endpoint(client);
    if (err) goto no_endpoint;
    err = hf_thread_start(&client->maintenance, hf_client_maintain, client);
    if (err) goto no_thread;
    *opened = client;
    return HF_OK;

no_thread:
    hf_endpoint_deinit(&client->endpoint);
no_endpoint:
    hf_embedded_stop(client->embedded);
no_server:
    hf_login_close(client->login);
no_login:
    hf_tls_close(client->tls);
no_tls:
    if (story.code) (void)hf_fail(error, err, "%s", story.detail);
    close(client->wake_fd);
no_wake:
    hf_fork_guard_deinit(&client->fork_guard);
no_guard:
    hf_metrics_close(client->metrics);
no_metrics:
    hf_trackings_deinit(&client->trackings);
    hf_callbacks_deinit(&client->callbacks);
    pthread_mutex_destroy(&client->async_lock);
    hf_free(&copy->allocator, client);
    hf_options_close(copy);
    if (err != HF_E_NO_SERVER && err != HF_E_INVALID) {
        return hf_fail(error, err, "open client: %s", hf_err_text(err));
    }
    return err;
}

hf_err hf_client_open(const struct hf_options *options, struct hf_client **opened,
                      struct hf_error *error)
{
    const int    cancels = hf_cancel_defer();
    const hf_err err = open_client(options, opened, error);
    hf_cancel_restore(cancels);
    return err;
}

/* ---- Closing ------------------------------------------------------------------- */

hf_err hf_client_enter(struct hf_client *client, struct hf_error *error)
{
    if (hf_fork_guard_is_child(&client->fork_guard)) {
        return hf_fail(error, HF_E_FORKED, "open a client of its own in the child process");
    }
    const uint32_t calls = atomic_fetch_add(&client->calls, 1);
    hf_err         err = HF_OK;
    if (calls & HF_CLIENT_CLOSING) {
        err = hf_fail(error, HF_E_CLOSED, "client is closed");
    } else if (calls >= client->options->calls_max) {
        err = hf_fail(error, HF_E_OVERLOAD, "calls_max is %u", client->options->calls_max);
    }
    if (err) {
        hf_metrics_error(client->metrics, err);
        hf_client_leave(client);
    }
    return err;
}

void hf_client_leave(struct hf_client *client)
{
    const _Atomic uint32_t *calls = &client->calls;
    if (atomic_fetch_sub(&client->calls, 1) == (HF_CLIENT_CLOSING | 1))
        hf_futex_wake_all(calls);
}

uint32_t hf_client_calls(const struct hf_client *client)
{
    return atomic_load(&client->calls) & ~(uint32_t)HF_CLIENT_CLOSING;
}

static void wait_until_empty(struct hf_client *client)
{
    for (;;) {
        const uint32_t calls = atomic_load(&client->calls);
        if (calls == HF_CLIENT_CLOSING) return;
        (void)hf_futex_wait(&client->calls, calls, hf_never());
    }
}

/* All but the endpoint. */
static void free_client(struct hf_client *client)
{
    struct hf_options *options = client->options;
    hf_login_close(client->login);
    hf_embedded_stop(client->embedded);
    hf_tls_close(client->tls);
    close(client->wake_fd);
    hf_fork_guard_deinit(&client->fork_guard);
    hf_metrics_close(client->metrics);
    hf_trackings_deinit(&client->trackings);
    pthread_mutex_destroy(&client->async_lock);
    hf_free(&options->allocator, client);
    hf_options_close(options);
}

static void close_client(struct hf_client *client)
{
    if (hf_fork_guard_is_child(&client->fork_guard)) {
        hf_endpoint_abandon(&client->endpoint);
        if (client->login) hf_login_forget_thread(client->login);
        free_client(client);
        return;
    }
    atomic_fetch_or(&client->calls, HF_CLIENT_CLOSING);
    hf_endpoint_shut(&client->endpoint);
    wait_until_empty(client);

    atomic_store(&client->is_stopping, true);
    hf_client_attention(client);
    pthread_join(client->maintenance, NULL);
    hf_callbacks_deinit(&client->callbacks);
    hf_endpoint_deinit(&client->endpoint);
    free_client(client);
}

void hf_client_close(struct hf_client *client)
{
    const int cancels = hf_cancel_defer();
    if (client) close_client(client);
    hf_cancel_restore(cancels);
}

/* ---- Waiting ------------------------------------------------------------------- */

hf_err hf_client_wait_ready(struct hf_client *client, hf_duration timeout,
                            struct hf_error *error)
{
    hf_err err = hf_client_enter(client, error);
    if (err) return err;
    const int cancels = hf_cancel_defer();
    err = hf_endpoint_wait(&client->endpoint, hf_later(hf_now(), timeout), error);
    hf_client_leave(client);
    hf_cancel_restore(cancels);
    return err;
}

void hf_client_reauthenticate(struct hf_client *client)
{
    if (hf_client_is_forked(client)) return;
    hf_endpoint_renew(&client->endpoint);
    hf_client_attention(client);
}
