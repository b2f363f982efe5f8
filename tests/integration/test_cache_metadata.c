/* What is said of a value is stored, read, kept and lost together with it. */

#include "support/backup_fixture.h"
#include "support/cache_fixture.h"
#include "support/near_fixture.h"
#include "support/test.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

static const char html[] = "type=text/html cost=12ms";

static struct hf_set with(const char *metadata)
{
    return (struct hf_set){ .ttl = hf_seconds(60), .metadata = hf_str(metadata) };
}

static bool is_text(struct hf_bytes bytes, const char *text)
{
    return bytes.size == strlen(text) &&
           (!bytes.size || !memcmp(bytes.data, text, bytes.size));
}

/* HF_E_INVALID when value or metadata are others. */
static hf_err expect(struct hf_cache *cache, const char *key, struct hf_bytes wanted,
                     const char *metadata)
{
    struct hf_value *value;
    const hf_err     err = hf_cache_get(cache, NULL, hf_str(key), &value, NULL);
    if (err) return err;
    const struct hf_bytes data = hf_value_data(value);
    const bool            is_right = is_text(hf_value_metadata(value), metadata) &&
                          data.size == wanted.size &&
                          (!data.size || !memcmp(data.data, wanted.data, data.size));
    hf_value_release(value);
    return is_right ? HF_OK : HF_E_INVALID;
}

static hf_err expect_alone(struct hf_cache *cache, const char *key, const char *metadata)
{
    struct hf_metadata *found = malloc(sizeof *found);
    const hf_err        err = hf_cache_metadata(cache, NULL, hf_str(key), found, NULL);
    const bool is_right = !err && is_text(hf_bytes(found->bytes, found->size), metadata);
    free(found);
    return err || is_right ? err : HF_E_INVALID;
}

/* A text that compresses. */
static struct hf_bytes text_of(size_t size)
{
    static char text[200000];
    for (size_t i = 0; i < size; i++) text[i] = (char)('a' + i / 7 % 13);
    return hf_bytes(text, size);
}

/* One that does not. */
static struct hf_bytes noise_of(size_t size)
{
    static unsigned char noise[200000];
    uint64_t             x = 88172645463325252u;
    for (size_t i = 0; i < size; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        noise[i] = (unsigned char)x;
    }
    return hf_bytes(noise, size);
}

static void check_sizes(struct cache_fixture *f)
{
    static const size_t sizes[] = { 0, 1, 511, 600, 4000, 5000, 200000 };
    const struct hf_set how = with(html);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const struct hf_bytes values[] = { text_of(sizes[i]), noise_of(sizes[i]) };
        for (size_t k = 0; k < 2; k++) {
            assert_int_equal(
                hf_cache_set(f->cache, NULL, hf_str("k"), values[k], &how, &f->error), HF_OK);
            assert_int_equal(expect(f->cache, "k", values[k], html), HF_OK);
            assert_int_equal(expect_alone(f->cache, "k", html), HF_OK);
        }
    }
    assert_int_equal(cache_fixture_set(f, "k", "v"), HF_OK);
    assert_int_equal(expect(f->cache, "k", hf_str("v"), ""), HF_OK);
    assert_int_equal(expect_alone(f->cache, "k", ""), HF_OK);
    assert_int_equal(expect_alone(f->cache, "other", ""), HF_MISS);
}

static void metadata_comes_back_with_values_of_all_kinds_and_alone(void **state)
{
    (void)state;
    for (int kind = HF_COMPRESSION_AUTO; kind <= HF_COMPRESSION_ZSTD; kind++) {
        struct cache_fixture f;
        cache_fixture_open(
            &f, &(struct hf_cache_options){ .compression = (enum hf_compression)kind });
        check_sizes(&f);
        cache_fixture_close(&f);
    }
}

static void of_a_sealed_entry_it_is_encrypted_and_vouched_for(void **state)
{
    (void)state;
    const struct hf_cache_key key = { .id = 1, .bytes = { 42 } };
    const struct hf_set       how = with(html);
    struct cache_fixture      f;
    cache_fixture_open(&f, &(struct hf_cache_options){ .keys = &key, .key_count = 1 });
    check_sizes(&f);
    assert_int_equal(hf_cache_set(f.cache, NULL, hf_str("k"), text_of(900), &how, NULL),
                     HF_OK);
    redisReply *reply = redis_server_command(f.server, "GET t@0:k");
    assert_null(memmem(reply->str, reply->len, "text/html", 9));
    freeReplyObject(reply);

    assert_int_equal(hf_cache_touch(f.cache, NULL, hf_str("k"), hf_seconds(30), NULL), HF_OK);
    assert_int_equal(expect(f.cache, "k", text_of(900), html), HF_OK);
    cache_fixture_close(&f);
}

