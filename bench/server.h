/* server.h - a private redis-server on a unix socket and on a free port of 127.0.0.1.
 *
 * It runs under a keeper process, which ends it and removes its folder as soon as the
 * benchmark has ended, however that happens.
 *
 * Threads:  the main thread.
 * Memory:   caller-allocated. */

#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include <sys/types.h>

/* Where to connect: a unix socket, or with a NULL path a port of 127.0.0.1. */
struct address {
    const char *unix_path;
    int         port;
    const char *ca_file; /* TLS, by a certificate that this one vouches for; NULL: plain. */
};

struct server {
    char           folder[64]; /* Short, because a socket path has at most 107 bytes. */
    char           path[96];
    char           version[32];
    struct address unix_address;
    struct address tcp_address;
    struct address tls_address;
    char           certificate[96], key[96]; /* Of the TLS port, signed by itself. */
    pid_t          redis;
    pid_t          keeper;
    int            leash; /* The keeper acts when the last copy of it is closed. */
};

void server_start(struct server *server);
void server_stop(struct server *server);

#endif
