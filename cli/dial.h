/* dial.h - from a host name to a connection, in bounded time.
 *
 * Threads:  a look-up has one of its own, which is left behind when it takes too long.
 * Memory:   addresses are freed by freeaddrinfo(). */

#ifndef CLI_DIAL_H
#define CLI_DIAL_H

#include <holdfast/time.h>
#include <netdb.h>

enum { DIAL_HOST_MAX = 256, DIAL_PORT_MAX = 8 };

/* NULL when there is none: *failure is of getaddrinfo(), or 0 without an answer in time. */
struct addrinfo *dial_lookup(const char host[DIAL_HOST_MAX], const char port[DIAL_PORT_MAX],
                             int seconds, int *failure);

/* A connected socket that never blocks; or -1, and *reason as an errno. */
int dial_connect(const struct sockaddr *address, socklen_t size, int timeout_ms, int *reason);

#endif
