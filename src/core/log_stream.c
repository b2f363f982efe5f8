#include "core/log_stream.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

/* A pipe is ready when it takes PIPE_BUF bytes at once. */
static bool is_ready(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) && !(p.revents & POLLERR);
}

/* The signal goes to the thread that writes: one that was not there before is ours to take
 * away. */
static bool write_without_signal(int fd, const char *line, size_t size)
{
    static const struct timespec at_once = { 0 };
    sigset_t                     sigpipe, pending, before;
    sigemptyset(&sigpipe);
    sigaddset(&sigpipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
    sigpending(&pending);
    const bool was_pending = sigismember(&pending, SIGPIPE) == 1;
    const bool is_written = write(fd, line, size) == (ssize_t)size;
    if (!is_written && errno == EPIPE && !was_pending) {
        (void)!sigtimedwait(&sigpipe, NULL, &at_once);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return is_written;
}

bool hf_log_stream_write(int fd, const char *line, size_t size)
{
    const int  error = errno;
    const bool is_written = is_ready(fd) && write_without_signal(fd, line, size);
    errno = error;
    return is_written;
}
