/* file_digest.h - the SHA-256 of a file's content, or a clear reason why there is none.
 *
 * Only regular files have a content that two readings agree on. One that is written to while
 * it is read is refused: its size or its times tell.
 *
 * Threads:  any.
 * Memory:   one block of 64 KiB while it runs; the file is streamed.
 * Cost:     about 1 ms per MiB.
 * Errors:   HF_E_INVALID for what is no regular file, HF_E_SYSTEM for what cannot be opened
 *           or read or was changed, HF_E_NOMEM. Unprintable bytes of the path are shown as
 *           '?', so that a detail stays one line. */

#ifndef HF_CORE_FILE_DIGEST_H
#define HF_CORE_FILE_DIGEST_H

#include <holdfast/alloc.h>
#include <holdfast/error.h>
#include <stdint.h>

enum { HF_SHA256_SIZE = 32 };

struct hf_file_digest {
    uint64_t      size;
    unsigned char sha256[HF_SHA256_SIZE];
};

HF_NODISCARD hf_err hf_file_digest(const struct hf_allocator *a, const char *path,
                                   struct hf_file_digest *digest, struct hf_error *error);

#endif
