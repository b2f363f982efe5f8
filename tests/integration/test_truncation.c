/* A file is cut while it is read: the server holds up the first chunk, the rest goes, and the
 * server goes on. */

#include "support/cache_fixture.h"
#include "support/test.h"
#include "support/wait.h"

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { SIZE = 3 * 1024 * 1024, LEFT = 1536 * 1024 };

struct fixture {
    struct cache_fixture cache;
    struct hf_files     *files;
    char                 path[64];
    int                  fd;
    hf_err               err; /* Of what runs beside the test. */
    struct hf_error      error;
};

/* It does not get smaller on its way. */
static void write_noise(int fd)
{
    uint64_t block[SIZE / 8 / 64], x = 88172645463325252u;
    for (int i = 0; i < 64; i++) {
        for (size_t k = 0; k < sizeof block / sizeof block[0]; k++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            block[k] = x;
        }
        assert_int_equal(write(fd, block, sizeof block), sizeof block);
    }
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
}

static void set_up(struct fixture *f)
{
    static const struct hf_files_options here = { .host = "here" };
    *f = (struct fixture){ .path = "/tmp/holdfast-truncation-XXXXXX", .err = HF_E_INVALID };
    cache_fixture_open(&f->cache, NULL);
    assert_int_equal(hf_files_open(f->cache.client, &here, &f->files, &f->error), HF_OK);
    f->fd = mkstemp(f->path);
    assert_true(f->fd >= 0);
    write_noise(f->fd);
}

static void tear_down(struct fixture *f)
{
    close(f->fd);
    unlink(f->path);
    hf_files_close(f->files);
    cache_fixture_close(&f->cache);
}

/* A command with a chunk has come, and is not done. */
static bool is_held_up(void *ctx)
{
    const struct fixture *f = ctx;
    redisReply           *reply = redis_server_command(f->cache.server, "CLIENT LIST");
    bool                  is_held = false;
    for (const char *at = reply->str; (at = strstr(at, " argv-mem=")) && !is_held; at++) {
        is_held = strtol(at + strlen(" argv-mem="), NULL, 10) > 1000000;
    }
    freeReplyObject(reply);
    return is_held;
}

static long long keys(const struct fixture *f)
{
    redisReply     *reply = redis_server_command(f->cache.server, "KEYS *:*");
    const long long count = (long long)reply->elements;
    freeReplyObject(reply);
    return count;
}

static const struct hf_call patient = { .timeout = { INT64_C(60000000000) } };

static void *put(void *ctx)
{
    struct fixture *f = ctx;
    f->err = hf_stream_put(f->cache.cache, &patient, hf_str("k"), f->fd, NULL, NULL,
                           &f->error);
    return NULL;
}

static void *store(void *ctx)
{
    struct fixture *f = ctx;
    f->err = hf_file_store(f->files, &patient, hf_str("k"), f->path, NULL, &f->error);
    return NULL;
}

/* Lets it run into the server, and changes the file's size there. */
static void run_and_resize(struct fixture *f, void *(*reading)(void *), off_t size)
{
    pthread_t thread;
    redis_server_do(f->cache.server, "CLIENT PAUSE 60000 WRITE");
    assert_int_equal(pthread_create(&thread, NULL, reading, f), 0);
    assert_true(wait_until(is_held_up, f, hf_seconds(10)));
    assert_int_equal(ftruncate(f->fd, size), 0);
    redis_server_do(f->cache.server, "CLIENT UNPAUSE");
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void a_stream_of_it_is_not_stored(void **state)
{
    (void)state;
    static const off_t sizes[] = { 0, 4096, LEFT };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct fixture f;
        set_up(&f);
        run_and_resize(&f, put, sizes[i]);
        assert_int_equal(f.err, HF_E_SYSTEM);
        assert_non_null(strstr(f.error.detail, "shrank"));
        assert_int_equal(hf_cache_exists(f.cache.cache, NULL, hf_str("k"), NULL), HF_MISS);
        assert_int_equal(keys(&f), 0);
        tear_down(&f);
    }
}

static void a_stream_of_one_that_grows_is_stored_to_its_end(void **state)
{
    (void)state;
    struct fixture    f;
    struct hf_reader *reader;
    set_up(&f);
    run_and_resize(&f, put, SIZE + 1);
    assert_int_equal(f.err, HF_OK);
    assert_int_equal(hf_reader_open(f.cache.cache, NULL, hf_str("k"), &reader, NULL), HF_OK);
    assert_int_equal(hf_reader_size(reader), SIZE + 1);
    hf_reader_close(reader);
    tear_down(&f);
}

static void as_a_file_entry_it_is_not_stored(void **state)
{
    (void)state;
    static const struct {
        off_t       size;
        const char *what;
    } cases[] = { { 0, "shrank" }, { LEFT, "shrank" }, { SIZE + 1, "changed" } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture f;
        set_up(&f);
        run_and_resize(&f, store, cases[i].size);
        assert_int_equal(f.err, HF_E_SYSTEM);
        assert_non_null(strstr(f.error.detail, cases[i].what));
        assert_int_equal(keys(&f), 0);
        tear_down(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_of_it_is_not_stored),
        cmocka_unit_test(a_stream_of_one_that_grows_is_stored_to_its_end),
        cmocka_unit_test(as_a_file_entry_it_is_not_stored),
    };
    return RUN_TESTS(tests);
}
