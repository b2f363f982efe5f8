#include "wire.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

bool wire_open(struct wire *w, const char *socket_path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const size_t       size = strlen(socket_path) + 1;
    if (size > sizeof address.sun_path) return false;
    memcpy(address.sun_path, socket_path, size);

    w->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (w->fd < 0) return false;
    if (connect(w->fd, (const struct sockaddr *)&address, sizeof address) == 0) return true;
    wire_close(w);
    return false;
}

void wire_close(struct wire *w)
{
    if (w->fd >= 0) close(w->fd);
    w->fd = -1;
}

static bool wait_readable(const struct wire *w, hf_instant end)
{
    for (;;) {
        const hf_duration     left = hf_between(hf_now(), end);
        const struct timespec t = { left.ns / 1000000000, left.ns % 1000000000 };
        struct pollfd         p = { .fd = w->fd, .events = POLLIN };
        const int             n = ppoll(&p, 1, &t, NULL);
        if (n > 0) return true;
        if (n == 0 || errno != EINTR) return false;
    }
}

/* True once the reply is whole: "+OK\r\n", or "$5\r\nhello\r\n". */
static bool is_whole(const char *reply, size_t size)
{
    const char *end = strstr(reply, "\r\n");
    if (!end) return false;
    if (reply[0] != '$' || reply[1] == '-') return true;
    return size >= (size_t)(end - reply) + strtoul(reply + 1, NULL, 10) + 4;
}

bool wire_command(struct wire *w, const char *command, hf_duration timeout)
{
    char             line[256];
    const hf_instant end = hf_later(hf_now(), timeout);
    const int        length = snprintf(line, sizeof line, "%s\r\n", command);
    if (send(w->fd, line, (size_t)length, MSG_NOSIGNAL) != length) return false;

    size_t size = 0;
    w->reply[0] = '\0';
    while (!is_whole(w->reply, size)) {
        if (size + 1 >= sizeof w->reply || !wait_readable(w, end)) return false;
        const ssize_t n = recv(w->fd, w->reply + size, sizeof w->reply - 1 - size, 0);
        if (n <= 0 && errno != EAGAIN && errno != EINTR) return false;
        if (n == 0) return false;
        if (n > 0) size += (size_t)n;
        w->reply[size] = '\0';
    }
    return w->reply[0] != '-';
}

bool wire_wait_closed(struct wire *w, hf_duration timeout)
{
    const hf_instant end = hf_later(hf_now(), timeout);
    while (wait_readable(w, end)) {
        const ssize_t n = recv(w->fd, w->reply, sizeof w->reply, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return true;
    }
    return false;
}

bool wire_probe(const char *socket_path, hf_duration timeout)
{
    struct wire w;
    if (!wire_open(&w, socket_path)) return false;
    const bool back = wire_command(&w, "PING", timeout) && strncmp(w.reply, "+PONG", 5) == 0;
    wire_close(&w);
    return back;
}
