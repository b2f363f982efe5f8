#include "delay_proxy.h"

#include "child.h"
#include "die.h"
#include "port.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    WAYS_MAX = 2048, /* Two for each client, never used again. */
    PARCEL_MAX = 64 * 1024,
    PARCELS = 64 * 1024,
    BYTES = 8 * 1024 * 1024,
    EVENTS = 256,
    LISTENER = WAYS_MAX, /* As the number in an event. */
};

struct way {
    int from;
    int to;
};

/* What one read brought; size 0: the end of the stream. */
struct parcel {
    hf_instant due;
    int        to;
    size_t     at; /* In bytes. */
    size_t     size;
};

struct proxy {
    int           listener;
    int           epoll;
    int           port;
    hf_duration   delay;
    int           way_count;
    struct way    ways[WAYS_MAX];
    struct parcel parcels[PARCELS]; /* A ring; the counters only grow. */
    size_t        parcels_in;
    size_t        parcels_out;
    size_t        bytes_at; /* Where the next parcel goes. */
    char          bytes[BYTES];
};

static void watch(const struct proxy *proxy, int fd, uint32_t number)
{
    struct epoll_event event = { .events = EPOLLIN, .data.u32 = number };
    if (epoll_ctl(proxy->epoll, EPOLL_CTL_ADD, fd, &event)) die("proxy: epoll_ctl");
}

static void add_way(struct proxy *proxy, int from, int to)
{
    const int on = 1;
    if (proxy->way_count == WAYS_MAX) die("proxy: too many clients");
    setsockopt(from, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(proxy, from, (uint32_t)proxy->way_count);
    proxy->ways[proxy->way_count++] = (struct way){ from, to };
}

static void accept_client(struct proxy *proxy)
{
    struct sockaddr_in where = { .sin_family = AF_INET };
    const int          client = accept(proxy->listener, NULL, NULL);
    const int          server = socket(AF_INET, SOCK_STREAM, 0);
    where.sin_port = htons((uint16_t)proxy->port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (client < 0 || server < 0 ||
        connect(server, (struct sockaddr *)&where, sizeof where)) {
        die("proxy: cannot take one more client");
    }
    add_way(proxy, client, server);
    add_way(proxy, server, client);
}

/* Parcels lie one after the other. One that would not fit before the end begins at 0, where
 * a queue this much larger than what is under way has long been emptied. */
static void take_in(struct proxy *proxy, const struct way *way)
{
    if (BYTES - proxy->bytes_at < PARCEL_MAX) proxy->bytes_at = 0;
    const size_t  at = proxy->bytes_at;
    const ssize_t got = recv(way->from, proxy->bytes + at, PARCEL_MAX, MSG_DONTWAIT);
    if (got <= 0) epoll_ctl(proxy->epoll, EPOLL_CTL_DEL, way->from, NULL);

    proxy->parcels[proxy->parcels_in++ % PARCELS] = (struct parcel){
        .due = hf_later(hf_now(), proxy->delay),
        .to = way->to,
        .at = at,
        .size = got > 0 ? (size_t)got : 0,
    };
    proxy->bytes_at += got > 0 ? (size_t)got : 0;
}

static bool is_full(const struct proxy *proxy)
{
    if (proxy->parcels_in == proxy->parcels_out) return false;
    if (proxy->parcels_in - proxy->parcels_out == PARCELS) return true;
    const size_t oldest = proxy->parcels[proxy->parcels_out % PARCELS].at;
    const size_t used = (proxy->bytes_at - oldest + BYTES) % BYTES;
    return used > BYTES / 2;
}

static void hand_out(const struct proxy *proxy, const struct parcel *parcel)
{
    if (parcel->size == 0) shutdown(parcel->to, SHUT_WR);
    for (size_t done = 0; done < parcel->size;) {
        const ssize_t sent = send(parcel->to, proxy->bytes + parcel->at + done,
                                  parcel->size - done, MSG_NOSIGNAL);
        if (sent < 0) return; /* It has gone away. */
        done += (size_t)sent;
    }
}

/* Sends what is due and says how long until the next. */
static struct timespec hand_out_due(struct proxy *proxy)
{
    while (proxy->parcels_out < proxy->parcels_in) {
        const struct parcel *parcel = &proxy->parcels[proxy->parcels_out % PARCELS];
        const int64_t        ns = hf_between(hf_now(), parcel->due).ns;
        if (ns > 0) return (struct timespec){ 0, ns };
        hand_out(proxy, parcel);
        proxy->parcels_out++;
    }
    return (struct timespec){ 1, 0 };
}

static void serve(void *ctx)
{
    struct proxy      *proxy = ctx;
    struct epoll_event events[EVENTS];
    prctl(PR_SET_TIMERSLACK, 1UL);
    proxy->epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(proxy, proxy->listener, LISTENER);
    for (;;) {
        const struct timespec pause = hand_out_due(proxy);
        const int count = epoll_pwait2(proxy->epoll, events, EVENTS, &pause, NULL);
        for (int i = 0; i < count && !is_full(proxy); i++) {
            if (events[i].data.u32 == LISTENER) {
                accept_client(proxy);
            } else {
                take_in(proxy, &proxy->ways[events[i].data.u32]);
            }
        }
    }
}

pid_t delay_proxy_start(int port, hf_duration delay, int *proxy_port)
{
    struct proxy *proxy = calloc(1, sizeof *proxy);
    if (!proxy) die("out of memory");
    proxy->port = port;
    proxy->delay = delay;
    proxy->listener = port_listen(proxy_port);
    const pid_t child = child_start(serve, proxy);
    close(proxy->listener);
    free(proxy);
    return child;
}
