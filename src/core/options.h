/* options.h - the settings behind <holdfast/options.h>, and the rules between them.
 *
 * options.c holds the table: one row per option gives its name, environment variable, URL
 * parameter, command line flag, kind, range, default, help and place in this struct.
 *
 * Threads:  none; the owner serialises. A copy is read-only and free for all.
 * Memory:   hf_options_close() frees either; passwords are wiped. */

#ifndef HF_CORE_OPTIONS_H
#define HF_CORE_OPTIONS_H

#include "core/log.h"
#include "core/trace.h"
#include "core/url.h"

#include <holdfast/credentials.h>
#include <holdfast/options.h>
#include <holdfast/time.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hf_options {
    struct hf_allocator memory;    /* Where this struct and its texts come from. */
    struct hf_allocator allocator; /* For the client. */
    struct hf_log_opts  log;
    struct hf_tracer    tracer;

    struct hf_url     url;
    char             *user; /* Set as options, these two win over the URL's; in a copy they */
    char             *password;        /* have been moved into the url and are NULL here. */
    hf_credentials_fn ask_credentials; /* Wins over all of these; NULL: none. */
    void             *ask_ctx;
    char             *key_prefix;  /* Never NULL, may be "". */
    char             *client_name; /* Never NULL, may be "". */

    char *tls_ca_file; /* These never NULL, may be "". */
    char *tls_cert_file;
    char *tls_key_file;
    char *tls_crl_file;
    char *tls_server_name;
    char *tls_ciphers;
    bool  tls_verify;

    uint32_t    max_connections;
    hf_duration connection_lifetime;    /* 0: no limit. */
    hf_duration socket_timeout;         /* One call, in all. */
    hf_duration socket_connect_timeout; /* One dial: DNS, connect, TLS, AUTH. */
    hf_duration attempt_timeout;        /* 0: derived from the call's timeout. */
    bool        retry_on_timeout;
    hf_duration health_check_interval;

    uint32_t    breaker_threshold; /* Failures in a row. */
    hf_duration breaker_timeout;

    size_t   compression_threshold; /* Bytes. */
    size_t   value_size_max;        /* Bytes. */
    size_t   large_size_max;        /* Bytes. */
    size_t   reply_size_max;        /* Bytes. */
    uint32_t calls_max;             /* Commands queued or under way, in one client. */
    bool     adaptive_limit;        /* Of calls under way, by the server's latency. */
    size_t   bytes_in_flight_max;   /* Bytes of those commands. */
};

/* HF_E_INVALID when two settings contradict each other, naming both with their values. */
HF_NODISCARD hf_err hf_options_check(const struct hf_options *options,
                                     struct hf_error         *error);

/* A deep copy, allocated from from->allocator, with user and password moved into its url.
 * HF_E_NOMEM. */
HF_NODISCARD hf_err hf_options_copy(const struct hf_options *from, struct hf_options **copy);

#endif
