/* replay.h - brings deletes that failed to Redis as soon as it is back.
 *
 *     delete fails -> hf_replay_add -> the key misses -> replayed, acknowledged -> as before
 *                          | no room
 *                          v
 *                     hf_replay_void -> all keys miss -> the namespace token is replaced
 *
 * A thread that exists from the first failure on tries again, with backoff, until nothing is
 * left. What is left when the cache is closed is lost, and logged.
 *
 * Threads:  any. While nothing failed, asking costs one load.
 * Memory:   bounded by pending.h.
 * Time:     stopping takes as long as one attempt, at most HF_REPLAY_TIMEOUT. */

#ifndef HF_CACHE_REPLAY_H
#define HF_CACHE_REPLAY_H

#include "cache/namespace.h"
#include "cache/pending.h"
#include "core/rng.h"

#include <holdfast/batch.h>

#define HF_REPLAY_TIMEOUT hf_seconds(1)

struct hf_replay {
    struct hf_client *client;
    struct hf_namespace *namespace;
    struct hf_bytes namespace_key;
    pid_t           pid;     /* Of the process whose thread it is. */
    _Atomic size_t  count;   /* Of the list, for a look without the lock. */
    atomic_bool     is_void; /* Nothing in Redis may be believed. */
    pthread_mutex_t lock;
    pthread_cond_t  news;
    struct {
        struct hf_pending list;
        uint64_t          voids;      /* Times that all was made void. */
        bool              is_behind;  /* Something failed, and its end was not told yet. */
        bool              is_running; /* The thread is there. */
        bool              is_stopping;
        pthread_t         thread;
    } guarded;
};

/* What the client, the namespace and its key are must outlive it. */
void hf_replay_init(struct hf_replay *r, struct hf_client          *client,
                    struct hf_namespace *namespace, struct hf_bytes namespace_key);

/* Ends the thread. In a forked child, which has none, it only lets go. */
void hf_replay_deinit(struct hf_replay *r);

/* A delete of this wire key was not acknowledged, for that reason. Not under a lock: it is
 * logged. */
void hf_replay_add(struct hf_replay *r, struct hf_bytes key, hf_err why);

/* Nothing stored so far may be believed until the namespace's token was replaced. */
void hf_replay_void(struct hf_replay *r);

/* True when the key must be taken for missing. */
bool hf_replay_covers(struct hf_replay *r, struct hf_bytes key);

/* The delete that is outstanding before a write of the key begins, 0 for none; settled when
 * the write was acknowledged, for it replaced what was to be deleted; not under a lock, as it
 * is logged when that was the last. */
uint64_t hf_replay_ticket(struct hf_replay *r, struct hf_bytes key);
void     hf_replay_settle(struct hf_replay *r, struct hf_bytes key, uint64_t ticket);

/* The two commands that delete the entry with this wire key and void a load of it under way;
 * and what came of delete number `index` of a batch: HF_OK, HF_MISS or why not. */
HF_NODISCARD hf_err hf_replay_add_commands(struct hf_batch           *batch,
                                           const struct hf_allocator *a, struct hf_bytes key);
HF_NODISCARD hf_err hf_replay_outcome(const struct hf_batch *batch, size_t index,
                                      struct hf_error *error);

/* Draws a new token and puts it in Redis. On an error all is void, and the thread goes on
 * trying. */
HF_NODISCARD hf_err hf_replay_new_namespace(struct hf_replay *r, const struct hf_call *call,
                                            struct hf_error *error);

#endif
