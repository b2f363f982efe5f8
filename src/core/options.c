#include "core/options.h"

#include "core/alloc.h"
#include "core/assert.h"
#include "core/error.h"
#include "core/quantity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind {
    KIND_COUNT,    /* uint32_t */
    KIND_SIZE,     /* size_t */
    KIND_DURATION, /* hf_duration */
    KIND_SWITCH,   /* bool */
    KIND_LEVEL,    /* enum hf_log_level */
    KIND_FORMAT,   /* enum hf_log_format */
    KIND_TEXT,     /* char *, printable and without spaces, max bytes */
    KIND_PATH,     /* char *, printable, max bytes */
    KIND_SECRET,   /* char *, any bytes, never shown, max bytes */
    KIND_URL,      /* struct hf_url */
};

struct row {
    struct hf_option_info info;
    enum kind             kind;
    size_t                offset; /* In struct hf_options. */
    int64_t               min;    /* Counts, bytes or nanoseconds. */
    int64_t               max;
    bool                  none; /* "0" is allowed below min, or "" means NULL: not set. */
};

#define KB         INT64_C(1024)
#define MB         (KB * 1024)
#define GB         (MB * 1024)
#define MS         INT64_C(1000000)
#define S          (MS * 1000)
#define AT(member) offsetof(struct hf_options, member)

/* clang-format off */

