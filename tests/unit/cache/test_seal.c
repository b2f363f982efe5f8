#include "cache/seal.h"

#include "support/counting_allocator.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 256, SEALED_MOST = MOST + HF_ENVELOPE_SEAL_SIZE };

struct fixture {
    struct counting_allocator memory;
    struct hf_cache_key       keys[3];
    struct hf_sealer         *sealer;
    unsigned char             head[HF_ENVELOPE_HEAD_SIZE];
    struct hf_sealed_for      what;
    unsigned char             body[SEALED_MOST], content[MOST];
};

static void set_up(struct fixture *f)
{
    *f = (struct fixture){ 0 };
    counting_allocator_init(&f->memory);
    for (uint32_t i = 0; i < 3; i++) {
        f->keys[i].id = 0x01020304 * (i + 1);
        memset(f->keys[i].bytes, (int)i + 1, HF_CACHE_KEY_SIZE);
    }
    memset(f->head, 'h', sizeof f->head);
    f->what = (struct hf_sealed_for){ f->head, hf_str("tags"), hf_str("app@1:key") };
    assert_int_equal(hf_sealer_open(&f->memory.base, f->keys, 1, &f->sealer, NULL), HF_OK);
}

static void tear_down(struct fixture *f)
{
    hf_sealer_close(f->sealer);
    assert_int_equal(f->memory.blocks, 0);
}

static void fail_next(struct fixture *f)
{
    f->memory.fail_at = f->memory.requests + 1;
}

static struct hf_bytes seal(struct fixture *f, struct hf_bytes content)
{
    assert_int_equal(hf_seal(f->sealer, &f->what, content, f->body), HF_OK);
    return hf_bytes(f->body, content.size + HF_ENVELOPE_SEAL_SIZE);
}

static enum hf_envelope_status unseal(struct fixture *f, struct hf_bytes body)
{
    enum hf_envelope_status status = HF_ENVELOPE_FOREIGN;
    unsigned char          *exact = malloc(body.size - HF_ENVELOPE_SEAL_SIZE + 1);
    assert_int_equal(hf_unseal(f->sealer, &f->what, body, exact, &status), HF_OK);
    memcpy(f->content, exact, body.size - HF_ENVELOPE_SEAL_SIZE);
    free(exact);
    return status;
}

/* Values in other people's Redis must stay readable. The bytes were computed with another
 * implementation of XAES-256-GCM, which gives the published vectors. */
static void the_bytes_are_fixed(void **state)
{
    (void)state;
    static const unsigned char nonce[] = "ABCDEFGHIJKLMNOPQRSTUVWX";
    static const unsigned char expected[] = {
        0x04, 0x03, 0x02, 0x01, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49,
        0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56,
        0x57, 0x58, 0xf7, 0x35, 0x5d, 0xc4, 0x7d, 0xdb, 0x96, 0xe6, 0x99, 0xe7, 0xaa,
        0x6a, 0x27, 0xe7, 0x53, 0x71, 0x04, 0x5f, 0x0f, 0x26, 0x46, 0x3b, 0x69
    };
    struct fixture f;
    set_up(&f);
    const struct hf_bytes content = hf_str("a value");
    assert_int_equal(hf_seal_with(f.sealer, &f.what, nonce, content, f.body), HF_OK);
    assert_int_equal(sizeof expected, content.size + HF_ENVELOPE_SEAL_SIZE);
    assert_memory_equal(f.body, expected, sizeof expected);
    tear_down(&f);
}

static void what_was_sealed_is_opened(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    static const unsigned char bytes[MOST] = { 1, 2, 3 };
    for (size_t size = 0; size <= MOST; size++) {
        const struct hf_bytes body = seal(&f, hf_bytes(bytes, size));
        memset(f.content, 0xff, MOST);
        assert_int_equal(unseal(&f, body), HF_ENVELOPE_OK);
        assert_memory_equal(f.content, bytes, size);
    }
    tear_down(&f);
}

static void the_content_may_lie_where_its_ciphertext_will(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    memcpy(f.body + HF_SEAL_CONTENT_AT, "in place", 8);
    const struct hf_bytes body = seal(&f, hf_bytes(f.body + HF_SEAL_CONTENT_AT, 8));
    assert_memory_not_equal(f.body + HF_SEAL_CONTENT_AT, "in place", 8);
    assert_int_equal(unseal(&f, body), HF_ENVELOPE_OK);
    assert_memory_equal(f.content, "in place", 8);
    tear_down(&f);
}

static void the_same_value_never_looks_the_same(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    unsigned char         first[SEALED_MOST];
    const struct hf_bytes body = seal(&f, hf_str("always the same value"));
    memcpy(first, body.data, body.size);
    (void)seal(&f, hf_str("always the same value"));
    assert_memory_not_equal(first + 4, f.body + 4, HF_SEAL_NONCE_SIZE);
    assert_memory_not_equal(first + HF_SEAL_CONTENT_AT, f.body + HF_SEAL_CONTENT_AT, 21);
    tear_down(&f);
}

