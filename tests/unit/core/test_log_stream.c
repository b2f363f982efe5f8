#include "core/log_stream.h"

#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char line[] = "level=warn event=breaker_opened\n";

static bool write_line(int fd)
{
    return hf_log_stream_write(fd, line, sizeof line - 1);
}

static void a_line_arrives_whole(void **state)
{
    (void)state;
    char got[64];
    int  ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_true(write_line(ends[1]));
    assert_int_equal(read(ends[0], got, sizeof got), sizeof line - 1);
    assert_memory_equal(got, line, sizeof line - 1);
    close(ends[0]);
    close(ends[1]);
}

/* The signal would end this program. */
static void who_reads_may_be_gone(void **state)
{
    (void)state;
    int ends[2], sockets[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    close(ends[0]);
    close(sockets[0]);
    signal(SIGPIPE, SIG_DFL);
    errno = ENOENT;
    assert_false(write_line(ends[1]));
    assert_false(write_line(sockets[1]));
    assert_false(write_line(-1));
    assert_int_equal(errno, ENOENT);
    close(ends[1]);
    close(sockets[1]);
}

static void a_signal_that_was_pending_stays_so(void **state)
{
    (void)state;
    sigset_t sigpipe, before, pending;
    int      sockets[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    close(sockets[0]);
    sigemptyset(&sigpipe);
    sigaddset(&sigpipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
    raise(SIGPIPE);
    assert_false(write_line(sockets[1]));
    sigpending(&pending);
    assert_int_equal(sigismember(&pending, SIGPIPE), 1);
    signal(SIGPIPE, SIG_IGN); /* Forgets it. */
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    signal(SIGPIPE, SIG_DFL);
    close(sockets[1]);
}

/* Waiting would take for ever. */
static void nobody_is_waited_for(void **state)
{
    (void)state;
    static const char page[PIPE_BUF];
    int               ends[2];
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    while (write(ends[1], page, sizeof page) > 0) continue;
    assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
    assert_false(write_line(ends[1]));
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_arrives_whole),
        cmocka_unit_test(who_reads_may_be_gone),
        cmocka_unit_test(a_signal_that_was_pending_stays_so),
        cmocka_unit_test(nobody_is_waited_for),
    };
    return RUN_TESTS(tests);
}
