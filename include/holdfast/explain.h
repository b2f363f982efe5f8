/* explain.h - why a key hits or misses: what is there, of what age, in what form.
 *
 *     struct hf_explanation e;
 *     if (hf_cache_explain(cache, NULL, hf_str("user:42"), &e, &error)) return fail(&error);
 *     printf("%s, from %s\n", hf_entry_state_text(e.state), hf_tier_name(e.tier));
 *
 * For people and tools. It looks at the entry as a read would, to the last checksum, and
 * changes nothing: it neither prolongs a sliding entry nor counts a read, nor are statistics
 * of reads touched. Redis itself takes it for a use, when it comes to eviction.
 *
 * Threads:  any.
 * Memory:   the struct is the caller's, nothing in it points anywhere.
 * Time:     one round trip, in which the entry is read, and one for its tags; bounded by the
 *           call's timeout. Of a large value (stream.h) only the manifest is read: its chunks
 *           are not looked at.
 * Errors:   those of cache.h. That there is no entry is no error but a state. */

#ifndef HOLDFAST_EXPLAIN_H
#define HOLDFAST_EXPLAIN_H

#include <holdfast/cache.h>
#include <holdfast/file.h>

HF_BEGIN_DECLS

/* clang-format off */

/* What is in Redis. Only the first is a hit. */
#define HF_ENTRY_STATE_MAP(X)                                                                \
    X(FRESH,    "fresh",         "a read finds it")                                          \
    X(NONE,     "none",          "there is no entry")                                        \
    X(STALE,    "stale",         "expired, and kept to be served stale")                     \
    X(EXPIRED,  "expired",       "its time is over")                                         \
    X(NO_VALUE, "no value",      "it is remembered that there is none")                      \
    X(DELETED,  "deleted",       "here, and Redis could not be told of it yet")              \
    X(INVALID,  "invalid",       "declared so by one of its tags")                           \
    X(CLEARED,  "cleared",       "the cache was, since; or the entry is another key's")      \
    X(FOREIGN,  "foreign",       "somebody else's value stands under the key")               \
    X(UNKNOWN,  "unknown",       "of a version, or larger, than this cache reads")           \
    X(DAMAGED,  "damaged",       "cut short, or a checksum does not fit")                    \
    X(UNSEALED, "not encrypted", "this cache believes only what is")                         \
    X(SEALED,   "encrypted",     "with a key that this cache does not have")                 \
    X(FORGED,   "forged",        "changed by somebody who has no key")

/* clang-format on */

enum hf_entry_state {
#define X(id, name, text) HF_ENTRY_##id,
    HF_ENTRY_STATE_MAP(X)
#undef X
};

/* Where a read gets its answer. */
enum hf_tier {
    HF_TIER_NONE,  /* It misses. */
    HF_TIER_NEAR,  /* From this process. */
    HF_TIER_REDIS, /* From the server. */
};

enum hf_entry_kind {
    HF_KIND_VALUE,
    HF_KIND_LARGE,          /* In chunks: stream.h. */
    HF_KIND_FILE_REFERENCE, /* file.h */
    HF_KIND_FILE_CONTENT,
};

struct hf_explanation {
    enum hf_tier        tier;
    enum hf_entry_state state;
    char                redis_type[16]; /* "string", "hash", ... "none". */
    bool                has_kept;       /* Redis will remove it by itself ... */
    hf_duration         kept;           /* ... in so long. */
    uint64_t            size;           /* Bytes in Redis, all in all. */

    bool               is_readable; /* What follows is known: it is one of our entries. */
    enum hf_entry_kind kind;
    hf_duration        age;
    hf_duration        ttl;       /* Until it expires; 0 when it has. */
    hf_duration        ttl_whole; /* As it was stored. */
    bool               is_sliding;
    bool               is_sealed;     /* Encrypted. */
    const char        *codec;         /* "none", "lz4", "zstd". */
    uint64_t           stored_size;   /* Of the value as it is kept. */
    uint64_t           raw_size;      /* As it was given; of a large one all of it. */
    uint64_t           metadata_size; /* 0: none, or not to be read. */
    uint64_t           chunk_size;    /* Of a large one. */
    uint64_t           chunk_count;
    size_t             tag_count;
    char               tags[HF_TAGS_MAX][HF_TAG_SIZE_MAX + 1];
    bool               is_tag_valid[HF_TAGS_MAX];
};

HF_API HF_NODISCARD hf_err hf_cache_explain(struct hf_cache      *cache,
                                            const struct hf_call *call, struct hf_bytes key,
                                            struct hf_explanation *explanation,
                                            struct hf_error       *error);

/* The same of an entry of files. */
HF_API HF_NODISCARD hf_err hf_files_explain(struct hf_files      *files,
                                            const struct hf_call *call, struct hf_bytes key,
                                            struct hf_explanation *explanation,
                                            struct hf_error       *error);

/* "fresh", "none", ... and what that means, in a few words. Never NULL. */
HF_API const char *hf_entry_state_name(enum hf_entry_state state);
HF_API const char *hf_entry_state_text(enum hf_entry_state state);

/* "none", "near", "redis". Never NULL. */
HF_API const char *hf_tier_name(enum hf_tier tier);

HF_END_DECLS

#endif
