/* endpoint.h - a socket's address from text, to listen on or to connect to.
 *
 *     unix:/tmp/x/s    127.0.0.1:6379    localhost:6379    127.0.0.1:0 (any free port)
 *
 * Threads:  any.
 * Memory:   a value.
 * Errors:   false, or -1 with errno. */

#ifndef HF_TESTS_ENDPOINT_H
#define HF_TESTS_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum { ENDPOINT_TEXT_MAX = 128, LISTEN_QUEUE = 1024 };

struct endpoint {
    struct sockaddr_storage address;
    socklen_t               size;
    char                    text[ENDPOINT_TEXT_MAX];
};

/* Resolves names (the first address counts). On false why says what is wrong. */
bool endpoint_parse(const char *text, struct endpoint *endpoint, char *why, size_t why_size);

/* A non-blocking listening socket; replaces a unix socket that is there. Where any port was
 * asked for, the endpoint becomes the one that was given. */
int endpoint_listen(struct endpoint *endpoint);

/* A non-blocking socket, connected or connecting. */
int endpoint_connect(const struct endpoint *endpoint);

/* The path of a unix socket, else NULL. */
const char *endpoint_path(const struct endpoint *endpoint);

/* The port, 0 for a unix socket. */
int endpoint_port(const struct endpoint *endpoint);

#endif