/* Redis says how much it has sent. */
static long sent(struct cache_fixture *f)
{
    redisReply *reply = redis_server_command(f->server, "INFO stats");
    const char *at = strstr(reply->str, "total_net_output_bytes:");
    const long  bytes = strtol(at + strlen("total_net_output_bytes:"), NULL, 10);
    freeReplyObject(reply);
    return bytes;
}

static void it_is_read_without_the_value(void **state)
{
    (void)state;
    const struct hf_set  how = with(html);
    struct cache_fixture f;
    cache_fixture_open(&f, &(struct hf_cache_options){ .compression = HF_COMPRESSION_OFF });
    assert_int_equal(hf_cache_set(f.cache, NULL, hf_str("k"), text_of(200000), &how, NULL),
                     HF_OK);
    const long before = sent(&f);
    assert_int_equal(expect_alone(f.cache, "k", html), HF_OK);
    assert_true(sent(&f) - before < 50000);
    cache_fixture_close(&f);
}

static void damaged_metadata_is_a_miss(void **state)
{
    (void)state;
    const struct hf_set  how = with(html);
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    assert_int_equal(hf_cache_set(f.cache, NULL, hf_str("k"), hf_str("v"), &how, NULL),
                     HF_OK);
    redis_server_do(f.server, "SETRANGE t@0:k 80 X");
    assert_int_equal(expect(f.cache, "k", hf_str("v"), html), HF_MISS);
    assert_int_equal(expect_alone(f.cache, "k", html), HF_MISS);
    assert_int_equal(cache_fixture_set(&f, "k", "v"), HF_OK);
    redis_server_do(f.server, "SET t@0:k text");
    assert_int_equal(expect_alone(f.cache, "k", ""), HF_MISS);
    cache_fixture_close(&f);
}

static void too_much_is_refused(void **state)
{
    (void)state;
    static char          much[HF_METADATA_MAX + 1];
    struct hf_set        how = { .ttl = hf_seconds(60) };
    struct hf_writer    *writer;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    how.metadata = hf_bytes(much, HF_METADATA_MAX);
    assert_int_equal(hf_cache_set(f.cache, NULL, hf_str("k"), hf_str("v"), &how, NULL),
                     HF_OK);
    struct hf_metadata *found = malloc(sizeof *found);
    assert_int_equal(hf_cache_metadata(f.cache, NULL, hf_str("k"), found, NULL), HF_OK);
    assert_int_equal(found->size, HF_METADATA_MAX);
    free(found);
    how.metadata.size++;
    assert_int_equal(hf_cache_set(f.cache, NULL, hf_str("k"), hf_str("v"), &how, NULL),
                     HF_E_TOO_LARGE);
    assert_int_equal(hf_writer_open(f.cache, NULL, hf_str("k"), &how, &writer, NULL),
                     HF_E_TOO_LARGE);
    cache_fixture_close(&f);
}

static void many_are_set_with_the_same_metadata(void **state)
{
    (void)state;
    const struct hf_bytes keys[] = { hf_str("a"), hf_str("b") };
    const struct hf_bytes values[] = { hf_str("1"), text_of(3000) };
    struct hf_set         how = with(html);
    hf_err                errs[2];
    struct cache_fixture  f;
    cache_fixture_open(&f, NULL);
    how.condition = HF_SET_IF_ABSENT;
    assert_int_equal(hf_cache_set_many(f.cache, NULL, keys, values, 2, &how, errs, &f.error),
                     HF_OK);
    assert_int_equal(expect(f.cache, "a", values[0], html), HF_OK);
    assert_int_equal(expect(f.cache, "b", values[1], html), HF_OK);
    cache_fixture_close(&f);
}

static hf_err load(struct hf_bytes key, struct hf_loaded *loaded, void *ctx)
{
    static char much[HF_METADATA_MAX + 1];
    (void)key;
    (void)ctx;
    if (hf_loaded_set_with(loaded, hf_str("v"), hf_bytes(much, sizeof much)) !=
        HF_E_TOO_LARGE) {
        return HF_E_INVALID;
    }
    return hf_loaded_set_with(loaded, text_of(1000), hf_str(html));
}

static void a_loader_gives_it_with_the_value(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct hf_value     *value;
    cache_fixture_open(&f, NULL);
    for (int i = 0; i < 2; i++) { /* As loaded, then as stored. */
        assert_int_equal(
            hf_cache_load(f.cache, NULL, hf_str("k"), NULL, load, NULL, &value, &f.error),
            HF_OK);
        assert_true(is_text(hf_value_metadata(value), html));
        assert_int_equal(hf_value_data(value).size, 1000);
        assert_memory_equal(hf_value_data(value).data, text_of(1000).data, 1000);
        hf_value_release(value);
    }
    assert_int_equal(cache_fixture_stats(&f).cache_loads, 1);
    cache_fixture_close(&f);
}

