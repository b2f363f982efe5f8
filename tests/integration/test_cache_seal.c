/* Encrypted values, against somebody who can write to Redis whatever he likes. */

#include "core/hash.h"
#include "support/cache_fixture.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

enum { AT_FLAGS = 5, AT_EXPIRES = 16, AT_KEY_HASH = 40, AT_BODY_CHECKSUM = 48, HEADER = 64 };

static struct hf_cache_key key_of(uint32_t id)
{
    struct hf_cache_key key = { .id = id };
    memset(key.bytes, (int)id, sizeof key.bytes);
    return key;
}

/* A second cache of the fixture's client. */
static struct hf_cache *open_with(struct cache_fixture *f, const struct hf_cache_key *keys,
                                  size_t count)
{
    struct hf_cache              *cache;
    const struct hf_cache_options options = { .key_prefix = "t",
                                              .keys = keys,
                                              .key_count = count };
    assert_int_equal(hf_cache_open(f->client, &options, &cache, &f->error), HF_OK);
    return cache;
}

static void open_sealed(struct cache_fixture *f, const struct hf_cache_options *with)
{
    const struct hf_cache_key key = key_of(1);
    struct hf_cache_options   options = { 0 };
    if (with) options = *with;
    options.keys = &key;
    options.key_count = 1;
    cache_fixture_open(f, &options);
}

/* What Redis holds, malloced, one byte longer than it says. */
static unsigned char *read_wire(struct cache_fixture *f, const char *wire, size_t *size)
{
    const struct hf_bytes argv[] = { hf_str("GET"), hf_str(wire) };
    struct hf_reply      *reply;
    struct hf_bytes       bytes;
    assert_int_equal(hf_client_command(f->client, NULL, argv, 2, &reply, &f->error), HF_OK);
    assert_int_equal(hf_reply_bytes(reply, &bytes), HF_OK);
    unsigned char *copy = malloc(bytes.size + 1);
    memcpy(copy, bytes.data, bytes.size);
    *size = bytes.size;
    hf_reply_free(reply);
    return copy;
}

static void write_wire(struct cache_fixture *f, const char *wire, const unsigned char *bytes,
                       size_t size)
{
    const struct hf_bytes argv[] = { hf_str("SET"), hf_str(wire), hf_bytes(bytes, size) };
    struct hf_reply      *reply;
    assert_int_equal(hf_client_command(f->client, NULL, argv, 3, &reply, &f->error), HF_OK);
    hf_reply_free(reply);
}

static void put64(unsigned char *at, uint64_t value)
{
    for (int i = 0; i < 8; i++) at[i] = (unsigned char)(value >> (8 * i));
}

/* As one who forges would: with all checksums right. */
static void sum_up(unsigned char *bytes, size_t size)
{
    put64(bytes + AT_BODY_CHECKSUM, hf_hash64(hf_bytes(bytes + HEADER, size - HEADER), 0));
    put64(bytes + 56, hf_hash64(hf_bytes(bytes, 56), 0));
}

static bool contains(const unsigned char *bytes, size_t size, const char *text)
{
    return memmem(bytes, size, text, strlen(text)) != NULL;
}

static void what_redis_holds_does_not_show_the_value(void **state)
{
    (void)state;
    struct cache_fixture f;
    open_sealed(&f, NULL);
    static char long_one[20000];
    memset(long_one, 's', sizeof long_one - 1);
    const char *const texts[] = { "", "s", "secret value", long_one };
    for (size_t i = 0; i < 4; i++) {
        size_t size;
        assert_int_equal(cache_fixture_set(&f, "key", texts[i]), HF_OK);
        assert_int_equal(cache_fixture_expect(&f, "key", texts[i]), HF_OK);
        unsigned char *bytes = read_wire(&f, "t@0:key", &size);
        assert_false(contains(bytes, size, "secret"));
        assert_false(contains(bytes, size, "sssssss"));
        assert_int_equal(bytes[AT_FLAGS], 8);
        free(bytes);
    }
    assert_true(cache_fixture_stats(&f).cache_compressed > 0);
    cache_fixture_close(&f);
}

