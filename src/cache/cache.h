/* cache.h - a cache as its own files see it.
 *
 * Threads:  read-only after open. */

#ifndef HF_CACHE_CACHE_H
#define HF_CACHE_CACHE_H

#include "cache/key.h"
#include "cache/value.h"
#include "observe/metrics.h"

#include <holdfast/cache.h>

struct hf_cache {
    struct hf_client          *client;
    const struct hf_allocator *allocator;
    struct hf_metrics         *metrics;
    struct hf_keyspace         keyspace;
    hf_duration                default_ttl;
    int64_t                    stale_limit_ms;
    size_t                     value_size_max;
};

/* One operation from its start to its end: the key, the clock, what is counted. */
struct hf_cache_op {
    struct hf_cache   *cache;
    const char        *name; /* "cache get", for the error's detail. */
    enum hf_latency_of latency;
    hf_instant         start;
    struct hf_key      key;
    struct hf_error   *error;
};

/* On HF_OK hf_cache_op_end() must follow. */
HF_NODISCARD hf_err hf_cache_op_begin(struct hf_cache_op *op, struct hf_bytes key);

/* Frees, counts, and returns err. */
hf_err hf_cache_op_end(struct hf_cache_op *op, hf_err err);

/* One command, sent again only as command_class allows. */
HF_NODISCARD hf_err hf_cache_run(struct hf_cache_op *op, const struct hf_call *call,
                                 enum hf_command_class  command_class,
                                 const struct hf_bytes *argv, size_t argc,
                                 struct hf_reply **reply);

/* A live entry without its value. */
struct hf_cache_header {
    struct hf_envelope envelope;                /* body.data is NULL. */
    unsigned char      bytes[HF_ENVELOPE_SIZE]; /* As they are in Redis. */
    int64_t            now_ms;                  /* When it was read, before its expiry. */
};

/* HF_MISS for what is not there, not ours or expired. */
HF_NODISCARD hf_err hf_cache_read_header(struct hf_cache_op *op, const struct hf_call *call,
                                         struct hf_cache_header *header);

/* A value of the answer to GET: HF_OK, HF_MISS or why not, counted. Takes the source over on
 * HF_OK only. hash is the key's. */
HF_NODISCARD hf_err hf_cache_open_value(struct hf_cache *cache, uint64_t hash,
                                        const struct hf_reply *reply,
                                        struct hf_value_source source, bool stale_too,
                                        struct hf_value **value, struct hf_error *error);

/* Counts how a read ended, and returns err. */
hf_err hf_cache_count_read(struct hf_cache *cache, hf_err err);

/* The envelope of a value that is now put under the key of that hash, at `at`:
 * HF_ENVELOPE_SIZE + value.size bytes. */
void hf_cache_wrap(struct hf_bytes value, uint64_t hash, int64_t ttl_ms, unsigned char *at);

/* What is wrong with a set before anything is sent; *ttl_ms as hf_cache_ttl_ms(). */
HF_NODISCARD hf_err hf_cache_check_set(const struct hf_cache *cache, struct hf_bytes value,
                                       const struct hf_set *how, int64_t *ttl_ms,
                                       struct hf_error *error);

/* A number as Redis wants its arguments. */
struct hf_cache_number {
    char text[24];
};

struct hf_bytes hf_cache_decimal(struct hf_cache_number *n, int64_t value);

/* *ms: ttl in whole milliseconds, rounded up. HF_E_RANGE. */
HF_NODISCARD hf_err hf_cache_ttl_ms(hf_duration ttl, int64_t *ms, struct hf_error *error);

/* Counts what was found instead of a value, and returns HF_MISS. */
hf_err hf_cache_count_unusable(struct hf_cache *cache, enum hf_envelope_status status);

#endif
