#include "cache/file_ref.h"

#include "core/assert.h"
#include "core/little_endian.h"

enum { KIND = 'R', VERSION = 1, FLAG_SHA256 = 1, FLAG_SHARED = 2, FLAGS_KNOWN = 3 };

enum offset {
    AT_KIND = 0,
    AT_VERSION = 1,
    AT_FLAGS = 2,
    AT_PLACE_SIZE = 3,
    AT_PATH_SIZE = 4,
    AT_METADATA_SIZE = 6,
    AT_SIZE = 8,
    AT_MTIME = 16,
    AT_SHA256 = 24,
};

bool hf_file_place_is_valid(struct hf_bytes name)
{
    const char *at = name.data;
    if (name.size == 0 || name.size > HF_FILE_PLACE_MAX) return false;
    for (size_t i = 0; i < name.size; i++) {
        const char c = at[i];
        const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && c != '-' && c != '_') return false;
    }
    return true;
}

/* No component that leads up. */
static bool stays_below(struct hf_bytes path)
{
    const char *at = path.data, *end = at + path.size;
    while (at < end) {
        const char  *slash = memchr(at, '/', (size_t)(end - at));
        const size_t size = (size_t)((slash ? slash : end) - at);
        if (size == 2 && at[0] == '.' && at[1] == '.') return false;
        at += size + 1;
    }
    return true;
}

static bool is_sound(const struct hf_file_ref *ref)
{
    const char *path = ref->path.data;
    if (!hf_file_place_is_valid(ref->place)) return false;
    if (ref->path.size == 0 || ref->path.size >= HF_FILE_PATH_MAX) return false;
    if (ref->metadata.size > HF_FILE_METADATA_MAX) return false;
    return (path[0] == '/') == !ref->is_shared && !memchr(path, 0, ref->path.size) &&
           stays_below(ref->path);
}

size_t hf_file_ref_encode(const struct hf_file_ref *ref, unsigned char bytes[HF_FILE_REF_MAX])
{
    hf_assert(is_sound(ref));
    memset(bytes, 0, HF_FILE_REF_HEAD);
    bytes[AT_KIND] = KIND;
    bytes[AT_VERSION] = VERSION;
    bytes[AT_FLAGS] = (unsigned char)((ref->has_sha256 ? FLAG_SHA256 : 0) |
                                      (ref->is_shared ? FLAG_SHARED : 0));
    bytes[AT_PLACE_SIZE] = (unsigned char)ref->place.size;
    hf_put_u16(bytes + AT_PATH_SIZE, (uint16_t)ref->path.size);
    hf_put_u16(bytes + AT_METADATA_SIZE, (uint16_t)ref->metadata.size);
    hf_put_u64(bytes + AT_SIZE, ref->size);
    hf_put_u64(bytes + AT_MTIME, (uint64_t)ref->mtime_ns);
    if (ref->has_sha256) memcpy(bytes + AT_SHA256, ref->sha256, HF_FILE_SHA256_SIZE);

    unsigned char *at = bytes + HF_FILE_REF_HEAD;
    memcpy(at, ref->place.data, ref->place.size);
    at += ref->place.size;
    memcpy(at, ref->path.data, ref->path.size);
    at += ref->path.size;
    if (ref->metadata.size) memcpy(at, ref->metadata.data, ref->metadata.size);
    return (size_t)(at - bytes) + ref->metadata.size;
}

bool hf_file_ref_decode(struct hf_bytes bytes, struct hf_file_ref *ref)
{
    const unsigned char *at = bytes.data;
    if (bytes.size < HF_FILE_REF_HEAD || at[AT_KIND] != KIND) return false;
    if (at[AT_VERSION] != VERSION || (at[AT_FLAGS] & ~FLAGS_KNOWN)) return false;

    struct hf_file_ref read = {
        .is_shared = at[AT_FLAGS] & FLAG_SHARED,
        .has_sha256 = at[AT_FLAGS] & FLAG_SHA256,
        .size = hf_take_u64(at + AT_SIZE),
        .mtime_ns = (int64_t)hf_take_u64(at + AT_MTIME),
        .place = hf_bytes(at + HF_FILE_REF_HEAD, at[AT_PLACE_SIZE]),
    };
    memcpy(read.sha256, at + AT_SHA256, HF_FILE_SHA256_SIZE);
    const size_t path_size = hf_take_u16(at + AT_PATH_SIZE);
    const size_t metadata_size = hf_take_u16(at + AT_METADATA_SIZE);
    if (bytes.size != HF_FILE_REF_HEAD + read.place.size + path_size + metadata_size) {
        return false;
    }
    read.path = hf_bytes(at + HF_FILE_REF_HEAD + read.place.size, path_size);
    read.metadata = hf_bytes(at + bytes.size - metadata_size, metadata_size);
    if (!is_sound(&read)) return false;
    *ref = read;
    return true;
}
