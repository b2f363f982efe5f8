/* hash.h - fast hashes of bytes, for checksums and tables; not against an attacker.
 *
 * XXH3 of libxxhash, whose results are fixed for all versions and machines, so they may be
 * stored.
 *
 * Threads:  any; pure.
 * Cost:     a few nanoseconds for short input, some 10 GB/s for long. */

#ifndef HF_CORE_HASH_H
#define HF_CORE_HASH_H

#include <holdfast/bytes.h>
#include <stdint.h>

struct hf_hash128 {
    uint64_t low;
    uint64_t high;
};

/* Different seeds give unrelated hashes of the same bytes. */
uint64_t          hf_hash64(struct hf_bytes bytes, uint64_t seed);
struct hf_hash128 hf_hash128(struct hf_bytes bytes, uint64_t seed);

/* The same of bytes that come one piece after another, with seed 0. */
struct hf_hash_stream {
    unsigned char state[576 + 64]; /* Used from its first multiple of 64 on: do not move. */
};

void              hf_hash_stream_init(struct hf_hash_stream *stream);
void              hf_hash_stream_add(struct hf_hash_stream *stream, struct hf_bytes bytes);
struct hf_hash128 hf_hash_stream_end(const struct hf_hash_stream *stream);

#endif
