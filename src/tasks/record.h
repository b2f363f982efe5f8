/* record.h - a task's record, from the fields of its hash in Redis.
 *
 *     f format   s status     t type      p priority   v version    k token     n grant
 *     c created  d due        a started   z completed  o owner      u unique    w worker
 *     b payload  y result     m metadata  g progress   j message    E errors    e last end
 *     r retries  R its limit  x crashes   X its limit  l lease      q starts
 *
 * Numbers are decimal, times are microseconds; a field that is not there has its default.
 * Fields of other names are left alone.
 *
 * Threads:  any; pure.
 * Memory:   a task is one block from the allocator, with copies of all its bytes.
 * Errors:   HF_E_TASK_DAMAGED for what no version of ours has written, HF_E_TASK_NEWER, or
 *           HF_E_TASK_UNKNOWN for no fields at all. */

#ifndef HF_TASKS_RECORD_H
#define HF_TASKS_RECORD_H

#include <holdfast/alloc.h>
#include <holdfast/tasks.h>

enum {
    HF_TASK_FORMAT = 1,
    HF_TASK_RETRIES = 3, /* Limits, where the record has none; so do the scripts. */
    HF_TASK_CRASHES = 3,
};

/* fields: name, value, name, value, ...; count of both. */
HF_NODISCARD hf_err hf_task_parse(const struct hf_allocator *a, const char *id,
                                  const struct hf_bytes *fields, size_t count,
                                  struct hf_task **task, struct hf_error *error);

/* The same from what HGETALL answers. changes: such an array of fields that have changed
 * since, or NULL. */
HF_NODISCARD hf_err hf_task_from_reply(const struct hf_allocator *a, const char *id,
                                       const struct hf_reply *changes,
                                       const struct hf_reply *record, struct hf_task **task,
                                       struct hf_error *error);

#endif
