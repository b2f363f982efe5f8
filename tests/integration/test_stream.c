#include "cache/chunk.h"
#include "support/cache_fixture.h"
#include "support/client_kit.h"
#include "support/test.h"

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <unistd.h>

enum { CHUNK = HF_CHUNK_SIZE_MAX };

/* Bytes that tell from where they are, and from which value. */
static unsigned char byte_at(uint64_t at, unsigned seed)
{
    return (unsigned char)((at * 2654435761u) >> 13 ^ seed);
}

static hf_err put(struct cache_fixture *f, const char *key, size_t size, unsigned seed)
{
    unsigned char     piece[7001];
    struct hf_writer *writer;
    hf_err err = hf_writer_open(f->cache, NULL, hf_str(key), NULL, &writer, &f->error);
    if (err) return err;
    for (size_t at = 0; at < size && !err;) {
        const size_t n = size - at < sizeof piece ? size - at : sizeof piece;
        for (size_t i = 0; i < n; i++) piece[i] = byte_at(at + i, seed);
        err = hf_writer_write(writer, hf_bytes(piece, n), &f->error);
        at += n;
    }
    if (!err) err = hf_writer_commit(writer, &f->error);
    hf_writer_close(writer);
    return err;
}

/* Reads on to the end; HF_E_INVALID when it is not that value. */
static hf_err drain(struct cache_fixture *f, struct hf_reader *reader, uint64_t at,
                    unsigned seed)
{
    for (;;) {
        struct hf_bytes piece;
        const hf_err    err = hf_reader_next(reader, &piece, &f->error);
        if (err) return err;
        if (piece.size == 0) return at == hf_reader_size(reader) ? HF_OK : HF_E_INVALID;
        const unsigned char *bytes = piece.data;
        for (size_t i = 0; i < piece.size; i++) {
            if (bytes[i] != byte_at(at + i, seed)) return HF_E_INVALID;
        }
        at += piece.size;
    }
}

static hf_err expect(struct cache_fixture *f, const char *key, size_t size, unsigned seed)
{
    struct hf_reader *reader;
    hf_err            err = hf_reader_open(f->cache, NULL, hf_str(key), &reader, &f->error);
    if (err) return err;
    err = hf_reader_size(reader) == size ? drain(f, reader, 0, seed) : HF_E_INVALID;
    hf_reader_close(reader);
    return err;
}

static long long chunks(struct cache_fixture *f)
{
    redisReply     *reply = redis_server_command(f->server, "KEYS t@0/chunk:*");
    const long long n = (long long)reply->elements;
    freeReplyObject(reply);
    return n;
}

/* What is done to one chunk of the value there. */
static void hurt_a_chunk(struct cache_fixture *f, const char *command)
{
    redisReply *keys = redis_server_command(f->server, "KEYS t@0/chunk:*");
    assert_true(keys->elements > 0);
    redisReply *reply = redis_server_command(f->server, command, keys->element[0]->str);
    assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    freeReplyObject(keys);
}

static void values_of_all_sizes_come_back_as_they_were(void **state)
{
    (void)state;
    static const size_t sizes[] = {
        0, 1, 70000, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 3 * CHUNK + 12345
    };
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_int_equal(put(&f, "k", sizes[i], (unsigned)i), HF_OK);
        assert_int_equal(expect(&f, "k", sizes[i], (unsigned)i), HF_OK);
        const size_t count = (sizes[i] + CHUNK - 1) / CHUNK;
        assert_int_equal(chunks(&f), count > 1 ? count : 0);
    }
    assert_int_equal(expect(&f, "other", 1, 0), HF_MISS);
    cache_fixture_close(&f);
}

static void small_streams_are_ordinary_entries_and_the_other_way_round(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct hf_writer    *writer;
    cache_fixture_open(&f, NULL);
    assert_int_equal(hf_writer_open(f.cache, NULL, hf_str("k"), NULL, &writer, NULL), HF_OK);
    assert_int_equal(hf_writer_write(writer, hf_str("sm"), NULL), HF_OK);
    assert_int_equal(hf_writer_write(writer, hf_str("all"), NULL), HF_OK);
    assert_int_equal(hf_writer_commit(writer, NULL), HF_OK);
    assert_int_equal(hf_writer_commit(writer, NULL), HF_E_INVALID);
    hf_writer_close(writer);
    assert_int_equal(cache_fixture_expect(&f, "k", "small"), HF_OK);

    const unsigned char byte = byte_at(0, 5);
    assert_int_equal(hf_cache_set(f.cache, NULL, hf_str("k"), hf_bytes(&byte, 1), NULL, NULL),
                     HF_OK);
    assert_int_equal(expect(&f, "k", 1, 5), HF_OK);
    cache_fixture_close(&f);
}

