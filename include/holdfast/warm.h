/* warm.h - a cache filled before anybody asks, from a list of one's own or from a file.
 *
 *     struct hf_warm_progress done = { 0 };
 *     const struct hf_warm    how = { .only_missing = true, .rate = 5000 };
 *
 *     err = hf_cache_warm_file(cache, NULL, &how, "entries.jsonl", &done, &error);
 *     if (err) fprintf(stderr, "%s: go on from %" PRIu64 "\n", error.detail, done.position);
 *
 * A file has one JSON object on each line:
 *
 *     {"key":"user:42","value":"Ada"}
 *     {"key":"logo","value_base64":"iVBORw0K","ttl":600}
 *     {"key_base64":"AP8=","value":"bytes may be keys too","ttl":"1.5h"}
 *
 * An entry that cannot be stored, or a line that cannot be read, is told and counted, and the
 * rest goes on. When the server cannot be asked, or is full, it ends there: called again with
 * the same progress it goes on where it stopped. Entries are sent in batches, of which up to
 * `concurrency` are under way; storing one twice does no harm.
 *
 * Threads:  everything of the user's is called in the caller's thread, one after the other,
 *           never under a lock.
 * Memory:   per batch under way 1 MiB or one value, and for a file one line of at most
 *           HF_WARM_LINE_MAX bytes.
 * Time:     the call's timeout bounds each batch.
 * Errors:   HF_MISS when progress said to end; else why it stopped. */

#ifndef HOLDFAST_WARM_H
#define HOLDFAST_WARM_H

#include <holdfast/cache.h>

HF_BEGIN_DECLS

enum {
    HF_WARM_CONCURRENCY_MAX = 16,
    HF_WARM_LINE_MAX = 64 * 1024 * 1024,
};

struct hf_warm_entry {
    struct hf_bytes key;
    struct hf_bytes value; /* Both must last until the next entry is asked for. */
    hf_duration     ttl;   /* 0: the default of struct hf_warm. */
};

/* Gives the next entry. HF_MISS: there are no more. Anything else but HF_OK: this one cannot
 * be had, which is told as a failure with error->detail, and the next is asked for. */
typedef hf_err (*hf_warm_next_fn)(struct hf_warm_entry *entry, struct hf_error *error,
                                  void *ctx);

/* How far it has come. Zero-initialised to begin with; kept as it is to go on with. */
struct hf_warm_progress {
    uint64_t position; /* Entries, or lines of the file, that are done with. */
    uint64_t offset;   /* Bytes of the file read so far. */
    uint64_t stored;
    uint64_t present; /* Not stored, because there was one and only_missing. */
    uint64_t failed;
    uint64_t bytes; /* Of the values stored. */
};

struct hf_warm_failure {
    uint64_t        position; /* Number of the entry, or of the line, from 1. */
    struct hf_bytes key;      /* Empty when it could not be read. */
    hf_err          err;
    const char     *detail;
};

typedef void (*hf_warm_failure_fn)(const struct hf_warm_failure *failure, void *ctx);

/* Called after each batch but the last; false ends it there. */
typedef bool (*hf_warm_progress_fn)(const struct hf_warm_progress *progress, void *ctx);

/* Zero-initialised means the defaults. */
struct hf_warm {
    uint32_t            rate;         /* Most entries a second; 0: no limit. */
    uint32_t            concurrency;  /* Batches under way, at most HF_WARM_CONCURRENCY_MAX;
                                       * 0: 2. */
    bool                only_missing; /* Leave alone what get would find. */
    hf_duration         ttl;          /* Of entries that give none; 0: the cache's default. */
    hf_warm_failure_fn  failure;      /* NULL: they are only counted. */
    hf_warm_progress_fn progress;     /* May be NULL. */
    void               *ctx;          /* Of these two. */
};

/* how NULL: all defaults. The first progress->position entries are asked for and skipped.
 * HF_E_RANGE for a concurrency or ttl that is none. */
HF_API HF_NODISCARD hf_err hf_cache_warm(struct hf_cache *cache, const struct hf_call *call,
                                         const struct hf_warm *how, hf_warm_next_fn next,
                                         void *ctx, struct hf_warm_progress *progress,
                                         struct hf_error *error);

/* HF_E_SYSTEM when the file cannot be read. A FIFO is waited for. */
HF_API HF_NODISCARD hf_err hf_cache_warm_file(struct hf_cache      *cache,
                                              const struct hf_call *call,
                                              const struct hf_warm *how, const char *path,
                                              struct hf_warm_progress *progress,
                                              struct hf_error         *error);

HF_END_DECLS

#endif
