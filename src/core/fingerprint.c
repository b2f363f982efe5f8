#include <holdfast/fingerprint.h>

#include "core/alloc.h"
#include "core/buffer.h"
#include "core/error.h"
#include "core/file_digest.h"

#include <openssl/evp.h>
#include <stdlib.h>

enum { PIECES_FIRST = 16, KEEP = 64 * 1024 };

enum tag {
    TAG_NULL = 'z',
    TAG_FALSE = 'f',
    TAG_TRUE = 't',
    TAG_INTEGER = 'i',
    TAG_NEGATIVE = 'n',
    TAG_DOUBLE = 'd',
    TAG_STRING = 's',
    TAG_BYTES = 'b',
    TAG_FILE = 'c',
    TAG_ORDERED = 'l',
    TAG_SET = 'u',
};

static const char header[] = {
    'h', 'o', 'l', 'd', 'f', 'a', 's', 't', HF_FINGERPRINT_VERSION
};

/* An encoded parameter, or an encoded member of a list that is not ended yet. */
struct piece {
    size_t at;
    size_t size;
    size_t name_size; /* Encoded; 0 in lists. */
};

struct open_list {
    enum hf_list_kind kind;
    struct piece      piece; /* Its size is known at its end. */
    size_t            body;  /* Where its members begin. */
    size_t            first; /* Its first piece. */
};

struct hf_fingerprint {
    struct hf_allocator allocator;
    struct hf_error     failure; /* The first; code HF_OK: none. */
    struct hf_buffer    bytes;   /* Pieces in the order they came. */
    struct hf_buffer    sorted;  /* The encoding; a set while it is sorted. */
    struct piece       *pieces;
    size_t              piece_count;
    size_t              piece_room;
    struct open_list    lists[HF_FINGERPRINT_DEPTH_MAX];
    size_t              depth;
};

hf_err hf_fingerprint_open(const struct hf_allocator *a, struct hf_fingerprint **opened)
{
    if (!a) a = &hf_allocator_default;
    struct hf_fingerprint *f = hf_alloc_zero(a, 1, sizeof *f);
    if (!f) return HF_E_NOMEM;
    f->allocator = *a;
    hf_buffer_init(&f->bytes, &f->allocator, HF_FINGERPRINT_BYTES_MAX);
    hf_buffer_init(&f->sorted, &f->allocator, HF_FINGERPRINT_BYTES_MAX + 64);
    *opened = f;
    return HF_OK;
}

void hf_fingerprint_close(struct hf_fingerprint *f)
{
    if (!f) return;
    const struct hf_allocator a = f->allocator;
    hf_buffer_deinit(&f->bytes);
    hf_buffer_deinit(&f->sorted);
    hf_free(&a, f->pieces);
    hf_free(&a, f);
}

void hf_fingerprint_clear(struct hf_fingerprint *f)
{
    hf_buffer_clear(&f->bytes, KEEP);
    hf_buffer_clear(&f->sorted, KEEP);
    f->failure = (struct hf_error){ .code = HF_OK };
    f->piece_count = 0;
    f->depth = 0;
}

static bool is_good(const struct hf_fingerprint *f)
{
    return f->failure.code == HF_OK;
}

/* Appends; a failure is remembered. */
static void put(struct hf_fingerprint *f, const void *data, size_t size)
{
    if (!is_good(f) || size == 0) return;
    const hf_err err = hf_buffer_append(&f->bytes, data, size);
    if (err) hf_fail(&f->failure, err, "fingerprint: %zu bytes more", size);
}

static void put_tag(struct hf_fingerprint *f, enum tag tag)
{
    const char byte = (char)tag;
    put(f, &byte, 1);
}

static void encode_number(unsigned char bytes[8], uint64_t value)
{
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(value >> (56 - 8 * i));
}

static void put_number(struct hf_fingerprint *f, uint64_t value)
{
    unsigned char bytes[8];
    encode_number(bytes, value);
    put(f, bytes, sizeof bytes);
}

static void put_sized(struct hf_fingerprint *f, struct hf_bytes bytes)
{
    put_number(f, bytes.size);
    put(f, bytes.data, bytes.size);
}

/* Outside of lists a value is named, inside it is not. */
static struct piece begin(struct hf_fingerprint *f, const char *name)
{
    struct piece piece = { .at = hf_buffer_size(&f->bytes) };
    if (!is_good(f)) return piece;
    if (f->depth > 0 && name) {
        hf_fail(&f->failure, HF_E_INVALID, "fingerprint: the name \"%.100s\" within a list",
                name);
    } else if (f->depth == 0 && !name) {
        hf_fail(&f->failure, HF_E_INVALID, "fingerprint: a parameter without a name");
    } else if (name) {
        put_sized(f, hf_str(name));
    }
    piece.name_size = hf_buffer_size(&f->bytes) - piece.at;
    return piece;
}

