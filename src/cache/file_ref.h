/* file_ref.h - a reference to a file, as it is stored.
 *
 *      0  'R'              1  version 1
 *      2  flags            1: with a SHA-256, 2: in a shared root
 *      3  size of the place's name
 *      4  size of the path (2)              6  size of the metadata (2)
 *      8  size of the file                 16  modification time, ns since 1970
 *     24  SHA-256, or zero                 56  place, path, metadata
 *
 * All little-endian. In a shared root the path is relative to it; else it is absolute. Bytes
 * from Redis are not trusted: a path that would lead out of its root is refused.
 *
 * Threads:  any; pure.
 * Memory:   none; what was decoded points into the input. */

#ifndef HF_CACHE_FILE_REF_H
#define HF_CACHE_FILE_REF_H

#include <holdfast/file.h>

enum {
    HF_FILE_PLACE_MAX = 64,
    HF_FILE_REF_HEAD = 56,
    HF_FILE_REF_MAX = HF_FILE_REF_HEAD + HF_FILE_PLACE_MAX + HF_FILE_PATH_MAX +
                      HF_FILE_METADATA_MAX,
};

struct hf_file_ref {
    bool            is_shared; /* In a root; else on a host. */
    bool            has_sha256;
    uint64_t        size;
    int64_t         mtime_ns;
    unsigned char   sha256[HF_FILE_SHA256_SIZE];
    struct hf_bytes place; /* Name of the root or the host. */
    struct hf_bytes path;  /* Shorter than HF_FILE_PATH_MAX; no NUL. */
    struct hf_bytes metadata;
};

/* Letters, digits, '-' and '_'; 1 to HF_FILE_PLACE_MAX of them. */
bool hf_file_place_is_valid(struct hf_bytes name);

/* How many bytes it takes, all written to bytes. */
size_t hf_file_ref_encode(const struct hf_file_ref *ref,
                          unsigned char             bytes[HF_FILE_REF_MAX]);

/* False for what no encode wrote, and then *ref is not. */
HF_NODISCARD bool hf_file_ref_decode(struct hf_bytes bytes, struct hf_file_ref *ref);

#endif
