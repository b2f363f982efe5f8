#include "tasks/record.h"

#include "core/alloc.h"
#include "core/error.h"
#include "net/number.h"

#include <string.h>

enum kind {
    KIND_TEXT,     /* const char *, without NUL inside. */
    KIND_BYTES,    /* struct hf_bytes */
    KIND_COUNT,    /* uint32_t */
    KIND_NUMBER,   /* uint64_t */
    KIND_TIME,     /* int64_t milliseconds, of microseconds. */
    KIND_SPAN,     /* hf_duration, of microseconds. */
    KIND_CHOICE,   /* int, below limit. */
    KIND_PROGRESS, /* double */
    KIND_ERRORS,
};

struct row {
    char      name;
    enum kind kind;
    size_t    offset; /* In struct hf_task. */
    int64_t   limit;
    bool      must;
};

#define AT(member) offsetof(struct hf_task, member)

_Static_assert(sizeof(enum hf_task_status) == sizeof(int), "KIND_CHOICE writes an int");
_Static_assert(sizeof(enum hf_task_priority) == sizeof(int), "KIND_CHOICE writes an int");

/* clang-format off */

static const struct row rows[] = {
    { 's', KIND_CHOICE,   AT(status),       HF_TASK_STATUSES,   true },
    { 't', KIND_TEXT,     AT(type),         0,                  true },
    { 'p', KIND_CHOICE,   AT(priority),     HF_TASK_PRIORITIES, true },
    { 'v', KIND_NUMBER,   AT(version),      0,                  true },
    { 'c', KIND_TIME,     AT(created_ms),   0,                  true },
    { 'd', KIND_TIME,     AT(due_ms),       0,                  true },
    { 'o', KIND_TEXT,     AT(owner),        0,                  false },
    { 'u', KIND_TEXT,     AT(unique),       0,                  false },
    { 'w', KIND_TEXT,     AT(worker),       0,                  false },
    { 'j', KIND_TEXT,     AT(message),      0,                  false },
    { 'g', KIND_PROGRESS, AT(progress),     0,                  false },
    { 'k', KIND_NUMBER,   AT(token),        0,                  false },
    { 'q', KIND_COUNT,    AT(starts),       UINT32_MAX,         false },
    { 'r', KIND_COUNT,    AT(retries),      UINT32_MAX,         false },
    { 'R', KIND_COUNT,    AT(retry_limit),  UINT32_MAX,         false },
    { 'x', KIND_COUNT,    AT(crashes),      UINT32_MAX,         false },
    { 'X', KIND_COUNT,    AT(crash_limit),  UINT32_MAX,         false },
    { 'a', KIND_TIME,     AT(started_ms),   0,                  false },
    { 'z', KIND_TIME,     AT(completed_ms), 0,                  false },
    { 'l', KIND_SPAN,     AT(lease),        0,                  false },
    { 'b', KIND_BYTES,    AT(payload),      0,                  false },
    { 'y', KIND_BYTES,    AT(result),       0,                  false },
    { 'm', KIND_BYTES,    AT(metadata),     0,                  false },
    { 'E', KIND_ERRORS,   0,                0,                  false },
};

/* clang-format on */

struct box {
    struct hf_allocator allocator; /* A copy: the handle may be closed before. */
    struct hf_task      task;
    size_t              used;
    char                bytes[];
};

static struct hf_bytes keep(struct box *box, struct hf_bytes bytes)
{
    char *at = box->bytes + box->used;
    if (bytes.size) memcpy(at, bytes.data, bytes.size);
    at[bytes.size] = '\0';
    box->used += bytes.size + 1;
    return hf_bytes(at, bytes.size);
}

static bool read_count(struct hf_bytes text, int64_t *value)
{
    return text.size > 0 && hf_number_int(text.data, text.size, value) && *value >= 0;
}

/* "e1700000000000000 text": a kind, microseconds, what happened. */
static bool read_error(const char *line, size_t size, struct hf_task_error *e)
{
    const char *space = memchr(line, ' ', size);
    int64_t     us;
    if (!space || (line[0] != 'e' && line[0] != 'x')) return false;
    if (!read_count(hf_bytes(line + 1, (size_t)(space - line) - 1), &us)) return false;
    e->is_crash = line[0] == 'x';
    e->at_ms = us / 1000;
    e->text = hf_bytes(space + 1, size - (size_t)(space - line) - 1);
    return true;
}

/* Lines of our own copy, whose newlines become their ends. */
static bool read_errors(struct box *box, struct hf_bytes text)
{
    struct hf_task *task = &box->task;
    char           *at = box->bytes + box->used;
    const char     *end = at + keep(box, text).size;
    for (size_t i = 0; at < end; i++) {
        char *newline = memchr(at, '\n', (size_t)(end - at));
        if (!newline || newline == at || i == HF_TASK_ERRORS_MAX) return false;
        if (!read_error(at, (size_t)(newline - at), &task->errors[i])) return false;
        task->error_count = i + 1;
        *newline = '\0';
        at = newline + 1;
    }
    return true;
}

