#include "cache/file_ref.h"

#include "support/test.h"

static struct hf_file_ref a_reference(void)
{
    return (struct hf_file_ref){ .has_sha256 = true,
                                 .size = UINT64_C(0x0123456789),
                                 .mtime_ns = INT64_C(1700000000123456789),
                                 .sha256 = { 1, 2, 3 },
                                 .place = hf_str("host-1"),
                                 .path = hf_str("/a\nb/c"),
                                 .metadata = hf_str("type=pdf") };
}

static void assert_same(struct hf_bytes a, struct hf_bytes b)
{
    assert_int_equal(a.size, b.size);
    if (a.size) assert_memory_equal(a.data, b.data, a.size);
}

static bool is_read(const struct hf_file_ref *ref)
{
    unsigned char      bytes[HF_FILE_REF_MAX];
    struct hf_file_ref read;
    const size_t       size = hf_file_ref_encode(ref, bytes);
    if (!hf_file_ref_decode(hf_bytes(bytes, size), &read)) return false;
    assert_int_equal(read.is_shared, ref->is_shared);
    assert_int_equal(read.has_sha256, ref->has_sha256);
    assert_int_equal(read.size, ref->size);
    assert_int_equal(read.mtime_ns, ref->mtime_ns);
    assert_same(read.place, ref->place);
    assert_same(read.path, ref->path);
    assert_same(read.metadata, ref->metadata);
    return true;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct hf_file_ref ref = a_reference();
    assert_true(is_read(&ref));
    ref.mtime_ns = -1;
    ref.metadata = hf_bytes(NULL, 0);
    ref.is_shared = true;
    ref.path = hf_str("..a/b../...");
    assert_true(is_read(&ref));
}

static void a_cut_or_longer_one_is_refused(void **state)
{
    (void)state;
    const struct hf_file_ref ref = a_reference();
    unsigned char            bytes[HF_FILE_REF_MAX];
    struct hf_file_ref       read;
    const size_t             size = hf_file_ref_encode(&ref, bytes);
    for (size_t cut = 0; cut < size; cut++) {
        assert_false(hf_file_ref_decode(hf_bytes(bytes, cut), &read));
    }
    assert_false(hf_file_ref_decode(hf_bytes(bytes, size + 1), &read));
    assert_true(hf_file_ref_decode(hf_bytes(bytes, size), &read));
}

/* The path is overwritten behind the encoder's back, as somebody with access to Redis could.
 */
static bool is_read_with_path(bool is_shared, const char *path)
{
    struct hf_file_ref ref = a_reference();
    unsigned char      bytes[HF_FILE_REF_MAX];
    char               harmless[64];
    memset(harmless, 'x', sizeof harmless);
    if (!is_shared) harmless[0] = '/';
    ref.is_shared = is_shared;
    ref.path = hf_bytes(harmless, strlen(path));
    const size_t size = hf_file_ref_encode(&ref, bytes);
    memcpy(bytes + HF_FILE_REF_HEAD + ref.place.size, path, strlen(path));
    return hf_file_ref_decode(hf_bytes(bytes, size), &ref);
}

static void a_path_that_leads_out_of_its_root_is_refused(void **state)
{
    (void)state;
    assert_true(is_read_with_path(true, "a/b"));
    assert_false(is_read_with_path(true, "../b"));
    assert_false(is_read_with_path(true, "a/../../b"));
    assert_false(is_read_with_path(true, "a/.."));
    assert_false(is_read_with_path(true, "/etc/passwd"));
    assert_true(is_read_with_path(false, "/a/b"));
    assert_false(is_read_with_path(false, "a/b"));
    assert_false(is_read_with_path(false, "/a/../b"));
}

static void places_have_plain_names(void **state)
{
    (void)state;
    char longest[HF_FILE_PLACE_MAX + 1];
    memset(longest, 'a', sizeof longest);
    assert_true(hf_file_place_is_valid(hf_str("Az09-_")));
    assert_false(hf_file_place_is_valid(hf_str("")));
    assert_false(hf_file_place_is_valid(hf_str("a b")));
    assert_false(hf_file_place_is_valid(hf_str("a/b")));
    assert_true(hf_file_place_is_valid(hf_bytes(longest, HF_FILE_PLACE_MAX)));
    assert_false(hf_file_place_is_valid(hf_bytes(longest, HF_FILE_PLACE_MAX + 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_cut_or_longer_one_is_refused),
        cmocka_unit_test(a_path_that_leads_out_of_its_root_is_refused),
        cmocka_unit_test(places_have_plain_names),
    };
    return RUN_TESTS(tests);
}
