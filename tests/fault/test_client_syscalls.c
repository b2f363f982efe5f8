#include "support/counting_allocator.h"
#include "support/leaks.h"
#include "support/redis_server.h"
#include "support/session.h"
#include "support/test.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* One session of everything a client does, played again and again, each time with the next
 * system call of one kind failing, until one is played without a failure. The calls below
 * stand in for the C library's in this program. */

enum { CALLS_MAX = 400 };

/* clang-format off */

/*    kind              errno         */
#define CALL_MAP(X)                    \
    X(SOCKET,           EMFILE)        \
    X(CONNECT,          ENETUNREACH)   \
    X(SETSOCKOPT,       ENOBUFS)       \
    X(GETSOCKOPT,       ENOBUFS)       \
    X(SENDMSG,          ECONNRESET)    \
    X(SENDMSG_FULL,     EAGAIN)        \
    X(SENDMSG_SIGNAL,   EINTR)         \
    X(RECV,             ECONNRESET)    \
    X(RECV_EMPTY,       EAGAIN)        \
    X(RECV_SIGNAL,      EINTR)         \
    X(PPOLL_SIGNAL,     EINTR)         \
    X(PPOLL_MEMORY,     ENOMEM)        \
    X(POLL_SIGNAL,      EINTR)         \
    X(EVENTFD,          EMFILE)        \
    X(THREAD,           EAGAIN)

/* clang-format on */

enum call {
#define X(kind, number) CALL_##kind,
    CALL_MAP(X)
#undef X
        CALLS
};

static const char *const names[] = {
#define X(kind, number) #kind,
    CALL_MAP(X)
#undef X
};

static const int numbers[] = {
#define X(kind, number) number,
    CALL_MAP(X)
#undef X
};

static _Atomic(enum call) failing = CALLS; /* None. */
static atomic_long        made, fails_at;

bool fails(enum call kind); /* Not static: glibc declares what calls it as inline. */

/* True when this call of the kind is the one to fail; errno says how. */
bool fails(enum call kind)
{
    if (atomic_load(&failing) != kind) return false;
    if (atomic_fetch_add(&made, 1) + 1 != atomic_load(&fails_at)) return false;
    errno = numbers[kind];
    return true;
}

int socket(int domain, int type, int protocol)
{
    if (fails(CALL_SOCKET)) return -1;
    return (int)syscall(SYS_socket, domain, type, protocol);
}

int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t size)
{
    if (fails(CALL_CONNECT)) return -1;
    return (int)syscall(SYS_connect, fd, address.__sockaddr__, size);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
    if (fails(CALL_SETSOCKOPT)) return -1;
    return (int)syscall(SYS_setsockopt, fd, level, name, value, size);
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *size)
{
    if (fails(CALL_GETSOCKOPT)) return -1;
    return (int)syscall(SYS_getsockopt, fd, level, name, value, size);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (fails(CALL_SENDMSG) || fails(CALL_SENDMSG_FULL) || fails(CALL_SENDMSG_SIGNAL)) {
        return -1;
    }
    return syscall(SYS_sendmsg, fd, message, flags);
}

ssize_t recv(int fd, void *data, size_t size, int flags)
{
    if (fails(CALL_RECV) || fails(CALL_RECV_EMPTY) || fails(CALL_RECV_SIGNAL)) return -1;
    return syscall(SYS_recvfrom, fd, data, size, flags, NULL, NULL);
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
          const sigset_t *mask)
{
    struct timespec left = { 0 };
    if (fails(CALL_PPOLL_SIGNAL) || fails(CALL_PPOLL_MEMORY)) return -1;
    if (timeout) left = *timeout; /* The kernel writes to it. */
    return (int)syscall(SYS_ppoll, fds, count, timeout ? &left : NULL, mask,
                        sizeof(long)); /* Of a signal set, for the kernel. */
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    if (fails(CALL_POLL_SIGNAL)) return -1;
    return (int)syscall(SYS_poll, fds, count, timeout);
}

int eventfd(unsigned value, int flags)
{
    if (fails(CALL_EVENTFD)) return -1;
    return (int)syscall(SYS_eventfd2, value, flags);
}

typedef int (*create_fn)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *),
                   void *ctx)
{
    create_fn real;
    if (fails(CALL_THREAD)) return EAGAIN;
    *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    return real(thread, attributes, body, ctx);
}

static void relent(void *ctx)
{
    (void)ctx;
    atomic_store(&failing, CALLS);
}

/* Fails each call of the kind in turn; how many there were. */
static long torture(const struct session *session, struct redis_server *server,
                    struct counting_allocator *memory, enum call kind)
{
    long at = 0;
    do {
        redis_server_do(server, "SET n 0");
        atomic_store(&made, 0);
        atomic_store(&fails_at, ++at);
        atomic_store(&failing, kind);
        session_play(session);
        atomic_store(&failing, CALLS);
        if (memory->blocks) {
            fail_msg("%s %ld: %ld blocks left", names[kind], at, (long)memory->blocks);
        }
    } while (atomic_load(&made) >= at && at < CALLS_MAX);
    return at - 1;
}

static void each_system_call_may_fail_once(void **state)
{
    (void)state;
    struct redis_server *server = redis_server_open(
        &(struct redis_server_options){ .tcp = true });
    struct counting_allocator memory;
    counting_allocator_init(&memory);
    const struct session session = {
        .url = redis_server_tcp_url(server),
        .allocator = &memory.base,
        .relent = relent,
    };
    session_play(&session); /* What is set up once is set up. */
    const struct leaks before = leaks_count();
    for (enum call kind = 0; kind < CALLS; kind++) {
        const long failed = torture(&session, server, &memory, kind);
        print_message("%s: %ld\n", names[kind], failed);
        assert_true(leaks_settle(&before));
    }
    redis_server_close(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_system_call_may_fail_once),
    };
    return RUN_TESTS(tests);
}
