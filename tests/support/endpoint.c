#include "support/endpoint.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static bool parse_path(const char *path, struct endpoint *e, char *why, size_t why_size)
{
    struct sockaddr_un *address = (struct sockaddr_un *)&e->address;
    const size_t        size = strlen(path);
    if (size == 0 || size >= sizeof address->sun_path) {
        snprintf(why, why_size, "%s: a socket's path has 1 to %zu bytes", e->text,
                 sizeof address->sun_path - 1);
        return false;
    }
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, size + 1);
    e->size = sizeof *address;
    return true;
}

static bool resolve(char *host, const char *port, struct endpoint *e, char *why,
                    size_t why_size)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                                    .ai_flags = AI_NUMERICSERV | AI_PASSIVE };
    struct addrinfo      *found;
    const int             err = getaddrinfo(host, port, &hints, &found);
    if (err) {
        snprintf(why, why_size, "%s: %s", e->text, gai_strerror(err));
        return false;
    }
    memcpy(&e->address, found->ai_addr, found->ai_addrlen);
    e->size = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static bool is_port(const char *text)
{
    char      *end;
    const long port = strtol(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && port <= 65535;
}

bool endpoint_parse(const char *text, struct endpoint *endpoint, char *why, size_t why_size)
{
    struct endpoint e = { 0 };
    if (strlen(text) >= sizeof e.text) {
        snprintf(why, why_size, "address longer than %zu bytes", sizeof e.text - 1);
        return false;
    }
    memcpy(e.text, text, strlen(text) + 1);

    bool is_good;
    char host[ENDPOINT_TEXT_MAX];
    memcpy(host, e.text, sizeof host);
    char *colon = strrchr(host, ':');
    if (strncmp(text, "unix:", 5) == 0) {
        is_good = parse_path(text + 5, &e, why, why_size);
    } else if (colon && colon > host && is_port(colon + 1)) {
        *colon = '\0';
        is_good = resolve(host, colon + 1, &e, why, why_size);
    } else {
        snprintf(why, why_size, "'%s' is no address: want unix:PATH or HOST:PORT", text);
        return false;
    }
    if (is_good) *endpoint = e;
    return is_good;
}

const char *endpoint_path(const struct endpoint *endpoint)
{
    if (endpoint->address.ss_family != AF_UNIX) return NULL;
    return ((const struct sockaddr_un *)&endpoint->address)->sun_path;
}

/* At the same place for both families. */
int endpoint_port(const struct endpoint *endpoint)
{
    if (endpoint->address.ss_family == AF_UNIX) return 0;
    return ntohs(((const struct sockaddr_in *)&endpoint->address)->sin_port);
}

static int close_failed(int fd)
{
    const int why = errno;
    close(fd);
    errno = why;
    return -1;
}

static int open_socket(const struct endpoint *e)
{
    const int one = 1;
    const int fd = socket(e->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
                          0);
    if (fd >= 0 && e->address.ss_family != AF_UNIX) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    return fd;
}

/* Any port becomes the one that was given. */
static bool take_given_port(int fd, struct endpoint *e)
{
    if (endpoint_path(e) || endpoint_port(e) != 0) return true;
    if (getsockname(fd, (struct sockaddr *)&e->address, &e->size) != 0) return false;
    char        *colon = strrchr(e->text, ':');
    const size_t space = sizeof e->text - (size_t)(colon - e->text);
    snprintf(colon, space, ":%d", endpoint_port(e));
    return true;
}

int endpoint_listen(struct endpoint *endpoint)
{
    const int fd = open_socket(endpoint);
    if (fd < 0) return -1;
    if (endpoint_path(endpoint)) unlink(endpoint_path(endpoint));
    if (bind(fd, (struct sockaddr *)&endpoint->address, endpoint->size) != 0 ||
        listen(fd, LISTEN_QUEUE) != 0 || !take_given_port(fd, endpoint)) {
        return close_failed(fd);
    }
    return fd;
}

int endpoint_connect(const struct endpoint *endpoint)
{
    const int fd = open_socket(endpoint);
    if (fd < 0) return -1;
    if (connect(fd, (const struct sockaddr *)&endpoint->address, endpoint->size) == 0 ||
        errno == EINPROGRESS) {
        return fd;
    }
    return close_failed(fd);
}
