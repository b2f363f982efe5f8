#include "delay_proxy.h"

#include "child.h"
#include "die.h"
#include "port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    DIRECTIONS_MAX = 1024, /* Two for each client. */
    RING_BYTES = 256 * 1024,
    RING_PARCELS = 4096,
};

/* What one read brought. */
struct parcel {
    hf_instant due;
    size_t     size;
};

/* Counters only grow; their remainders are the places in the rings. */
struct direction {
    int           from;
    int           to;
    char         *bytes;
    struct parcel parcels[RING_PARCELS];
    size_t        bytes_in;
    size_t        bytes_out;
    size_t        parcels_in;
    size_t        parcels_out;
};

struct proxy {
    int               listener;
    int               port;
    hf_duration       delay;
    int               count;
    struct direction *directions[DIRECTIONS_MAX]; /* 2 i and 2 i + 1 are one connection. */
};

static bool is_full(const struct direction *d)
{
    return d->bytes_in - d->bytes_out == RING_BYTES ||
           d->parcels_in - d->parcels_out == RING_PARCELS;
}

/* False when this side has ended. */
static bool take_in(struct direction *d, hf_instant due)
{
    const size_t  at = d->bytes_in % RING_BYTES;
    const size_t  room = RING_BYTES - (d->bytes_in - d->bytes_out);
    const size_t  straight = RING_BYTES - at < room ? RING_BYTES - at : room;
    const ssize_t got = recv(d->from, d->bytes + at, straight, MSG_DONTWAIT);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    d->parcels[d->parcels_in++ % RING_PARCELS] = (struct parcel){ due, (size_t)got };
    d->bytes_in += (size_t)got;
    return true;
}

/* Sends what is due. Never blocks: what the receiver does not take stays due. */
static void hand_out(struct direction *d, hf_instant now)
{
    while (d->parcels_out < d->parcels_in) {
        struct parcel *parcel = &d->parcels[d->parcels_out % RING_PARCELS];
        const size_t   at = d->bytes_out % RING_BYTES;
        if (hf_before(now, parcel->due)) return;

        /* A parcel was read in one piece, so it does not wrap. */
        const ssize_t sent = send(d->to, d->bytes + at, parcel->size,
                                  MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent <= 0) return;
        d->bytes_out += (size_t)sent;
        parcel->size -= (size_t)sent;
        if (parcel->size) return;
        d->parcels_out++;
    }
}

static hf_instant next_due(const struct proxy *proxy)
{
    hf_instant next = hf_never();
    for (int i = 0; i < proxy->count; i++) {
        const struct direction *d = proxy->directions[i];
        if (d->parcels_out == d->parcels_in) continue;
        next = hf_earlier_of(next, d->parcels[d->parcels_out % RING_PARCELS].due);
    }
    return next;
}

static struct direction *direction_new(int from, int to)
{
    struct direction *d = calloc(1, sizeof *d);
    if (!d || !(d->bytes = malloc(RING_BYTES))) die("proxy: out of memory");
    d->from = from;
    d->to = to;
    return d;
}

static void accept_client(struct proxy *proxy)
{
    struct sockaddr_in where = { .sin_family = AF_INET };
    const int          on = 1;
    const int          client = accept(proxy->listener, NULL, NULL);
    const int          server = socket(AF_INET, SOCK_STREAM, 0);
    where.sin_port = htons((uint16_t)proxy->port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (client < 0 || server < 0 || proxy->count + 2 > DIRECTIONS_MAX ||
        connect(server, (struct sockaddr *)&where, sizeof where)) {
        die("proxy: cannot take one more client");
    }
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    proxy->directions[proxy->count++] = direction_new(client, server);
    proxy->directions[proxy->count++] = direction_new(server, client);
}

static void drop_connection(struct proxy *proxy, int pair)
{
    close(proxy->directions[pair]->from);
    close(proxy->directions[pair]->to);
    for (int i = pair; i < pair + 2; i++) {
        free(proxy->directions[i]->bytes);
        free(proxy->directions[i]);
        proxy->directions[i] = proxy->directions[proxy->count - 2 + i - pair];
    }
    proxy->count -= 2;
}

/* Sleeps until something arrives or is due; what[0] is the listener. */
static void wait_for_work(const struct proxy *proxy, struct pollfd *what)
{
    const hf_instant next = next_due(proxy);
    const hf_instant now = hf_now();
    const int64_t    ns = hf_between(now, next).ns;
    struct timespec  pause = { ns / 1000000000, ns % 1000000000 };

    what[0] = (struct pollfd){ proxy->listener, POLLIN, 0 };
    for (int i = 0; i < proxy->count; i++) {
        const struct direction *d = proxy->directions[i];
        const bool              stuck = d->parcels_out < d->parcels_in &&
                           !hf_before(now, d->parcels[d->parcels_out % RING_PARCELS].due);
        if (stuck) pause = (struct timespec){ 0, 50000 };
        what[i + 1] = (struct pollfd){ is_full(d) ? -1 : d->from, POLLIN, 0 };
    }
    if (ppoll(what, (nfds_t)proxy->count + 1, &pause, NULL) < 0 && errno != EINTR) {
        die("proxy: poll: %s", strerror(errno));
    }
}

static void serve(void *ctx)
{
    static struct pollfd what[DIRECTIONS_MAX + 1];
    struct proxy        *proxy = ctx;
    prctl(PR_SET_TIMERSLACK, 1UL);
    for (;;) {
        wait_for_work(proxy, what);
        const hf_instant now = hf_now();
        for (int i = proxy->count - 1; i >= 0; i--) {
            if (what[i + 1].revents &&
                !take_in(proxy->directions[i], hf_later(now, proxy->delay))) {
                i -= i % 2;
                drop_connection(proxy, i);
            }
        }
        for (int i = 0; i < proxy->count; i++) hand_out(proxy->directions[i], now);
        if (what[0].revents) accept_client(proxy);
    }
}

pid_t delay_proxy_start(int port, hf_duration delay, int *proxy_port)
{
    struct proxy proxy = { .port = port, .delay = delay };
    proxy.listener = port_listen(proxy_port);
    const pid_t child = child_start(serve, &proxy);
    close(proxy.listener);
    return child;
}
