#include "core/write_all.h"

#include "support/test.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { SIZE = 1000 * 1000 }; /* More than a pipe holds. */

static void *read_all(void *ctx)
{
    const int   fd = *(const int *)ctx;
    static char got[SIZE];
    size_t      size = 0;
    ssize_t     part;
    while (size < SIZE && (part = read(fd, got + size, SIZE - size)) > 0)
        size += (size_t)part;
    return size == SIZE && got[SIZE - 1] == 'z' ? got : NULL;
}

static void more_than_the_descriptor_takes_at_once_arrives_whole(void **state)
{
    (void)state;
    static char bytes[SIZE];
    int         ends[2];
    pthread_t   reader;
    void       *got;
    memset(bytes, 'z', sizeof bytes);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pthread_create(&reader, NULL, read_all, &ends[0]), 0);
    assert_true(hf_write_all(ends[1], hf_bytes(bytes, sizeof bytes)));
    pthread_join(reader, &got);
    assert_non_null(got);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void why_it_failed_is_told(void **state)
{
    (void)state;
    int ends[2];
    (void)signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    (void)close(ends[0]);
    assert_false(hf_write_all(ends[1], hf_str("x")));
    assert_int_equal(errno, EPIPE);
    assert_true(hf_write_all(ends[1], hf_str("")));
    (void)close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_than_the_descriptor_takes_at_once_arrives_whole),
        cmocka_unit_test(why_it_failed_is_told),
    };
    return RUN_TESTS(tests);
}
