#include "dial.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct lookup {
    pthread_mutex_t  lock;
    pthread_cond_t   done;
    char             host[DIAL_HOST_MAX];
    char             port[DIAL_PORT_MAX];
    struct addrinfo *found;
    int              failure;
    bool             is_done;
    bool             is_left; /* Who asked has gone: the thread frees it. */
};

static void free_lookup(struct lookup *l)
{
    if (l->found) freeaddrinfo(l->found);
    pthread_cond_destroy(&l->done);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static void *look_up(void *ctx)
{
    struct lookup        *l = ctx;
    struct addrinfo      *found = NULL;
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    const int             failure = getaddrinfo(l->host, l->port, &hints, &found);
    pthread_mutex_lock(&l->lock);
    l->found = found;
    l->failure = failure;
    l->is_done = true;
    const bool is_left = l->is_left;
    pthread_cond_signal(&l->done);
    pthread_mutex_unlock(&l->lock);
    if (is_left) free_lookup(l);
    return NULL;
}

static struct lookup *start(const char *host, const char *port)
{
    struct lookup *l = calloc(1, sizeof *l);
    pthread_t      thread;
    if (!l) return NULL;
    snprintf(l->host, sizeof l->host, "%s", host);
    snprintf(l->port, sizeof l->port, "%s", port);
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->done, NULL);
    if (pthread_create(&thread, NULL, look_up, l)) {
        free_lookup(l);
        return NULL;
    }
    pthread_detach(thread);
    return l;
}

struct addrinfo *dial_lookup(const char host[DIAL_HOST_MAX], const char port[DIAL_PORT_MAX],
                             int seconds, int *failure)
{
    struct lookup  *l = start(host, port);
    struct timespec end;
    *failure = EAI_MEMORY;
    if (!l) return NULL;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += seconds;
    pthread_mutex_lock(&l->lock);
    while (!l->is_done && pthread_cond_timedwait(&l->done, &l->lock, &end) == 0) {
    }
    const bool is_done = l->is_done;
    l->is_left = !is_done;
    pthread_mutex_unlock(&l->lock);
    *failure = 0;
    if (!is_done) return NULL;

    struct addrinfo *found = l->found;
    *failure = l->failure;
    l->found = NULL;
    free_lookup(l);
    return found;
}

int dial_connect(const struct sockaddr *address, socklen_t size, int timeout_ms, int *reason)
{
    const int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    *reason = fd < 0 || connect(fd, address, size) ? errno : 0;
    if (fd >= 0 && *reason == EINPROGRESS) {
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        socklen_t     length = sizeof *reason;
        *reason = ETIMEDOUT;
        if (poll(&p, 1, timeout_ms) == 1) {
            getsockopt(fd, SOL_SOCKET, SO_ERROR, reason, &length);
        }
    }
    if (fd >= 0 && *reason) close(fd);
    return *reason ? -1 : fd;
}
