/* cache.h - a cache as its own files see it.
 *
 *     cache.c        opening, closing, and what an operation begins and ends with
 *     cache_read.c   get, exists, ttl
 *     cache_write.c  set, delete, touch, clear
 *     cache_many.c   the same for many keys in one round trip
 *     cache_sweep.c  delete by pattern
 *     cache_tags.c   what tags are worth: read, checked, invalidated
 *     cache_metadata.c  what was said of a value, without it
 *     explain.c      why a key hits or misses
 *     cache_near.c   what of it is kept in the process
 *     cache_load.c   get or else load, once for all who ask; load_job.c does it
 *
 * Threads:  what is not atomic or locked in its own module is read-only after open. */

#ifndef HF_CACHE_CACHE_H
#define HF_CACHE_CACHE_H

#include "cache/access.h"
#include "cache/flight.h"
#include "cache/key.h"
#include "cache/loader_pool.h"
#include "cache/near.h"
#include "cache/pack.h"
#include "cache/replay.h"
#include "cache/tag_table.h"
#include "cache/value.h"
#include "core/trace.h"
#include "observe/metrics.h"

#include <holdfast/invalidate.h>
#include <holdfast/load.h>
#include <holdfast/script.h>

struct hf_cache {
    struct hf_client          *client;
    const struct hf_allocator *allocator;
    struct hf_metrics         *metrics;
    const struct hf_tracer    *tracer; /* NULL: nobody wants to know. */
    struct hf_keyspace         keyspace;
    struct hf_namespace namespace;
    struct hf_replay        replay;
    struct hf_flights       flights;
    struct hf_loader_pool  *loaders;
    struct hf_tag_table    *tags;
    struct hf_cache_near   *near;   /* NULL: off. */
    struct hf_cache_access *access; /* NULL: off. */
    struct hf_packer        packer;
    hf_duration             default_ttl;
    hf_duration             timeout; /* Of a call that does not say. */
    bool                    is_sliding;
    bool                    serves_stale;
    int64_t                 stale_limit_ms;
    size_t                  value_size_max;
    size_t                  large_size_max;
};

/* One deadline for all the commands of an operation. */
struct hf_cache_limit {
    struct hf_call call; /* As the user gave it. */
    hf_instant     end;
};

struct hf_cache_limit hf_cache_limit(const struct hf_cache *cache, const struct hf_call *call,
                                     hf_instant start);

/* The settings of the next command: what is left of the time, and the class unless the user
 * chose one. */
struct hf_call hf_cache_call(const struct hf_cache_limit *limit, enum hf_command_class class);

/* The token that key hashes are seeded with, read from Redis where that is due. */
HF_NODISCARD hf_err hf_cache_token(struct hf_cache *cache, const struct hf_cache_limit *limit,
                                   hf_instant now, uint64_t *token, struct hf_error *error);

/* The key as the user knows it, of one as Redis does. */
static inline struct hf_bytes hf_cache_name(const struct hf_cache *cache,
                                            struct hf_bytes        wire)
{
    const size_t head = cache->keyspace.head_size;
    return hf_bytes((const char *)wire.data + head, wire.size - head);
}

/* The near cache; where it is off these do nothing, and give nothing. Names are keys as the
 * user knows them. */
HF_NODISCARD hf_err hf_cache_near_open(struct hf_cache               *cache,
                                       const struct hf_cache_options *options,
                                       struct hf_error               *error);
void                hf_cache_near_close(struct hf_cache *cache);

/* A fresh value, the caller's, or NULL; it may say that there is none. To be counted as what
 * came of it (NULL: left to Redis). */
struct hf_value *hf_cache_near_look(struct hf_cache *cache, struct hf_bytes name);

/* As near hit, near miss, or miss; the hits become hits as well when statistics are read. */
void hf_cache_near_count(struct hf_cache *cache, const struct hf_value *value);

/* Both. */
struct hf_value *hf_cache_near_get(struct hf_cache *cache, struct hf_bytes name);

/* Whether that would give a value; not counted. */
bool hf_cache_near_has(struct hf_cache *cache, struct hf_bytes name);

/* One that is marked stale, for when Redis failed; counted. */
struct hf_value *hf_cache_near_get_stale(struct hf_cache *cache, struct hf_bytes name);

/* Before a value is read, the namespace token before it included; and after. */
struct hf_near_ticket hf_cache_near_ask(struct hf_cache *cache, struct hf_bytes name);

void hf_cache_near_keep(struct hf_cache *cache, struct hf_bytes name,
                        struct hf_near_ticket ticket, const struct hf_value *value);

/* Before a write is sent, and when it has ended, however that was. */
void hf_cache_near_evict(struct hf_cache *cache, struct hf_bytes name);

