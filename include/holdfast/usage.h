/* usage.h - what is in a cache: how many entries, how large, how old. By looking at some.
 *
 *     struct hf_usage usage;
 *     err = hf_cache_usage(cache, NULL, 0, &usage, &error);
 *     printf("%.0f entries (%.0f to %.0f)\n", usage.entries.value, usage.entries.low,
 *            usage.entries.high);
 *
 * Redis keeps its keys in the order of a keyed hash, so the first keys of a SCAN are a random
 * sample of all, other people's among them. Looking at a bounded number of them says how much
 * of the database is this cache; times the number of all keys (DBSIZE) it gives totals, each
 * with the bounds between which the truth is with 95 % confidence. A database with fewer keys
 * than the bound is counted exactly. Sizes that differ very much (a few huge values) make the
 * bounds too narrow: none of the huge ones may be in the sample.
 *
 * Never KEYS; each step holds the server up for well under a millisecond. Entries that are
 * looked at count as used by Redis' own eviction.
 *
 * Threads:  any.
 * Memory:   constant.
 * Time:     the call's timeout bounds each step; 10,000 keys take some 100 ms.
 * Errors:   those of cache.h. On one server only: not on a cluster. */

#ifndef HOLDFAST_USAGE_H
#define HOLDFAST_USAGE_H

#include <holdfast/cache.h>

HF_BEGIN_DECLS

/* With 95 % confidence between low and high; all the same when it was counted. */
struct hf_estimate {
    double value;
    double low;
    double high; /* May be infinite when next to nothing was seen. */
};

struct hf_usage {
    uint64_t keys;      /* In the database, whosoever they are. */
    uint64_t keys_seen; /* Looked at. */
    bool     is_exact;  /* All of them: nothing here is estimated. */

    struct hf_estimate entries; /* That a read would find; remembered absences too. */
    struct hf_estimate
        leftovers; /* Cleared, expired, damaged: gone once Redis expires them. */
    struct hf_estimate value_bytes;  /* Of the entries' values as they were given ... */
    struct hf_estimate stored_bytes; /* ... and as they are kept, perhaps compressed. */
    struct hf_estimate memory_bytes; /* Of the server, keys and leftovers included, the chunks
                                      * of large values not; 0 when it does not tell. */

    /* Of the entries looked at; all 0 when there was none. */
    uint64_t    entries_seen;
    uint64_t    compressed_seen;
    uint64_t    value_size_max;
    hf_duration age_mean;
    hf_duration age_oldest;
    hf_duration age_newest;
    hf_duration ttl_mean; /* What is left of it. */

    /* How often an entry was read, as far as processes count it (access.h). */
    uint64_t           counted_seen; /* Of entries_seen, those with a count. */
    struct hf_estimate reads_mean; /* Of all entries, also those without; 0 if none has. What
                                    * the counts themselves are off by is not in it. */
};

enum { HF_USAGE_KEYS = 10000 };

/* Looks at keys_max keys or a few hundred more; 0: HF_USAGE_KEYS. */
HF_API HF_NODISCARD hf_err hf_cache_usage(struct hf_cache *cache, const struct hf_call *call,
                                          uint64_t keys_max, struct hf_usage *usage,
                                          struct hf_error *error);

HF_END_DECLS

#endif
