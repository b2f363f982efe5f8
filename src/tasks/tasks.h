/* tasks.h - a task manager as its own files see it.
 *
 *     tasks.c    opening and closing
 *     run.c      one script: its arguments, its answer
 *     create.c   create, get              change.c  update, delete, cancel, schedule, ...
 *     claim.c    claim, and waiting       work.c    heartbeat, complete, fail, release
 *     list.c     pages of tasks           stats.c   counts and ages
 *     upkeep.c   the thread that recovers, mends and cleans up
 *
 * What decides is in the scripts, *.lua, with prelude.lua; docs/internals/tasks.md draws
 * their keys.
 *
 * Threads:  what is not atomic or locked in its own module is read-only after open. */

#ifndef HF_TASKS_TASKS_H
#define HF_TASKS_TASKS_H

#include "observe/metrics.h"
#include "tasks/grant.h"
#include "tasks/upkeep.h"
#include "tasks/waiting.h"

#include <holdfast/tasks.h>

struct hf_tasks {
    struct hf_client          *client;
    const struct hf_allocator *allocator;
    char                       base[HF_TASK_ID_MAX + 4]; /* "{prefix}:", before all keys. */
    char                       name[HF_TASK_NAME_MAX + 1];
    int64_t                    retry_base_us;
    int64_t                    retry_cap_us;
    int64_t                    keep_us;
    uint32_t                   keep_max;
    uint32_t                   audit_max;
    hf_duration                timeout; /* Of a call that does not say. */
    struct hf_grants           grants;
    struct hf_waiting          waiting;
    struct hf_upkeep           upkeep;
};

/* True in a forked child, where the threads of the handle and of its workers do not exist. */
bool hf_tasks_is_forked(const struct hf_tasks *tasks);

void hf_tasks_count(const struct hf_tasks *tasks, enum hf_stat stat);

/* What became of a report on a task's work: as stat, or as one that came too late. */
void hf_tasks_count_report(const struct hf_tasks *tasks, enum hf_stat stat, hf_err err);

#endif
