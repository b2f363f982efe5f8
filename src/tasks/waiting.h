/* waiting.h - who of the threads that wait for the same kind of task asks Redis for it.
 *
 *     thread 1  leads: claims, sleeps on the wake keys, claims, ...
 *     thread 2  follows: waits to be the leader
 *     thread 3  follows
 *
 * The leader that got a task, or whose time is over, passes the lead on.
 *
 * Threads:  any.
 * Memory:   HF_WAITING_KINDS kinds; threads that wait for others all lead.
 * Time:     CLOCK_MONOTONIC. */

#ifndef HF_TASKS_WAITING_H
#define HF_TASKS_WAITING_H

#include <holdfast/time.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HF_WAITING_KINDS = 16 };

struct hf_waiting_kind {
    uint64_t       hash;
    size_t         threads; /* 0: not in use. */
    bool           has_leader;
    pthread_cond_t lead_is_free;
};

struct hf_waiting {
    pthread_mutex_t lock;
    struct {
        struct hf_waiting_kind kinds[HF_WAITING_KINDS];
    } guarded;
};

void hf_waiting_init(struct hf_waiting *w);
void hf_waiting_deinit(struct hf_waiting *w);

/* Waits for the lead until then. True: the caller leads, and hf_waiting_leave() must follow
 * with *kind, which may be NULL. */
bool hf_waiting_lead(struct hf_waiting *w, uint64_t hash, hf_instant until,
                     struct hf_waiting_kind **kind);

void hf_waiting_leave(struct hf_waiting *w, struct hf_waiting_kind *kind);

#endif
