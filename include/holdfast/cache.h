/* cache.h - values under keys, for a while, that are right or not there.
 *
 *     struct hf_cache *cache;
 *     struct hf_value *value;
 *
 *     if (hf_cache_open(client, NULL, &cache, &error)) return fail(&error);
 *     if (hf_cache_get(cache, NULL, hf_str("user:42"), &value, NULL) == HF_OK) {
 *         use(hf_value_data(value));
 *         hf_value_release(value);
 *     } else {
 *         compute(...);
 *         (void)!hf_cache_set(cache, NULL, hf_str("user:42"), computed, NULL, NULL);
 *     }
 *     hf_cache_close(cache);
 *
 * Reading gives HF_OK and a value, HF_MISS, or the reason why the cache cannot say; to an
 * application the last two are the same: compute it. A value that somebody else wrote, that
 * is damaged, cut, of another version or of another key, is a miss and counted (stats.h).
 *
 * In Redis an entry is the string <prefix>@<version>:<key>: an envelope of 64 bytes, with
 * checksums and the expiry, and the value. Each entry is a key of its own, so a cache works
 * on a cluster as it is. A new version number starts an empty cache; the old entries expire.
 *
 * Threads:  any number share a cache and its values.
 * Memory:   bounded by the client's options; values are counted references into the reply.
 * Time:     each call ends by its deadline (struct hf_call; NULL: the option socket_timeout).
 *           Expiry is by this machine's wall clock, and by the server's for removal.
 * Errors:   those of the client, and HF_E_INVALID for an empty key, HF_E_TOO_LARGE for a key
 *           over 64 KiB (prefix included) or a value over the option value_size_max,
 *           HF_E_RANGE for a TTL that is not within 1 ns and HF_CACHE_TTL_MAX, HF_E_TYPE for
 *           reading or touching a large value (stream.h). `error` may be NULL everywhere. */

#ifndef HOLDFAST_CACHE_H
#define HOLDFAST_CACHE_H

#include <holdfast/client.h>
#include <holdfast/seal.h>

HF_BEGIN_DECLS

/* Ten years. */
#define HF_CACHE_TTL_MAX hf_seconds(10u * 365 * 24 * 3600)

enum {
    HF_CACHE_NEAR_BYTES_MIN = 64 * 1024,
    HF_METADATA_MAX = 4096, /* Bytes. */
    HF_TAGS_MAX = 16,       /* Of one entry. */
    HF_TAG_SIZE_MAX = 64,   /* Bytes of a tag's name. */
};

struct hf_cache;
struct hf_value;

/* How values longer than the option compression_threshold are stored. What does not get
 * smaller is stored as it is; all kinds are read, whatever is set here. */
enum hf_compression {
    HF_COMPRESSION_AUTO, /* lz4; above 4 KiB zstd for what lz4 cannot make smaller. */
    HF_COMPRESSION_OFF,
    HF_COMPRESSION_LZ4,
    HF_COMPRESSION_ZSTD,
};

/* Zero-initialised means the defaults. */
struct hf_cache_options {
    const char *key_prefix;  /* Without '@', at most 128 bytes. NULL: the client's option. */
    uint32_t    version;     /* Of what the values mean to the application. */
    hf_duration default_ttl; /* 0: one hour. */
    bool        sliding;     /* Get and load prolong an entry to its whole TTL again once less
                              * than half of it is left; get_many does not. */
    hf_duration stale_limit; /* How long past its expiry a value is kept, to be served marked
                              * stale; 0: not at all. */
    unsigned    loaders_max; /* Threads for loaders (load.h), started when needed; 0: 4. */
    unsigned    loads_waiting_max; /* Loads that may wait for such a thread; 0: 256. */

    /* The near cache: values kept in this process too; see docs/guide/near-cache.md. */
    size_t      near_bytes;         /* Its memory, HF_CACHE_NEAR_BYTES_MIN or more; 0: off. */
    hf_duration near_coherence_max; /* It is believed so long without a word from Redis, and
                                     * so long at most serves what was changed meanwhile;
                                     * 100 ms to 60 s; 0: 1 s. */
    bool        stale_on_error;     /* Get and get_many give a value of the near cache, marked
                                     * stale, within the stale limit, when Redis fails. */