/* With checksums that are right, so that nothing but the seal is in the way. */
static void no_forged_bit_is_read(void **state)
{
    (void)state;
    struct cache_fixture f;
    size_t               size;
    open_sealed(&f, NULL);
    assert_int_equal(cache_fixture_set(&f, "key", "value"), HF_OK);
    unsigned char *bytes = read_wire(&f, "t@0:key", &size);
    for (size_t bit = 4 * 8; bit < size * 8; bit++) {
        if (bit / 8 >= 32 && bit / 8 < HEADER) continue; /* Sizes, hashes and sums. */
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        sum_up(bytes, size);
        write_wire(&f, "t@0:key", bytes, size);
        assert_int_equal(cache_fixture_expect(&f, "key", "value"), HF_MISS);
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    const struct hf_stats stats = cache_fixture_stats(&f);
    assert_true(stats.cache_forged > 300);
    assert_int_equal(stats.cache_no_key, 32);
    assert_int_equal(stats.cache_hits, 0);

    sum_up(bytes, size);
    write_wire(&f, "t@0:key", bytes, size);
    assert_int_equal(cache_fixture_expect(&f, "key", "value"), HF_OK);
    free(bytes);
    cache_fixture_close(&f);
}

static void an_entry_moved_to_another_key_is_a_miss(void **state)
{
    (void)state;
    struct cache_fixture f;
    size_t               size, other_size;
    open_sealed(&f, NULL);
    assert_int_equal(cache_fixture_set(&f, "mine", "my balance"), HF_OK);
    assert_int_equal(cache_fixture_set(&f, "his", "his balance"), HF_OK);
    unsigned char *mine = read_wire(&f, "t@0:mine", &size);
    unsigned char *his = read_wire(&f, "t@0:his", &other_size);
    memcpy(his + AT_KEY_HASH, mine + AT_KEY_HASH, 8);
    sum_up(his, other_size);
    write_wire(&f, "t@0:mine", his, other_size);
    assert_int_equal(cache_fixture_expect(&f, "mine", "his balance"), HF_MISS);
    assert_int_equal(cache_fixture_stats(&f).cache_forged, 1);
    free(mine);
    free(his);
    cache_fixture_close(&f);
}

static void an_expiry_cannot_be_put_off(void **state)
{
    (void)state;
    struct cache_fixture f;
    size_t               size;
    open_sealed(&f, NULL);
    assert_int_equal(cache_fixture_set(&f, "key", "value"), HF_OK);
    unsigned char *bytes = read_wire(&f, "t@0:key", &size);
    bytes[AT_EXPIRES + 5]++;
    sum_up(bytes, size);
    write_wire(&f, "t@0:key", bytes, size);
    assert_int_equal(cache_fixture_expect(&f, "key", "value"), HF_MISS);
    assert_int_equal(cache_fixture_stats(&f).cache_forged, 1);
    free(bytes);
    cache_fixture_close(&f);
}

static void a_plain_value_is_a_miss_where_it_must_be_encrypted(void **state)
{
    (void)state;
    struct cache_fixture f;
    open_sealed(&f, NULL);
    struct hf_cache *plain = open_with(&f, NULL, 0);
    hf_duration      ttl;
    assert_int_equal(hf_cache_set(plain, NULL, hf_str("key"), hf_str("v"), NULL, NULL),
                     HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "key", "v"), HF_MISS);
    assert_int_equal(hf_cache_exists(f.cache, NULL, hf_str("key"), NULL), HF_MISS);
    assert_int_equal(hf_cache_ttl(f.cache, NULL, hf_str("key"), &ttl, NULL), HF_MISS);
    assert_int_equal(cache_fixture_stats(&f).cache_unsealed, 3);

    /* To a conditional set it is not there either. */
    const struct hf_set if_present = { .ttl = hf_seconds(9), .condition = HF_SET_IF_PRESENT };
    const struct hf_set if_absent = { .ttl = hf_seconds(9), .condition = HF_SET_IF_ABSENT };
    assert_int_equal(
        hf_cache_set(f.cache, NULL, hf_str("key"), hf_str("w"), &if_present, NULL), HF_MISS);
    assert_int_equal(
        hf_cache_set(f.cache, NULL, hf_str("key"), hf_str("w"), &if_absent, NULL), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "key", "w"), HF_OK);
    hf_cache_close(plain);
    cache_fixture_close(&f);
}

