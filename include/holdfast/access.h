/* access.h - how often and when entries were read, and which are read most.
 *
 *     const struct hf_cache_options how = { .access_sample = 16 };
 *     ... reads ...
 *     if (hf_cache_hot(cache, NULL, 10, &hot, &error)) return fail(&error);
 *     for (size_t i = 0; i < hf_hot_count(hot); i++) {
 *         const struct hf_hot_key *at = hf_hot_at(hot, i);
 *         printf("%.*s %llu\n", (int)at->key.size, (const char *)at->key.data, at->reads);
 *     }
 *     hf_hot_free(hot);
 *
 * Reading never rewrites an entry. Each process counts one read in access_sample, as that
 * many, in a table of 512 keys (Space-Saving), and brings it to Redis every access_interval,
 * in one batch. There every key has a count and a time, which go a week after its last read,
 * and the most read keys of ten minutes at a time are in a sorted set.
 *
 * How exact: with access_sample 1 and at most 512 keys read in an interval counts are exact.
 * With more keys a count falls short, by at most the reads of the interval / 512 in each
 * interval; it is never too high. With access_sample s it is right on average, and off by
 * about sqrt(s * reads). A key belongs to the hot ones of a process only while it is among
 * its 100 most read of an interval. Keys over 240 bytes are not counted.
 *
 * Threads:  any.
 * Memory:   about 300 KB for each cache that counts, and a thread; none during an outage.
 * Time:     what was counted since the last time is lost when the process dies, and when
 *           it is not known whether it reached Redis; while Redis is down it is kept.
 * Cost:     a few nanoseconds for a read; one in access_sample about 100 ns.
 * Errors:   those of the client. `error` may be NULL. */

#ifndef HOLDFAST_ACCESS_H
#define HOLDFAST_ACCESS_H

#include <holdfast/cache.h>

HF_BEGIN_DECLS

struct hf_access {
    uint64_t reads;        /* By all processes, as far as they have told. */
    int64_t  last_unix_ms; /* By the clock of who read it. */
};

/* HF_MISS when no read was counted within a week. */
HF_API HF_NODISCARD hf_err hf_cache_access(struct hf_cache *cache, const struct hf_call *call,
                                           struct hf_bytes key, struct hf_access *access,
                                           struct hf_error *error);

/* Brings what this process has counted to Redis now. Does nothing in a cache that does not
 * count. */
HF_API HF_NODISCARD hf_err hf_cache_access_flush(struct hf_cache      *cache,
                                                 const struct hf_call *call,
                                                 struct hf_error      *error);

struct hf_hot_key {
    struct hf_bytes key;
    uint64_t        reads; /* In the last ten to twenty minutes. */
};

struct hf_hot;

enum { HF_HOT_MAX = 1000 };

/* The max most read keys of all processes, at most HF_HOT_MAX; to be freed. */
HF_API HF_NODISCARD hf_err hf_cache_hot(struct hf_cache *cache, const struct hf_call *call,
                                        size_t max, struct hf_hot **hot,
                                        struct hf_error *error);

HF_API size_t hf_hot_count(const struct hf_hot *hot);

/* The most read first; valid until it is freed. NULL past the end. */
HF_API const struct hf_hot_key *hf_hot_at(const struct hf_hot *hot, size_t index);

/* NULL is fine. */
HF_API void hf_hot_free(struct hf_hot *hot);

HF_END_DECLS

#endif
