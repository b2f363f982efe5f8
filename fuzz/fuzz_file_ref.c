/* The reference to a file: any bytes are told apart without reading past them, and the path
 * of one that is read cannot lead out of its root. */

#include "cache/file_ref.h"

#include "core/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_file_ref ref;
    if (!hf_file_ref_decode(hf_bytes(data, size), &ref)) return 0;

    unsigned char again[HF_FILE_REF_MAX];
    const size_t  used = hf_file_ref_encode(&ref, again);
    hf_assert(used == size);
    hf_assert(!memmem(ref.path.data, ref.path.size, "/../", 4));
    hf_assert(!memchr(ref.path.data, 0, ref.path.size));
    hf_assert(ref.is_shared == (*(const char *)ref.path.data != '/'));
    return 0;
}