    enum hf_compression        compression;
    const struct hf_cache_key *keys;      /* Encrypt with the first, read with all: seal.h. */
    size_t                     key_count; /* 0: values are not encrypted. */

    /* Access counts; see access.h. */
    uint32_t access_sample; /* One read in so many is counted, at most a million; 0: off. */
    hf_duration access_interval; /* How often they go to Redis, 100 ms to an hour; 0: 10 s. */
};

enum {
    HF_CACHE_LOADERS_MAX = 1024,
    HF_CACHE_LOADS_WAITING_MAX = 100000,
};

/* options NULL: all defaults; they are copied. The client must outlive the cache. No network
 * I/O. HF_E_INVALID for a prefix with '@', HF_E_TOO_LARGE for a long one, HF_E_RANGE,
 * HF_E_NOMEM. */
HF_API HF_NODISCARD hf_err hf_cache_open(struct hf_client              *client,
                                         const struct hf_cache_options *options,
                                         struct hf_cache **cache, struct hf_error *error);

/* When no thread is in a call on it. Loads that wait are dropped; those that run are waited
 * for: a loader for a second and then no more (load.h tells what becomes of it), what it has
 * to store for as long as its call's timeout. Takes up to a second while deletes are
 * outstanding. Values may live on until the client is closed. NULL is fine. */
HF_API void hf_cache_close(struct hf_cache *cache);

/* HF_OK: *value is the caller's, to be released. HF_MISS: there is none, or it expired. */
HF_API HF_NODISCARD hf_err hf_cache_get(struct hf_cache *cache, const struct hf_call *call,
                                        struct hf_bytes key, struct hf_value **value,
                                        struct hf_error *error);

/* The same, but a value past its expiry and within the stale limit is given too, marked
 * stale: to be used if it cannot be computed anew. */
HF_API HF_NODISCARD hf_err hf_cache_get_stale(struct hf_cache      *cache,
                                              const struct hf_call *call, struct hf_bytes key,
                                              struct hf_value **value,
                                              struct hf_error  *error);

enum hf_set_condition {
    HF_SET_ALWAYS,
    HF_SET_IF_ABSENT,  /* Only if get would miss. */
    HF_SET_IF_PRESENT, /* Only if get would hit. */
};

struct hf_set {
    hf_duration           ttl; /* > 0; hf_cache_default_ttl() gives the default. */
    enum hf_set_condition condition;
    struct hf_bytes       metadata; /* Of the application, given back with the value: where it
                                     * came from, what it cost. Counts as part of it. */
    const struct hf_bytes *tags;    /* Invalidating any of them makes the entry miss: see
                                     * invalidate.h. Names of 1 to HF_TAG_SIZE_MAX bytes. */
    size_t                 tag_count; /* At most HF_TAGS_MAX. */
};

HF_API hf_duration hf_cache_default_ttl(const struct hf_cache *cache);

/* Stores a copy of value. how NULL: always, with the default TTL. HF_MISS: the condition was
 * not met and nothing was stored. A conditional set is never sent twice. */
HF_API HF_NODISCARD hf_err hf_cache_set(struct hf_cache *cache, const struct hf_call *call,
                                        struct hf_bytes key, struct hf_bytes value,
                                        const struct hf_set *how, struct hf_error *error);

/* HF_OK when there was something to delete, HF_MISS when not. A delete that fails is not
 * forgotten: the key misses here until it was made up for, in the background, as soon as
 * Redis is back; when too many are outstanding the whole cache is cleared instead. Closing
 * the cache or ending the process before that forgets them. */
HF_API HF_NODISCARD hf_err hf_cache_delete(struct hf_cache *cache, const struct hf_call *call,
                                           struct hf_bytes key, struct hf_error *error);

/* HF_OK when get would find it, else HF_MISS. Reads the envelope only: damage to the value
 * itself goes unseen. */
HF_API HF_NODISCARD hf_err hf_cache_exists(struct hf_cache *cache, const struct hf_call *call,
                                           struct hf_bytes key, struct hf_error *error);

