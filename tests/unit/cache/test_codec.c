#include "cache/codec.h"

#include "core/rng.h"
#include "support/counting_allocator.h"
#include "support/test.h"

#include <lz4.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum { MOST = 300 * 1024 };

struct fixture {
    struct counting_allocator memory;
    struct hf_codecs          codecs;
    unsigned char            *in, *out, *back;
    size_t                    size; /* Compressed. */
};

static void set_up(struct fixture *f)
{
    *f = (struct fixture){ 0 };
    counting_allocator_init(&f->memory);
    hf_codecs_init(&f->codecs, &f->memory.base);
    f->in = malloc(MOST);
    f->out = malloc(MOST);
    f->back = malloc(MOST);
}

static void tear_down(struct fixture *f)
{
    hf_codecs_deinit(&f->codecs);
    free(f->in);
    free(f->out);
    free(f->back);
    assert_int_equal(f->memory.blocks, 0);
}

static void fill_with_json(unsigned char *at, size_t size)
{
    struct hf_rng rng = { 7 };
    for (size_t done = 0; done < size;) {
        char      row[160];
        const int length = snprintf(
            row, sizeof row,
            "{\"id\":%u,\"name\":\"user %u\",\"active\":%s,"
            "\"score\":%u.%02u},\n",
            (unsigned)hf_rng_below(&rng, 1000000), (unsigned)hf_rng_below(&rng, 1000),
            hf_rng_below(&rng, 2) ? "true" : "false", (unsigned)hf_rng_below(&rng, 100),
            (unsigned)hf_rng_below(&rng, 100));
        const size_t part = (size_t)length < size - done ? (size_t)length : size - done;
        memcpy(at + done, row, part);
        done += part;
    }
}

static void fill_with_noise(unsigned char *at, size_t size)
{
    struct hf_rng rng = { 8 };
    for (size_t i = 0; i < size; i++) at[i] = (unsigned char)hf_rng_next(&rng);
}

static void fill_with_digits(unsigned char *at, size_t size)
{
    fill_with_noise(at, size);
    for (size_t i = 0; i < size; i++) at[i] = (unsigned char)"0123456789abcdef"[at[i] % 16];
}

/* Compresses, and expands in a block that is not a byte too long, for ASan to see. */
static enum hf_codec there_and_back(struct fixture *f, enum hf_compression how, size_t size)
{
    unsigned char *exact = malloc(size ? size : 1);
    memset(f->out, 0, MOST);
    const enum hf_codec codec = hf_codec_compress(&f->codecs, how, hf_bytes(f->in, size),
                                                  f->out, &f->size);
    if (codec != HF_CODEC_RAW) {
        assert_true(f->size < size - size / 16);
        assert_int_equal(
            hf_codec_expand(&f->codecs, codec, hf_bytes(f->out, f->size), exact, size),
            HF_OK);
        assert_memory_equal(exact, f->in, size);
    }
    free(exact);
    return codec;
}

static void text_is_smaller_and_comes_back(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    fill_with_json(f.in, MOST);
    static const size_t sizes[] = { 200, 512, 4095, 4096, 4097, 65536, MOST };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_int_equal(there_and_back(&f, HF_COMPRESSION_LZ4, sizes[i]), HF_CODEC_LZ4);
        assert_int_equal(there_and_back(&f, HF_COMPRESSION_ZSTD, sizes[i]), HF_CODEC_ZSTD);
        assert_int_equal(there_and_back(&f, HF_COMPRESSION_AUTO, sizes[i]), HF_CODEC_LZ4);
        assert_int_equal(there_and_back(&f, HF_COMPRESSION_OFF, sizes[i]), HF_CODEC_RAW);
    }
    tear_down(&f);
}

static void noise_stays_as_it_is(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    fill_with_noise(f.in, MOST);
    for (int how = HF_COMPRESSION_AUTO; how <= HF_COMPRESSION_ZSTD; how++) {
        for (size_t size = 0; size < 9000; size += size < 64 ? 1 : 997) {
            assert_int_equal(there_and_back(&f, (enum hf_compression)how, size),
                             HF_CODEC_RAW);
        }
        assert_int_equal(there_and_back(&f, (enum hf_compression)how, MOST), HF_CODEC_RAW);
    }
    tear_down(&f);
}

static void what_only_a_better_code_shrinks_is_given_to_zstd(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    fill_with_digits(f.in, MOST);
    assert_int_equal(there_and_back(&f, HF_COMPRESSION_AUTO, MOST), HF_CODEC_ZSTD);
    assert_true(f.size < MOST * 6 / 10);
    assert_int_equal(there_and_back(&f, HF_COMPRESSION_AUTO, 2048), HF_CODEC_RAW);
    tear_down(&f);
}

