/* The record of a task: any fields with any bytes give a task whose every part is in range
 * and inside its own block, or a reason, and never a read past them.
 *
 * The input is fields one after the other: a letter, the size of the value in two bytes, the
 * value. */

#include "tasks/record.h"

#include "core/alloc.h"
#include "core/assert.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIELDS_MAX = 128 };

static volatile unsigned char sink;

static void touch(struct hf_bytes bytes)
{
    const unsigned char *at = bytes.data;
    for (size_t i = 0; i < bytes.size; i++) sink = at[i];
    hf_assert(!at || at[bytes.size] == '\0');
}

static void check(const struct hf_task *task)
{
    hf_assert((unsigned)task->status < HF_TASK_STATUSES);
    hf_assert((unsigned)task->priority < HF_TASK_PRIORITIES);
    hf_assert(task->progress >= 0 && task->progress <= 1);
    hf_assert(task->created_ms >= 0 && task->due_ms >= 0 && task->lease.ns >= 0);
    hf_assert(task->error_count <= HF_TASK_ERRORS_MAX);
    touch(task->payload);
    touch(task->result);
    touch(task->metadata);
    touch(hf_str(task->type));
    touch(hf_str(task->owner));
    touch(hf_str(task->message));
    for (size_t i = 0; i < task->error_count; i++) {
        hf_assert(task->errors[i].at_ms >= 0);
        touch(task->errors[i].text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_bytes fields[FIELDS_MAX];
    size_t          count = 0, at = 0;
    while (size - at >= 3 && count < FIELDS_MAX) {
        const size_t wanted = data[at + 1] | (size_t)data[at + 2] << 8;
        const size_t left = size - at - 3;
        const size_t taken = wanted < left ? wanted : left;
        fields[count++] = hf_bytes(data + at, 1);
        fields[count++] = hf_bytes(data + at + 3, taken);
        at += 3 + taken;
    }
    struct hf_task *task;
    struct hf_error error;
    if (hf_task_parse(&hf_allocator_default, "id", fields, count, &task, &error) == HF_OK) {
        check(task);
        hf_task_free(task);
    }
    return 0;
}