static bool make_room(struct hf_fingerprint *f)
{
    if (f->piece_count < f->piece_room) return true;
    const size_t  room = f->piece_room ? f->piece_room * 2 : PIECES_FIRST;
    struct piece *moved = hf_resize(&f->allocator, f->pieces, room * sizeof *moved);
    if (!moved) {
        hf_fail(&f->failure, HF_E_NOMEM, "fingerprint");
        return false;
    }
    f->pieces = moved;
    f->piece_room = room;
    return true;
}

static void finish(struct hf_fingerprint *f, struct piece piece)
{
    if (!is_good(f) || !make_room(f)) return;
    piece.size = hf_buffer_size(&f->bytes) - piece.at;
    f->pieces[f->piece_count++] = piece;
}

static void add_number(struct hf_fingerprint *f, const char *name, enum tag tag,
                       uint64_t number)
{
    const struct piece piece = begin(f, name);
    put_tag(f, tag);
    put_number(f, number);
    finish(f, piece);
}

static void add_sized(struct hf_fingerprint *f, const char *name, enum tag tag,
                      struct hf_bytes bytes)
{
    const struct piece piece = begin(f, name);
    put_tag(f, tag);
    put_sized(f, bytes);
    finish(f, piece);
}

static void add_tag(struct hf_fingerprint *f, const char *name, enum tag tag)
{
    const struct piece piece = begin(f, name);
    put_tag(f, tag);
    finish(f, piece);
}

void hf_fingerprint_int(struct hf_fingerprint *f, const char *name, int64_t value)
{
    const uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
    add_number(f, name, value < 0 ? TAG_NEGATIVE : TAG_INTEGER, magnitude);
}

void hf_fingerprint_uint(struct hf_fingerprint *f, const char *name, uint64_t value)
{
    add_number(f, name, TAG_INTEGER, value);
}

void hf_fingerprint_double(struct hf_fingerprint *f, const char *name, double value)
{
    const uint64_t the_nan = UINT64_C(0x7ff8000000000000);
    uint64_t       bits = 0;
    memcpy(&bits, &value, sizeof bits);
    if (bits == UINT64_C(1) << 63) bits = 0;
    if ((bits & ~(UINT64_C(1) << 63)) > UINT64_C(0x7ff0000000000000)) bits = the_nan;
    add_number(f, name, TAG_DOUBLE, bits);
}

void hf_fingerprint_bool(struct hf_fingerprint *f, const char *name, bool value)
{
    add_tag(f, name, value ? TAG_TRUE : TAG_FALSE);
}

void hf_fingerprint_null(struct hf_fingerprint *f, const char *name)
{
    add_tag(f, name, TAG_NULL);
}

void hf_fingerprint_string(struct hf_fingerprint *f, const char *name, struct hf_bytes text)
{
    add_sized(f, name, TAG_STRING, text);
}

void hf_fingerprint_bytes(struct hf_fingerprint *f, const char *name, struct hf_bytes bytes)
{
    add_sized(f, name, TAG_BYTES, bytes);
}

void hf_fingerprint_file(struct hf_fingerprint *f, const char *name, const char *path)
{
    struct hf_file_digest digest;
    const struct piece    piece = begin(f, name);
    if (!is_good(f)) return;
    const hf_err err = hf_file_digest(&f->allocator, path, &digest, &f->failure);
    if (err) {
        hf_fail_in(&f->failure, err, "fingerprint");
        return;
    }
    put_tag(f, TAG_FILE);
    put_number(f, digest.size);
    put(f, digest.sha256, sizeof digest.sha256);
    finish(f, piece);
}

void hf_fingerprint_list(struct hf_fingerprint *f, const char *name, enum hf_list_kind kind)
{
    struct open_list list = { .kind = kind, .piece = begin(f, name) };
    if (is_good(f) && f->depth == HF_FINGERPRINT_DEPTH_MAX) {
        hf_fail(&f->failure, HF_E_TOO_LARGE, "fingerprint: lists in lists, over %d deep",
                HF_FINGERPRINT_DEPTH_MAX);
    }
    put_tag(f, kind == HF_LIST_SET ? TAG_SET : TAG_ORDERED);
    put_number(f, 0); /* The size of its members, once that is known. */
    if (!is_good(f)) return;
    list.body = hf_buffer_size(&f->bytes);
    list.first = f->piece_count;
    f->lists[f->depth++] = list;
}

static struct hf_bytes bytes_of(const struct hf_fingerprint *f, const struct piece *piece)
{
    return hf_bytes(hf_buffer_bytes(&f->bytes) + piece->at, piece->size);
}

/* By the first byte that differs; what ends first is before. */
static int compare(struct hf_bytes a, struct hf_bytes b)
{
    const int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);
    if (order) return order;
    return (a.size > b.size) - (a.size < b.size);
}

static int compare_pieces(const void *a, const void *b, void *ctx)
{
    return compare(bytes_of(ctx, a), bytes_of(ctx, b));
}

