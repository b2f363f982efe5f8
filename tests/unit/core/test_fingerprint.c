#include "core/rng.h"
#include "support/counting_allocator.h"
#include "support/test.h"

#include <holdfast/fingerprint.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARAMETERS_MAX = 12, ROUNDS = 3000 };

struct fixture {
    struct counting_allocator memory;
    struct hf_fingerprint    *f;
    struct hf_error           error;
};

static void set_up(struct fixture *x)
{
    *x = (struct fixture){ 0 };
    counting_allocator_init(&x->memory);
    assert_int_equal(hf_fingerprint_open(&x->memory.base, &x->f), HF_OK);
}

static void tear_down(struct fixture *x)
{
    hf_fingerprint_close(x->f);
    assert_int_equal(x->memory.blocks, 0);
}

static struct hf_fingerprint_key key_of(struct fixture *x)
{
    struct hf_fingerprint_key key;
    assert_int_equal(hf_fingerprint_key(x->f, &key, &x->error), HF_OK);
    hf_fingerprint_clear(x->f);
    return key;
}

static hf_err failure_of(struct fixture *x)
{
    struct hf_fingerprint_key key = { "untouched" };
    const hf_err              err = hf_fingerprint_key(x->f, &key, &x->error);
    assert_string_equal(key.text, "untouched");
    hf_fingerprint_clear(x->f);
    return err;
}

#define ASSERT_SAME(a, b)  assert_string_equal((a).text, (b).text)
#define ASSERT_OTHER(a, b) assert_string_not_equal((a).text, (b).text)

/* One parameter or member, as random as it gets from few choices, so that they meet often. */
struct value {
    int      kind;
    uint64_t number;
    char     text[4];
};

static struct value random_value(struct hf_rng *rng)
{
    struct value v = { .kind = (int)hf_rng_below(rng, 8), .number = hf_rng_below(rng, 3) };
    for (size_t i = 0, n = hf_rng_below(rng, 4); i < n; i++) {
        v.text[i] = (char)('a' + hf_rng_below(rng, 2));
    }
    if (v.kind > 2) v.number = v.kind == 3 ? v.number & 1 : 0;
    if (v.kind != 4 && v.kind != 5) memset(v.text, 0, sizeof v.text);
    if (v.kind == 1 && v.number == 0) v.kind = 0; /* Minus nothing is nothing. */
    return v;
}

static void add_value(struct hf_fingerprint *f, const char *name, const struct value *v)
{
    switch (v->kind) {
    case 0: hf_fingerprint_uint(f, name, v->number); break;
    case 1: hf_fingerprint_int(f, name, -(int64_t)v->number); break;
    case 2: hf_fingerprint_double(f, name, (double)v->number); break;
    case 3: hf_fingerprint_bool(f, name, v->number != 0); break;
    case 4: hf_fingerprint_string(f, name, hf_str(v->text)); break;
    case 5: hf_fingerprint_bytes(f, name, hf_str(v->text)); break;
    case 6: hf_fingerprint_null(f, name); break;
    default: /* A list of an empty list, which comes about in no other way here. */
        hf_fingerprint_list(f, name, HF_LIST_ORDERED);
        hf_fingerprint_list(f, NULL, HF_LIST_ORDERED);
        hf_fingerprint_end(f);
        hf_fingerprint_end(f);
    }
}

/* A request in a form that this test can compare by itself: slot number i has the name
 * 'a' + i and holds nothing, a value, or a list of up to three. */
struct request {
    int          shape[PARAMETERS_MAX]; /* 0 nothing, 1 a value, 2 a list, 3 a set. */
    int          count[PARAMETERS_MAX];
    struct value values[PARAMETERS_MAX][3];
};

