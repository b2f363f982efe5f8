#include "core/error.h"
#include "core/rng.h"
#include "tasks/name.h"
#include "tasks/run.h"
#include "tasks/scripts.h"

/* owner NULL: whoever's it is. */
static hf_err begin(struct hf_task_args *args, const struct hf_tasks *tasks,
                    const char *owner, const char *id, struct hf_error *error)
{
    hf_err err = hf_task_check_id(id, HF_TASK_ID_MAX, "id", error);
    if (!err) err = hf_task_check_name(owner, "owner", error);
    if (err) return err;
    hf_task_args_init(args, tasks);
    hf_task_arg_text(args, id);
    hf_task_arg_text(args, owner);
    return HF_OK;
}

static const char *or_nobody(const char *owner)
{
    return owner ? owner : ""; /* Which is no name: HF_E_INVALID. */
}

static hf_err check_change(const struct hf_task_change *c, struct hf_error *error)
{
    if (c->sets_progress && !(c->progress >= 0 && c->progress <= 1)) {
        return hf_fail(error, HF_E_RANGE, "progress: 0 to 1");
    }
    if (c->sets_result && c->result.size > HF_TASK_PAYLOAD_MAX) {
        return hf_fail(error, HF_E_TOO_LARGE, "result of %zu bytes", c->result.size);
    }
    if (c->sets_metadata && c->metadata.size > HF_TASK_METADATA_MAX) {
        return hf_fail(error, HF_E_TOO_LARGE, "metadata of %zu bytes", c->metadata.size);
    }
    if (c->sets_status && (unsigned)c->status >= HF_TASK_STATUSES) {
        return hf_fail(error, HF_E_INVALID, "status");
    }
    if (c->version > INT64_MAX) return hf_fail(error, HF_E_RANGE, "version");
    if (c->token > INT64_MAX) return hf_fail(error, HF_E_RANGE, "token");
    return HF_OK;
}

static hf_err update(struct hf_tasks *tasks, const struct hf_call *call, const char *owner,
                     const char *id, const struct hf_task_change *c, struct hf_error *error)
{
    struct hf_task_args args;
    struct hf_rng       rng = { hf_rng_seed() };
    struct hf_bytes     line = { 0 };
    char                text[HF_TASK_TEXT_MAX];
    hf_err              err = check_change(c, error);
    if (!err) err = begin(&args, tasks, owner, id, error);
    if (err) return err;

    hf_task_arg_int(&args, (int64_t)c->version);
    if (c->sets_status) {
        hf_task_arg_int(&args, c->status);
    } else {
        hf_task_arg_text(&args, "");
    }
    hf_task_arg_int(&args, (int64_t)c->token);
    if (c->sets_progress) {
        hf_task_arg_fraction(&args, c->progress);
    } else {
        hf_task_arg_text(&args, "");
    }
    if (c->message) line = hf_bytes(text, hf_task_line(hf_str(c->message), text));
    hf_task_arg_optional(&args, c->message ? &line : NULL);
    hf_task_arg_optional(&args, c->sets_result ? &c->result : NULL);
    hf_task_arg_optional(&args, c->sets_metadata ? &c->metadata : NULL);
    hf_task_arg_int(&args, tasks->retry_base_us);
    hf_task_arg_int(&args, tasks->retry_cap_us);
    hf_task_arg_fraction(&args, (double)hf_rng_below(&rng, 1000000) / 1000000);
    return hf_tasks_do(tasks, call,
                       c->version ? HF_COMMAND_ACCUMULATING : HF_COMMAND_IDEMPOTENT,
                       &hf_tasks_lua_update, &args, error);
}

hf_err hf_tasks_update(struct hf_tasks *tasks, const struct hf_call *call, const char *id,
                       const struct hf_task_change *change, struct hf_error *error)
{
    const hf_err err = update(tasks, call, NULL, id, change, error);
    return err ? hf_fail_in(error, err, "update task") : HF_OK;
}

hf_err hf_tasks_update_as(struct hf_tasks *tasks, const struct hf_call *call,
                          const char *owner, const char *id,
                          const struct hf_task_change *change, struct hf_error *error)
{
    const hf_err err = update(tasks, call, or_nobody(owner), id, change, error);
    return err ? hf_fail_in(error, err, "update task") : HF_OK;
}

