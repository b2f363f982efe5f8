/* stream.h - values too large to hold, written and read piece by piece.
 *
 *     struct hf_writer *writer;
 *     err = hf_writer_open(cache, NULL, hf_str("film"), NULL, &writer, &error);
 *     if (err) return fail(&error);
 *     while (!err && more(&piece)) err = hf_writer_write(writer, piece, &error);
 *     if (!err) err = hf_writer_commit(writer, &error);
 *     hf_writer_close(writer);
 *
 *     struct hf_reader *reader;
 *     err = hf_reader_open(cache, NULL, hf_str("film"), &reader, &error);
 *     if (err) return ...;
 *     while (!(err = hf_reader_next(reader, &piece, &error)) && piece.size) use(piece);
 *     hf_reader_close(reader);
 *
 * A value is current from its commit on, in one step: until then readers see what was there
 * before. A reader whose value is replaced or deleted meanwhile gets the rest of it or
 * HF_MISS, never a mixture, and so does one of whose value a part was evicted.
 *
 * What fits in one chunk, 1 MiB, becomes an ordinary entry, and an ordinary entry can be read
 * by a reader. To hf_cache_get(), hf_cache_load() and hf_cache_touch() a larger one is
 * HF_E_TYPE; hf_cache_exists(), ttl, set, delete and clear treat it like any other. Large
 * values do not slide.
 *
 * In Redis a large value is a manifest under its key and chunks of 1 MiB under keys of their
 * own; their size is bounded by the option large_size_max.
 *
 * Threads:  a reader or writer belongs to one thread at a time; any number exist at once.
 * Memory:   one chunk for a writer, two for a reader.
 * Time:     the timeout of the call (NULL: the option socket_timeout) bounds each step, not
 *           the whole. A value that takes longer than an hour to write cannot be committed.
 *           Large values travel on connections of their own, so that small calls keep theirs.
 * Errors:   as cache.h; HF_E_TOO_LARGE over large_size_max, HF_E_OOM when the server evicted
 *           a chunk before the commit. A writer or reader that failed fails for ever. `error`
 *           may be NULL. */

#ifndef HOLDFAST_STREAM_H
#define HOLDFAST_STREAM_H

#include <holdfast/cache.h>

HF_BEGIN_DECLS

struct hf_writer;
struct hf_reader;

/* how as for hf_cache_set(), without a condition: HF_E_INVALID. Both it and the key are
 * copied; the cache must outlive the writer. No network I/O. */
HF_API HF_NODISCARD hf_err hf_writer_open(struct hf_cache *cache, const struct hf_call *call,
                                          struct hf_bytes key, const struct hf_set *how,
                                          struct hf_writer **writer, struct hf_error *error);

/* Adds a piece of any size, which is copied. */
HF_API HF_NODISCARD hf_err hf_writer_write(struct hf_writer *writer, struct hf_bytes piece,
                                           struct hf_error *error);

/* Makes what was written the value of the key. Once. After an error with unknown outcome it
 * may be the value or not; never a part of it. */
HF_API HF_NODISCARD hf_err hf_writer_commit(struct hf_writer *writer, struct hf_error *error);

/* Frees it. What was not committed is gone, within an hour if Redis cannot be told now; takes
 * up to a second then. NULL is fine. */
HF_API void hf_writer_close(struct hf_writer *writer);

/* HF_MISS: there is none, or it expired. The cache must outlive the reader. */
HF_API HF_NODISCARD hf_err hf_reader_open(struct hf_cache *cache, const struct hf_call *call,
                                          struct hf_bytes key, struct hf_reader **reader,
                                          struct hf_error *error);

/* What was said of the value when it was stored, as hf_value_metadata(); while it is open. */
HF_API struct hf_bytes hf_reader_metadata(const struct hf_reader *reader);

/* Bytes of the whole. */
HF_API uint64_t hf_reader_size(const struct hf_reader *reader);

/* The next piece, valid until the next call on the reader; of size 0 at the end. HF_MISS:
 * what is left is gone or damaged, and what was read must be thrown away; the entry is
 * deleted. The last piece comes only when the checksum of the whole is right. */
HF_API HF_NODISCARD hf_err hf_reader_next(struct hf_reader *reader, struct hf_bytes *piece,
                                          struct hf_error *error);

/* NULL is fine. */
HF_API void hf_reader_close(struct hf_reader *reader);

/* Stores what can be read from a descriptor, to its end; from a blocking one, for reading it
 * is not bounded in time. HF_E_SYSTEM when it cannot be read, or is a file that
 * got shorter meanwhile: nothing is stored then. size may be NULL. */
HF_API HF_NODISCARD hf_err hf_stream_put(struct hf_cache *cache, const struct hf_call *call,
                                         struct hf_bytes key, int fd,
                                         const struct hf_set *how, uint64_t *size,
                                         struct hf_error *error);

/* Writes a value to a descriptor. On HF_MISS and errors a part of it may have been written.
 * HF_E_SYSTEM when it cannot be written. size may be NULL. */
HF_API HF_NODISCARD hf_err hf_stream_get(struct hf_cache *cache, const struct hf_call *call,
                                         struct hf_bytes key, int fd, uint64_t *size,
                                         struct hf_error *error);

/* hf_cache_delete(), which for a large value also frees its chunks at once; those of one
 * deleted otherwise are freed when it would have expired. */
HF_API HF_NODISCARD hf_err hf_stream_delete(struct hf_cache      *cache,
                                            const struct hf_call *call, struct hf_bytes key,
                                            struct hf_error *error);

HF_END_DECLS

#endif
