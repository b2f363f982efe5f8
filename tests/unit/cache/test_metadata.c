#include "cache/metadata.h"

#include "core/alloc.h"
#include "support/test.h"

#include <string.h>

static void what_is_joined_comes_apart_again(void **state)
{
    (void)state;
    const struct hf_bytes metadata = hf_str("text/html"), value = hf_str("<p>");
    struct hf_bytes       read;
    unsigned char        *both = hf_metadata_join(&hf_allocator_default, metadata, value);
    const struct hf_bytes bytes = hf_bytes(both, hf_metadata_block_size(metadata) + 3);
    assert_non_null(both);
    assert_true(hf_metadata_read(bytes, &read));
    assert_int_equal(read.size, 9);
    assert_memory_equal(read.data, "text/html", 9);
    assert_ptr_equal(hf_metadata_of(bytes).data, read.data);
    assert_int_equal(hf_metadata_of(bytes).size, 9);
    assert_int_equal(hf_metadata_skip(bytes).size, 3);
    assert_memory_equal(hf_metadata_skip(bytes).data, "<p>", 3);
    hf_free(&hf_allocator_default, both);
    assert_int_equal(hf_metadata_block_size(hf_bytes(NULL, 0)), 0);
}

static void the_layout_is_what_other_processes_have_stored(void **state)
{
    (void)state;
    unsigned char block[HF_METADATA_HEAD_SIZE + 300];
    char          text[300];
    memset(text, 'm', sizeof text);
    hf_metadata_write(hf_bytes(text, sizeof text), block);
    assert_int_equal(block[8], 300 & 255);
    assert_int_equal(block[9], 1);
    assert_memory_equal(block + 10, text, sizeof text);
}

static void no_changed_or_cut_block_is_read(void **state)
{
    (void)state;
    unsigned char         block[HF_METADATA_HEAD_SIZE + 5];
    const struct hf_bytes bytes = hf_bytes(block, sizeof block);
    struct hf_bytes       read;
    hf_metadata_write(hf_str("value"), block);
    assert_true(hf_metadata_read(bytes, &read));
    for (size_t i = 0; i < sizeof block; i++) {
        for (int bit = 0; bit < 8; bit++) {
            block[i] ^= (unsigned char)(1 << bit);
            assert_false(hf_metadata_read(bytes, &read));
            block[i] ^= (unsigned char)(1 << bit);
        }
        assert_false(hf_metadata_read(hf_bytes(block, i), &read));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_joined_comes_apart_again),
        cmocka_unit_test(the_layout_is_what_other_processes_have_stored),
        cmocka_unit_test(no_changed_or_cut_block_is_read),
    };
    return RUN_TESTS(tests);
}
