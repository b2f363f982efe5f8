#include "cache/envelope.h"

#include "core/hash.h"
#include "core/rng.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

enum {
    KEY_HASH = 0x1234567,
    BODY = 37,
    SIZE = HF_ENVELOPE_SIZE + BODY,
    /* Of the layout in the header file. */
    AT_VERSION = 3,
    AT_CODEC = 4,
    AT_FLAGS = 5,
    AT_TAGS_SIZE = 6,
    AT_EXPIRES = 16,
    AT_RAW_SIZE = 24,
    AT_BODY_SIZE = 32,
    AT_CHECKSUM = 56,
};

static const char body[BODY + 1] = "a value\0 with a NUL, thirty-seven byt";

struct fixture {
    unsigned char      bytes[SIZE + 1];
    struct hf_envelope in;
    struct hf_envelope out;
};

static void set_up(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    f->in = (struct hf_envelope){
        .created_ms = 1700000000000,
        .expires_ms = 1700000060000,
        .raw_size = BODY,
        .key_hash = KEY_HASH,
        .body = { body, BODY },
    };
    hf_envelope_encode(&f->in, f->bytes);
    memcpy(f->bytes + HF_ENVELOPE_SIZE, body, BODY);
}

static enum hf_envelope_status decode(struct fixture *f, size_t size)
{
    return hf_envelope_decode(hf_bytes(f->bytes, size), KEY_HASH, &f->out);
}

/* As one who forges would: with a header checksum that is right. */
static void set_byte(struct fixture *f, size_t at, unsigned char value)
{
    f->bytes[at] = value;
    const uint64_t sum = hf_hash64(hf_bytes(f->bytes, AT_CHECKSUM), 0);
    for (int i = 0; i < 8; i++) f->bytes[AT_CHECKSUM + i] = (unsigned char)(sum >> (8 * i));
}

static void what_goes_in_comes_out(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(decode(&f, SIZE), HF_ENVELOPE_OK);
    assert_int_equal(f.out.codec, HF_CODEC_RAW);
    assert_false(f.out.sliding);
    assert_int_equal(f.out.created_ms, f.in.created_ms);
    assert_int_equal(f.out.expires_ms, f.in.expires_ms);
    assert_int_equal(f.out.raw_size, BODY);
    assert_int_equal(f.out.body.size, BODY);
    assert_memory_equal(f.out.body.data, body, BODY);
}

static void an_empty_value_is_a_value(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    f.in.body = hf_bytes(NULL, 0);
    f.in.raw_size = 0;
    f.in.sliding = true;
    hf_envelope_encode(&f.in, f.bytes);
    assert_int_equal(decode(&f, HF_ENVELOPE_SIZE), HF_ENVELOPE_OK);
    assert_int_equal(f.out.body.size, 0);
    assert_true(f.out.sliding);
}

/* Values in other people's Redis must stay readable: the layout may not drift. */
static void the_layout_is_the_documented_one(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    static const unsigned char head[] = {
        0x9e, 'H',  'F',  1,    0,    0,    0, 0, 0x00, 0x68, 0xe5, 0xcf, 0x8b, 0x01, 0, 0,
        0x60, 0x52, 0xe6, 0xcf, 0x8b, 0x01, 0, 0, BODY, 0,    0,    0,    0,    0,    0, 0,
        BODY, 0,    0,    0,    0,    0,    0, 0, 0x67, 0x45, 0x23, 0x01, 0,    0,    0, 0
    };
    assert_memory_equal(f.bytes, head, sizeof head);
}