/* One operation from its start to its end. */
struct hf_cache_op {
    struct hf_cache      *cache;
    const char           *name; /* "cache get", for the error's detail. */
    enum hf_latency_of    latency;
    struct hf_error      *error;
    hf_instant            start;
    struct hf_cache_limit limit;
    struct hf_key         key;
    uint64_t              hash;    /* Of the key, seeded with the token. */
    bool                  is_part; /* Of something larger: no span of its own. */
    bool                  has_span;
    struct hf_span        span;
};

/* On HF_OK hf_cache_op_end() must follow. The hash is not set yet. */
HF_NODISCARD hf_err hf_cache_op_begin(struct hf_cache_op *op, const struct hf_call *call,
                                      struct hf_bytes key);

/* Sets the hash. HF_MISS when what Redis holds is not to be believed. */
HF_NODISCARD hf_err hf_cache_op_trust(struct hf_cache_op *op);

/* Frees, counts, and returns err. */
hf_err hf_cache_op_end(struct hf_cache_op *op, hf_err err);

/* One command, sent again only as the class allows. */
HF_NODISCARD hf_err hf_cache_run(struct hf_cache_op    *op, enum hf_command_class class,
                                 const struct hf_bytes *argv, size_t argc,
                                 struct hf_reply **reply);

/* True when entries of this wire key are to be taken for missing; counts that. */
bool hf_cache_distrusts(struct hf_cache *cache, struct hf_bytes wire);

/* Counts what was found instead of a value, and returns HF_MISS. */
hf_err hf_cache_count_unusable(struct hf_cache *cache, enum hf_envelope_status status);

/* Counts how a read ended, and returns err. */
hf_err hf_cache_count_read(struct hf_cache *cache, hf_err err);

/* Counts that a stale value is given, and logs it. */
void hf_cache_count_stale(struct hf_cache *cache, const struct hf_value *value);

/* The server's remaining TTL of an entry, when it was not asked for. */
enum { HF_CACHE_LEFT_UNKNOWN = -1 };

/* How the answer to a GET is to be read. */
struct hf_cache_found {
    struct hf_bytes              wire;
    uint64_t                     hash;
    const struct hf_cache_limit *limit;   /* Of what must be asked about its tags. */
    hf_instant                   since;   /* It was there by then; zero: by now. */
    int64_t                      left_ms; /* As PTTL tells it: decides about the expiry of a
                                           * sliding entry, which counts as whole where it is
                                           * unknown. */
    bool                         stale_too;
    struct hf_error             *error;
};

/* Its value: HF_OK, HF_MISS or why not, counted. Takes the source over on HF_OK only. */
HF_NODISCARD hf_err hf_cache_open_value(struct hf_cache             *cache,
                                        const struct hf_cache_found *found,
                                        const struct hf_reply       *reply,
                                        struct hf_value_source       source,
                                        struct hf_value            **value);

/* GET, as hf_cache_open_value(); the value may say that there is none. */
HF_NODISCARD hf_err hf_cache_fetch(struct hf_cache_op *op, bool stale_too,
                                   struct hf_value **value);

/* HF_MISS, and nothing to release, where the value says that there is none; HF_E_TYPE where
 * it is the manifest of a large one. */
hf_err hf_cache_take_plain(hf_err err, struct hf_value **value);

/* GET from Redis itself, with the header that the entry has there. */
HF_NODISCARD hf_err hf_cache_fetch_exact(struct hf_cache_op *op,
                                         unsigned char       header[HF_ENVELOPE_SIZE],
                                         struct hf_value   **value);

/* Deletes the entry if it still has that header. Best effort. */
void hf_cache_unlink_same(struct hf_cache_op *op,
                          const unsigned char header[HF_ENVELOPE_SIZE]);

/* Lets the key live that long from now. Nobody waits for it, and it may fail. */
void hf_cache_prolong(struct hf_cache *cache, const struct hf_cache_limit *limit,
                      struct hf_bytes wire, int64_t ms);

/* HF_E_INVALID for an empty name or too many, HF_E_TOO_LARGE for a long one. */
HF_NODISCARD hf_err hf_cache_check_tags(const struct hf_bytes *names, size_t count,
                                        struct hf_error *error);

/* The tags, as they are to be written into an entry that lives for ttl_ms: to be asked for
 * before its value is computed. */
HF_NODISCARD hf_err hf_cache_bind_tags(struct hf_cache             *cache,
                                       const struct hf_cache_limit *limit,
                                       const struct hf_bytes *names, size_t count,
                                       int64_t ttl_ms, struct hf_tag tags[HF_TAGS_MAX],
                                       struct hf_error *error);