/* A head that does not compress, as of an archive, is not taken for the whole. */
static void the_look_is_at_more_than_the_beginning(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    fill_with_json(f.in, MOST);
    fill_with_noise(f.in, 8192);
    assert_int_equal(there_and_back(&f, HF_COMPRESSION_AUTO, MOST), HF_CODEC_LZ4);
    tear_down(&f);
}

/* Bytes that were compressed for another size, and such that were never compressed. */
static void only_the_announced_size_is_expanded_to(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    fill_with_json(f.in, 20000);
    static const enum hf_compression hows[] = { HF_COMPRESSION_LZ4, HF_COMPRESSION_ZSTD };
    for (size_t i = 0; i < 2; i++) {
        const enum hf_codec   codec = there_and_back(&f, hows[i], 20000);
        const struct hf_bytes body = hf_bytes(f.out, f.size);
        static const size_t   wrong[] = { 1, 100, 19999, 20001, 40000 };
        for (size_t j = 0; j < sizeof wrong / sizeof wrong[0]; j++) {
            unsigned char *exact = malloc(wrong[j]);
            assert_int_equal(hf_codec_expand(&f.codecs, codec, body, exact, wrong[j]),
                             HF_E_INVALID);
            free(exact);
        }
        for (size_t cut = 0; cut < f.size; cut += 97) {
            assert_int_equal(
                hf_codec_expand(&f.codecs, codec, hf_bytes(f.out, cut), f.back, 20000),
                HF_E_INVALID);
        }
    }
    tear_down(&f);
}

/* 2 KiB that zstd makes 64 MiB of, announced as 4 KiB. */
static void a_bomb_writes_no_more_than_was_announced(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    const size_t   size = (size_t)64 * 1024 * 1024;
    unsigned char *zeros = calloc(1, size), *exact = malloc(4096);
    const size_t   bomb = ZSTD_compress(f.out, MOST, zeros, size, 1);
    assert_true(bomb < 16384);
    assert_int_equal(
        hf_codec_expand(&f.codecs, HF_CODEC_ZSTD, hf_bytes(f.out, bomb), exact, 4096),
        HF_E_INVALID);
    const int lz4 = LZ4_compress_default((char *)zeros, (char *)f.out, 1 << 20, MOST);
    assert_true(lz4 > 0);
    assert_int_equal(
        hf_codec_expand(&f.codecs, HF_CODEC_LZ4, hf_bytes(f.out, (size_t)lz4), exact, 4096),
        HF_E_INVALID);
    free(zeros);
    free(exact);
    tear_down(&f);
}

static void damage_is_an_error_or_another_value_but_never_harm(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    fill_with_json(f.in, 3000);
    struct hf_rng                    rng = { 3 };
    static const enum hf_compression hows[] = { HF_COMPRESSION_LZ4, HF_COMPRESSION_ZSTD };
    for (size_t i = 0; i < 2; i++) {
        const enum hf_codec codec = there_and_back(&f, hows[i], 3000);
        for (int round = 0; round < 2000; round++) {
            unsigned char *cut = malloc(f.size), *exact = malloc(3000);
            memcpy(cut, f.out, f.size);
            cut[hf_rng_below(&rng, f.size)] ^= (unsigned char)(1 + hf_rng_below(&rng, 255));
            const hf_err err = hf_codec_expand(&f.codecs, codec, hf_bytes(cut, f.size), exact,
                                               3000);
            assert_true(err == HF_OK || err == HF_E_INVALID);
            free(cut);
            free(exact);
        }
    }
    tear_down(&f);
}

static void without_memory_it_stays_raw(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    fill_with_json(f.in, 20000);
    f.memory.fail_at = f.memory.requests + 1;
    assert_int_equal(there_and_back(&f, HF_COMPRESSION_LZ4, 4000), HF_CODEC_RAW);
    assert_int_equal(there_and_back(&f, HF_COMPRESSION_LZ4, 4000), HF_CODEC_LZ4);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_smaller_and_comes_back),
        cmocka_unit_test(noise_stays_as_it_is),
        cmocka_unit_test(what_only_a_better_code_shrinks_is_given_to_zstd),
        cmocka_unit_test(the_look_is_at_more_than_the_beginning),
        cmocka_unit_test(only_the_announced_size_is_expanded_to),
        cmocka_unit_test(a_bomb_writes_no_more_than_was_announced),
        cmocka_unit_test(damage_is_an_error_or_another_value_but_never_harm),
        cmocka_unit_test(without_memory_it_stays_raw),
    };
    return RUN_TESTS(tests);
}