static const struct row rows[] = {
    { { "url", "REDIS_URL", "--url", "url",
        "redis://, rediss://, unix: or embedded:", "redis://127.0.0.1:6379/0",
        "Where the server is, and as whom to log in.", false },
      KIND_URL, AT(url), 0, 0, false },
    { { "user", "REDIS_USER", "--user", "text",
        "0 to 128 bytes", "",
        "ACL user to log in as; wins over the one in the URL.", false },
      KIND_TEXT, AT(user), 0, 128, true },
    { { "password", "REDIS_PASSWORD", NULL, "secret",
        "0 to 4096 bytes", "",
        "Password to log in with; wins over the one in the URL. Never shown.", false },
      KIND_SECRET, AT(password), 0, 4096, true },
    { { "key_prefix", "REDIS_KEY_PREFIX", "--key-prefix", "text",
        "0 to 128 bytes", "holdfast",
        "In front of every key of the cache, so that applications can share a server.",
        false },
      KIND_TEXT, AT(key_prefix), 0, 128, false },
    { { "client_name", "REDIS_CLIENT_NAME", "--client-name", "text",
        "0 to 128 bytes", "holdfast",
        "How the connections are called in the server's CLIENT LIST.", false },
      KIND_TEXT, AT(client_name), 0, 128, false },

    { { "tls_ca_file", "REDIS_TLS_CA_FILE", "--tls-ca-file", "path",
        "0 to 4095 bytes", "",
        "Certificates (PEM) that a rediss:// server's must lead to; the system's if empty.",
        false },
      KIND_PATH, AT(tls_ca_file), 0, 4095, false },
    { { "tls_cert_file", "REDIS_TLS_CERT_FILE", "--tls-cert-file", "path",
        "0 to 4095 bytes", "",
        "This client's certificate (PEM, with its chain), for servers that ask for one.",
        false },
      KIND_PATH, AT(tls_cert_file), 0, 4095, false },
    { { "tls_key_file", "REDIS_TLS_KEY_FILE", "--tls-key-file", "path",
        "0 to 4095 bytes", "",
        "The private key (PEM) of that certificate.", false },
      KIND_PATH, AT(tls_key_file), 0, 4095, false },
    { { "tls_crl_file", "REDIS_TLS_CRL_FILE", "--tls-crl-file", "path",
        "0 to 4095 bytes", "",
        "Certificates (PEM) that were revoked; none is looked for if empty.", false },
      KIND_PATH, AT(tls_crl_file), 0, 4095, false },
    { { "tls_server_name", "REDIS_TLS_SERVER_NAME", "--tls-server-name", "text",
        "0 to 255 bytes", "",
        "Name the server's certificate must bear; the URL's host if empty.", false },
      KIND_TEXT, AT(tls_server_name), 0, 255, false },
    { { "tls_ciphers", "REDIS_TLS_CIPHERS", "--tls-ciphers", "text",
        "0 to 1023 bytes", "",
        "Cipher list for TLS 1.2, as OpenSSL writes it; its own default if empty.", false },
      KIND_TEXT, AT(tls_ciphers), 0, 1023, false },
    { { "tls_verify", "REDIS_TLS_VERIFY", "--tls-verify", "switch",
        "true or false", "true",
        "Check the server's certificate and name; turning it off is logged each time.",
        false },
      KIND_SWITCH, AT(tls_verify), 0, 0, false },

    { { "max_connections", "REDIS_MAX_CONNECTIONS", "--max-connections", "count",
        "1 to 1000", "20",
        "Most connections to one server.", true },
      KIND_COUNT, AT(max_connections), 1, 1000, false },
    { { "connection_lifetime", "REDIS_CONNECTION_LIFETIME", "--connection-lifetime",
        "duration", "1 to 604800 s, or 0: no limit", "3600",
        "Age at which a connection is replaced, less up to a tenth by chance.", true },
      KIND_DURATION, AT(connection_lifetime), S, 604800 * S, true },
    { { "socket_timeout", "REDIS_SOCKET_TIMEOUT", "--socket-timeout", "duration",
        "0.001 to 3600 s", "5",
        "Total bound on a call: connecting, waiting, sending, receiving and all retries.",
        true },
      KIND_DURATION, AT(socket_timeout), MS, 3600 * S, false },
    { { "socket_connect_timeout", "REDIS_SOCKET_CONNECT_TIMEOUT", "--socket-connect-timeout",
        "duration", "0.001 to 3600 s", "5",
        "Bound on making one connection: DNS, connect, TLS and log-in.", true },
      KIND_DURATION, AT(socket_connect_timeout), MS, 3600 * S, false },
    { { "attempt_timeout", "REDIS_ATTEMPT_TIMEOUT", "--attempt-timeout", "duration",
        "0.001 to 3600 s, or 0: derived", "0",
        "Bound on one attempt within a call, so that time is left to try again.", true },
      KIND_DURATION, AT(attempt_timeout), MS, 3600 * S, true },
    { { "retry_on_timeout", "REDIS_RETRY_ON_TIMEOUT", "--retry-on-timeout", "switch",
        "true or false", "true",
        "Try again after a timeout where that is safe, within the call's bound.", true },
      KIND_SWITCH, AT(retry_on_timeout), 0, 0, false },
    { { "health_check_interval", "REDIS_HEALTH_CHECK_INTERVAL", "--health-check-interval",
        "duration", "0.01 to 86400 s", "30",
        "How often a healthy server is checked; one that is down is probed more often.",
        true },
      KIND_DURATION, AT(health_check_interval), 10 * MS, 86400 * S, false },

    { { "breaker_threshold", "REDIS_CIRCUIT_BREAKER_THRESHOLD", "--breaker-threshold",
        "count",
        "1 to 1000000", "5",
        "Failures in a row that open the circuit breaker.", true },
      KIND_COUNT, AT(breaker_threshold), 1, 1000000, false },
    { { "breaker_timeout", "REDIS_CIRCUIT_BREAKER_TIMEOUT", "--breaker-timeout", "duration",
        "0.001 to 86400 s", "60",
        "How long the breaker stays open at most; a good health check ends it sooner.",
        true },
      KIND_DURATION, AT(breaker_timeout), MS, 86400 * S, false },

    { { "compression_threshold", "REDIS_COMPRESSION_THRESHOLD", "--compression-threshold",
        "size", "0 to 512mb", "512",
        "Values larger than this are compressed when that makes them smaller.", true },
      KIND_SIZE, AT(compression_threshold), 0, 512 * MB, false },
    { { "value_size_max", "REDIS_VALUE_SIZE_MAX", "--value-size-max", "size",
        "1 to 512mb", "64mb",
        "Largest value the cache stores or accepts.", true },
      KIND_SIZE, AT(value_size_max), 1, 512 * MB, false },
    { { "large_size_max", "REDIS_LARGE_SIZE_MAX", "--large-size-max", "size",
        "1 to 16gb", "512mb",
        "Largest value the cache streams, in chunks of at most 1 MB.", true },
      KIND_SIZE, AT(large_size_max), 1, 16 * GB, false },
    { { "reply_size_max", "REDIS_REPLY_SIZE_MAX", "--reply-size-max", "size",
        "64kb to 16gb", "512mb",
        "Largest reply accepted; a larger one closes the connection.", true },
      KIND_SIZE, AT(reply_size_max), 64 * KB, 16 * GB, false },
    { { "calls_max", "REDIS_CALLS_MAX", "--calls-max", "count",
        "1 to 1000000", "10000",
        "Most commands queued or under way at once; more fail at once as overload.", true },
      KIND_COUNT, AT(calls_max), 1, 1000000, false },
    { { "adaptive_limit", "REDIS_ADAPTIVE_LIMIT", "--adaptive-limit", "switch",
        "true or false", "false",
        "Allow fewer calls at once while the server is slow: more fail early, fewer queue.",
        true },
      KIND_SWITCH, AT(adaptive_limit), 0, 0, false },
    { { "bytes_in_flight_max", "REDIS_BYTES_IN_FLIGHT_MAX", "--bytes-in-flight-max", "size",
        "64kb to 16gb", "256mb",
        "Most bytes of commands queued or under way at once.", true },
      KIND_SIZE, AT(bytes_in_flight_max), 64 * KB, 16 * GB, false },

    { { "log_level", "REDIS_LOG_LEVEL", "--log-level", "level",
        "debug, info, warn, error or silent", "warn",
        "What is worth a log record; the command line tool is silent unless asked.", false },
      KIND_LEVEL, AT(log.threshold), 0, 0, false },
    { { "log_format", "REDIS_LOG_FORMAT", "--log-format", "format",
        "auto, logfmt or json", "auto",
        "How records are written; auto: natively to systemd's journal, or else logfmt.",
        false },
      KIND_FORMAT, AT(log.format), 0, 0, false },
};