/* What is left until it expires, or HF_MISS. */
HF_API HF_NODISCARD hf_err hf_cache_ttl(struct hf_cache *cache, const struct hf_call *call,
                                        struct hf_bytes key, hf_duration *ttl,
                                        struct hf_error *error);

struct hf_metadata {
    size_t        size; /* 0: it has none. */
    unsigned char bytes[HF_METADATA_MAX];
};

/* What was said of the value of an entry, be it a large one, or HF_MISS. The value stays in
 * Redis, unless it is sealed or small. */
HF_API HF_NODISCARD hf_err hf_cache_metadata(struct hf_cache      *cache,
                                             const struct hf_call *call, struct hf_bytes key,
                                             struct hf_metadata *metadata,
                                             struct hf_error    *error);

/* Lets the entry expire ttl from now, or HF_MISS. One that somebody replaces meanwhile keeps
 * what it is given there. Two round trips. */
HF_API HF_NODISCARD hf_err hf_cache_touch(struct hf_cache *cache, const struct hf_call *call,
                                          struct hf_bytes key, hf_duration ttl,
                                          struct hf_error *error);

/* Makes every entry a miss, at once here and within 3 s in other processes, in O(1): entries
 * are bound to a token in Redis, which is replaced. Their memory is freed as they expire. If
 * this fails, everything misses here until it was made up for in the background. */
HF_API HF_NODISCARD hf_err hf_cache_clear(struct hf_cache *cache, const struct hf_call *call,
                                          struct hf_error *error);

/* Many entries in one round trip, at most HF_BATCH_COMMANDS_MAX of them and, together,
 * HF_BATCH_BYTES_MAX (batch.h); else HF_E_TOO_LARGE and nothing is sent. Each has a result
 * of its own in errs, as the single call would have given it. What comes back is HF_OK when
 * none failed (a miss is no failure), else the first failure. */

/* values[i] is NULL unless errs[i] is HF_OK. The values share their replies: holding one
 * keeps the bytes of all in memory. Sent as one MGET, which does not tell a key of another
 * type from none: such a miss is not counted as foreign. */
HF_API HF_NODISCARD hf_err hf_cache_get_many(struct hf_cache       *cache,
                                             const struct hf_call  *call,
                                             const struct hf_bytes *keys, size_t count,
                                             struct hf_value **values, hf_err *errs,
                                             struct hf_error *error);

/* values[i] under keys[i]. how as for hf_cache_set(): errs[i] is HF_MISS where the condition
 * was not met. */
HF_API HF_NODISCARD hf_err hf_cache_set_many(struct hf_cache       *cache,
                                             const struct hf_call  *call,
                                             const struct hf_bytes *keys,
                                             const struct hf_bytes *values, size_t count,
                                             const struct hf_set *how, hf_err *errs,
                                             struct hf_error *error);

/* At most HF_BATCH_COMMANDS_MAX / 2 of them. */
HF_API HF_NODISCARD hf_err hf_cache_delete_many(struct hf_cache       *cache,
                                                const struct hf_call  *call,
                                                const struct hf_bytes *keys, size_t count,
                                                hf_err *errs, struct hf_error *error);

/* The bytes, valid until the last reference is released; may hold any byte. */
HF_API struct hf_bytes hf_value_data(const struct hf_value *value);

/* What was said of it when it was stored; empty if nothing. Valid as long. */
HF_API struct hf_bytes hf_value_metadata(const struct hf_value *value);

/* Since it was stored, as of the moment when it was read; of one out of the near cache, as of
 * now. */
HF_API hf_duration hf_value_age(const struct hf_value *value);

/* Until it expires, likewise; zero when it is stale. */
HF_API hf_duration hf_value_ttl(const struct hf_value *value);

HF_API bool hf_value_is_stale(const struct hf_value *value);

/* One more reference, for another thread or a longer life; returns value. */
HF_API struct hf_value *hf_value_acquire(struct hf_value *value);

/* One reference less; the last frees it. NULL is fine. */
HF_API void hf_value_release(struct hf_value *value);

HF_END_DECLS

#endif
