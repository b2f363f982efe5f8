#include "cache/tag_block.h"

#include "core/hash.h"
#include "support/test.h"

#include <string.h>

enum { KEY_HASH = 77 };

struct fixture {
    struct hf_tag in[HF_TAGS_MAX + 1];
    struct hf_tag out[HF_TAGS_MAX];
    char          names[HF_TAGS_MAX][HF_TAG_SIZE_MAX];
    unsigned char bytes[HF_TAG_BLOCK_MAX + 64];
    size_t        size;
};

/* That many tags with names of that size. */
static void write_tags(struct fixture *f, size_t count, size_t name_size)
{
    memset(f, 0, sizeof *f);
    for (size_t i = 0; i < count; i++) {
        memset(f->names[i], 'a' + (int)i, name_size);
        f->in[i] = (struct hf_tag){ hf_bytes(f->names[i], name_size), 1000 + i };
    }
    f->size = hf_tag_block_size(f->in, count);
    hf_tag_block_write(f->in, count, KEY_HASH, f->bytes);
}

static size_t read_tags(struct fixture *f)
{
    return hf_tag_block_read(hf_bytes(f->bytes, f->size), KEY_HASH, f->out);
}

/* As one who forges would: with a checksum that is right. */
static void sign(struct fixture *f)
{
    const uint64_t sum = hf_hash64(hf_bytes(f->bytes + 8, f->size - 8), KEY_HASH);
    for (int i = 0; i < 8; i++) f->bytes[i] = (unsigned char)(sum >> (8 * i));
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct fixture f;
    for (size_t count = 1; count <= HF_TAGS_MAX; count++) {
        write_tags(&f, count, count == 1 ? 1 : HF_TAG_SIZE_MAX);
        assert_int_equal(read_tags(&f), count);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(f.out[i].version, 1000 + i);
            assert_int_equal(f.out[i].name.size, f.in[i].name.size);
            assert_memory_equal(f.out[i].name.data, f.in[i].name.data, f.in[i].name.size);
        }
    }
    assert_int_equal(f.size, HF_TAG_BLOCK_MAX);
    assert_int_equal(hf_tag_block_size(f.in, 0), 0);
}

static void nothing_damaged_or_of_another_entry_is_read(void **state)
{
    (void)state;
    struct fixture f;
    write_tags(&f, 3, 5);
    assert_int_equal(hf_tag_block_read(hf_bytes(f.bytes, f.size), KEY_HASH + 1, f.out), 0);
    for (size_t size = 0; size < f.size; size++) {
        assert_int_equal(hf_tag_block_read(hf_bytes(f.bytes, size), KEY_HASH, f.out), 0);
    }
    for (size_t bit = 0; bit < f.size * 8; bit++) {
        f.bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        assert_int_equal(read_tags(&f), 0);
        f.bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    assert_int_equal(read_tags(&f), 3);
}

static void forged_sizes_and_counts_are_refused(void **state)
{
    (void)state;
    struct fixture             f;
    static const unsigned char bad[] = { 0, 4, 6, HF_TAG_SIZE_MAX + 1, 255 };
    for (size_t i = 0; i < sizeof bad; i++) {
        write_tags(&f, 1, 5);
        f.bytes[16] = bad[i];
        sign(&f);
        assert_int_equal(read_tags(&f), 0);
    }
    write_tags(&f, HF_TAGS_MAX, 1);
    memcpy(f.bytes + f.size, f.bytes + 8, 10);
    f.size += 10; /* One more than may be. */
    sign(&f);
    assert_int_equal(read_tags(&f), 0);
}

static void a_block_that_is_bound_anew_belongs_to_the_other_entry_only(void **state)
{
    (void)state;
    struct fixture f;
    write_tags(&f, 2, 5);
    hf_tag_block_bind(f.bytes, f.size, KEY_HASH + 1);
    assert_int_equal(read_tags(&f), 0);
    assert_int_equal(hf_tag_block_read(hf_bytes(f.bytes, f.size), KEY_HASH + 1, f.out), 2);
    assert_int_equal(f.out[1].version, 1001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(nothing_damaged_or_of_another_entry_is_read),
        cmocka_unit_test(forged_sizes_and_counts_are_refused),
        cmocka_unit_test(a_block_that_is_bound_anew_belongs_to_the_other_entry_only),
    };
    return RUN_TESTS(tests);
}
