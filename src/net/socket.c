#include "net/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static bool would_block(int os_error)
{
    return os_error == EAGAIN || os_error == EWOULDBLOCK || os_error == EINTR;
}

static hf_err socket_send(struct hf_transport *t, const struct iovec *parts, int count,
                          size_t *sent, int *os_error)
{
    const struct msghdr message = { .msg_iov = (struct iovec *)parts,
                                    .msg_iovlen = (size_t)count };
    const ssize_t       n = sendmsg(t->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && !would_block(errno)) {
        *os_error = errno;
        return HF_E_LOST;
    }
    *sent = n < 0 ? 0 : (size_t)n;
    return HF_OK;
}

static hf_err socket_receive(struct hf_transport *t, void *data, size_t size,
                             size_t *received, int *os_error)
{
    const ssize_t n = recv(t->fd, data, size, MSG_DONTWAIT);
    if (n == 0) {
        *os_error = 0;
        return HF_E_LOST;
    }
    if (n < 0 && !would_block(errno)) {
        *os_error = errno;
        return HF_E_LOST;
    }
    *received = n < 0 ? 0 : (size_t)n;
    return HF_OK;
}

static short socket_events(const struct hf_transport *t, short wanted)
{
    (void)t;
    return wanted;
}

static void socket_close(struct hf_transport *t)
{
    close(t->fd);
}

static const struct hf_transport_ops socket_ops = {
    .send = socket_send,
    .receive = socket_receive,
    .events = socket_events,
    .close = socket_close,
};

hf_err hf_address_unix(struct hf_address *address, const char *path)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&address->storage;
    const size_t        length = strlen(path);
    if (length >= sizeof un->sun_path) return HF_E_TOO_LARGE;

    *address = (struct hf_address){ .size = sizeof *un };
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, length + 1);
    return HF_OK;
}

void hf_address_text(const struct hf_address *address, char *text, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "?";
    switch (address->storage.ss_family) {
    case AF_INET: {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&address->storage;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        snprintf(text, size, "%s:%u", host, (unsigned)ntohs(in->sin_port));
        break;
    }
    case AF_INET6: {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address->storage;
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
        snprintf(text, size, "[%s]:%u", host, (unsigned)ntohs(in6->sin6_port));
        break;
    }
    default:
        snprintf(text, size, "%s", ((const struct sockaddr_un *)&address->storage)->sun_path);
    }
}

hf_err hf_socket_connect(struct hf_transport *t, const struct hf_address *address,
                         bool *connected, int *os_error)
{
    const int fd = socket(address->storage.ss_family,
                          SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        *os_error = errno;
        return HF_E_CONNECT;
    }

    /* A full backlog of a unix socket says EAGAIN and leaves nothing to wait for. */
    const int result = connect(fd, (const struct sockaddr *)&address->storage, address->size);
    if (result < 0 && errno != EINPROGRESS && errno != EINTR) {
        *os_error = errno;
        close(fd);
        return HF_E_CONNECT;
    }
    *t = (struct hf_transport){ .ops = &socket_ops, .fd = fd };
    *connected = result == 0;
    return HF_OK;
}

hf_err hf_socket_connected(struct hf_transport *t, int *os_error)
{
    int       failure = 0;
    socklen_t size = sizeof failure;
    if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &failure, &size) < 0) failure = errno;
    if (failure == 0) return HF_OK;
    *os_error = failure;
    return HF_E_CONNECT;
}

void hf_socket_tune(struct hf_transport *t, hf_duration patience)
{
    enum { KEEPALIVE_IDLE_S = 15, KEEPALIVE_INTERVAL_S = 5, KEEPALIVE_PROBES = 3 };
    const int on = 1, idle = KEEPALIVE_IDLE_S, interval = KEEPALIVE_INTERVAL_S,
              probes = KEEPALIVE_PROBES;
    const unsigned patience_ms = (unsigned)hf_to_ms(patience);

    /* Each is an improvement, none a condition: unix sockets refuse them all. */
    (void)setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(t->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(t->fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    (void)setsockopt(t->fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    (void)setsockopt(t->fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    (void)setsockopt(t->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof patience_ms);
}