static hf_err load_x(struct hf_bytes key, struct hf_loaded *loaded, void *ctx)
{
    (void)key;
    (void)ctx;
    return hf_loaded_set(loaded, hf_str("x"));
}

static void other_calls_know_a_large_value(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    const struct hf_bytes key = hf_str("k");
    struct hf_value      *value = NULL;
    hf_err                err;
    hf_duration           ttl;
    assert_int_equal(put(&f, "k", 2 * CHUNK, 1), HF_OK);
    assert_int_equal(hf_cache_get(f.cache, NULL, key, &value, &f.error), HF_E_TYPE);
    assert_int_equal(hf_cache_get_many(f.cache, NULL, &key, 1, &value, &err, NULL),
                     HF_E_TYPE);
    assert_null(value);
    assert_int_equal(hf_cache_load(f.cache, NULL, key, NULL, load_x, NULL, &value, &f.error),
                     HF_E_TYPE);
    assert_int_equal(hf_cache_touch(f.cache, NULL, key, hf_seconds(9), NULL), HF_E_TYPE);
    assert_int_equal(hf_cache_exists(f.cache, NULL, key, NULL), HF_OK);
    assert_int_equal(hf_cache_ttl(f.cache, NULL, key, &ttl, NULL), HF_OK);
    assert_true(ttl.ns > hf_seconds(3000).ns);
    assert_int_equal(expect(&f, "k", 2 * CHUNK, 1), HF_OK);

    assert_int_equal(hf_cache_delete(f.cache, NULL, key, NULL), HF_OK);
    assert_int_equal(expect(&f, "k", 2 * CHUNK, 1), HF_MISS);
    assert_int_equal(put(&f, "k", 2 * CHUNK, 1), HF_OK);
    assert_int_equal(hf_cache_clear(f.cache, NULL, NULL), HF_OK);
    assert_int_equal(expect(&f, "k", 2 * CHUNK, 1), HF_MISS);
    cache_fixture_close(&f);
}

static void nothing_is_seen_before_the_commit_and_nothing_left_without_one(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct hf_writer    *writer;
    cache_fixture_open(&f, NULL);
    static char piece[CHUNK];
    assert_int_equal(put(&f, "k", 2 * CHUNK, 1), HF_OK);
    assert_int_equal(hf_writer_open(f.cache, NULL, hf_str("k"), NULL, &writer, NULL), HF_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(hf_writer_write(writer, hf_bytes(piece, sizeof piece), NULL), HF_OK);
    }
    assert_int_equal(chunks(&f), 4);
    assert_int_equal(expect(&f, "k", 2 * CHUNK, 1), HF_OK);
    redisReply *keys = redis_server_command(f.server, "KEYS t@0/chunk:*");
    for (size_t i = 0; i < keys->elements; i++) {
        redisReply *ttl = redis_server_command(f.server, "TTL %s", keys->element[i]->str);
        assert_in_range(ttl->integer, 1, 3700); /* So a crash here leaves nothing for ever. */
        freeReplyObject(ttl);
    }
    freeReplyObject(keys);
    hf_writer_close(writer);
    assert_int_equal(chunks(&f), 2);
    assert_int_equal(expect(&f, "k", 2 * CHUNK, 1), HF_OK);
    cache_fixture_close(&f);
}

static void a_replaced_value_is_freed_and_its_reader_gets_no_mixture(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct hf_reader    *reader;
    struct hf_bytes      piece;
    cache_fixture_open(&f, NULL);
    assert_int_equal(put(&f, "k", 3 * CHUNK, 1), HF_OK);
    assert_int_equal(hf_reader_open(f.cache, NULL, hf_str("k"), &reader, NULL), HF_OK);
    assert_int_equal(hf_reader_next(reader, &piece, NULL), HF_OK);
    assert_int_equal(put(&f, "k", 2 * CHUNK, 2), HF_OK);
    assert_int_equal(chunks(&f), 2);
    assert_int_equal(drain(&f, reader, piece.size, 1), HF_MISS);
    assert_int_equal(hf_reader_next(reader, &piece, &f.error), HF_MISS);
    hf_reader_close(reader);

    /* It was the other value that was torn: this one is still there. */
    assert_int_equal(expect(&f, "k", 2 * CHUNK, 2), HF_OK);
    cache_fixture_close(&f);
}

