/* tag_table.h - which versions of tags were read from Redis lately.
 *
 *     reading = hf_tag_table_ask(table, name, now)       before Redis is asked
 *     ... the version comes, or that there is none ...
 *     hf_tag_table_note(table, name, reading, version, lasts)
 *
 * An entry is valid while each of its tags has the version in Redis that it was stored under.
 * A version is believed for HF_TAG_FRESH; then one caller reads it again, while the others go
 * on until HF_TAG_LIMIT. What is forgotten here stays so for answers that were asked for
 * before: an invalidation cannot be undone by an old reading.
 *
 * Tags are told apart by hashes of 64 bits. Two of one hash make each other's entries miss,
 * for versions are random; never hit.
 *
 * Threads:  any; one brief lock for each sixteenth of the table.
 * Memory:   caller-allocated, about 80 KiB; where there is no room the oldest goes.
 * Time:     handed in.
 * Cost:     some tens of nanoseconds. */

#ifndef HF_CACHE_TAG_TABLE_H
#define HF_CACHE_TAG_TABLE_H

#include "cache/tag_block.h"
#include "core/brief_lock.h"

#include <holdfast/time.h>
#include <stdbool.h>

#define HF_TAG_FRESH hf_seconds(1)
#define HF_TAG_LIMIT hf_seconds(3)

enum {
    HF_TAG_SHARDS = 16,
    HF_TAG_SETS = 32, /* Of a shard. */
    HF_TAG_WAYS = 4,  /* Of a set. */
};

struct hf_tag_slot {
    uint64_t   hash;
    uint64_t   version; /* 0: there is none in Redis. */
    hf_instant asked;   /* 0: the slot is free. */
    hf_instant claimed; /* Until then somebody is reading it again. */
    hf_instant lasts;   /* Until then Redis keeps it. */
};

struct hf_tag_shard {
    struct hf_brief_lock lock;
    uint64_t             epoch; /* Grows with all that is forgotten. */
    struct hf_tag_slot   slots[HF_TAG_SETS][HF_TAG_WAYS];
};

struct hf_tag_table {
    struct hf_tag_shard shards[HF_TAG_SHARDS];
};

enum hf_tag_verdict {
    HF_TAG_VALID,
    HF_TAG_INVALID,
    HF_TAG_UNKNOWN, /* To be read. */
};

/* One reading of a version, from before it is asked for. */
struct hf_tag_reading {
    uint64_t   epoch;
    hf_instant asked;
};

/* What is known of an entry's tag. That it is invalid only a version says which was asked for
 * after `since`, when the entry was there already: an older one may be older than the entry.
 */
enum hf_tag_verdict hf_tag_table_judge(struct hf_tag_table *table, const struct hf_tag *tag,
                                       hf_instant now, hf_instant since);

/* True when the version is the one that was known last, asked for within that time. */
bool hf_tag_table_knew(struct hf_tag_table *table, struct hf_tag_mark mark, hf_instant now,
                       hf_duration within);

/* The version to store a value under that Redis keeps until then; 0 when it is to be read. */
uint64_t hf_tag_table_version(struct hf_tag_table *table, struct hf_bytes name,
                              hf_instant now, hf_instant until);

struct hf_tag_reading hf_tag_table_ask(struct hf_tag_table *table, struct hf_bytes name,
                                       hf_instant now);

/* The answer to a reading. Ignored when the tag was forgotten since, or a later answer is
 * there. */
void hf_tag_table_note(struct hf_tag_table *table, struct hf_bytes name,
                       struct hf_tag_reading reading, uint64_t version, hf_instant lasts);

/* The tag's version is not what it was, or will not be. */
void hf_tag_table_forget(struct hf_tag_table *table, struct hf_bytes name);
void hf_tag_table_forget_all(struct hf_tag_table *table);

#endif