/* clang-format on */

enum { ROWS = sizeof rows / sizeof rows[0] };

static void *field(struct hf_options *options, const struct row *row)
{
    return (char *)options + row->offset;
}

static bool is_text(const struct row *row)
{
    return row->kind == KIND_TEXT || row->kind == KIND_PATH || row->kind == KIND_SECRET;
}

static const struct row *find_row(const char *name)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].info.name, name) == 0) return &rows[i];
    }
    return NULL;
}

static hf_err refuse(const struct row *row, hf_err code, const char *value,
                     struct hf_error *error)
{
    const char *problem = code == HF_E_RANGE ? "out of range" : "not understood";
    if (row->kind == KIND_SECRET) {
        return hf_fail(error, code, "the value is %s; allowed: %s", problem, row->info.range);
    }
    char shown[80];
    snprintf(shown, sizeof shown, "%s", value);
    for (char *c = shown; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
    }
    const bool is_word = row->kind == KIND_TEXT && code == HF_E_INVALID;
    return hf_fail(error, code, "\"%s\" is %s; allowed: %s%s", shown, problem,
                   row->info.range, is_word ? " without spaces and control characters" : "");
}

static hf_err read_number(const struct row *row, const char *value, int64_t *number)
{
    uint64_t    read = 0;
    hf_duration duration = { 0 };
    hf_err      err = HF_E_INVALID;
    if (row->kind == KIND_COUNT) err = hf_count_parse(value, &read);
    if (row->kind == KIND_SIZE) err = hf_size_parse(value, &read);
    if (row->kind == KIND_DURATION) {
        err = hf_duration_parse(value, &duration);
        read = (uint64_t)duration.ns;
    }
    if (err) return err;
    if (read > (uint64_t)row->max) return HF_E_RANGE;
    *number = (int64_t)read;
    if (*number == 0 && row->none) return HF_OK;
    return *number < row->min ? HF_E_RANGE : HF_OK;
}

static hf_err read_level(const char *value, enum hf_log_level *level)
{
    for (int i = HF_LOG_DEBUG; i <= HF_LOG_SILENT; i++) {
        if (strcmp(hf_log_level_name((enum hf_log_level)i), value) != 0) continue;
        *level = (enum hf_log_level)i;
        return HF_OK;
    }
    return HF_E_INVALID;
}

static hf_err read_format(const char *value, enum hf_log_format *format)
{
    static const char *const names[] = { "auto", "logfmt", "json" };
    for (int i = HF_LOG_AUTO; i <= HF_LOG_JSON; i++) {
        if (strcmp(names[i], value) != 0) continue;
        *format = (enum hf_log_format)i;
        return HF_OK;
    }
    return HF_E_INVALID;
}