static bool read_field(struct box *box, const struct row *row, struct hf_bytes text)
{
    void   *to = (char *)&box->task + row->offset;
    int64_t number = 0;
    switch (row->kind) {
    case KIND_TEXT:
        if (text.size && memchr(text.data, '\0', text.size)) return false;
        *(const char **)to = keep(box, text).data;
        return true;
    case KIND_BYTES: *(struct hf_bytes *)to = keep(box, text); return true;
    case KIND_ERRORS: return read_errors(box, text);
    case KIND_PROGRESS: {
        double          progress;
        struct hf_bytes kept = keep(box, text);
        if (kept.size == 0 || !hf_number_double(kept.data, kept.size, &progress))
            return false;
        if (!(progress >= 0 && progress <= 1)) return false;
        *(double *)to = progress;
        return true;
    }
    default: break;
    }
    if (!read_count(text, &number)) return false;
    if (row->limit && number >= row->limit) return false;
    switch (row->kind) {
    case KIND_COUNT: *(uint32_t *)to = (uint32_t)number; break;
    case KIND_CHOICE: *(int *)to = (int)number; break;
    case KIND_TIME: *(int64_t *)to = number / 1000; break;
    case KIND_SPAN:
        *(hf_duration *)to = hf_ns(number < INT64_MAX / 1000 ? number * 1000 : 0);
        break;
    default: *(uint64_t *)to = (uint64_t)number; break;
    }
    return true;
}

static const struct hf_bytes *find(const struct hf_bytes *fields, size_t count, char name)
{
    for (size_t i = 0; i + 1 < count; i += 2) {
        if (fields[i].size == 1 && *(const char *)fields[i].data == name)
            return &fields[i + 1];
    }
    return NULL;
}

static hf_err check_format(const struct hf_bytes *fields, size_t count,
                           struct hf_error *error)
{
    const struct hf_bytes *text = find(fields, count, 'f');
    int64_t                format;
    if (!text || !read_count(*text, &format) || format < HF_TASK_FORMAT) {
        return hf_fail(error, HF_E_TASK_DAMAGED, "format");
    }
    if (format == HF_TASK_FORMAT) return HF_OK;
    return hf_fail(error, HF_E_TASK_NEWER, "format %lld", (long long)format);
}

hf_err hf_task_parse(const struct hf_allocator *a, const char *id,
                     const struct hf_bytes *fields, size_t count, struct hf_task **parsed,
                     struct hf_error *error)
{
    if (count == 0) return hf_fail(error, HF_E_TASK_UNKNOWN, "no record");
    hf_err err = check_format(fields, count, error);
    if (err) return err;

    size_t size = sizeof(struct box) + strlen(id) + 1;
    for (size_t i = 1; i < count; i += 2) size += fields[i].size + 1;
    struct box *box = hf_alloc(a, size);
    if (!box) return hf_fail(error, HF_E_NOMEM, "task");

    *box = (struct box){ .allocator = *a,
                         .task = { .type = "",
                                   .owner = "",
                                   .unique = "",
                                   .worker = "",
                                   .message = "",
                                   .retry_limit = HF_TASK_RETRIES,
                                   .crash_limit = HF_TASK_CRASHES } };
    box->task.id = keep(box, hf_str(id)).data;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct hf_bytes *text = find(fields, count, rows[i].name);
        if (text ? read_field(box, &rows[i], *text) : !rows[i].must) continue;
        hf_free(a, box);
        return hf_fail(error, HF_E_TASK_DAMAGED, "field '%c'", rows[i].name);
    }
    *parsed = &box->task;
    return HF_OK;
}

static bool add_fields(const struct hf_reply *from, struct hf_bytes *fields)
{
    for (size_t i = 0; i < hf_reply_count(from); i++) {
        if (hf_reply_bytes(hf_reply_at(from, i), &fields[i])) return false;
    }
    return hf_reply_count(from) % 2 == 0;
}

hf_err hf_task_from_reply(const struct hf_allocator *a, const char *id,
                          const struct hf_reply *changes, const struct hf_reply *record,
                          struct hf_task **task, struct hf_error *error)
{
    const size_t     changed = changes ? hf_reply_count(changes) : 0;
    const size_t     count = changed + hf_reply_count(record);
    struct hf_bytes *fields = hf_alloc(a, (count + 1) * sizeof *fields);
    if (!fields) return hf_fail(error, HF_E_NOMEM, "task");

    /* The first of a name counts. */
    const bool is_told = (!changes || add_fields(changes, fields)) &&
                         add_fields(record, fields + changed);
    const hf_err err = is_told ? hf_task_parse(a, id, fields, count, task, error)
                               : hf_fail(error, HF_E_PROTOCOL, "record");
    hf_free(a, fields);
    return err;
}

void hf_task_free(struct hf_task *task)
{
    if (!task) return;
    struct box               *box = (struct box *)((char *)task - offsetof(struct box, task));
    const struct hf_allocator a = box->allocator;
    hf_free(&a, box);
}
