/* seal.h - encrypts the content of an envelope, and opens only what was encrypted for it.
 *
 *     0  key id (4)      little-endian
 *     4  nonce (24)      random
 *    28  ciphertext      as long as the content
 *        tag (16)
 *
 * XAES-256-GCM: of the key and the first half of the nonce a key for this value alone is
 * derived (NIST SP 800-108, with AES-CMAC); with it and the second half the content is
 * encrypted by AES-256-GCM. A random nonce of 192 bits can be drawn for 2^80 values before
 * two are likely to share one; the 96 bits of plain GCM allow 2^32, some days of a busy
 * cache.
 *
 * Vouched for besides the content: the head of the envelope, its tag block and the wire key,
 * in that order. Each but the last has a size that what is before it tells, so no other three
 * read the same.
 *
 * Threads:  any; the states of the cipher go round through spares.
 * Memory:   the keys are wiped when it is closed. The cipher's states are OpenSSL's, which
 *           takes them from malloc and wipes them.
 * Cost:     about 1 us and 1 ns for 2 bytes; writing another 1 us for the nonce.
 * Errors:   HF_E_NOMEM, HF_E_SYSTEM when OpenSSL has no such cipher or no random bytes. */

#ifndef HF_CACHE_SEAL_H
#define HF_CACHE_SEAL_H

#include "cache/envelope.h"

#include <holdfast/alloc.h>
#include <holdfast/seal.h>

enum { HF_SEAL_NONCE_SIZE = 24 };

struct hf_sealer;

/* Seals with the first key. HF_E_INVALID for no key or an id twice, HF_E_TOO_LARGE. */
HF_NODISCARD hf_err hf_sealer_open(const struct hf_allocator *a,
                                   const struct hf_cache_key *keys, size_t count,
                                   struct hf_sealer **sealer, struct hf_error *error);
void                hf_sealer_close(struct hf_sealer *sealer);

/* What the content is bound to. */
struct hf_sealed_for {
    const unsigned char *head; /* HF_ENVELOPE_HEAD_SIZE bytes. */
    struct hf_bytes      tags;
    struct hf_bytes      wire;
};

/* Writes content.size + HF_ENVELOPE_SEAL_SIZE bytes to body. The content may lie where its
 * ciphertext will, at body + HF_SEAL_CONTENT_AT. */
enum { HF_SEAL_CONTENT_AT = 4 + HF_SEAL_NONCE_SIZE };
HF_NODISCARD hf_err hf_seal(struct hf_sealer *sealer, const struct hf_sealed_for *what,
                            struct hf_bytes content, unsigned char *body);

/* The same with a nonce that the caller answers for, as tests do. */
HF_NODISCARD hf_err hf_seal_with(struct hf_sealer *sealer, const struct hf_sealed_for *what,
                                 const unsigned char nonce[HF_SEAL_NONCE_SIZE],
                                 struct hf_bytes content, unsigned char *body);

/* Writes body.size - HF_ENVELOPE_SEAL_SIZE bytes to content; they are to be used only on
 * HF_OK and *status HF_ENVELOPE_OK. Otherwise *status is HF_ENVELOPE_NO_KEY or
 * HF_ENVELOPE_FORGED. */
HF_NODISCARD hf_err hf_unseal(struct hf_sealer *sealer, const struct hf_sealed_for *what,
                              struct hf_bytes body, unsigned char *content,
                              enum hf_envelope_status *status);

#endif