static void no_flipped_bit_gives_a_value(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    for (size_t bit = 0; bit < SIZE * 8; bit++) {
        f.bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        assert_int_not_equal(decode(&f, SIZE), HF_ENVELOPE_OK);
        f.bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    assert_int_equal(decode(&f, SIZE), HF_ENVELOPE_OK);
}

static void no_other_byte_anywhere_gives_a_value(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    for (size_t at = 0; at < SIZE; at++) {
        const unsigned char right = f.bytes[at];
        for (int value = 0; value < 256; value++) {
            if (value == right) continue;
            f.bytes[at] = (unsigned char)value;
            assert_int_not_equal(decode(&f, SIZE), HF_ENVELOPE_OK);
        }
        f.bytes[at] = right;
    }
}

/* Each length in a block of its own, so that reading past it is seen by ASan. */
static void a_cut_envelope_is_never_a_value(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    for (size_t size = 0; size < SIZE; size++) {
        unsigned char *cut = malloc(size ? size : 1);
        memcpy(cut, f.bytes, size);
        const enum hf_envelope_status status = hf_envelope_decode(hf_bytes(cut, size),
                                                                  KEY_HASH, &f.out);
        assert_int_equal(status,
                         size > AT_VERSION ? HF_ENVELOPE_TRUNCATED : HF_ENVELOPE_FOREIGN);
        free(cut);
    }
    assert_int_equal(decode(&f, SIZE + 1), HF_ENVELOPE_DAMAGED);
}

static void foreign_bytes_are_foreign(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    static const char *const texts[] = { "", "1", "hello", "{\"json\": true}", "HF\x9e\x01" };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(hf_envelope_decode(hf_str(texts[i]), KEY_HASH, &f.out),
                         HF_ENVELOPE_FOREIGN);
    }
    assert_int_equal(hf_envelope_decode(hf_bytes(NULL, 0), KEY_HASH, &f.out),
                     HF_ENVELOPE_FOREIGN);
}

static void what_a_later_version_wrote_is_told_apart(void **state)
{
    (void)state;
    static const struct {
        size_t        at;
        unsigned char value;
    } news[] = { { AT_VERSION, 2 }, { AT_VERSION, 0 }, { AT_CODEC, 3 }, { AT_FLAGS, 128 } };
    for (size_t i = 0; i < sizeof news / sizeof news[0]; i++) {
        struct fixture f;
        set_up(&f);
        set_byte(&f, news[i].at, news[i].value);
        assert_int_equal(decode(&f, SIZE), HF_ENVELOPE_OTHER_VERSION);
    }
}

static void tags_stand_in_front_of_the_body(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    f.in.tags = hf_bytes(body, 7);
    f.in.body = hf_bytes(body + 7, BODY - 7);
    f.in.raw_size = BODY - 7;
    hf_envelope_encode(&f.in, f.bytes);
    assert_int_equal(decode(&f, SIZE), HF_ENVELOPE_OK);
    assert_int_equal(f.out.tags.size, 7);
    assert_ptr_equal(f.out.tags.data, f.bytes + HF_ENVELOPE_SIZE);
    assert_int_equal(f.out.body.size, BODY - 7);
    assert_memory_equal(f.out.body.data, body + 7, BODY - 7);
    for (size_t size = HF_ENVELOPE_SIZE; size < SIZE; size++) {
        assert_int_equal(decode(&f, size), HF_ENVELOPE_TRUNCATED);
    }
    assert_int_equal(decode(&f, SIZE + 1), HF_ENVELOPE_DAMAGED);
}

static void a_forged_size_of_the_tags_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    for (size_t at = AT_TAGS_SIZE; at < AT_TAGS_SIZE + 2; at++) {
        set_up(&f);
        set_byte(&f, at, 1);
        assert_int_equal(decode(&f, SIZE), HF_ENVELOPE_TRUNCATED);
    }
}

/* A body as long as a seal is not one, but the envelope cannot know. */
static void a_sealed_body_is_longer_than_its_content(void **state)
{
    (void)state;
    static const unsigned char sealed[HF_ENVELOPE_SEAL_SIZE + 1];
    unsigned char              bytes[HF_ENVELOPE_SIZE + sizeof sealed];
    struct fixture             f;
    set_up(&f);
    f.in.is_sealed = true;
    for (size_t content = 0; content < 2; content++) {
        f.in.is_absent = content == 0;
        f.in.body = hf_bytes(sealed, HF_ENVELOPE_SEAL_SIZE + content);
        f.in.raw_size = content;
        hf_envelope_encode(&f.in, bytes);
        memcpy(bytes + HF_ENVELOPE_SIZE, sealed, f.in.body.size);
        const struct hf_bytes whole = hf_bytes(bytes, HF_ENVELOPE_SIZE + f.in.body.size);
        assert_int_equal(hf_envelope_decode(whole, KEY_HASH, &f.out), HF_ENVELOPE_OK);
        assert_true(f.out.is_sealed);
        assert_int_equal(f.out.raw_size, content);
        assert_int_equal(f.out.body.size, HF_ENVELOPE_SEAL_SIZE + content);
    }
    set_up(&f);
    set_byte(&f, AT_FLAGS, 8); /* The body is shorter than a seal. */
    assert_int_equal(decode(&f, SIZE), HF_ENVELOPE_DAMAGED);
}