static void no_flipped_bit_is_opened(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    const struct hf_bytes body = seal(&f, hf_str("a value of some length"));
    for (size_t bit = 0; bit < body.size * 8; bit++) {
        f.body[bit / 8] ^= (unsigned char)(1u << bit % 8);
        const enum hf_envelope_status status = unseal(&f, body);
        assert_int_equal(status, bit < 32 ? HF_ENVELOPE_NO_KEY : HF_ENVELOPE_FORGED);
        f.body[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    for (size_t bit = 0; bit < sizeof f.head * 8; bit++) {
        f.head[bit / 8] ^= (unsigned char)(1u << bit % 8);
        assert_int_equal(unseal(&f, body), HF_ENVELOPE_FORGED);
        f.head[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    assert_int_equal(unseal(&f, body), HF_ENVELOPE_OK);
    tear_down(&f);
}

static void another_key_or_other_tags_do_not_open_it(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    const struct hf_bytes body = seal(&f, hf_str("a value"));
    f.what.wire = hf_str("app@1:kez");
    assert_int_equal(unseal(&f, body), HF_ENVELOPE_FORGED);
    f.what.wire = hf_str("app@2:key");
    assert_int_equal(unseal(&f, body), HF_ENVELOPE_FORGED);
    f.what.wire = hf_str("app@1:key");
    f.what.tags = hf_str("tag");
    assert_int_equal(unseal(&f, body), HF_ENVELOPE_FORGED);
    f.what.tags = hf_str("tags");
    assert_int_equal(unseal(&f, body), HF_ENVELOPE_OK);
    tear_down(&f);
}

static void keys_are_changed_without_losing_what_they_sealed(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    const struct hf_bytes old = seal(&f, hf_str("of the old key"));
    hf_sealer_close(f.sealer);

    /* The new key writes, the old one is still read, then it is dropped. */
    const struct hf_cache_key both[] = { f.keys[1], f.keys[0] };
    assert_int_equal(hf_sealer_open(&f.memory.base, both, 2, &f.sealer, NULL), HF_OK);
    for (int i = 0; i < 3; i++) {
        unsigned char kept[SEALED_MOST];
        assert_int_equal(unseal(&f, old), HF_ENVELOPE_OK);
        memcpy(kept, f.body, sizeof kept);
        assert_int_equal(unseal(&f, seal(&f, hf_str("new"))), HF_ENVELOPE_OK);
        assert_memory_equal(f.content, "new", 3);
        memcpy(f.body, kept, sizeof kept);
    }
    hf_sealer_close(f.sealer);
    assert_int_equal(hf_sealer_open(&f.memory.base, both, 1, &f.sealer, NULL), HF_OK);
    assert_int_equal(unseal(&f, old), HF_ENVELOPE_NO_KEY);

    /* The right id and the wrong key. */
    f.keys[1].id = f.keys[0].id;
    hf_sealer_close(f.sealer);
    assert_int_equal(hf_sealer_open(&f.memory.base, &f.keys[1], 1, &f.sealer, NULL), HF_OK);
    assert_int_equal(unseal(&f, old), HF_ENVELOPE_FORGED);
    tear_down(&f);
}

static void keys_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    struct hf_cache_key many[HF_CACHE_KEYS_MAX + 1] = { 0 };
    for (uint32_t i = 0; i <= HF_CACHE_KEYS_MAX; i++) many[i].id = i;
    struct hf_sealer *sealer = NULL;
    assert_int_equal(hf_sealer_open(&f.memory.base, many, 0, &sealer, NULL), HF_E_INVALID);
    assert_int_equal(
        hf_sealer_open(&f.memory.base, many, HF_CACHE_KEYS_MAX + 1, &sealer, NULL),
        HF_E_TOO_LARGE);
    assert_int_equal(hf_sealer_open(&f.memory.base, many, HF_CACHE_KEYS_MAX, &sealer, NULL),
                     HF_OK);
    hf_sealer_close(sealer);
    many[1].id = 0;
    assert_int_equal(hf_sealer_open(&f.memory.base, many, 2, &sealer, NULL), HF_E_INVALID);
    hf_sealer_close(NULL);
    tear_down(&f);
}

static void without_memory_nothing_is_opened_and_nothing_lost(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    struct hf_sealer *sealer = NULL;
    fail_next(&f);
    assert_int_equal(hf_sealer_open(&f.memory.base, f.keys, 1, &sealer, NULL), HF_E_NOMEM);
    assert_null(sealer);
    fail_next(&f);
    assert_int_equal(hf_seal(f.sealer, &f.what, hf_str("v"), f.body), HF_E_NOMEM);
    const struct hf_bytes body = seal(&f, hf_str("v"));
    assert_int_equal(unseal(&f, body), HF_ENVELOPE_OK);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_are_fixed),
        cmocka_unit_test(what_was_sealed_is_opened),
        cmocka_unit_test(the_content_may_lie_where_its_ciphertext_will),
        cmocka_unit_test(the_same_value_never_looks_the_same),
        cmocka_unit_test(no_flipped_bit_is_opened),
        cmocka_unit_test(another_key_or_other_tags_do_not_open_it),
        cmocka_unit_test(keys_are_changed_without_losing_what_they_sealed),
        cmocka_unit_test(keys_that_make_no_sense_are_refused),
        cmocka_unit_test(without_memory_nothing_is_opened_and_nothing_lost),
    };
    return RUN_TESTS(tests);
}
