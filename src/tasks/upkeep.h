/* upkeep.h - the thread that recovers expired leases, mends, and removes what is finished.
 *
 * About once a second it makes one round (hf_tasks_maintain), and more as long as there is
 * more to do; once a minute it looks whether the server may evict tasks.
 *
 * Threads:  one of its own; what it saw may be read by any.
 * Time:     stopping takes as long as one call, at most HF_UPKEEP_TIMEOUT. */

#ifndef HF_TASKS_UPKEEP_H
#define HF_TASKS_UPKEEP_H

#include <holdfast/tasks.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#define HF_UPKEEP_TIMEOUT hf_seconds(1)

struct hf_upkeep {
    struct hf_tasks *tasks;
    pid_t            pid; /* Of the process whose thread it is. */
    bool             is_running;
    pthread_t        thread;
    atomic_bool      may_evict;
    _Atomic int64_t  maintained_ns;
    _Atomic int      error; /* hf_err */
    hf_err           told;  /* The thread's: what it logged last. */
    pthread_mutex_t  lock;
    pthread_cond_t   news;
    struct {
        bool is_stopping;
    } guarded;
};

/* Without a thread where starts is false. HF_E_SYSTEM. */
HF_NODISCARD hf_err hf_upkeep_init(struct hf_upkeep *u, struct hf_tasks *tasks, bool starts);
void                hf_upkeep_deinit(struct hf_upkeep *u);

#endif
