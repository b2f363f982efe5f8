/* tls.h - TLS over a connected socket, by OpenSSL, as a transport like any other.
 *
 * The context holds what all connections of an endpoint share: trust, certificate, the last
 * session for resumption. Certificates are read again when a connection is made and their
 * files have changed. Host names and IP addresses are verified unless that is turned off,
 * which is logged at each connection.
 *
 * Threads:  a context is for the dialling thread, its session for any; on a transport one
 *           thread may send while another receives: a lock is taken around each SSL_read and
 *           SSL_write, never around poll().
 * Memory:   OpenSSL's own, from malloc; a small struct from the allocator.
 * Time:     never blocks.
 * Errors:   HF_E_TLS with OpenSSL's reason, HF_E_INVALID for files that cannot be used.
 * SIGPIPE is never raised: the bytes go through send() with MSG_NOSIGNAL. */

#ifndef HF_NET_TLS_H
#define HF_NET_TLS_H

#include "core/log.h"
#include "net/transport.h"

#include <holdfast/alloc.h>
#include <stdbool.h>

struct hf_tls_opts {
    const char *ca_file;     /* PEM; NULL: the system's. */
    const char *cert_file;   /* PEM, with its chain; NULL: none. */
    const char *key_file;    /* PEM; NULL: none. */
    const char *crl_file;    /* PEM, revoked certificates; NULL: not looked for. */
    const char *server_name; /* For SNI and verification; NULL: the host of the URL. */
    const char *ciphers;     /* OpenSSL's list for TLS 1.2; NULL: its default. */
    bool        verify;
};

struct hf_tls;

/* Reads the files. error may be NULL. */
HF_NODISCARD hf_err hf_tls_open(struct hf_tls **tls, const struct hf_allocator *a,
                                struct hf_logger *logger, const struct hf_tls_opts *opts,
                                const char *host, struct hf_error *error);

void hf_tls_close(struct hf_tls *tls);

/* Puts TLS on top of a connected socket, before any byte was sent. On failure *t is as it
 * was. */
HF_NODISCARD hf_err hf_tls_wrap(struct hf_tls *tls, struct hf_transport *t,
                                struct hf_error *error);

/* Moves the handshake on: HF_OK when it is done, HF_E_TRYAGAIN: poll for
 * hf_transport_events(), else what went wrong. */
HF_NODISCARD hf_err hf_tls_handshake(struct hf_transport *t, struct hf_error *error);

#endif