static struct request random_request(struct hf_rng *rng)
{
    struct request r;
    memset(&r, 0, sizeof r);
    for (int i = 0; i < PARAMETERS_MAX; i++) {
        r.shape[i] = (int)hf_rng_below(rng, 4);
        r.count[i] = r.shape[i] > 1 ? (int)hf_rng_below(rng, 4) : r.shape[i];
        for (int j = 0; j < r.count[i]; j++) r.values[i][j] = random_value(rng);
    }
    return r;
}

static void shuffle(struct hf_rng *rng, int *order, int count)
{
    for (int i = 0; i < count; i++) order[i] = i;
    for (int i = count - 1; i > 0; i--) {
        const int j = (int)hf_rng_below(rng, (uint64_t)i + 1), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}

/* Parameters in random order; sets in random order too, and sometimes with a repetition. */
static struct hf_fingerprint_key key_of_request(struct fixture *x, const struct request *r,
                                                struct hf_rng *rng)
{
    int order[PARAMETERS_MAX];
    shuffle(rng, order, PARAMETERS_MAX);
    for (int k = 0; k < PARAMETERS_MAX; k++) {
        const int  i = order[k];
        const char name[] = { (char)('a' + i), '\0' };
        int        within[3];
        if (r->shape[i] == 1) add_value(x->f, name, &r->values[i][0]);
        if (r->shape[i] < 2) continue;
        hf_fingerprint_list(x->f, name, r->shape[i] == 3 ? HF_LIST_SET : HF_LIST_ORDERED);
        shuffle(rng, within, r->count[i]);
        for (int j = 0; j < r->count[i]; j++) {
            add_value(x->f, NULL, &r->values[i][r->shape[i] == 3 ? within[j] : j]);
        }
        if (r->shape[i] == 3 && r->count[i]) add_value(x->f, NULL, &r->values[i][0]);
        hf_fingerprint_end(x->f);
    }
    return key_of(x);
}

static void the_order_of_parameters_makes_no_difference(void **state)
{
    (void)state;
    struct fixture x;
    struct hf_rng  rng = { 7 };
    set_up(&x);
    for (int round = 0; round < ROUNDS; round++) {
        const struct request            r = random_request(&rng);
        const struct hf_fingerprint_key first = key_of_request(&x, &r, &rng);
        ASSERT_SAME(key_of_request(&x, &r, &rng), first);
    }
    tear_down(&x);
}

static bool is_same_value(const struct value *a, const struct value *b)
{
    return a->kind == b->kind && a->number == b->number && strcmp(a->text, b->text) == 0;
}

static bool is_in(const struct request *r, int i, const struct value *v)
{
    for (int j = 0; j < r->count[i]; j++) {
        if (is_same_value(&r->values[i][j], v)) return true;
    }
    return false;
}

static bool is_same_slot(const struct request *a, const struct request *b, int i)
{
    if (a->shape[i] != b->shape[i]) return false;
    if (a->shape[i] != 3) {
        bool is_same = a->count[i] == b->count[i];
        for (int j = 0; j < a->count[i] && is_same; j++) {
            is_same = is_same_value(&a->values[i][j], &b->values[i][j]);
        }
        return is_same;
    }
    for (int j = 0; j < a->count[i]; j++) {
        if (!is_in(b, i, &a->values[i][j])) return false;
    }
    for (int j = 0; j < b->count[i]; j++) {
        if (!is_in(a, i, &b->values[i][j])) return false;
    }
    return true;
}

/* Neighbours that differ in one slot at most, so that some are the same by chance. */
static void requests_have_the_same_key_exactly_when_they_are_the_same(void **state)
{
    (void)state;
    struct fixture x;
    struct hf_rng  rng = { 42 };
    int            same_ones = 0;
    set_up(&x);
    for (int round = 0; round < ROUNDS; round++) {
        const struct request a = random_request(&rng);
        const struct request other = random_request(&rng);
        const int            i = (int)hf_rng_below(&rng, PARAMETERS_MAX);
        struct request       b = a;
        b.shape[i] = other.shape[i];
        b.count[i] = other.count[i];
        memcpy(b.values[i], other.values[i], sizeof b.values[i]);

        const struct hf_fingerprint_key of_a = key_of_request(&x, &a, &rng);
        const struct hf_fingerprint_key of_b = key_of_request(&x, &b, &rng);
        const bool                      is_same = is_same_slot(&a, &b, i);
        assert_int_equal(strcmp(of_a.text, of_b.text) == 0, is_same);
        same_ones += is_same;
    }
    assert_true(same_ones > ROUNDS / 100);
    tear_down(&x);
}

static struct hf_fingerprint_key key_of_strings(struct fixture *x, const char *name_a,
                                                const char *a, const char *name_b,
                                                const char *b)
{
    hf_fingerprint_string(x->f, name_a, hf_str(a));
    if (name_b) hf_fingerprint_string(x->f, name_b, hf_str(b));
    return key_of(x);
}

static void nothing_can_be_moved_between_names_and_values(void **state)
{
    (void)state;
    struct fixture x;
    set_up(&x);
    ASSERT_OTHER(key_of_strings(&x, "ab", "c", NULL, NULL),
                 key_of_strings(&x, "a", "bc", NULL, NULL));
    ASSERT_OTHER(key_of_strings(&x, "a", "1", "b", "2"),
                 key_of_strings(&x, "a", "1&b=2", NULL, NULL));
    ASSERT_OTHER(key_of_strings(&x, "a", "x", "b", "y"),
                 key_of_strings(&x, "a", "y", "b", "x"));
    ASSERT_OTHER(key_of_strings(&x, "a", "", "b", "y"),
                 key_of_strings(&x, "b", "y", NULL, NULL));
    tear_down(&x);
}

static void a_list_in_a_list_is_not_a_longer_list(void **state)
{
    (void)state;
    struct fixture x;
    set_up(&x);
    hf_fingerprint_list(x.f, "l", HF_LIST_ORDERED);
    hf_fingerprint_int(x.f, NULL, 1);
    hf_fingerprint_int(x.f, NULL, 2);
    hf_fingerprint_end(x.f);
    const struct hf_fingerprint_key flat = key_of(&x);

    hf_fingerprint_list(x.f, "l", HF_LIST_ORDERED);
    hf_fingerprint_int(x.f, NULL, 1);
    hf_fingerprint_list(x.f, NULL, HF_LIST_ORDERED);
    hf_fingerprint_int(x.f, NULL, 2);
    hf_fingerprint_end(x.f);
    hf_fingerprint_end(x.f);
    ASSERT_OTHER(key_of(&x), flat);
    tear_down(&x);
}

/* The sets {{1,2},{3}} and {{3},{2,1,1}}. */
static void sets_of_sets_have_no_order_either(void **state)
{
    (void)state;
    static const int          members[2][2][3] = { { { 1, 2, 0 }, { 3, 0, 0 } },
                                                   { { 3, 0, 0 }, { 2, 1, 1 } } };
    struct fixture            x;
    struct hf_fingerprint_key keys[2];
    set_up(&x);
    for (int way = 0; way < 2; way++) {
        hf_fingerprint_list(x.f, "s", HF_LIST_SET);
        for (int i = 0; i < 2; i++) {
            hf_fingerprint_list(x.f, NULL, HF_LIST_SET);
            for (int j = 0; j < 3; j++) {
                if (members[way][i][j]) hf_fingerprint_int(x.f, NULL, members[way][i][j]);
            }
            hf_fingerprint_end(x.f);
        }
        hf_fingerprint_end(x.f);
        keys[way] = key_of(&x);
    }
    ASSERT_SAME(keys[0], keys[1]);
    tear_down(&x);
}

static struct hf_fingerprint_key key_of_double(struct fixture *x, double value)
{
    hf_fingerprint_double(x->f, "d", value);
    return key_of(x);
}

static void numbers_are_what_they_say(void **state)
{
    (void)state;
    struct fixture x;
    set_up(&x);
    ASSERT_SAME(key_of_double(&x, -0.0), key_of_double(&x, 0.0));
    ASSERT_SAME(key_of_double(&x, -(double)NAN), key_of_double(&x, nan("7")));
    ASSERT_OTHER(key_of_double(&x, (double)NAN), key_of_double(&x, (double)INFINITY));
    ASSERT_OTHER(key_of_double(&x, -(double)INFINITY), key_of_double(&x, (double)INFINITY));
    ASSERT_OTHER(key_of_double(&x, 1), key_of_double(&x, nextafter(1, 2)));

    hf_fingerprint_int(x.f, "d", 1);
    const struct hf_fingerprint_key one = key_of(&x);
    hf_fingerprint_uint(x.f, "d", 1);
    ASSERT_SAME(key_of(&x), one);
    ASSERT_OTHER(key_of_double(&x, 1), one);
    hf_fingerprint_int(x.f, "d", INT64_MIN);
    const struct hf_fingerprint_key lowest = key_of(&x);
    hf_fingerprint_uint(x.f, "d", UINT64_C(1) << 63);
    ASSERT_OTHER(key_of(&x), lowest);
    tear_down(&x);
}

/* Worked out by hand from the guide, so that neither endianness nor locale can hide. */
static void the_encoding_is_the_one_that_is_documented(void **state)
{
    (void)state;
    static const unsigned char expected[] = "holdfast\1\0\0\0\0\0\0\0\3"
                                            "\0\0\0\0\0\0\0\1b"
                                            "n\0\0\0\0\0\0\1\2"
                                            "\0\0\0\0\0\0\0\1x"
                                            "d\x3f\xf8\0\0\0\0\0\0"
                                            "\0\0\0\0\0\0\0\2aa"
                                            "u\0\0\0\0\0\0\0\x0b"
                                            "s\0\0\0\0\0\0\0\1h"
                                            "t";
    struct fixture             x;
    struct hf_bytes            encoding;
    (void)setlocale(LC_ALL, "de_DE.UTF-8");
    set_up(&x);
    hf_fingerprint_list(x.f, "aa", HF_LIST_SET);
    hf_fingerprint_bool(x.f, NULL, true);
    hf_fingerprint_string(x.f, NULL, hf_str("h"));
    hf_fingerprint_end(x.f);
    hf_fingerprint_double(x.f, "x", 1.5);
    hf_fingerprint_int(x.f, "b", -258);
    assert_int_equal(hf_fingerprint_encoding(x.f, &encoding, &x.error), HF_OK);
    assert_int_equal(encoding.size, sizeof expected - 1);
    assert_memory_equal(encoding.data, expected, encoding.size);
    tear_down(&x);
}

static void a_name_given_twice_is_refused(void **state)
{
    (void)state;
    struct fixture x;
    set_up(&x);
    hf_fingerprint_int(x.f, "page", 1);
    hf_fingerprint_int(x.f, "sort", 1);
    hf_fingerprint_int(x.f, "page", 1);
    assert_int_equal(failure_of(&x), HF_E_INVALID);
    assert_string_equal(x.error.detail, "fingerprint: the name \"page\" was given twice");
    tear_down(&x);
}

static void what_has_no_place_is_refused(void **state)
{
    (void)state;
    struct fixture x;
    set_up(&x);
    hf_fingerprint_int(x.f, NULL, 1);
    assert_int_equal(failure_of(&x), HF_E_INVALID);
    hf_fingerprint_end(x.f);
    assert_int_equal(failure_of(&x), HF_E_INVALID);
    hf_fingerprint_list(x.f, "l", HF_LIST_SET);
    assert_int_equal(failure_of(&x), HF_E_INVALID);
    hf_fingerprint_list(x.f, "l", HF_LIST_SET);
    hf_fingerprint_int(x.f, "named", 1);
    hf_fingerprint_end(x.f);
    assert_int_equal(failure_of(&x), HF_E_INVALID);
    hf_fingerprint_file(x.f, "file", "/nowhere/at all");
    hf_fingerprint_int(x.f, "x", 1);
    assert_int_equal(failure_of(&x), HF_E_SYSTEM);
    hf_fingerprint_file(x.f, "folder", "/tmp");
    assert_int_equal(failure_of(&x), HF_E_INVALID);
    hf_fingerprint_int(x.f, "x", 1);
    (void)key_of(&x);
    tear_down(&x);
}

static void lists_are_as_deep_as_allowed_and_no_deeper(void **state)
{
    (void)state;
    struct fixture x;
    set_up(&x);
    for (int depth = HF_FINGERPRINT_DEPTH_MAX; depth <= HF_FINGERPRINT_DEPTH_MAX + 1;
         depth++) {
        for (int i = 0; i < depth; i++) {
            hf_fingerprint_list(x.f, i ? NULL : "l", HF_LIST_SET);
        }
        for (int i = 0; i < depth; i++) hf_fingerprint_end(x.f);
        if (depth == HF_FINGERPRINT_DEPTH_MAX) {
            (void)key_of(&x);
        } else {
            assert_int_equal(failure_of(&x), HF_E_TOO_LARGE);
        }
    }
    tear_down(&x);
}

static void a_request_is_as_large_as_allowed_and_no_larger(void **state)
{
    (void)state;
    enum { AROUND = 8 + 1 + 1 + 8 }; /* Size and name, tag, size. */
    struct fixture x;
    const size_t   most = HF_FINGERPRINT_BYTES_MAX - AROUND;
    char          *text = calloc(1, most + 1);
    assert_non_null(text);
    set_up(&x);
    hf_fingerprint_bytes(x.f, "x", hf_bytes(text, most));
    (void)key_of(&x);
    hf_fingerprint_bytes(x.f, "x", hf_bytes(text, most + 1));
    assert_int_equal(failure_of(&x), HF_E_TOO_LARGE);
    tear_down(&x);
    free(text);
}

static void any_request_for_memory_may_fail(void **state)
{
    (void)state;
    struct fixture x;
    struct hf_rng  rng = { 1 };
    hf_err         err = HF_E_NOMEM;
    for (long nth = 1; err == HF_E_NOMEM; nth++) {
        struct hf_fingerprint_key key;
        x = (struct fixture){ 0 };
        counting_allocator_init(&x.memory);
        x.memory.fail_at = nth;
        err = hf_fingerprint_open(&x.memory.base, &x.f);
        if (err) continue;
        for (int i = 0; i < 40; i++) {
            char               name[8];
            const struct value v = random_value(&rng);
            snprintf(name, sizeof name, "p%d", i);
            add_value(x.f, name, &v);
        }
        err = hf_fingerprint_key(x.f, &key, &x.error);
        tear_down(&x);
        assert_true(nth < 100);
    }
    assert_int_equal(err, HF_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_of_parameters_makes_no_difference),
        cmocka_unit_test(requests_have_the_same_key_exactly_when_they_are_the_same),
        cmocka_unit_test(nothing_can_be_moved_between_names_and_values),
        cmocka_unit_test(a_list_in_a_list_is_not_a_longer_list),
        cmocka_unit_test(sets_of_sets_have_no_order_either),
        cmocka_unit_test(numbers_are_what_they_say),
        cmocka_unit_test(the_encoding_is_the_one_that_is_documented),
        cmocka_unit_test(a_name_given_twice_is_refused),
        cmocka_unit_test(what_has_no_place_is_refused),
        cmocka_unit_test(lists_are_as_deep_as_allowed_and_no_deeper),
        cmocka_unit_test(a_request_is_as_large_as_allowed_and_no_larger),
        cmocka_unit_test(any_request_for_memory_may_fail),
    };
    return RUN_TESTS(tests);
}