static void an_encrypted_value_is_a_miss_without_its_key(void **state)
{
    (void)state;
    struct cache_fixture      f;
    const struct hf_cache_key other = key_of(2);
    struct hf_value          *value;
    open_sealed(&f, NULL);
    assert_int_equal(cache_fixture_set(&f, "key", "v"), HF_OK);
    struct hf_cache *const others[] = { open_with(&f, NULL, 0), open_with(&f, &other, 1) };
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(hf_cache_get(others[i], NULL, hf_str("key"), &value, NULL), HF_MISS);
        assert_int_equal(cache_fixture_stats(&f).cache_no_key, i + 1);
        hf_cache_close(others[i]);
    }
    assert_int_equal(cache_fixture_expect(&f, "key", "v"), HF_OK);
    cache_fixture_close(&f);
}

static void keys_are_rotated_while_both_generations_serve(void **state)
{
    (void)state;
    struct cache_fixture      f;
    const struct hf_cache_key reading[] = { key_of(1), key_of(2) };
    const struct hf_cache_key writing[] = { key_of(2), key_of(1) };
    struct hf_value          *value;
    open_sealed(&f, NULL);
    struct hf_cache *const caches[] = { open_with(&f, reading, 2),
                                        open_with(&f, writing, 2) };
    for (int writer = 0; writer < 2; writer++) {
        assert_int_equal(
            hf_cache_set(caches[writer], NULL, hf_str("key"), hf_str("v"), NULL, NULL),
            HF_OK);
        for (int reader = 0; reader < 2; reader++) {
            assert_int_equal(hf_cache_get(caches[reader], NULL, hf_str("key"), &value, NULL),
                             HF_OK);
            hf_value_release(value);
        }
    }
    hf_cache_close(caches[0]);
    hf_cache_close(caches[1]);
    cache_fixture_close(&f);
}

static void touching_seals_anew(void **state)
{
    (void)state;
    struct cache_fixture f;
    hf_duration          ttl;
    size_t               size;
    open_sealed(&f, NULL);
    static char large[30000];
    memset(large, 'x', sizeof large - 1);
    assert_int_equal(cache_fixture_set(&f, "key", large), HF_OK);
    assert_int_equal(hf_cache_touch(f.cache, NULL, hf_str("key"), hf_seconds(7200), &f.error),
                     HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "key", large), HF_OK);
    assert_int_equal(hf_cache_ttl(f.cache, NULL, hf_str("key"), &ttl, &f.error), HF_OK);
    assert_true(hf_to_ms(ttl) > 7000 * 1000);

    /* What was forged is not made good by it. */
    unsigned char *bytes = read_wire(&f, "t@0:key", &size);
    bytes[size - 1] ^= 1;
    sum_up(bytes, size);
    write_wire(&f, "t@0:key", bytes, size);
    assert_int_equal(hf_cache_touch(f.cache, NULL, hf_str("key"), hf_seconds(60), &f.error),
                     HF_MISS);
    assert_int_equal(cache_fixture_expect(&f, "key", large), HF_MISS);
    free(bytes);
    cache_fixture_close(&f);
}

static hf_err load_nothing(struct hf_bytes key, struct hf_loaded *loaded, void *ctx)
{
    (void)key;
    (void)loaded;
    ++*(int *)ctx;
    return HF_MISS;
}