static void a_chunk_that_is_gone_or_hurt_is_a_miss(void **state)
{
    (void)state;
    static const char *const ways[] = { "DEL %s", "APPEND %s x", "SETRANGE %s 5000 zzzz",
                                        "SET %s garbage" };
    const size_t             count = sizeof ways / sizeof ways[0];
    struct cache_fixture     f;
    cache_fixture_open(&f, NULL);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(put(&f, "k", 3 * CHUNK, 1), HF_OK);
        hurt_a_chunk(&f, ways[i]);
        assert_int_equal(expect(&f, "k", 3 * CHUNK, 1), HF_MISS);
        assert_int_equal(hf_cache_exists(f.cache, NULL, hf_str("k"), NULL), HF_MISS);
        redisReply *reply = redis_server_command(f.server, "FLUSHDB");
        freeReplyObject(reply);
        assert_int_equal(hf_cache_clear(f.cache, NULL, NULL), HF_OK);
    }
    assert_int_equal(cache_fixture_stats(&f).cache_torn, count);
    cache_fixture_close(&f);
}

static void a_chunk_evicted_before_the_commit_fails_it(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct hf_writer    *writer;
    static char          piece[CHUNK];
    cache_fixture_open(&f, NULL);
    assert_int_equal(hf_writer_open(f.cache, NULL, hf_str("k"), NULL, &writer, NULL), HF_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(hf_writer_write(writer, hf_bytes(piece, sizeof piece), NULL), HF_OK);
    }
    hurt_a_chunk(&f, "DEL %s");
    assert_int_equal(hf_writer_commit(writer, &f.error), HF_E_OOM);
    assert_int_equal(hf_writer_write(writer, hf_str("x"), &f.error), HF_E_OOM);
    hf_writer_close(writer);
    assert_int_equal(expect(&f, "k", 3 * CHUNK, 0), HF_MISS);
    assert_int_equal(chunks(&f), 0);
    cache_fixture_close(&f);
}

static void a_full_server_keeps_the_old_value(void **state)
{
    (void)state;
    static const char *const args[] = { "--maxmemory", "12mb", NULL };
    struct cache_fixture     f;
    cache_fixture_open_with(
        &f, &(struct hf_cache_options){ .compression = HF_COMPRESSION_OFF }, args);
    assert_int_equal(put(&f, "k", 3 * CHUNK, 1), HF_OK);
    assert_int_equal(put(&f, "k", 20 * CHUNK, 2), HF_E_OOM);
    assert_int_equal(expect(&f, "k", 3 * CHUNK, 1), HF_OK);
    assert_int_equal(chunks(&f), 3);
    cache_fixture_close(&f);
}

static void delete_frees_the_chunks_too(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    assert_int_equal(put(&f, "k", 2 * CHUNK, 1), HF_OK);
    assert_int_equal(hf_stream_delete(f.cache, NULL, hf_str("k"), &f.error), HF_OK);
    assert_int_equal(chunks(&f), 0);
    assert_int_equal(expect(&f, "k", 2 * CHUNK, 1), HF_MISS);
    assert_int_equal(hf_stream_delete(f.cache, NULL, hf_str("k"), &f.error), HF_MISS);
    assert_int_equal(cache_fixture_set(&f, "k", "v"), HF_OK);
    assert_int_equal(hf_stream_delete(f.cache, NULL, hf_str("k"), &f.error), HF_OK);
    assert_int_equal(hf_stream_delete(f.cache, NULL, hf_str(""), &f.error), HF_E_INVALID);
    cache_fixture_close(&f);
}

static void descriptors_are_read_and_written_to_their_ends(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    const struct hf_bytes key = hf_str("k");
    FILE                 *in = tmpfile(), *out = tmpfile();
    assert_non_null(in);
    assert_non_null(out);
    const uint64_t size = 2 * CHUNK + 77;
    for (uint64_t i = 0; i < size; i++) fputc(byte_at(i, 9), in);
    rewind(in);

    uint64_t put_size = 0, got_size = 0;
    assert_int_equal(hf_stream_put(f.cache, NULL, key, fileno(in), NULL, &put_size, &f.error),
                     HF_OK);
    assert_int_equal(put_size, size);
    assert_int_equal(expect(&f, "k", size, 9), HF_OK);
    assert_int_equal(hf_stream_get(f.cache, NULL, key, fileno(out), &got_size, &f.error),
                     HF_OK);
    assert_int_equal(got_size, size);
    rewind(out);
    for (uint64_t i = 0; i < size; i++) assert_int_equal(fgetc(out), byte_at(i, 9));
    assert_int_equal(fgetc(out), EOF);
    fclose(in);
    fclose(out);

    const int folder = open("/", O_RDONLY | O_CLOEXEC);
    assert_int_equal(hf_stream_put(f.cache, NULL, key, folder, NULL, NULL, &f.error),
                     HF_E_SYSTEM);
    assert_int_equal(hf_stream_get(f.cache, NULL, key, folder, NULL, &f.error), HF_E_SYSTEM);
    close(folder);
    assert_int_equal(expect(&f, "k", size, 9), HF_OK);
    cache_fixture_close(&f);
}