static void what_was_compressed_is_smaller_than_it_was(void **state)
{
    (void)state;
    struct fixture f;
    for (int raw_size = 0; raw_size <= BODY; raw_size++) {
        set_up(&f);
        f.bytes[AT_RAW_SIZE] = (unsigned char)raw_size;
        set_byte(&f, AT_CODEC, HF_CODEC_ZSTD);
        assert_int_equal(decode(&f, SIZE), HF_ENVELOPE_DAMAGED);
    }
    f.bytes[AT_RAW_SIZE] = BODY + 1;
    set_byte(&f, AT_CODEC, HF_CODEC_ZSTD);
    assert_int_equal(decode(&f, SIZE), HF_ENVELOPE_OK);
}

static void a_seal_vouches_for_the_first_bytes_whatever_the_body(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    unsigned char head[HF_ENVELOPE_HEAD_SIZE];
    hf_envelope_head(&f.in, head);
    assert_memory_equal(head, f.bytes, sizeof head);
}

static void what_is_bound_anew_is_of_the_other_key_and_else_the_same(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    hf_envelope_bind(f.bytes, KEY_HASH + 1);
    assert_int_equal(decode(&f, SIZE), HF_ENVELOPE_MISPLACED);
    assert_int_equal(hf_envelope_decode(hf_bytes(f.bytes, SIZE), KEY_HASH + 1, &f.out),
                     HF_ENVELOPE_OK);
    assert_int_equal(f.out.created_ms, f.in.created_ms);
    assert_int_equal(f.out.expires_ms, f.in.expires_ms);
    assert_memory_equal(f.out.body.data, body, BODY);

    assert_true(hf_envelope_is_bindable(&f.out, false));
    f.out.is_sealed = true;
    assert_true(hf_envelope_is_bindable(&f.out, true));
    assert_false(hf_envelope_is_bindable(&f.out, false));
    f.out.tags.size = 1;
    assert_false(hf_envelope_is_bindable(&f.out, true));
}

static void a_forged_length_is_refused(void **state)
{
    (void)state;
    static const size_t places[] = { AT_RAW_SIZE, AT_BODY_SIZE };
    for (int place = 0; place < 2; place++) {
        for (size_t at = places[place]; at < places[place] + 8; at++) {
            struct fixture f;
            set_up(&f);
            set_byte(&f, at, 0xff);
            assert_int_equal(decode(&f, SIZE), HF_ENVELOPE_DAMAGED);
        }
    }
    struct fixture f;
    set_up(&f);
    set_byte(&f, AT_RAW_SIZE + 7, 0xff);
    set_byte(&f, AT_BODY_SIZE + 7, 0xff);
    assert_int_equal(decode(&f, SIZE), HF_ENVELOPE_TRUNCATED);
}

static void an_expiry_before_its_creation_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    set_byte(&f, AT_EXPIRES + 7, 0x80);
    assert_int_equal(decode(&f, SIZE), HF_ENVELOPE_DAMAGED);
    set_up(&f);
    set_byte(&f, AT_EXPIRES + 5, 0);
    assert_int_equal(decode(&f, SIZE), HF_ENVELOPE_DAMAGED);
}