static void a_near_cache_keeps_it(void **state)
{
    (void)state;
    const struct hf_set how = with(html);
    struct near_fixture f;
    near_fixture_open(&f, &(struct hf_cache_options){ .near_coherence_max = hf_seconds(60) });
    assert_int_equal(
        hf_cache_set(f.other.cache, NULL, hf_str("k"), hf_str("v"), &how, &f.other.error),
        HF_OK);
    party_wait_near(&f.ours, "k", "v");
    assert_int_equal(expect(f.ours.cache, "k", hf_str("v"), html), HF_OK);
    near_fixture_close(&f);
}

static void a_backup_has_it(void **state)
{
    (void)state;
    const struct hf_set      how = with(html);
    struct backup_fixture    f;
    struct hf_backup_report  done;
    struct hf_restore_report back;
    backup_fixture_open(&f);
    assert_int_equal(
        hf_cache_set(f.cache.cache, NULL, hf_str("k"), text_of(1000), &how, NULL), HF_OK);
    assert_int_equal(backup_fixture_backup(&f, &done), HF_OK);
    assert_int_equal(hf_cache_clear(f.cache.cache, NULL, &f.cache.error), HF_OK);
    assert_int_equal(expect_alone(f.cache.cache, "k", html), HF_MISS);
    assert_int_equal(backup_fixture_restore(&f, &back), HF_OK);
    assert_int_equal(expect(f.cache.cache, "k", text_of(1000), html), HF_OK);
    assert_int_equal(expect_alone(f.cache.cache, "k", html), HF_OK);
    backup_fixture_close(&f);
}

static void check_stream(struct cache_fixture *f, size_t pieces)
{
    const struct hf_set how = with(html);
    struct hf_writer   *writer;
    struct hf_reader   *reader;
    struct hf_bytes     piece;
    uint64_t            size = 0;
    hf_err              err = HF_OK;
    assert_int_equal(hf_writer_open(f->cache, NULL, hf_str("s"), &how, &writer, NULL), HF_OK);
    for (size_t i = 0; i < pieces; i++) {
        assert_int_equal(hf_writer_write(writer, text_of(150000), &f->error), HF_OK);
    }
    assert_int_equal(hf_writer_commit(writer, &f->error), HF_OK);
    hf_writer_close(writer);

    assert_int_equal(hf_reader_open(f->cache, NULL, hf_str("s"), &reader, &f->error), HF_OK);
    while (!(err = hf_reader_next(reader, &piece, &f->error)) && piece.size) {
        size += piece.size;
    }
    assert_int_equal(err, HF_OK);
    assert_int_equal(size, pieces * 150000);
    assert_true(is_text(hf_reader_metadata(reader), html));
    hf_reader_close(reader);
    assert_int_equal(expect_alone(f->cache, "s", html), HF_OK);
}

static long long chunks(struct cache_fixture *f)
{
    redisReply     *reply = redis_server_command(f->server, "KEYS t@0/chunk:*");
    const long long n = (long long)reply->elements;
    freeReplyObject(reply);
    return n;
}

static void large_values_carry_it_too_and_leave_no_chunks(void **state)
{
    (void)state;
    const struct hf_cache_key key = { .id = 1, .bytes = { 42 } };
    for (size_t sealed = 0; sealed < 2; sealed++) {
        struct cache_fixture f;
        cache_fixture_open(&f,
                           &(struct hf_cache_options){ .keys = &key, .key_count = sealed });
        check_stream(&f, 0);
        check_stream(&f, 2);
        check_stream(&f, 16);
        assert_int_equal(chunks(&f), 3);
        check_stream(&f, 9);
        assert_int_equal(chunks(&f), 2);
        assert_int_equal(hf_stream_delete(f.cache, NULL, hf_str("s"), &f.error), HF_OK);
        assert_int_equal(chunks(&f), 0);
        cache_fixture_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metadata_comes_back_with_values_of_all_kinds_and_alone),
        cmocka_unit_test(of_a_sealed_entry_it_is_encrypted_and_vouched_for),
        cmocka_unit_test(it_is_read_without_the_value),
        cmocka_unit_test(damaged_metadata_is_a_miss),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(many_are_set_with_the_same_metadata),
        cmocka_unit_test(a_loader_gives_it_with_the_value),
        cmocka_unit_test(a_near_cache_keeps_it),
        cmocka_unit_test(a_backup_has_it),
        cmocka_unit_test(large_values_carry_it_too_and_leave_no_chunks),
    };
    return RUN_TESTS(tests);
}