static void the_limit_holds_for_writing_and_reading(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    struct hf_client             *client = client_open_ready(redis_server_unix_url(f.server),
                                                             "large_size_max", "3mb", NULL);
    const struct hf_cache_options options = { .key_prefix = "t" };
    struct cache_fixture          small = f;
    assert_int_equal(hf_cache_open(client, &options, &small.cache, NULL), HF_OK);
    assert_int_equal(put(&small, "k", 3 * CHUNK, 1), HF_OK);
    assert_int_equal(expect(&f, "k", 3 * CHUNK, 1), HF_OK);
    assert_int_equal(put(&small, "k", 3 * CHUNK + 1, 1), HF_E_TOO_LARGE);
    assert_int_equal(chunks(&f), 3);
    assert_int_equal(put(&f, "k", 3 * CHUNK + 1, 1), HF_OK);
    assert_int_equal(expect(&small, "k", 3 * CHUNK + 1, 1), HF_MISS);
    hf_cache_close(small.cache);
    hf_client_close(client);
    cache_fixture_close(&f);
}

static void wrong_settings_are_refused(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    struct hf_writer   *writer = NULL;
    struct hf_reader   *reader = NULL;
    const struct hf_set never = { .ttl = hf_ns(0) };
    const struct hf_set if_absent = { .ttl = hf_seconds(1), .condition = HF_SET_IF_ABSENT };
    assert_int_equal(hf_writer_open(f.cache, NULL, hf_str("k"), &never, &writer, &f.error),
                     HF_E_RANGE);
    assert_int_equal(
        hf_writer_open(f.cache, NULL, hf_str("k"), &if_absent, &writer, &f.error),
        HF_E_INVALID);
    assert_int_equal(hf_writer_open(f.cache, NULL, hf_str(""), NULL, &writer, &f.error),
                     HF_E_INVALID);
    assert_int_equal(hf_reader_open(f.cache, NULL, hf_str(""), &reader, &f.error),
                     HF_E_INVALID);
    assert_null(writer);
    assert_null(reader);
    hf_writer_close(NULL);
    hf_reader_close(NULL);
    cache_fixture_close(&f);
}

static void without_redis_both_fail_and_nothing_hangs(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct hf_writer    *writer;
    static char          piece[2 * CHUNK + 1];
    const struct hf_call call = { .timeout = hf_ms(300) };
    cache_fixture_open(&f, NULL);
    assert_int_equal(put(&f, "k", 3 * CHUNK, 1), HF_OK);
    struct hf_reader *reader;
    assert_int_equal(hf_reader_open(f.cache, &call, hf_str("k"), &reader, NULL), HF_OK);
    assert_int_equal(hf_writer_open(f.cache, &call, hf_str("w"), NULL, &writer, NULL), HF_OK);
    redis_server_kill(f.server);
    assert_int_not_equal(hf_writer_write(writer, hf_bytes(piece, sizeof piece), &f.error),
                         HF_OK);
    assert_int_not_equal(hf_writer_commit(writer, &f.error), HF_OK);
    hf_writer_close(writer);
    const hf_err err = drain(&f, reader, 0, 1);
    assert_true(err != HF_OK && err != HF_MISS);
    hf_reader_close(reader);
    cache_fixture_close(&f);
}

/* The allocator counts what the library holds at once. */
static void memory_is_bounded_by_chunks_not_by_the_value(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    const long idle = f.memory.bytes;
    f.memory.bytes_peak = idle;
    assert_int_equal(put(&f, "k", 24 * CHUNK, 1), HF_OK);
    assert_int_equal(expect(&f, "k", 24 * CHUNK, 1), HF_OK);
    assert_in_range(f.memory.bytes_peak - idle, 1, 4 * CHUNK);
    cache_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_all_sizes_come_back_as_they_were),
        cmocka_unit_test(small_streams_are_ordinary_entries_and_the_other_way_round),
        cmocka_unit_test(other_calls_know_a_large_value),
        cmocka_unit_test(nothing_is_seen_before_the_commit_and_nothing_left_without_one),
        cmocka_unit_test(a_replaced_value_is_freed_and_its_reader_gets_no_mixture),
        cmocka_unit_test(a_chunk_that_is_gone_or_hurt_is_a_miss),
        cmocka_unit_test(a_chunk_evicted_before_the_commit_fails_it),
        cmocka_unit_test(a_full_server_keeps_the_old_value),
        cmocka_unit_test(delete_frees_the_chunks_too),
        cmocka_unit_test(descriptors_are_read_and_written_to_their_ends),
        cmocka_unit_test(the_limit_holds_for_writing_and_reading),
        cmocka_unit_test(wrong_settings_are_refused),
        cmocka_unit_test(without_redis_both_fail_and_nothing_hangs),
        cmocka_unit_test(memory_is_bounded_by_chunks_not_by_the_value),
    };
    return RUN_TESTS(tests);
}
