/* url.h - where the server is, as one line of text.
 *
 *     redis://[[user]:password@]host[:port][/db][?option=value&...]
 *     rediss://...                                   the same over TLS
 *     unix:/path/to/socket[?db=2]                    also unix:///path, redis+unix:///path
 *     embedded:                                      a private server, gone with the process
 *     embedded:/folder                               ... that keeps its data there
 *
 * User, password, path and parameter values may hold percent escapes. An IPv6 host stands in
 * brackets. The port is 1 to 65535 (6379), db 0 to 9999 (0).
 *
 * Threads:  none; the owner serialises.
 * Memory:   parts are copies from the allocator; hf_url_deinit() wipes the password.
 * Errors:   HF_E_INVALID, HF_E_RANGE, HF_E_NOMEM. Details never hold what may be a password:
 *           of a URL that cannot be read everything before the last '@' stays unsaid. */

#ifndef HF_CORE_URL_H
#define HF_CORE_URL_H

#include <holdfast/alloc.h>
#include <holdfast/error.h>
#include <stdint.h>

enum {
    HF_URL_SIZE_MAX = 8192,    /* Bytes in the text. */
    HF_URL_VALUE_MAX = 64,     /* Bytes in the value of a parameter. */
    HF_URL_DESCRIBE_MAX = 320, /* Room that hf_url_describe() always finds enough. */
    HF_URL_DB_MAX = 9999,
};

enum hf_scheme { HF_SCHEME_TCP, HF_SCHEME_TLS, HF_SCHEME_UNIX, HF_SCHEME_EMBEDDED };

struct hf_url {
    enum hf_scheme scheme;
    char          *host;     /* TCP and TLS: a name, or an address without brackets. */
    uint16_t       port;     /* TCP and TLS. */
    char          *path;     /* UNIX: the socket; EMBEDDED: the folder, or NULL for none. */
    char          *user;     /* NULL: none given. */
    char          *password; /* NULL: none given. */
    uint32_t       db;
};

/* One ?name=value of the URL, value decoded. An error ends the parsing and is its result. */
typedef hf_err (*hf_url_parameter_fn)(const char *name, const char *value,
                                      struct hf_error *error, void *ctx);

/* Reads text into *url, which needs no init; on failure nothing is written or kept. error
 * may be NULL. */
HF_NODISCARD hf_err hf_url_parse(struct hf_url *url, const struct hf_allocator *a,
                                 const char *text, struct hf_error *error,
                                 hf_url_parameter_fn parameter, void *ctx);

void hf_url_deinit(struct hf_url *url, const struct hf_allocator *a);

/* A deep copy. HF_E_NOMEM; then nothing is kept. */
HF_NODISCARD hf_err hf_url_copy(const struct hf_url *from, const struct hf_allocator *a,
                                struct hf_url *copy);

/* "redis://10.0.0.7:6379/0": for logs, without user and password; cut at size. */
void hf_url_describe(const struct hf_url *url, char *out, size_t size);

/* A text that may hold a password, overwritten and freed; NULL is fine. */
void hf_free_secret(const struct hf_allocator *a, char *secret);

#endif
