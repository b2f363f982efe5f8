/* envelope.h - what stands in front of every cached value, so that nothing else is taken for
 * one.
 *
 *      0  magic 9e 48 46      3  version 1
 *      4  codec               5  flags                6  size of the tag block (2)
 *      8  created             unix ms
 *     16  expires             unix ms, the logical expiry
 *     24  raw size            bytes of the value when decoded
 *     32  body size           bytes behind the header and the tag block
 *     40  key hash            of the key it was stored under
 *     48  body checksum       XXH3 of the body
 *     56  header checksum     XXH3 of bytes 0 to 55
 *     64  tag block, if any   see tag_block.h; it has a checksum of its own
 *         body            the value, with metadata in front of it if there is any
 *                         (metadata.h); encrypted: key id, nonce, ciphertext, tag (seal.h)
 *
 * All little-endian. A value that somebody else wrote, that was cut, damaged, stored under
 * another key or written by a later version is told apart and never read as a value.
 *
 * Threads:  any; pure.
 * Memory:   none; a decoded body points into the input.
 * Cost:     two hashes; the body is read once. */

#ifndef HF_CACHE_ENVELOPE_H
#define HF_CACHE_ENVELOPE_H

#include <holdfast/api.h>
#include <holdfast/bytes.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    HF_ENVELOPE_SIZE = 64,
    HF_ENVELOPE_HEAD_SIZE = 32, /* What a seal vouches for: up to the raw size. */
    HF_ENVELOPE_SEAL_SIZE = 44, /* By how much a sealed body is longer than its content. */
};

/* How the content of the body came from the value. Stored, so numbers never change. */
enum hf_codec {
    HF_CODEC_RAW = 0,
    HF_CODEC_LZ4 = 1,
    HF_CODEC_ZSTD = 2,
};

struct hf_envelope {
    enum hf_codec   codec;
    bool            is_absent;    /* Says that there is no value: the body is empty. */
    bool            is_large;     /* The value is a manifest: see manifest.h. */
    bool            is_sealed;    /* The body is encrypted. */
    bool            has_metadata; /* In front of the value: see metadata.h. */
    bool            sliding; /* Reading prolongs it: the server's TTL decides, not expires. */
    int64_t         created_ms; /* >= 0 */
    int64_t         expires_ms; /* >= created_ms */
    uint64_t        raw_size;
    uint64_t        key_hash;
    struct hf_bytes tags; /* Unread; fewer than 64 KiB. */
    struct hf_bytes body;
};

enum hf_envelope_status {
    HF_ENVELOPE_OK,
    HF_ENVELOPE_FOREIGN,       /* Not an envelope at all. */
    HF_ENVELOPE_OTHER_VERSION, /* An envelope with something this library does not know. */
    HF_ENVELOPE_TRUNCATED,     /* The end is missing. */
    HF_ENVELOPE_DAMAGED,       /* A checksum or a length is wrong. */
    HF_ENVELOPE_MISPLACED,     /* Whole, but of another key. */
    /* Of what a cache finds when it opens the seal: */
    HF_ENVELOPE_UNSEALED, /* Not encrypted, and should be. */
    HF_ENVELOPE_NO_KEY,   /* Encrypted with a key that is not at hand. */
    HF_ENVELOPE_FORGED,   /* Encrypted for another entry, or changed by who has no key. */
};

/* The first bytes of e's header, for which its body does not matter. */
void hf_envelope_head(const struct hf_envelope *e, unsigned char head[HF_ENVELOPE_HEAD_SIZE]);

/* Writes the header of e, to be followed by e->tags and e->body as they are. */
void hf_envelope_encode(const struct hf_envelope *e, unsigned char header[HF_ENVELOPE_SIZE]);

/* The header of the same value with another expiry. header was decoded, and is not sealed,
 * for a seal vouches for the expiry; expires_ms is not before its creation as read here, or
 * it is moved there. */
void hf_envelope_prolong(const unsigned char header[HF_ENVELOPE_SIZE], int64_t expires_ms,
                         unsigned char prolonged[HF_ENVELOPE_SIZE]);

/* Whether the same tags and body may stand under another key hash. A seal vouches for the
 * wire key and the tag block, which has the hash in it. */
bool hf_envelope_is_bindable(const struct hf_envelope *e, bool is_same_wire);

/* Gives the header that was decoded another key hash. Tags are bound by their own block. */
void hf_envelope_bind(unsigned char header[HF_ENVELOPE_SIZE], uint64_t key_hash);

/* Reads an envelope stored under the key of that hash. Writes *e only on OK. */
HF_NODISCARD enum hf_envelope_status
hf_envelope_decode(struct hf_bytes bytes, uint64_t key_hash, struct hf_envelope *e);

/* The same from the first HF_ENVELOPE_SIZE bytes alone; tags and body, of which only the
 * sizes are known then, are left { NULL, size } and may still turn out cut or damaged. */
HF_NODISCARD enum hf_envelope_status
hf_envelope_decode_header(struct hf_bytes bytes, uint64_t key_hash, struct hf_envelope *e);

#endif