static void sort(struct hf_fingerprint *f, size_t first)
{
    if (f->piece_count - first < 2) return;
    qsort_r(f->pieces + first, f->piece_count - first, sizeof *f->pieces, compare_pieces, f);
}

/* Puts the members from body on in their order, each once. */
static void make_set(struct hf_fingerprint *f, const struct open_list *list)
{
    sort(f, list->first);
    hf_buffer_clear(&f->sorted, SIZE_MAX);
    for (size_t i = list->first; i < f->piece_count; i++) {
        const struct hf_bytes member = bytes_of(f, &f->pieces[i]);
        const bool            is_again = i > list->first &&
                              compare(bytes_of(f, &f->pieces[i - 1]), member) == 0;
        if (is_again) continue;
        const hf_err err = hf_buffer_append(&f->sorted, member.data, member.size);
        if (err) {
            hf_fail(&f->failure, err, "fingerprint: a set");
            return;
        }
    }
    const size_t size = hf_buffer_size(&f->sorted);
    if (size)
        memcpy(hf_buffer_bytes(&f->bytes) + list->body, hf_buffer_bytes(&f->sorted), size);
    f->bytes.tail = f->bytes.head + list->body + size;
}

void hf_fingerprint_end(struct hf_fingerprint *f)
{
    if (!is_good(f)) return;
    if (f->depth == 0) {
        hf_fail(&f->failure, HF_E_INVALID,
                "fingerprint: the end of a list that was not begun");
        return;
    }
    const struct open_list list = f->lists[--f->depth];
    if (list.kind == HF_LIST_SET) make_set(f, &list);
    if (!is_good(f)) return;

    const size_t   size = hf_buffer_size(&f->bytes) - list.body;
    unsigned char *body = (unsigned char *)hf_buffer_bytes(&f->bytes) + list.body;
    encode_number(body - 8, size);
    f->piece_count = list.first;
    finish(f, list.piece);
}

/* The names are in front, so parameters of the same name stand side by side. */
static hf_err check_names(struct hf_fingerprint *f, struct hf_error *error)
{
    for (size_t i = 1; i < f->piece_count; i++) {
        struct hf_bytes a = bytes_of(f, &f->pieces[i - 1]);
        struct hf_bytes b = bytes_of(f, &f->pieces[i]);
        a.size = f->pieces[i - 1].name_size;
        b.size = f->pieces[i].name_size;
        if (compare(a, b) != 0) continue;
        return hf_fail(error, HF_E_INVALID, "fingerprint: the name \"%.*s\" was given twice",
                       (int)(a.size - 8 < 100 ? a.size - 8 : 100), (const char *)a.data + 8);
    }
    return HF_OK;
}

static hf_err append_number(struct hf_buffer *b, uint64_t number)
{
    unsigned char bytes[8];
    encode_number(bytes, number);
    return hf_buffer_append(b, bytes, sizeof bytes);
}

hf_err hf_fingerprint_encoding(struct hf_fingerprint *f, struct hf_bytes *encoding,
                               struct hf_error *error)
{
    if (!is_good(f)) return hf_fail(error, f->failure.code, "%s", f->failure.detail);
    if (f->depth > 0)
        return hf_fail(error, HF_E_INVALID, "fingerprint: a list without its end");

    sort(f, 0);
    hf_err err = check_names(f, error);
    if (err) return err;

    hf_buffer_clear(&f->sorted, SIZE_MAX);
    err = hf_buffer_append(&f->sorted, header, sizeof header);
    if (!err) err = append_number(&f->sorted, f->piece_count);
    for (size_t i = 0; i < f->piece_count && !err; i++) {
        const struct hf_bytes piece = bytes_of(f, &f->pieces[i]);
        err = hf_buffer_append(&f->sorted, piece.data, piece.size);
    }
    if (err) return hf_fail(error, err, "fingerprint");
    *encoding = hf_bytes(hf_buffer_bytes(&f->sorted), hf_buffer_size(&f->sorted));
    return HF_OK;
}

hf_err hf_fingerprint_key(struct hf_fingerprint *f, struct hf_fingerprint_key *key,
                          struct hf_error *error)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char     sha256[HF_SHA256_SIZE];
    struct hf_bytes   encoding;
    const hf_err      err = hf_fingerprint_encoding(f, &encoding, error);
    if (err) return err;
    if (!EVP_Digest(encoding.data, encoding.size, sha256, NULL, EVP_sha256(), NULL)) {
        return hf_fail(error, HF_E_NOMEM, "fingerprint: SHA-256");
    }
    for (size_t i = 0; i < sizeof sha256; i++) {
        key->text[2 * i] = digits[sha256[i] >> 4];
        key->text[2 * i + 1] = digits[sha256[i] & 15];
    }
    key->text[2 * sizeof sha256] = '\0';
    return HF_OK;
}
