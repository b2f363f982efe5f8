/* stream.h - a writer as those see it who fill it without a copy, and its step.
 *
 * Threads:  as <holdfast/stream.h>. */

#ifndef HF_CACHE_STREAM_H
#define HF_CACHE_STREAM_H

#include "cache/chunk.h"

#include <holdfast/stream.h>

/* Where the next bytes go, at least one; or why there can be none. */
HF_NODISCARD hf_err hf_writer_room(struct hf_writer *writer, void **room, size_t *size,
                                   struct hf_error *error);

/* size bytes were put there. */
void hf_writer_filled(struct hf_writer *writer, size_t size);

/* The manifest of the large value under the operation's key, whatever state it is in;
 * HF_MISS without one. */
HF_NODISCARD hf_err hf_stream_peek(struct hf_cache_op *op, struct hf_manifest *manifest);

/* The settings of one more step of a long operation. */
void hf_stream_step(struct hf_cache_op *op, const struct hf_call *call,
                    struct hf_error *error);

#endif
