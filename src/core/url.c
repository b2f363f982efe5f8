#include "core/url.h"

#include "core/alloc.h"
#include "core/assert.h"
#include "core/error.h"
#include "core/quantity.h"

#include <arpa/inet.h>
#include <holdfast/bytes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

enum { HOST_MAX = 253, SHOWN_MAX = 100, PORT_DEFAULT = 6379 };

struct scheme_row {
    const char    *name;
    enum hf_scheme scheme;
};

/* The first name of a scheme is the one shown. */
static const struct scheme_row schemes[] = {
    { "redis", HF_SCHEME_TCP },         { "rediss", HF_SCHEME_TLS },
    { "unix", HF_SCHEME_UNIX },         { "redis+unix", HF_SCHEME_UNIX },
    { "embedded", HF_SCHEME_EMBEDDED },
};

enum { SCHEMES = sizeof schemes / sizeof schemes[0] };

/* A URL being read: what is left of it, and what was found so far. */
struct parser {
    struct hf_url              url;
    const struct hf_allocator *a;
    const char                *text; /* All of it, for errors. */
    const char                *rest;
    struct hf_error           *error;
};

/* What of the text may be shown: nothing that could belong to a password. */
static void redact(char *out, size_t size, const char *text)
{
    const char  *at = strrchr(text, '@');
    const size_t scheme = strcspn(text, ":");
    if (!at) {
        snprintf(out, size, "%.*s", SHOWN_MAX, text);
    } else if (scheme < 16 && strncmp(text + scheme, "://", 3) == 0) {
        snprintf(out, size, "%.*s://***%.*s", (int)scheme, text, SHOWN_MAX, at);
    } else {
        snprintf(out, size, "***%.*s", SHOWN_MAX, at);
    }
    for (; *out != '\0'; out++) {
        if ((unsigned char)*out < 0x20 || *out == 0x7f) *out = '?';
    }
}

static hf_err refuse(const struct parser *p, hf_err code, const char *why)
{
    char shown[SHOWN_MAX + 32];
    redact(shown, sizeof shown, p->text);
    return hf_fail(p->error, code, "\"%s\": %s", shown, why);
}

