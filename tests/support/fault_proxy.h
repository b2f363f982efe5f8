/* fault_proxy.h - stands between clients and a server, and hurts them on command.
 *
 *     client <---> proxy <---> redis-server
 *
 *     struct fault_proxy *proxy = fault_proxy_start(redis_server_socket(server));
 *     ... connect to fault_proxy_path(proxy) ...
 *     uint64_t id = fault_proxy_set(proxy, &(struct fault){ .kind = FAULT_BLACK_HOLE });
 *     ... nothing passes ...
 *     fault_proxy_lift(proxy, id);
 *
 * A client of the proxy sees a connection as soon as the proxy listens; where the server
 * cannot be reached, it is then reset.
 *
 * Threads:  any may call; one thread does the forwarding. When a call that changes faults
 *           returns, no byte is handled in the old way any more.
 * Memory:   bounded: FAULT_PROXY_CONNECTIONS connections, FAULT_LANE_MAX bytes each way.
 * Errors:   fault_proxy_open() says why; afterwards what cannot be done is a closed
 * connection. */

#ifndef HF_TESTS_FAULT_PROXY_H
#define HF_TESTS_FAULT_PROXY_H

#include "support/fault.h"

enum { FAULT_PROXY_CONNECTIONS = 1024 };

struct fault_proxy;

/* Addresses as in endpoint.h. listen NULL: a unix socket in a private folder. NULL with the
 * reason in why. */
struct fault_proxy *fault_proxy_open(const char *listen, const char *to,
                                     char why[FAULT_WHY_MAX]);

/* For tests: from a private unix socket to the server's; aborts when it cannot. */
struct fault_proxy *fault_proxy_start(const char *server_socket);

/* The same from a free port of 127.0.0.1 to a server's port there. */
struct fault_proxy *fault_proxy_start_tcp(int server_port);

/* Resets what is open. NULL is fine. */
void fault_proxy_close(struct fault_proxy *proxy);

/* Where clients connect; valid until closed. */
const char *fault_proxy_address(const struct fault_proxy *proxy);
const char *fault_proxy_path(const struct fault_proxy *proxy); /* NULL for TCP. */
int         fault_proxy_port(const struct fault_proxy *proxy); /* 0 for a unix socket. */
const char *fault_proxy_url(const struct fault_proxy *proxy);  /* unix:// or redis:// */

/* Adds a fault to those in force, at most FAULT_SLOTS, and returns its id, never 0. Its data
 * is copied. Aborts when there are too many. */
uint64_t fault_proxy_set(struct fault_proxy *proxy, const struct fault *fault);

/* Takes one away; one that is gone already is fine. */
void fault_proxy_lift(struct fault_proxy *proxy, uint64_t id);

/* Takes all away and ends the random play. Connections live on. */
void fault_proxy_clear(struct fault_proxy *proxy);

/* Ends a connection, or all for 0, at once; what is queued in the proxy is dropped. */
void fault_proxy_cut(struct fault_proxy *proxy, uint32_t connection, enum fault_end end);

/* By turns: calm for up to calm_max, then one fault out of the kinds (bits 1 << kind) for up
 * to storm_max, until cleared. What happens follows from the seed; to which bytes it happens
 * follows from the traffic too. */
struct fault_play {
    uint64_t    seed;
    unsigned    kinds;
    hf_duration calm_max;
    hf_duration storm_max;
    /* Told in the proxy's thread, without a lock; NULL is fine. fault NULL: calm again. */
    void (*tell)(const struct fault *fault, void *ctx);
    void *ctx;
};

void fault_proxy_play(struct fault_proxy *proxy, const struct fault_play *plan);

struct fault_counts {
    uint64_t accepted; /* Connections, ever. The n-th has the number n. */
    uint64_t open;     /* Now. */
    uint64_t bytes_to_server;
    uint64_t bytes_to_client;
    uint64_t commands; /* Whole ones that came from clients. */
    uint64_t replies;  /* Whole ones that came from the server. */
    uint64_t struck;   /* How often faults that strike once did. */
};

struct fault_counts fault_proxy_counts(struct fault_proxy *proxy);

#endif