static hf_err load_text(struct hf_bytes key, struct hf_loaded *loaded, void *ctx)
{
    (void)key;
    ++*(int *)ctx;
    return hf_loaded_set(loaded, hf_str("a loaded value, which is loaded once"));
}

static void loading_seals_values_and_their_absence(void **state)
{
    (void)state;
    struct cache_fixture f;
    struct hf_value     *value;
    size_t               size;
    int                  calls = 0;
    open_sealed(&f, NULL);
    const struct hf_load how = { .negative_ttl = hf_seconds(60) };
    for (int i = 0; i < 2; i++) {
        assert_int_equal(hf_cache_load(f.cache, NULL, hf_str("none"), &how, load_nothing,
                                       &calls, &value, &f.error),
                         HF_MISS);
        assert_int_equal(hf_cache_load(f.cache, NULL, hf_str("some"), &how, load_text, &calls,
                                       &value, &f.error),
                         HF_OK);
        hf_value_release(value);
    }
    assert_int_equal(calls, 2);

    /* That there is nothing cannot be forged either. */
    unsigned char *bytes = read_wire(&f, "t@0:none", &size);
    assert_int_equal(bytes[AT_FLAGS], 8 | 2);
    assert_int_equal(size, HEADER + 44);
    bytes[size - 1] ^= 1;
    sum_up(bytes, size);
    write_wire(&f, "t@0:none", bytes, size);
    assert_int_equal(hf_cache_load(f.cache, NULL, hf_str("none"), &how, load_nothing, &calls,
                                   &value, &f.error),
                     HF_MISS);
    assert_int_equal(calls, 3);
    free(bytes);
    bytes = read_wire(&f, "t@0:some", &size);
    assert_false(contains(bytes, size, "loaded"));
    free(bytes);
    cache_fixture_close(&f);
}

static void many_are_sealed_and_opened_together(void **state)
{
    (void)state;
    struct cache_fixture f;
    enum { COUNT = 5 };
    static char           long_one[20000];
    const struct hf_bytes keys[COUNT] = { hf_str("a"), hf_str("b"), hf_str("c"), hf_str("d"),
                                          hf_str("none") };
    struct hf_value      *values[COUNT];
    hf_err                errs[COUNT];
    size_t                size;
    memset(long_one, 'y', sizeof long_one);
    const struct hf_bytes texts[COUNT] = { hf_str(""), hf_str("one"),
                                           hf_bytes(long_one, sizeof long_one),
                                           hf_bytes(long_one, 600) };
    open_sealed(&f, NULL);
    assert_int_equal(hf_cache_set_many(f.cache, NULL, keys, texts, 4, NULL, errs, &f.error),
                     HF_OK);
    unsigned char *bytes = read_wire(&f, "t@0:b", &size);
    bytes[size - 1] ^= 1;
    sum_up(bytes, size);
    write_wire(&f, "t@0:b", bytes, size);
    free(bytes);

    assert_int_equal(hf_cache_get_many(f.cache, NULL, keys, COUNT, values, errs, &f.error),
                     HF_OK);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(errs[i], i == 1 || i == 4 ? HF_MISS : HF_OK);
        if (errs[i]) continue;
        const struct hf_bytes data = hf_value_data(values[i]);
        assert_int_equal(data.size, texts[i].size);
        if (data.size) assert_memory_equal(data.data, texts[i].data, data.size);
        hf_value_release(values[i]);
    }
    assert_int_equal(cache_fixture_stats(&f).cache_forged, 1);
    cache_fixture_close(&f);
}