static hf_err refuse_memory(const struct parser *p)
{
    return hf_fail(p->error, HF_E_NOMEM, "no memory for the URL");
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* Decodes part into out, which has room for part.size + 1. */
static bool decode(struct hf_bytes part, char *out)
{
    const char *in = part.data;
    size_t      size = 0;
    for (size_t i = 0; i < part.size; i++) {
        char c = in[i];
        if (c == '%') {
            if (part.size - i < 3) return false;
            const int high = hex_value(in[i + 1]), low = hex_value(in[i + 2]);
            if (high < 0 || low < 0) return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (c == '\0') return false;
        out[size++] = c;
    }
    out[size] = '\0';
    return true;
}

static hf_err copy_decoded(const struct parser *p, struct hf_bytes part, const char *refusal,
                           char **copy)
{
    char *text = hf_alloc(p->a, part.size + 1);
    if (!text) return refuse_memory(p);
    if (!decode(part, text)) {
        hf_free(p->a, text);
        return refuse(p, HF_E_INVALID, refusal);
    }
    *copy = text;
    return HF_OK;
}

static hf_err read_scheme(struct parser *p)
{
    const size_t length = strcspn(p->text, ":");
    for (size_t i = 0; i < SCHEMES; i++) {
        if (strlen(schemes[i].name) != length) continue;
        if (strncasecmp(schemes[i].name, p->text, length) != 0) continue;
        p->url.scheme = schemes[i].scheme;
        p->rest = p->text + length + 1;
        if (p->text[length] == ':') return HF_OK;
    }
    return refuse(p, HF_E_INVALID,
                  "a URL begins with redis://, rediss://, unix: or embedded:");
}

static hf_err read_userinfo(struct parser *p, struct hf_bytes part)
{
    const char  *text = part.data;
    const char  *colon = memchr(text, ':', part.size);
    const size_t user_size = colon ? (size_t)(colon - text) : part.size;
    const char  *refusal = "bad percent escape in the user or password";

    if (user_size > 0) {
        const hf_err err = copy_decoded(p, hf_bytes(text, user_size), refusal, &p->url.user);
        if (err) return err;
    }
    if (!colon) return HF_OK;
    return copy_decoded(p, hf_bytes(colon + 1, part.size - user_size - 1), refusal,
                        &p->url.password);
}

static bool is_host_name(const char *host, size_t size)
{
    static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789-._";
    return size > 0 && size <= HOST_MAX && strspn(host, legal) >= size;
}

static bool is_ipv6(const char *host, size_t size)
{
    char            text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (size >= sizeof text) return false;
    memcpy(text, host, size);
    text[size] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1;
}

static hf_err read_port(struct parser *p, const char *digits, size_t size)
{
    char     text[24];
    uint64_t port;
    if (size >= sizeof text) size = sizeof text - 1;
    memcpy(text, digits, size);
    text[size] = '\0';

    const hf_err err = hf_count_parse(text, &port);
    if (!err && port >= 1 && port <= UINT16_MAX) {
        p->url.port = (uint16_t)port;
        return HF_OK;
    }
    if (err != HF_E_INVALID) {
        return refuse(p, HF_E_RANGE, "the port is out of range, 1 to 65535");
    }
    /* What stands here may be a password whose '@host' was forgotten. */
    return hf_fail(p->error, HF_E_INVALID,
                   "the port, between host: and /db, must be a number, 1 to 65535");
}

static hf_err read_host(struct parser *p, struct hf_bytes part)
{
    const char *text = part.data;
    const bool  bracketed = part.size > 0 && text[0] == '[';
    const char *end;
    if (bracketed) {
        end = memchr(text, ']', part.size);
        if (!end || !is_ipv6(text + 1, (size_t)(end - text - 1))) {
            return refuse(p, HF_E_INVALID, "bad IPv6 address between [ and ]");
        }
    } else {
        end = memchr(text, ':', part.size);
        if (!end) end = text + part.size;
        if (end == text) {
            return hf_fail(p->error, HF_E_INVALID,
                           "no host; a URL is redis://[[user]:password@]host[:port][/db]");
        }
        if (!is_host_name(text, (size_t)(end - text))) {
            return refuse(p, HF_E_INVALID, "bad character in the host, or over 253 of them");
        }
    }
    const char  *name = bracketed ? text + 1 : text;
    const size_t name_size = (size_t)(end - name);
    const char  *colon = bracketed ? end + 1 : end;
    p->url.port = PORT_DEFAULT;
    if (colon < text + part.size) {
        if (*colon != ':') return refuse(p, HF_E_INVALID, "only :port may follow ]");
        const hf_err err = read_port(p, colon + 1, (size_t)(text + part.size - colon - 1));
        if (err) return err;
    }
    p->url.host = hf_copy_text(p->a, name, name_size);
    return p->url.host ? HF_OK : refuse_memory(p);
}

/* What stands between "//" and the path. */
static hf_err read_authority(struct parser *p)
{
    if (strncmp(p->rest, "//", 2) != 0) {
        const bool local = p->url.scheme == HF_SCHEME_UNIX ||
                           p->url.scheme == HF_SCHEME_EMBEDDED;
        return local ? HF_OK : refuse(p, HF_E_INVALID, "// must follow the scheme");
    }
    const char  *text = p->rest + 2;
    const size_t size = strcspn(text, "/?#");
    const char  *at = memrchr(text, '@', size);
    const char  *host = at ? at + 1 : text;
    p->rest = text + size;

    if (at) {
        const hf_err err = read_userinfo(p, hf_bytes(text, (size_t)(at - text)));
        if (err) return err;
    }
    if (p->url.scheme == HF_SCHEME_TCP || p->url.scheme == HF_SCHEME_TLS) {
        return read_host(p, hf_bytes(host, (size_t)(p->rest - host)));
    }
    if (host != p->rest) {
        return refuse(p, HF_E_INVALID, "an absolute path, not a host, must follow //");
    }
    return HF_OK;
}

static hf_err read_db(struct parser *p, const char *text)
{
    uint64_t     db;
    const hf_err err = hf_count_parse(text, &db);
    if (err == HF_E_INVALID) {
        return refuse(p, err, "the db must be a number, 0 to 9999");
    }
    if (err || db > HF_URL_DB_MAX) {
        return refuse(p, HF_E_RANGE, "the db is out of range, 0 to 9999");
    }
    p->url.db = (uint32_t)db;
    return HF_OK;
}

static hf_err read_path(struct parser *p)
{
    const size_t size = strcspn(p->rest, "?#");
    const char  *path = p->rest;
    p->rest += size;

    if (p->url.scheme == HF_SCHEME_TCP || p->url.scheme == HF_SCHEME_TLS) {
        char db[16];
        if (size <= 1) return HF_OK;
        snprintf(db, sizeof db, "%.*s", (int)(size - 1), path + 1);
        return read_db(p, db);
    }
    if (size == 0 && p->url.scheme == HF_SCHEME_EMBEDDED) return HF_OK;
    if (size == 0 || path[0] != '/') {
        return refuse(p, HF_E_INVALID, "the path must be absolute, begin with /");
    }
    hf_err err = copy_decoded(p, hf_bytes(path, size), "bad percent escape in the path",
                              &p->url.path);
    if (err) return err;
    hf_assert(p->url.path);
    if (p->url.scheme == HF_SCHEME_UNIX &&
        strlen(p->url.path) >= sizeof((struct sockaddr_un){ 0 }).sun_path) {
        return refuse(p, HF_E_RANGE, "a socket's path has 1 to 107 bytes");
    }
    return HF_OK;
}

static hf_err read_parameter(struct parser *p, struct hf_bytes part,
                             hf_url_parameter_fn parameter, void *ctx)
{
    const char  *text = part.data;
    const char  *equals = memchr(text, '=', part.size);
    const size_t name_size = equals ? (size_t)(equals - text) : part.size;
    char         name[HF_URL_VALUE_MAX + 1], value[HF_URL_VALUE_MAX + 1];
    if (!equals || name_size == 0 || name_size > HF_URL_VALUE_MAX) {
        return refuse(p, HF_E_INVALID, "parameters after ? are name=value&name=value");
    }
    const struct hf_bytes rest = hf_bytes(equals + 1, part.size - name_size - 1);
    if (rest.size > HF_URL_VALUE_MAX) {
        return refuse(p, HF_E_INVALID, "a parameter's value has over 64 bytes");
    }
    if (!decode(hf_bytes(text, name_size), name) || !decode(rest, value)) {
        return refuse(p, HF_E_INVALID, "bad percent escape in a parameter");
    }
    const bool tcp = p->url.scheme == HF_SCHEME_TCP || p->url.scheme == HF_SCHEME_TLS;
    if (!tcp && strcmp(name, "db") == 0) return read_db(p, value);
    return parameter(name, value, p->error, ctx);
}

static hf_err read_query(struct parser *p, hf_url_parameter_fn parameter, void *ctx)
{
    if (strchr(p->rest, '#')) {
        return refuse(p, HF_E_INVALID, "write # as %23; a URL of a server has no fragment");
    }
    if (*p->rest == '?') p->rest++;
    while (*p->rest != '\0') {
        const size_t size = strcspn(p->rest, "&");
        const hf_err err = read_parameter(p, hf_bytes(p->rest, size), parameter, ctx);
        if (err) return err;
        p->rest += size + (p->rest[size] == '&');
    }
    return HF_OK;
}

hf_err hf_url_parse(struct hf_url *url, const struct hf_allocator *a, const char *text,
                    struct hf_error *error, hf_url_parameter_fn parameter, void *ctx)
{
    struct parser p = { .a = a, .text = text, .rest = text, .error = error };
    if (strnlen(text, HF_URL_SIZE_MAX + 1) > HF_URL_SIZE_MAX) {
        return hf_fail(error, HF_E_INVALID, "a URL has at most %d bytes", HF_URL_SIZE_MAX);
    }

    hf_err err = read_scheme(&p);
    if (!err) err = read_authority(&p);
    if (!err) err = read_path(&p);
    if (!err) err = read_query(&p, parameter, ctx);
    if (err) {
        hf_url_deinit(&p.url, a);
        return err;
    }
    *url = p.url;
    return HF_OK;
}

void hf_free_secret(const struct hf_allocator *a, char *secret)
{
    if (secret) explicit_bzero(secret, strlen(secret));
    hf_free(a, secret);
}

void hf_url_deinit(struct hf_url *url, const struct hf_allocator *a)
{
    hf_free(a, url->host);
    hf_free(a, url->path);
    hf_free(a, url->user);
    hf_free_secret(a, url->password);
    *url = (struct hf_url){ 0 };
}

static bool copy_part(const struct hf_allocator *a, const char *from, char **copy)
{
    if (!from) return true;
    *copy = hf_copy_text(a, from, strlen(from));
    return *copy != NULL;
}

hf_err hf_url_copy(const struct hf_url *from, const struct hf_allocator *a,
                   struct hf_url *copy)
{
    struct hf_url url = { .scheme = from->scheme, .port = from->port, .db = from->db };
    if (!copy_part(a, from->host, &url.host) || !copy_part(a, from->path, &url.path) ||
        !copy_part(a, from->user, &url.user) ||
        !copy_part(a, from->password, &url.password)) {
        hf_url_deinit(&url, a);
        return HF_E_NOMEM;
    }
    *copy = url;
    return HF_OK;
}

void hf_url_describe(const struct hf_url *url, char *out, size_t size)
{
    const char *name = "";
    for (size_t i = SCHEMES; i-- > 0;) {
        if (schemes[i].scheme == url->scheme) name = schemes[i].name;
    }
    switch (url->scheme) {
    case HF_SCHEME_TCP:
    case HF_SCHEME_TLS: {
        const bool ipv6 = strchr(url->host, ':') != NULL;
        snprintf(out, size, "%s://%s%s%s:%u/%u", name, ipv6 ? "[" : "", url->host,
                 ipv6 ? "]" : "", (unsigned)url->port, url->db);
        break;
    }
    case HF_SCHEME_UNIX:
    case HF_SCHEME_EMBEDDED: {
        const int length = snprintf(out, size, "%s:%.*s", name, 255,
                                    url->path ? url->path : "");
        if (url->db && length >= 0 && (size_t)length < size) {
            snprintf(out + length, size - (size_t)length, "?db=%u", url->db);
        }
        break;
    }
    }
}