static void nothing_is_told_apart_from_an_empty_value(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    set_byte(&f, AT_FLAGS, 2);
    assert_int_equal(decode(&f, SIZE), HF_ENVELOPE_DAMAGED);
    f.in.body = hf_bytes(NULL, 0);
    f.in.raw_size = 0;
    f.in.is_absent = true;
    hf_envelope_encode(&f.in, f.bytes);
    assert_int_equal(decode(&f, HF_ENVELOPE_SIZE), HF_ENVELOPE_OK);
    assert_true(f.out.is_absent);
}

static void a_value_of_another_key_is_not_given_out(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(hf_envelope_decode(hf_bytes(f.bytes, SIZE), KEY_HASH + 1, &f.out),
                     HF_ENVELOPE_MISPLACED);
}

static void the_header_alone_tells_all_but_the_body(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(
        hf_envelope_decode_header(hf_bytes(f.bytes, HF_ENVELOPE_SIZE), KEY_HASH, &f.out),
        HF_ENVELOPE_OK);
    assert_int_equal(f.out.expires_ms, f.in.expires_ms);
    assert_null(f.out.body.data);
    assert_int_equal(f.out.body.size, BODY);
}

static void a_prolonged_header_fits_the_same_body(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    unsigned char prolonged[HF_ENVELOPE_SIZE];
    hf_envelope_prolong(f.bytes, f.in.expires_ms + 5, prolonged);
    memcpy(f.bytes, prolonged, sizeof prolonged);
    assert_int_equal(decode(&f, SIZE), HF_ENVELOPE_OK);
    assert_int_equal(f.out.expires_ms, f.in.expires_ms + 5);

    /* A clock that runs behind the writer's. */
    hf_envelope_prolong(f.bytes, f.in.created_ms - 1, prolonged);
    memcpy(f.bytes, prolonged, sizeof prolonged);
    assert_int_equal(decode(&f, SIZE), HF_ENVELOPE_OK);
    assert_int_equal(f.out.expires_ms, f.in.created_ms);
}

static void random_damage_never_gives_a_wrong_value(void **state)
{
    (void)state;
    struct hf_rng rng = { 11 };
    for (int round = 0; round < 200000; round++) {
        struct fixture f;
        set_up(&f);
        const uint64_t changes = 1 + hf_rng_below(&rng, 8);
        for (uint64_t i = 0; i < changes; i++) {
            f.bytes[hf_rng_below(&rng, SIZE)] = (unsigned char)hf_rng_next(&rng);
        }
        if (decode(&f, (size_t)hf_rng_below(&rng, SIZE + 1)) != HF_ENVELOPE_OK) continue;
        assert_int_equal(f.out.body.size, BODY);
        assert_memory_equal(f.out.body.data, body, BODY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(an_empty_value_is_a_value),
        cmocka_unit_test(the_layout_is_the_documented_one),
        cmocka_unit_test(no_flipped_bit_gives_a_value),
        cmocka_unit_test(no_other_byte_anywhere_gives_a_value),
        cmocka_unit_test(a_cut_envelope_is_never_a_value),
        cmocka_unit_test(foreign_bytes_are_foreign),
        cmocka_unit_test(what_a_later_version_wrote_is_told_apart),
        cmocka_unit_test(tags_stand_in_front_of_the_body),
        cmocka_unit_test(a_forged_size_of_the_tags_is_refused),
        cmocka_unit_test(a_sealed_body_is_longer_than_its_content),
        cmocka_unit_test(what_was_compressed_is_smaller_than_it_was),
        cmocka_unit_test(a_seal_vouches_for_the_first_bytes_whatever_the_body),
        cmocka_unit_test(what_is_bound_anew_is_of_the_other_key_and_else_the_same),
        cmocka_unit_test(a_forged_length_is_refused),
        cmocka_unit_test(an_expiry_before_its_creation_is_refused),
        cmocka_unit_test(nothing_is_told_apart_from_an_empty_value),
        cmocka_unit_test(a_value_of_another_key_is_not_given_out),
        cmocka_unit_test(the_header_alone_tells_all_but_the_body),
        cmocka_unit_test(a_prolonged_header_fits_the_same_body),
        cmocka_unit_test(random_damage_never_gives_a_wrong_value),
    };
    return RUN_TESTS(tests);
}
