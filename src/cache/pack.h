/* pack.h - from a value to the bytes of an entry, and back.
 *
 *     value --> smaller? --> sealed? --> | header | tags | body |       and the other way
 *
 * Threads:  any.
 * Memory:   see the functions. A value that is neither compressed nor sealed is not copied.
 * Errors:   HF_E_NOMEM; HF_E_SYSTEM when OpenSSL fails. */

#ifndef HF_CACHE_PACK_H
#define HF_CACHE_PACK_H

#include "cache/codec.h"
#include "cache/seal.h"
#include "cache/value.h"
#include "observe/metrics.h"

/* What a cache does to its values. */
struct hf_packer {
    const struct hf_allocator *allocator;
    struct hf_metrics         *metrics;
    struct hf_codecs           codecs;
    enum hf_compression        compression;
    size_t                     threshold; /* Values up to that size are not compressed. */
    struct hf_sealer          *sealer;    /* NULL: nothing is sealed. */
};

/* HF_E_INVALID and HF_E_TOO_LARGE for the keys. */
HF_NODISCARD hf_err hf_packer_init(struct hf_packer *packer, const struct hf_allocator *a,
                                   struct hf_metrics             *metrics,
                                   const struct hf_cache_options *options, size_t threshold,
                                   struct hf_error *error);
void                hf_packer_deinit(struct hf_packer *packer);

struct hf_packed {
    struct hf_envelope envelope; /* Its body and tags are of no use any more. */
    struct hf_bytes    bytes;    /* In block, or where there was room. */
    void              *block;    /* NULL while there was room. */
};

/* The bytes of e, of which codec, is_sealed and raw_size are chosen here and body is the
 * value, with its metadata in front of it where e says so. at has `room` bytes, which are
 * used where they do. The value may lie in them already, at HF_ENVELOPE_SIZE + e->tags.size,
 * and stays there. On HF_OK hf_packed_free() must follow. */
HF_NODISCARD hf_err hf_pack(struct hf_packer *packer, const struct hf_envelope *e,
                            struct hf_bytes wire, unsigned char *at, size_t room,
                            struct hf_packed *packed);
void                hf_packed_free(struct hf_packer *packer, struct hf_packed *packed);

/* A sealed entry as it is, but with another expiry. *status tells a seal that is none; there
 * is something to free only on HF_OK and HF_ENVELOPE_OK. */
HF_NODISCARD hf_err hf_repack(struct hf_packer *packer, const struct hf_envelope *e,
                              struct hf_bytes wire, int64_t expires_ms,
                              struct hf_packed *packed, enum hf_envelope_status *status);

/* Whether entries must be sealed and this one is, or neither. */
enum hf_envelope_status hf_packer_check(const struct hf_packer   *packer,
                                        const struct hf_envelope *e);

/* Where the value of a decoded envelope is, with its metadata in front where it has any: in
 * its own source, or in a block of raw_size bytes that `block` then frees. On any other
 * status than OK there is nothing to free. */
struct hf_unpacked {
    struct hf_bytes        value;
    bool                   is_block;
    struct hf_value_source block;
};

HF_NODISCARD hf_err hf_unpack(struct hf_packer *packer, const struct hf_envelope *e,
                              struct hf_bytes wire, struct hf_unpacked *unpacked,
                              enum hf_envelope_status *status);

#endif
