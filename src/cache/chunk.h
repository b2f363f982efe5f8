/* chunk.h - the pieces of a large value, each an entry of its own.
 *
 *     <prefix>@<version>/chunk:<generation>:<index>     envelope and at most 1 MiB
 *
 * A generation is drawn at random for each value that is written, so a chunk is of one value
 * and never changes. No command touches two, so Redis Cluster may spread them.
 *
 * Threads:  as the operation that is handed in, one caller's.
 * Memory:   a chunk and a half at most.
 * Errors:   those of the client. */

#ifndef HF_CACHE_CHUNK_H
#define HF_CACHE_CHUNK_H

#include "cache/cache.h"
#include "cache/manifest.h"

/* How long the chunks of a value that is still being written are kept. */
#define HF_CHUNK_UPLOAD_TTL hf_seconds(3600)
/* How much longer than the manifest, so that who began to read comes to an end. */
#define HF_CHUNK_GRACE      hf_seconds(60)

struct hf_generation hf_generation_draw(void);

/* Stores the size bytes that lie behind HF_ENVELOPE_SIZE bytes of room in block. */
HF_NODISCARD hf_err hf_chunk_store(struct hf_cache_op         *op,
                                   const struct hf_generation *generation, uint32_t index,
                                   unsigned char *block, size_t size);

/* HF_MISS when it is not there or not as it was stored. */
HF_NODISCARD hf_err hf_chunk_fetch(struct hf_cache_op         *op,
                                   const struct hf_generation *generation, uint32_t index,
                                   struct hf_value **value);

/* Lets the first count chunks live for ttl_ms from now; HF_MISS when one is gone. */
HF_NODISCARD hf_err hf_chunks_keep(struct hf_cache_op         *op,
                                   const struct hf_generation *generation, uint32_t count,
                                   int64_t ttl_ms);

/* Best effort: what stays expires. */
void hf_chunks_unlink(struct hf_cache_op *op, const struct hf_generation *generation,
                      uint32_t count);

#endif
