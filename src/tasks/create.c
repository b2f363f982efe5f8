#include "core/error.h"
#include "tasks/name.h"
#include "tasks/record.h"
#include "tasks/run.h"
#include "tasks/scripts.h"

#include <stdio.h>
#include <string.h>

static hf_err check_limit(int32_t limit, const char *what, struct hf_error *error)
{
    if (limit <= HF_TASK_LIMIT_MAX) return HF_OK;
    return hf_fail(error, HF_E_RANGE, "%s: at most %d", what, HF_TASK_LIMIT_MAX);
}

static hf_err check(const struct hf_new_task *t, struct hf_error *error)
{
    hf_err err = hf_task_check_id(t->type, HF_TASK_TYPE_MAX, "type", error);
    if (!err && t->id) err = hf_task_check_id(t->id, HF_TASK_ID_MAX, "id", error);
    if (!err) err = hf_task_check_name(t->owner, "owner", error);
    if (!err) err = hf_task_check_name(t->unique, "unique", error);
    if (!err) err = check_limit(t->retry_limit, "retry_limit", error);
    if (!err) err = check_limit(t->crash_limit, "crash_limit", error);
    if (err) return err;
    if ((unsigned)t->priority >= HF_TASK_PRIORITIES) {
        return hf_fail(error, HF_E_INVALID, "priority");
    }
    if (t->payload.size > HF_TASK_PAYLOAD_MAX) {
        return hf_fail(error, HF_E_TOO_LARGE, "payload of %zu bytes", t->payload.size);
    }
    if (t->metadata.size > HF_TASK_METADATA_MAX) {
        return hf_fail(error, HF_E_TOO_LARGE, "metadata of %zu bytes", t->metadata.size);
    }
    if (t->not_before_ms < 0 || t->not_before_ms > INT64_MAX / 1000000) {
        return hf_fail(error, HF_E_RANGE, "not_before_ms");
    }
    return HF_OK;
}

/* A limit that is the default is not written. */
static void add_limit(struct hf_task_args *args, int32_t limit, int32_t otherwise)
{
    if (limit == 0 || limit == otherwise) {
        hf_task_arg_text(args, "");
    } else {
        hf_task_arg_int(args, limit < 0 ? 0 : limit);
    }
}

/* Whether it is new, and the id of the one there is. */
static hf_err read_answer(const struct hf_reply *reply, char id[HF_TASK_ID_MAX + 1],
                          bool *is_new, struct hf_error *error)
{
    struct hf_bytes text;
    int64_t         created;
    const hf_err    err = hf_task_answer_int(reply, 1, &created, error);
    if (err) return err;
    if (hf_reply_bytes(hf_reply_at(reply, 2), &text) || text.size > HF_TASK_ID_MAX) {
        return hf_fail(error, HF_E_PROTOCOL, "a task script's answer");
    }
    memcpy(id, text.data, text.size);
    id[text.size] = '\0';
    *is_new = created != 0;
    return HF_OK;
}

hf_err hf_tasks_create(struct hf_tasks *tasks, const struct hf_call *call,
                       const struct hf_new_task *t, char id[HF_TASK_ID_MAX + 1], bool *is_new,
                       struct hf_error *error)
{
    struct hf_task_args args;
    struct hf_reply    *reply;
    int64_t             delay_us = 0;
    bool                created = false;
    hf_err              err = check(t, error);
    if (!err) err = hf_task_us(t->delay, "delay", &delay_us, error);
    if (!err && !t->id) err = hf_task_make_id(id, error);
    if (err) return hf_fail_in(error, err, "create task");
    if (t->id && t->id != id) memmove(id, t->id, strlen(t->id) + 1);

    hf_task_args_init(&args, tasks);
    hf_task_arg_text(&args, id);
    hf_task_arg_text(&args, t->type);
    hf_task_arg_int(&args, t->priority);
    hf_task_arg_text(&args, t->owner);
    hf_task_arg_text(&args, t->unique);
    hf_task_arg(&args, t->payload);
    hf_task_arg(&args, t->metadata);
    hf_task_arg_int(&args, delay_us);
    hf_task_arg_int(&args, t->not_before_ms * 1000);
    add_limit(&args, t->retry_limit, HF_TASK_RETRIES);
    add_limit(&args, t->crash_limit, HF_TASK_CRASHES);
    err = hf_tasks_run(tasks, call, HF_COMMAND_IDEMPOTENT, &hf_tasks_lua_create, &args,
                       &reply, error);
    if (!err) {
        err = read_answer(reply, id, &created, error);
        hf_reply_free(reply);
    }
    if (created) hf_tasks_count(tasks, HF_STAT_TASKS_CREATED);
    if (!err && is_new) *is_new = created;
    return err ? hf_fail_in(error, err, "create task") : HF_OK;
}

static hf_err get(struct hf_tasks *tasks, const struct hf_call *call, const char *id,
                  struct hf_task **task, struct hf_error *error)
{
    hf_err err = hf_task_check_id(id, HF_TASK_ID_MAX, "id", error);
    if (err) return err;

    char key[sizeof tasks->base + 2 + HF_TASK_ID_MAX + 1];
    snprintf(key, sizeof key, "%st:%s", tasks->base, id);
    const struct hf_bytes argv[] = { hf_str("HGETALL"), hf_str(key) };
    struct hf_reply      *reply;
    err = hf_client_command(tasks->client, call, argv, 2, &reply, error);
    if (err == HF_E_WRONGTYPE) return hf_fail(error, HF_E_TASK_DAMAGED, "not a hash");
    if (err) return err;
    err = hf_task_from_reply(tasks->allocator, id, NULL, reply, task, error);
    hf_reply_free(reply);
    return err;
}

hf_err hf_tasks_get(struct hf_tasks *tasks, const struct hf_call *call, const char *id,
                    struct hf_task **task, struct hf_error *error)
{
    const hf_err err = get(tasks, call, id, task, error);
    return err ? hf_fail_in(error, err, "get task") : HF_OK;
}

hf_err hf_tasks_get_as(struct hf_tasks *tasks, const struct hf_call *call, const char *owner,
                       const char *id, struct hf_task **task, struct hf_error *error)
{
    struct hf_task *read;
    const char     *wanted = owner ? owner : ""; /* Which is refused. */
    hf_err          err = hf_task_check_name(wanted, "owner", error);
    if (!err) err = get(tasks, call, id, &read, error);
    if (err) return hf_fail_in(error, err, "get task");
    if (strcmp(read->owner, wanted) != 0) {
        hf_task_free(read);
        return hf_fail(error, HF_E_TASK_OWNER, "get task");
    }
    *task = read;
    return HF_OK;
}