static void a_large_value_is_sealed_in_its_chunks(void **state)
{
    (void)state;
    struct cache_fixture f;
    enum { SIZE = 5 * 1024 * 1024 };
    open_sealed(&f, NULL);
    unsigned char *in = malloc(SIZE), *out = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++) in[i] = (unsigned char)(i / 1000 * 7);
    for (int round = 0; round < 2; round++) {
        struct hf_writer *writer;
        struct hf_reader *reader;
        struct hf_bytes   piece;
        size_t            done = 0;
        assert_int_equal(hf_writer_open(f.cache, NULL, hf_str("k"), NULL, &writer, &f.error),
                         HF_OK);
        assert_int_equal(hf_writer_write(writer, hf_bytes(in, SIZE), &f.error), HF_OK);
        assert_int_equal(hf_writer_commit(writer, &f.error), HF_OK);
        hf_writer_close(writer);
        assert_int_equal(hf_reader_open(f.cache, NULL, hf_str("k"), &reader, &f.error),
                         HF_OK);
        for (;;) {
            assert_int_equal(hf_reader_next(reader, &piece, &f.error), HF_OK);
            if (piece.size == 0) break;
            assert_true(done + piece.size <= SIZE);
            memcpy(out + done, piece.data, piece.size);
            done += piece.size;
        }
        assert_int_equal(done, SIZE);
        assert_memory_equal(in, out, SIZE);
        hf_reader_close(reader);
    }
    free(in);
    free(out);
    cache_fixture_close(&f);
}

static void keys_that_make_no_sense_open_no_cache(void **state)
{
    (void)state;
    struct cache_fixture      f;
    const struct hf_cache_key twice[] = { key_of(1), key_of(1) };
    struct hf_cache          *cache = NULL;
    cache_fixture_open(&f, NULL);
    struct hf_cache_options options = { .keys = twice, .key_count = 2 };
    assert_int_equal(hf_cache_open(f.client, &options, &cache, &f.error), HF_E_INVALID);
    options.keys = NULL;
    assert_int_equal(hf_cache_open(f.client, &options, &cache, &f.error), HF_E_INVALID);
    options.key_count = 0;
    options.compression = (enum hf_compression)9;
    assert_int_equal(hf_cache_open(f.client, &options, &cache, &f.error), HF_E_INVALID);
    assert_null(cache);
    cache_fixture_close(&f);
}

/* Each request for memory fails once: the call says so, or does without, and what comes is
 * right. */
static void without_memory_nothing_is_wrong(void **state)
{
    (void)state;
    struct cache_fixture f;
    static char          text[6000];
    open_sealed(&f, NULL);
    memset(text, 'z', sizeof text - 1);
    assert_int_equal(cache_fixture_set(&f, "key", text), HF_OK);
    bool is_through = false;
    for (long nth = 1; !is_through; nth++) {
        f.memory.fail_at = f.memory.requests + nth;
        const hf_err set = cache_fixture_set(&f, "key", text);
        const hf_err got = cache_fixture_expect(&f, "key", text);
        is_through = f.memory.requests < f.memory.fail_at;
        f.memory.fail_at = 0;
        assert_int_not_equal(set, HF_MISS);
        assert_int_not_equal(got, HF_MISS);
        assert_int_not_equal(got, HF_E_INVALID); /* Another text. */
    }
    cache_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_redis_holds_does_not_show_the_value),
        cmocka_unit_test(no_forged_bit_is_read),
        cmocka_unit_test(an_entry_moved_to_another_key_is_a_miss),
        cmocka_unit_test(an_expiry_cannot_be_put_off),
        cmocka_unit_test(a_plain_value_is_a_miss_where_it_must_be_encrypted),
        cmocka_unit_test(an_encrypted_value_is_a_miss_without_its_key),
        cmocka_unit_test(keys_are_rotated_while_both_generations_serve),
        cmocka_unit_test(touching_seals_anew),
        cmocka_unit_test(loading_seals_values_and_their_absence),
        cmocka_unit_test(many_are_sealed_and_opened_together),
        cmocka_unit_test(a_large_value_is_sealed_in_its_chunks),
        cmocka_unit_test(keys_that_make_no_sense_open_no_cache),
        cmocka_unit_test(without_memory_nothing_is_wrong),
    };
    return RUN_TESTS(tests);
}
