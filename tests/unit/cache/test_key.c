#include "cache/key.h"

#include "core/alloc.h"
#include "support/counting_allocator.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

struct fixture {
    struct counting_allocator memory;
    struct hf_keyspace        space;
    struct hf_key             key;
    char                     *large; /* HF_KEY_MAX + 1 bytes. */
};

static void set_up(struct fixture *f)
{
    counting_allocator_init(&f->memory);
    assert_int_equal(hf_keyspace_init(&f->space, &f->memory.base, hf_str("app"), 7), HF_OK);
    f->large = malloc(HF_KEY_MAX + 1);
    memset(f->large, 'k', HF_KEY_MAX + 1);
}

static void tear_down(struct fixture *f)
{
    free(f->large);
    assert_int_equal(f->memory.blocks, 0);
}

static void is_prefix_version_and_name(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(hf_key_init(&f.key, &f.space, hf_bytes("a\0b:@", 5)), HF_OK);
    assert_int_equal(f.key.wire.size, 11);
    assert_memory_equal(f.key.wire.data, "app@7:a\0b:@", 11);
    hf_key_deinit(&f.key);
    tear_down(&f);
}

static void expect_lease(const char *entry, const char *expected)
{
    struct hf_key lease;
    assert_int_equal(hf_key_init_lease(&lease, &hf_allocator_default, hf_str(entry)), HF_OK);
    assert_int_equal(lease.wire.size, strlen(expected));
    assert_memory_equal(lease.wire.data, expected, strlen(expected));
    hf_key_deinit(&lease);
}

static void its_lease_has_the_same_hash_tag(void **state)
{
    (void)state;
    expect_lease("app@7:k", "lease{app@7:k}");
    expect_lease("app@7:{user}:1", "lease:app@7:{user}:1");
    expect_lease("{app}@7:k", "lease:{app}@7:k");
    expect_lease("app@7:{}", "lease{app@7:{}}");
    expect_lease("app@7:}{", "lease{app@7:}{}");
}

static void an_empty_name_is_invalid(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(hf_key_init(&f.key, &f.space, hf_bytes(NULL, 0)), HF_E_INVALID);
    tear_down(&f);
}

static void its_limit_counts_the_prefix(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    const size_t most = HF_KEY_MAX - strlen("app@7:");
    for (size_t size = most - 1; size <= most; size++) {
        assert_int_equal(hf_key_init(&f.key, &f.space, hf_bytes(f.large, size)), HF_OK);
        assert_int_equal(f.key.wire.size, size + strlen("app@7:"));
        hf_key_deinit(&f.key);
    }
    assert_int_equal(hf_key_init(&f.key, &f.space, hf_bytes(f.large, most + 1)),
                     HF_E_TOO_LARGE);
    assert_int_equal(hf_key_init(&f.key, &f.space, hf_bytes(f.large, SIZE_MAX)),
                     HF_E_TOO_LARGE);
    tear_down(&f);
}

static void takes_memory_only_past_the_inline_bytes(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    const size_t most = HF_KEY_INLINE - strlen("app@7:");
    assert_int_equal(hf_key_init(&f.key, &f.space, hf_bytes(f.large, most)), HF_OK);
    assert_int_equal(f.memory.requests, 0);
    hf_key_deinit(&f.key);
    f.memory.fail_at = 1;
    assert_int_equal(hf_key_init(&f.key, &f.space, hf_bytes(f.large, most + 1)), HF_E_NOMEM);
    f.memory.fail_at = 0;
    assert_int_equal(hf_key_init(&f.key, &f.space, hf_bytes(f.large, most + 1)), HF_OK);
    assert_int_equal(f.memory.blocks, 1);
    hf_key_deinit(&f.key);
    tear_down(&f);
}

static void a_prefix_cannot_imitate_another_cache(void **state)
{
    (void)state;
    struct hf_keyspace space;
    char               large[HF_KEY_PREFIX_MAX + 1];
    memset(large, 'p', sizeof large);
    assert_int_equal(hf_keyspace_init(&space, NULL, hf_str("app@1:x"), 7), HF_E_INVALID);
    assert_int_equal(hf_keyspace_init(&space, NULL, hf_bytes(large, sizeof large), 1),
                     HF_E_TOO_LARGE);
    assert_int_equal(
        hf_keyspace_init(&space, NULL, hf_bytes(large, HF_KEY_PREFIX_MAX), UINT32_MAX),
        HF_OK);
    assert_int_equal(space.head_size, HF_KEY_PREFIX_MAX + strlen("@4294967295:"));
    assert_string_equal(space.token + HF_KEY_PREFIX_MAX, "@4294967295/namespace");
    assert_int_equal(hf_keyspace_init(&space, NULL, hf_bytes(NULL, 0), 0), HF_OK);
    assert_memory_equal(space.head, "@0:", space.head_size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_prefix_version_and_name),
        cmocka_unit_test(its_lease_has_the_same_hash_tag),
        cmocka_unit_test(an_empty_name_is_invalid),
        cmocka_unit_test(its_limit_counts_the_prefix),
        cmocka_unit_test(takes_memory_only_past_the_inline_bytes),
        cmocka_unit_test(a_prefix_cannot_imitate_another_cache),
    };
    return RUN_TESTS(tests);
}
