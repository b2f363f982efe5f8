/* codec.h - values made smaller, and whole again.
 *
 *     value -- up to 4 KiB ----------------------> lz4, or raw: zstd would take longer than
 * Redis
 *           -- longer: 4 KiB of it looked at ----> lz4, zstd or raw
 *
 * The look is at four places of the value. Where lz4 finds repetitions there, lz4 it is,
 * which is cheap. Where it does not, but some bytes are much more frequent than others
 * (base64, hexadecimal digits), zstd will gain. Else the value is taken for incompressible:
 * compressed or encrypted before. What does not save a sixteenth stays raw, so nothing ever
 * grows.
 *
 * Threads:  any; the states of the compressors go round through spares.
 * Memory:   a state of lz4 16 KiB, of zstd about 1 MiB to compress and 0.2 MiB to expand; as
 *           many as threads are at it, HF_SPARES_MAX of each kept. Those of zstd are taken
 *           from malloc, not from the allocator.
 * Cost:     the look 1 to 4 us. lz4 some 500 MB/s in, 2 GB/s out; zstd at its level 1 a
 * third, and some microseconds for each value. Errors:   see the functions. Expanding writes
 * no byte past raw_size, whatever is in it. */

#ifndef HF_CACHE_CODEC_H
#define HF_CACHE_CODEC_H

#include "cache/envelope.h"
#include "cache/spares.h"

#include <holdfast/alloc.h>
#include <holdfast/cache.h>

struct hf_codecs {
    const struct hf_allocator *allocator;
    struct hf_spares           lz4;
    struct hf_spares           zstd_in;
    struct hf_spares           zstd_out;
};

void hf_codecs_init(struct hf_codecs *codecs, const struct hf_allocator *a);
void hf_codecs_deinit(struct hf_codecs *codecs);

/* Writes the value, made smaller, to at, which has room for value.size bytes, and its size
 * then. HF_CODEC_RAW when it is not worth it, or for want of memory: nothing is to be read
 * from at then. */
enum hf_codec hf_codec_compress(struct hf_codecs *codecs, enum hf_compression how,
                                struct hf_bytes value, unsigned char *at, size_t *size);

/* Writes exactly raw_size bytes to at. HF_E_INVALID when that is not what comes out of body;
 * HF_E_NOMEM. */
HF_NODISCARD hf_err hf_codec_expand(struct hf_codecs *codecs, enum hf_codec codec,
                                    struct hf_bytes body, unsigned char *at, size_t raw_size);

#endif