/* Whether the tags that an entry has, there by `since`, are valid: HF_OK, HF_MISS, which is
 * counted, or why that cannot be said. need_ms: how long the entry is to live. */
HF_NODISCARD hf_err hf_cache_trust_tags(struct hf_cache             *cache,
                                        const struct hf_cache_limit *limit,
                                        const struct hf_envelope *e, hf_instant since,
                                        int64_t need_ms, struct hf_error *error);

/* Reads what trusting these entries will ask for, in one round trip for all; next gives them
 * one by one, and false at the end. Best effort. */
void hf_cache_learn_tags(struct hf_cache *cache, const struct hf_cache_limit *limit,
                         hf_instant since, bool (*next)(void *ctx, struct hf_envelope *e),
                         void      *ctx);

/* A live entry without its value. */
struct hf_cache_header {
    struct hf_envelope envelope;                /* Without tags.data and body.data. */
    unsigned char      bytes[HF_ENVELOPE_SIZE]; /* As they are in Redis. */
    int64_t            now_ms;                  /* When it was read, before its expiry. */
};

/* HF_MISS for what is not there, not ours or expired; and for what was invalidated by a tag,
 * of which the header is given nevertheless. */
HF_NODISCARD hf_err hf_cache_read_header(struct hf_cache_op     *op,
                                         struct hf_cache_header *header);

/* *ms: ttl in whole milliseconds, rounded up. HF_E_RANGE. */
HF_NODISCARD hf_err hf_cache_ttl_ms(hf_duration ttl, int64_t *ms, struct hf_error *error);

/* What is wrong with a set before anything is sent; *ttl_ms as hf_cache_ttl_ms(). */
HF_NODISCARD hf_err hf_cache_check_set(const struct hf_cache *cache, struct hf_bytes value,
                                       const struct hf_set *how, int64_t *ttl_ms,
                                       struct hf_error *error);

/* The envelope of a value that is now put under the key of that hash, to be packed. */
struct hf_envelope hf_cache_envelope(const struct hf_cache *cache, struct hf_bytes value,
                                     uint64_t hash, int64_t ttl_ms);

/* Puts metadata in front of e's body; what is to be freed behind its use, or NULL. */
HF_NODISCARD hf_err hf_cache_add_metadata(const struct hf_cache *cache, struct hf_envelope *e,
                                          struct hf_bytes metadata, void **joined,
                                          struct hf_error *error);

/* Puts how's tags into e, if there are any: their block, which must last as long. */
HF_NODISCARD hf_err hf_cache_add_tags(struct hf_cache             *cache,
                                      const struct hf_cache_limit *limit,
                                      struct hf_envelope *e, const struct hf_set *how,
                                      int64_t ttl_ms, unsigned char block[HF_TAG_BLOCK_MAX],
                                      struct hf_error *error);

/* hf_pack(), saying what failed. */
HF_NODISCARD hf_err hf_cache_pack(struct hf_cache *cache, const struct hf_envelope *e,
                                  struct hf_bytes wire, unsigned char *at, size_t room,
                                  struct hf_packed *packed, struct hf_error *error);

/* A conditional set. KEYS: entry. ARGV: envelope, PX, now in ms, hf_cache_wanted(), a header
 * with tags that was judged, and "valid" or not. Answers 1; 0 when the condition is not met;
 * HF_CACHE_SET_UNJUDGED when there is an entry with tags and another header. */
extern const struct hf_script hf_cache_set_if;
enum { HF_CACHE_SET_UNJUDGED = 2 };
struct hf_bytes hf_cache_wanted(enum hf_set_condition condition);

/* hf_cache_set_many() with a how for each. */
HF_NODISCARD hf_err hf_cache_set_each(struct hf_cache *cache, const struct hf_call *call,
                                      const struct hf_bytes *keys,
                                      const struct hf_bytes *values, size_t count,
                                      const struct hf_set *hows, hf_err *errs,
                                      struct hf_error *error);

/* Runs a script that answers 1, or 0 for HF_MISS. */
HF_NODISCARD hf_err hf_cache_run_script(struct hf_cache_op *op, enum hf_command_class class,
                                        const struct hf_script *script,
                                        const struct hf_bytes *keys, size_t key_count,
                                        const struct hf_bytes *args, size_t arg_count);

/* What came of a delete: counts it, and sees to it that a failed one is made up for. */
void hf_cache_deleted(struct hf_cache *cache, struct hf_bytes wire, hf_err err,
                      uint64_t ticket);

/* A number as Redis wants its arguments. */
struct hf_cache_number {
    char text[24];
};

struct hf_bytes hf_cache_decimal(struct hf_cache_number *n, int64_t value);

#endif
