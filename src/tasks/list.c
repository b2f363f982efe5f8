#include "core/alloc.h"
#include "core/error.h"
#include "tasks/name.h"
#include "tasks/record.h"
#include "tasks/run.h"
#include "tasks/scripts.h"

#include <stdio.h>
#include <string.h>

enum { LIMIT = 100 };

struct box {
    struct hf_allocator allocator; /* A copy: the handle may be closed before. */
    struct hf_task_list list;
    struct hf_task     *tasks[];
};

/* "step/score/id", as the script's answer names them; the id has no '/'. */
struct place {
    struct hf_bytes step, score, id;
};

static hf_err read_cursor(const char *cursor, struct place *place, struct hf_error *error)
{
    *place = (struct place){ hf_str(""), hf_str(""), hf_str("") };
    if (!cursor[0]) return HF_OK;

    const size_t size = strnlen(cursor, HF_TASK_CURSOR_MAX);
    const char  *first = memchr(cursor, '/', size);
    const char  *second = first ? memchr(first + 1, '/', size - (size_t)(first + 1 - cursor))
                                : NULL;
    const size_t digits = second ? (size_t)(second - first) - 1 : 0;
    if (!second || size == HF_TASK_CURSOR_MAX || first != cursor + 1 || digits == 0 ||
        strspn(first + 1, "0123456789") != digits || !strchr("01234o", cursor[0])) {
        return hf_fail(error, HF_E_INVALID, "cursor");
    }
    place->step = hf_bytes(cursor, 1);
    place->score = hf_bytes(first + 1, digits);
    place->id = hf_str(second + 1);
    return HF_OK;
}

static hf_err write_cursor(const struct hf_reply *reply, char cursor[HF_TASK_CURSOR_MAX],
                           struct hf_error *error)
{
    struct hf_bytes part[3];
    for (size_t i = 0; i < 3; i++) {
        if (hf_reply_bytes(hf_reply_at(reply, 1 + i), &part[i])) {
            return hf_fail(error, HF_E_PROTOCOL, "a task script's answer");
        }
    }
    if (part[0].size == 0) {
        cursor[0] = '\0';
        return HF_OK;
    }
    const int size = snprintf(cursor, HF_TASK_CURSOR_MAX, "%s/%s/%s",
                              (const char *)part[0].data, (const char *)part[1].data,
                              (const char *)part[2].data);
    if (size < HF_TASK_CURSOR_MAX) return HF_OK;
    cursor[0] = '\0';
    return hf_fail(error, HF_E_PROTOCOL, "cursor");
}

void hf_task_list_free(struct hf_task_list *list)
{
    if (!list) return;
    struct box *box = (struct box *)((char *)list - offsetof(struct box, list));
    for (size_t i = 0; i < list->count; i++) hf_task_free(list->tasks[i]);
    const struct hf_allocator a = box->allocator;
    hf_free(&a, box);
}

/* Damaged records, and those of newer versions, are left out. */
static hf_err read_tasks(const struct hf_allocator *a, const struct hf_reply *found,
                         struct hf_task_list **list, struct hf_error *error)
{
    const size_t count = hf_reply_count(found) / 2;
    struct box  *box = hf_alloc(a, sizeof *box + count * sizeof box->tasks[0]);
    if (!box) return hf_fail(error, HF_E_NOMEM, "list");
    *box = (struct box){ .allocator = *a };
    box->list.tasks = box->tasks;

    hf_err err = HF_OK;
    for (size_t i = 0; i < count && !err; i++) {
        struct hf_bytes  id;
        struct hf_task **at = &box->tasks[box->list.count];
        err = hf_reply_bytes(hf_reply_at(found, 2 * i), &id);
        if (err) break;
        err = hf_task_from_reply(a, id.data, NULL, hf_reply_at(found, 2 * i + 1), at, error);
        if (!err) box->list.count++;
        if (err == HF_E_TASK_DAMAGED || err == HF_E_TASK_NEWER) err = HF_OK;
    }
    if (err) {
        hf_task_list_free(&box->list);
        return err;
    }
    *list = &box->list;
    return HF_OK;
}

static void add_choice(struct hf_task_args *args, bool is_given, unsigned value)
{
    if (is_given) {
        hf_task_arg_int(args, value);
    } else {
        hf_task_arg_text(args, "");
    }
}

static hf_err check(const struct hf_task_filter *f, size_t limit, struct hf_error *error)
{
    hf_err err = f->type ? hf_task_check_id(f->type, HF_TASK_TYPE_MAX, "type", error) : HF_OK;
    if (!err) err = hf_task_check_name(f->owner, "owner", error);
    if (err) return err;
    if (f->by_status && f->status >= HF_TASK_STATUSES) {
        return hf_fail(error, HF_E_INVALID, "status %d: 0 to %d", (int)f->status,
                       HF_TASK_STATUSES - 1);
    }
    if (f->by_priority && f->priority >= HF_TASK_PRIORITIES) {
        return hf_fail(error, HF_E_INVALID, "priority %d: 0 to %d", (int)f->priority,
                       HF_TASK_PRIORITIES - 1);
    }
    if (limit > HF_TASK_PAGE_MAX) {
        return hf_fail(error, HF_E_RANGE, "limit: at most %d", HF_TASK_PAGE_MAX);
    }
    return HF_OK;
}

static hf_err list_page(struct hf_tasks *tasks, const struct hf_call *call,
                        const struct hf_task_filter *f, size_t limit,
                        char cursor[HF_TASK_CURSOR_MAX], struct hf_task_list **list,
                        struct hf_error *error)
{
    struct hf_task_args args;
    struct hf_reply    *reply;
    struct place        from;
    hf_err              err = read_cursor(cursor, &from, error);
    if (!err) err = check(f, limit, error);
    if (err) return err;

    hf_task_args_init(&args, tasks);
    add_choice(&args, f->by_status, f->status);
    add_choice(&args, f->by_priority, f->priority);
    hf_task_arg_text(&args, f->type);
    hf_task_arg_text(&args, f->owner);
    hf_task_arg_int(&args, (int64_t)(limit ? limit : LIMIT));
    hf_task_arg(&args, from.step);
    hf_task_arg(&args, from.score);
    hf_task_arg(&args, from.id);
    err = hf_tasks_run(tasks, call, HF_COMMAND_READ, &hf_tasks_lua_list, &args, &reply,
                       error);
    if (err) return err;
    struct hf_task_list *page = NULL;
    err = read_tasks(tasks->allocator, hf_reply_at(reply, 4), &page, error);
    if (!err) err = write_cursor(reply, cursor, error);
    hf_reply_free(reply);
    if (err) {
        hf_task_list_free(page);
        return err;
    }
    *list = page;
    return HF_OK;
}

hf_err hf_tasks_list(struct hf_tasks *tasks, const struct hf_call *call,
                     const struct hf_task_filter *filter, size_t limit,
                     char cursor[HF_TASK_CURSOR_MAX], struct hf_task_list **list,
                     struct hf_error *error)
{
    static const struct hf_task_filter all = { 0 };
    const hf_err err = list_page(tasks, call, filter ? filter : &all, limit, cursor, list,
                                 error);
    return err ? hf_fail_in(error, err, "list tasks") : HF_OK;
}
