#include "cache/manifest.h"

#include "support/test.h"

static struct hf_manifest a_manifest(void)
{
    struct hf_manifest m = { .chunk_size = 1000,
                             .size = 2500,
                             .checksum = { UINT64_C(0x0123456789abcdef), UINT64_MAX } };
    for (size_t i = 0; i < HF_GENERATION_SIZE; i++) m.generation.bytes[i] = (uint8_t)i;
    return m;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    const struct hf_manifest m = a_manifest();
    struct hf_manifest       read;
    unsigned char            bytes[HF_MANIFEST_SIZE];
    hf_manifest_encode(&m, bytes);
    assert_true(hf_manifest_decode(hf_bytes(bytes, sizeof bytes), &read));
    assert_int_equal(read.chunk_size, m.chunk_size);
    assert_int_equal(read.size, m.size);
    assert_int_equal(read.checksum.low, m.checksum.low);
    assert_int_equal(read.checksum.high, m.checksum.high);
    assert_memory_equal(&read.generation, &m.generation, sizeof m.generation);
}

static void the_layout_is_what_other_processes_have_stored(void **state)
{
    (void)state;
    static const unsigned char stored[HF_MANIFEST_SIZE] = {
        1,    0,    0,    0,    0xe8, 0x03, 0,    0,    0xc4, 0x09, 0,    0,
        0,    0,    0,    0,    0,    1,    2,    3,    4,    5,    6,    7,
        8,    9,    10,   11,   12,   13,   14,   15,   0xef, 0xcd, 0xab, 0x89,
        0x67, 0x45, 0x23, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff
    };
    const struct hf_manifest m = a_manifest();
    unsigned char            bytes[HF_MANIFEST_SIZE];
    hf_manifest_encode(&m, bytes);
    assert_memory_equal(bytes, stored, sizeof bytes);
}

static void the_last_chunk_is_what_is_left(void **state)
{
    (void)state;
    struct hf_manifest m = a_manifest();
    assert_int_equal(hf_manifest_chunks(&m), 3);
    assert_int_equal(hf_manifest_chunk_size(&m, 0), 1000);
    assert_int_equal(hf_manifest_chunk_size(&m, 2), 500);
    m.size = 2000;
    assert_int_equal(hf_manifest_chunks(&m), 2);
    assert_int_equal(hf_manifest_chunk_size(&m, 1), 1000);
    m.size = 0;
    assert_int_equal(hf_manifest_chunks(&m), 0);
}

static bool is_read(const struct hf_manifest *changed, size_t at, unsigned char byte)
{
    struct hf_manifest read;
    unsigned char      bytes[HF_MANIFEST_SIZE];
    hf_manifest_encode(changed, bytes);
    bytes[at] = byte;
    return hf_manifest_decode(hf_bytes(bytes, sizeof bytes), &read);
}

static void what_no_encode_wrote_is_refused(void **state)
{
    (void)state;
    struct hf_manifest m = a_manifest();
    unsigned char      bytes[HF_MANIFEST_SIZE + 1];
    hf_manifest_encode(&m, bytes);
    assert_false(hf_manifest_decode(hf_bytes(bytes, HF_MANIFEST_SIZE - 1), &m));
    assert_false(hf_manifest_decode(hf_bytes(bytes, HF_MANIFEST_SIZE + 1), &m));
    assert_false(hf_manifest_decode(hf_bytes(NULL, 0), &m));
    assert_false(is_read(&m, 0, 2));
    assert_false(is_read(&m, 2, 1));
    assert_false(is_read(&m, 15, 1)); /* Of 2^56 bytes. */

    m.chunk_size = HF_CHUNK_SIZE_MAX;
    m.size = (uint64_t)HF_CHUNK_SIZE_MAX * HF_CHUNK_COUNT_MAX;
    assert_true(is_read(&m, 0, 1));
    assert_false(is_read(&m, 8, 1)); /* One byte more. */
    assert_false(is_read(&m, 4, 1)); /* A chunk one byte larger. */
    m.size = 0;
    m.chunk_size = 1;
    assert_true(is_read(&m, 4, 1));
    assert_false(is_read(&m, 4, 0)); /* Chunks of nothing. */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(the_layout_is_what_other_processes_have_stored),
        cmocka_unit_test(the_last_chunk_is_what_is_left),
        cmocka_unit_test(what_no_encode_wrote_is_refused),
    };
    return RUN_TESTS(tests);
}