/* Sets a row that owns no memory; options may be a shallow copy. */
static hf_err set_scalar(struct hf_options *options, const struct row *row, const char *value,
                         struct hf_error *error)
{
    int64_t number = 0;
    hf_err  err;
    if (row->kind == KIND_SWITCH) {
        err = hf_switch_parse(value, field(options, row));
    } else if (row->kind == KIND_LEVEL) {
        err = read_level(value, field(options, row));
    } else if (row->kind == KIND_FORMAT) {
        err = read_format(value, field(options, row));
    } else {
        err = read_number(row, value, &number);
    }
    if (err) return refuse(row, err, value, error);

    if (row->kind == KIND_COUNT) *(uint32_t *)field(options, row) = (uint32_t)number;
    if (row->kind == KIND_SIZE) *(size_t *)field(options, row) = (size_t)number;
    if (row->kind == KIND_DURATION) *(hf_duration *)field(options, row) = hf_ns(number);
    return HF_OK;
}

static hf_err set_text(struct hf_options *options, const struct row *row, const char *value,
                       struct hf_error *error)
{
    const size_t size = strnlen(value, (size_t)row->max + 1);
    if (size > (size_t)row->max) return refuse(row, HF_E_RANGE, value, error);
    for (size_t i = 0; row->kind != KIND_SECRET && i < size; i++) {
        const bool is_space = value[i] == ' ';
        if (is_space ? row->kind == KIND_TEXT
                     : (unsigned char)value[i] < 0x20 || value[i] == 0x7f)
            return refuse(row, HF_E_INVALID, value, error);
    }
    char **text = field(options, row);
    char  *copy = NULL;
    if (size > 0 || !row->none) {
        copy = hf_copy_text(&options->memory, value, size);
        if (!copy) return hf_fail(error, HF_E_NOMEM, "no memory for the value");
    }
    hf_free_secret(&options->memory, *text);
    *text = copy;
    return HF_OK;
}

static hf_err set_from_url(const char *name, const char *value, struct hf_error *error,
                           void *ctx)
{
    const struct row *row = find_row(name);
    if (!row || !row->info.in_url) {
        return hf_fail(error, HF_E_INVALID, "\"%s\" is not a parameter of a URL", name);
    }
    hf_assert(!is_text(row) && row->kind != KIND_URL);
    const hf_err err = set_scalar(ctx, row, value, error);
    return err ? hf_fail_in(error, err, "parameter %s", name) : HF_OK;
}

/* A URL that says who logs in replaces what was said about that before. */
static hf_err set_url(struct hf_options *options, const char *value, struct hf_error *error)
{
    struct hf_options changed = *options;
    const hf_err      err = hf_url_parse(&changed.url, &options->memory, value, error,
                                         set_from_url, &changed);
    if (err) return err;

    hf_url_deinit(&options->url, &options->memory);
    if (changed.url.user || changed.url.password) {
        hf_free(&options->memory, options->user);
        hf_free_secret(&options->memory, options->password);
        changed.user = changed.password = NULL;
    }
    *options = changed;
    return HF_OK;
}

static hf_err set_row(struct hf_options *options, const struct row *row, const char *value,
                      struct hf_error *error)
{
    if (row->kind == KIND_URL) return set_url(options, value, error);
    if (is_text(row)) return set_text(options, row, value, error);
    return set_scalar(options, row, value, error);
}

hf_err hf_options_open(struct hf_options **options)
{
    struct hf_options *o = hf_alloc_zero(&hf_allocator_default, 1, sizeof *o);
    if (!o) return HF_E_NOMEM;
    o->memory = o->allocator = hf_allocator_default;
    o->log = HF_LOG_OPTS_DEFAULT;

    for (size_t i = 0; i < ROWS; i++) {
        const hf_err err = set_row(o, &rows[i], rows[i].info.default_value, NULL);
        hf_assert(err == HF_OK || err == HF_E_NOMEM);
        if (err) {
            hf_options_close(o);
            return HF_E_NOMEM;
        }
    }
    *options = o;
    return HF_OK;
}

void hf_options_close(struct hf_options *options)
{
    if (!options) return;
    const struct hf_allocator memory = options->memory;
    for (size_t i = 0; i < ROWS; i++) {
        if (is_text(&rows[i])) hf_free_secret(&memory, *(char **)field(options, &rows[i]));
    }
    hf_url_deinit(&options->url, &memory);
    hf_free(&memory, options);
}

