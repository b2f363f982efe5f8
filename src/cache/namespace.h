/* namespace.h - the token that makes all entries of a cache valid, or none.
 *
 *     <prefix>@<version>/namespace     sixteen hexadecimal digits, drawn at random
 *
 * An entry's key hash is seeded with the token it was stored under. Replacing the token in
 * Redis so turns every entry into a miss, at once and in O(1); what is left of them expires.
 * A process reads the token again every HF_NAMESPACE_FRESH and never goes on with one older
 * than HF_NAMESPACE_LIMIT. When the token was evicted a new one is drawn: all miss.
 *
 * Threads:  any; the fast path is two relaxed loads.
 * Memory:   caller-allocated.
 * Time:     handed in. */

#ifndef HF_CACHE_NAMESPACE_H
#define HF_CACHE_NAMESPACE_H

#include <holdfast/bytes.h>
#include <holdfast/time.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define HF_NAMESPACE_FRESH hf_seconds(1)
#define HF_NAMESPACE_LIMIT hf_seconds(3)

enum { HF_NAMESPACE_TEXT = 16 };

struct hf_namespace {
    _Atomic uint64_t token;      /* 0: not known. */
    _Atomic int64_t  read_ns;    /* When it was asked for. */
    _Atomic int64_t  claimed_ns; /* Until then somebody is reading it again. */
    void (*on_replace)(void *ctx);
    void           *ctx;
    pthread_mutex_t lock;
    struct {
        uint64_t epoch; /* Grows with each change, so that an old answer cannot undo it. */
    } guarded;
};

/* One reading of the token, from before it is asked for. */
struct hf_namespace_reading {
    uint64_t   epoch;
    hf_instant asked;
};

void hf_namespace_init(struct hf_namespace *n);
void hf_namespace_deinit(struct hf_namespace *n);

/* Called, without a lock, after each hf_namespace_replace(). NULL: nobody is. Not while
 * others use it. */
void hf_namespace_on_replace(struct hf_namespace *n, void (*call)(void *ctx), void *ctx);

/* The token to work with, or 0 when it must be read first; *reading then says so. When it is
 * only due, one caller gets 0 and the others go on. */
uint64_t hf_namespace_token(struct hf_namespace *n, hf_instant now,
                            struct hf_namespace_reading *reading);

/* The answer to a reading. Ignored when the token was changed here since. */
void hf_namespace_read(struct hf_namespace *n, struct hf_namespace_reading reading,
                       uint64_t token);

/* The token of what Redis holds; 0 when that is none. */
uint64_t hf_namespace_parse(struct hf_bytes text);

/* The token was replaced: by a new one, or by 0 when it is not known whether. */
void hf_namespace_replace(struct hf_namespace *n, hf_instant now, uint64_t token);

#endif