/* A script that is given an id and an owner. */
static hf_err change(struct hf_tasks *tasks, const struct hf_call              *call,
                     enum hf_command_class class, const struct hf_tasks_script *script,
                     const char *owner, const char *id, const char *what,
                     struct hf_error *error)
{
    struct hf_task_args args;
    hf_err              err = begin(&args, tasks, owner, id, error);
    if (!err) err = hf_tasks_do(tasks, call, class, script, &args, error);
    return err ? hf_fail_in(error, err, "%s task", what) : HF_OK;
}

hf_err hf_tasks_delete(struct hf_tasks *tasks, const struct hf_call *call, const char *id,
                       struct hf_error *error)
{
    return change(tasks, call, HF_COMMAND_ACCUMULATING, &hf_tasks_lua_delete, NULL, id,
                  "delete", error);
}

hf_err hf_tasks_delete_as(struct hf_tasks *tasks, const struct hf_call *call,
                          const char *owner, const char *id, struct hf_error *error)
{
    return change(tasks, call, HF_COMMAND_ACCUMULATING, &hf_tasks_lua_delete,
                  or_nobody(owner), id, "delete", error);
}

hf_err hf_tasks_cancel(struct hf_tasks *tasks, const struct hf_call *call, const char *id,
                       struct hf_error *error)
{
    return change(tasks, call, HF_COMMAND_IDEMPOTENT, &hf_tasks_lua_cancel, NULL, id,
                  "cancel", error);
}

hf_err hf_tasks_cancel_as(struct hf_tasks *tasks, const struct hf_call *call,
                          const char *owner, const char *id, struct hf_error *error)
{
    return change(tasks, call, HF_COMMAND_IDEMPOTENT, &hf_tasks_lua_cancel, or_nobody(owner),
                  id, "cancel", error);
}

hf_err hf_tasks_requeue(struct hf_tasks *tasks, const struct hf_call *call, const char *id,
                        struct hf_error *error)
{
    return change(tasks, call, HF_COMMAND_IDEMPOTENT, &hf_tasks_lua_requeue, NULL, id,
                  "requeue", error);
}

hf_err hf_tasks_requeue_as(struct hf_tasks *tasks, const struct hf_call *call,
                           const char *owner, const char *id, struct hf_error *error)
{
    return change(tasks, call, HF_COMMAND_IDEMPOTENT, &hf_tasks_lua_requeue, or_nobody(owner),
                  id, "requeue", error);
}

static hf_err schedule(struct hf_tasks *tasks, const struct hf_call *call, const char *owner,
                       const char *id, hf_duration delay, struct hf_error *error)
{
    struct hf_task_args args;
    int64_t             delay_us = 0;
    hf_err              err = hf_task_us(delay, "delay", &delay_us, error);
    if (!err) err = begin(&args, tasks, owner, id, error);
    if (!err) {
        hf_task_arg_int(&args, delay_us);
        err = hf_tasks_do(tasks, call, HF_COMMAND_IDEMPOTENT, &hf_tasks_lua_schedule, &args,
                          error);
    }
    return err ? hf_fail_in(error, err, "schedule task") : HF_OK;
}

hf_err hf_tasks_schedule(struct hf_tasks *tasks, const struct hf_call *call, const char *id,
                         hf_duration delay, struct hf_error *error)
{
    return schedule(tasks, call, NULL, id, delay, error);
}

hf_err hf_tasks_schedule_as(struct hf_tasks *tasks, const struct hf_call *call,
                            const char *owner, const char *id, hf_duration delay,
                            struct hf_error *error)
{
    return schedule(tasks, call, or_nobody(owner), id, delay, error);
}

static hf_err set_paused(struct hf_tasks *tasks, const struct hf_call *call, const char *type,
                         bool is_paused, struct hf_error *error)
{
    struct hf_task_args args;
    hf_err              err = hf_task_check_id(type, HF_TASK_TYPE_MAX, "type", error);
    if (!err) {
        hf_task_args_init(&args, tasks);
        hf_task_arg_text(&args, type);
        hf_task_arg_text(&args, is_paused ? "1" : "0");
        err = hf_tasks_do(tasks, call, HF_COMMAND_IDEMPOTENT, &hf_tasks_lua_pause, &args,
                          error);
    }
    return err ? hf_fail_in(error, err, is_paused ? "pause" : "resume") : HF_OK;
}

hf_err hf_tasks_pause(struct hf_tasks *tasks, const struct hf_call *call, const char *type,
                      struct hf_error *error)
{
    return set_paused(tasks, call, type, true, error);
}

hf_err hf_tasks_resume(struct hf_tasks *tasks, const struct hf_call *call, const char *type,
                       struct hf_error *error)
{
    return set_paused(tasks, call, type, false, error);
}
