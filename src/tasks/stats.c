#include "core/alloc.h"
#include "core/error.h"
#include "tasks/run.h"
#include "tasks/scripts.h"

#include <string.h>

/* Places in the script's numbers. */
enum {
    NOW,
    COUNTS,
    OLDEST = COUNTS + HF_TASK_STATUSES,
    DUE = OLDEST + HF_TASK_STATUSES,
    LEASES,
    RECOVERED,
    MENDED,
    ASIDE,
    NUMBERS,
};

struct box {
    struct hf_allocator       allocator; /* A copy: the handle may be closed before. */
    struct hf_task_stats      stats;
    char                     *names;
    struct hf_task_type_stats types[];
};

static struct hf_task_type_stats *type_of(struct box *box, struct hf_bytes name)
{
    for (size_t i = 0; i < box->stats.type_count; i++) {
        if (strlen(box->types[i].type) == name.size &&
            memcmp(box->types[i].type, name.data, name.size) == 0) {
            return &box->types[i];
        }
    }
    struct hf_task_type_stats *type = &box->types[box->stats.type_count++];
    memcpy(box->names, name.data, name.size);
    *type = (struct hf_task_type_stats){ .type = box->names };
    box->names += name.size + 1;
    return type;
}

static hf_duration age(int64_t now_us, int64_t since_us)
{
    return hf_ns(since_us && since_us < now_us ? (now_us - since_us) * 1000 : 0);
}

static hf_err read_numbers(struct hf_task_stats *s, const struct hf_reply *reply,
                           struct hf_error *error)
{
    int64_t n[NUMBERS];
    for (size_t i = 0; i < NUMBERS; i++) {
        const hf_err err = hf_task_answer_int(reply, i, &n[i], error);
        if (err) return err;
    }
    for (size_t i = 0; i < HF_TASK_STATUSES; i++) {
        s->by_status[i] = (uint64_t)n[COUNTS + i];
        s->oldest[i] = age(n[NOW], n[OLDEST + i]);
    }
    s->overdue = age(n[NOW], n[DUE]);
    s->leases = (uint64_t)n[LEASES];
    s->recovered = (uint64_t)n[RECOVERED];
    s->mended = (uint64_t)n[MENDED];
    s->set_aside = (uint64_t)n[ASIDE];
    return HF_OK;
}

/* "01render" -> 5: five tasks of status 0 and priority 1. What is none is left out. */
static void read_count(struct box *box, const struct hf_reply *name,
                       const struct hf_reply *number)
{
    struct hf_bytes text;
    int64_t         count;
    if (hf_reply_bytes(name, &text) || hf_reply_int(number, &count) || text.size < 3) return;
    const char    *c = text.data;
    const unsigned status = (unsigned)(c[0] - '0'), priority = (unsigned)(c[1] - '0');
    if (status >= HF_TASK_STATUSES || priority >= HF_TASK_PRIORITIES || count < 0) return;

    struct hf_task_type_stats *type = type_of(box, hf_bytes(c + 2, text.size - 2));
    type->count[status][priority] += (uint64_t)count;
    box->stats.by_priority[priority] += (uint64_t)count;
}

static size_t sizes(const struct hf_reply *texts)
{
    size_t size = 0;
    for (size_t i = 0; i < hf_reply_count(texts); i++) {
        struct hf_bytes text;
        if (!hf_reply_bytes(hf_reply_at(texts, i), &text)) size += text.size + 1;
    }
    return size;
}

static hf_err read_stats(const struct hf_allocator *a, const struct hf_reply *reply,
                         struct hf_task_stats **stats, struct hf_error *error)
{
    const struct hf_reply *counts = hf_reply_at(reply, 2);
    const struct hf_reply *paused = hf_reply_at(reply, 3);
    const size_t           types = hf_reply_count(counts) / 2 + hf_reply_count(paused);
    const size_t table = sizeof(struct box) + types * sizeof(struct hf_task_type_stats);
    struct box  *box = hf_alloc_zero(a, 1, table + sizes(counts) + sizes(paused));
    if (!box) return hf_fail(error, HF_E_NOMEM, "statistics");

    box->allocator = *a;
    box->names = (char *)box + table;
    const hf_err err = read_numbers(&box->stats, hf_reply_at(reply, 1), error);
    if (err) {
        hf_free(a, box);
        return err;
    }
    for (size_t i = 0; i + 1 < hf_reply_count(counts); i += 2) {
        read_count(box, hf_reply_at(counts, i), hf_reply_at(counts, i + 1));
    }
    for (size_t i = 0; i < hf_reply_count(paused); i++) {
        struct hf_bytes name;
        if (!hf_reply_bytes(hf_reply_at(paused, i), &name))
            type_of(box, name)->is_paused = true;
    }
    box->stats.types = box->types;
    *stats = &box->stats;
    return HF_OK;
}

hf_err hf_tasks_stats(struct hf_tasks *tasks, const struct hf_call *call,
                      struct hf_task_stats **stats, struct hf_error *error)
{
    struct hf_task_args args;
    struct hf_reply    *reply;
    hf_task_args_init(&args, tasks);
    hf_err err = hf_tasks_run(tasks, call, HF_COMMAND_READ, &hf_tasks_lua_stats, &args,
                              &reply, error);
    if (!err) {
        err = read_stats(tasks->allocator, reply, stats, error);
        hf_reply_free(reply);
    }
    return err ? hf_fail_in(error, err, "task statistics") : HF_OK;
}

void hf_task_stats_free(struct hf_task_stats *stats)
{
    if (!stats) return;
    struct box *box = (struct box *)((char *)stats - offsetof(struct box, stats));
    const struct hf_allocator a = box->allocator;
    hf_free(&a, box);
}