hf_err hf_options_set(struct hf_options *options, const char *name, const char *value,
                      struct hf_error *error)
{
    const struct row *row = find_row(name);
    if (!row) return hf_fail(error, HF_E_INVALID, "unknown option \"%.64s\"", name);

    const hf_err err = set_row(options, row, value, error);
    return err ? hf_fail_in(error, err, "%s", name) : HF_OK;
}

hf_err hf_options_from_environment(struct hf_options *options, struct hf_error *error)
{
    for (size_t i = 0; i < ROWS; i++) {
        const char *value = getenv(rows[i].info.env);
        if (!value || *value == '\0') continue;

        const hf_err err = set_row(options, &rows[i], value, error);
        if (err) return hf_fail_in(error, err, "%s", rows[i].info.env);
    }
    return HF_OK;
}

void hf_options_set_allocator(struct hf_options         *options,
                              const struct hf_allocator *allocator)
{
    options->allocator = allocator ? *allocator : hf_allocator_default;
}

void hf_options_set_log(struct hf_options *options, enum hf_log_level threshold,
                        hf_log_fn write, void *ctx)
{
    options->log.threshold = threshold;
    options->log.write = write;
    options->log.ctx = ctx;
}

void hf_options_set_trace(struct hf_options *options, hf_span_fn start, hf_span_fn end,
                          void *ctx)
{
    options->tracer = (struct hf_tracer){ .start = start, .end = end, .ctx = ctx };
}

void hf_options_set_credentials(struct hf_options *options, hf_credentials_fn ask, void *ctx)
{
    options->ask_credentials = ask;
    options->ask_ctx = ctx;
}

static double seconds(hf_duration d)
{
    return (double)d.ns / 1e9;
}

hf_err hf_options_check(const struct hf_options *o, struct hf_error *error)
{
    if (o->attempt_timeout.ns > o->socket_timeout.ns) {
        return hf_fail(error, HF_E_INVALID,
                       "attempt_timeout (%g s) is above socket_timeout (%g s)",
                       seconds(o->attempt_timeout), seconds(o->socket_timeout));
    }
    if (o->value_size_max > o->bytes_in_flight_max) {
        return hf_fail(error, HF_E_INVALID,
                       "value_size_max (%zu) is above bytes_in_flight_max (%zu)",
                       o->value_size_max, o->bytes_in_flight_max);
    }
    if (o->value_size_max > o->reply_size_max) {
        return hf_fail(error, HF_E_INVALID,
                       "value_size_max (%zu) is above reply_size_max (%zu)",
                       o->value_size_max, o->reply_size_max);
    }
    const bool user = o->user || o->url.user, password = o->password || o->url.password;
    if (user && !password && !o->ask_credentials) {
        return hf_fail(error, HF_E_INVALID, "user \"%.128s\" is given without a password",
                       o->user ? o->user : o->url.user);
    }
    return HF_OK;
}

/* What the options user and password say becomes a part of the copy's url. */
static void move_credentials(struct hf_options *o)
{
    if (o->user) {
        hf_free(&o->memory, o->url.user);
        o->url.user = o->user;
        o->user = NULL;
    }
    if (o->password) {
        hf_free_secret(&o->memory, o->url.password);
        o->url.password = o->password;
        o->password = NULL;
    }
}

hf_err hf_options_copy(const struct hf_options *from, struct hf_options **copy)
{
    struct hf_options *o = hf_alloc(&from->allocator, sizeof *o);
    if (!o) return HF_E_NOMEM;

    *o = *from;
    o->memory = from->allocator;
    o->url = (struct hf_url){ 0 };
    for (size_t i = 0; i < ROWS; i++) {
        if (is_text(&rows[i])) *(char **)field(o, &rows[i]) = NULL;
    }

    hf_err err = hf_url_copy(&from->url, &o->memory, &o->url);
    for (size_t i = 0; i < ROWS && !err; i++) {
        if (!is_text(&rows[i])) continue;
        const char *text = *(char *const *)((const char *)from + rows[i].offset);
        if (text) err = set_text(o, &rows[i], text, NULL);
    }
    if (err) {
        hf_options_close(o);
        return err;
    }
    move_credentials(o);
    *copy = o;
    return HF_OK;
}

const struct hf_option_info *hf_option_at(size_t index)
{
    return index < ROWS ? &rows[index].info : NULL;
}
