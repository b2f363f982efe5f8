#include "core/error.h"
#include "core/rng.h"
#include "tasks/name.h"
#include "tasks/run.h"
#include "tasks/scripts.h"

#include <holdfast/tasks.h>

/* What all that a worker says of its task begins with. */
static hf_err begin(struct hf_task_args *args, const struct hf_tasks *tasks, const char *id,
                    uint64_t token, struct hf_error *error)
{
    const hf_err err = hf_task_check_id(id, HF_TASK_ID_MAX, "id", error);
    if (err) return err;
    if (token > INT64_MAX) return hf_fail(error, HF_E_RANGE, "token");
    hf_task_args_init(args, tasks);
    hf_task_arg_text(args, id);
    hf_task_arg_int(args, (int64_t)token);
    return HF_OK;
}

hf_err hf_tasks_heartbeat(struct hf_tasks *tasks, const struct hf_call *call, const char *id,
                          uint64_t token, double progress, const char *message,
                          struct hf_error *error)
{
    struct hf_task_args args;
    struct hf_bytes     line = { 0 };
    char                text[HF_TASK_TEXT_MAX];
    if (!(progress <= 1)) return hf_fail(error, HF_E_RANGE, "heartbeat: progress: 0 to 1");
    hf_err err = begin(&args, tasks, id, token, error);
    if (err) return hf_fail_in(error, err, "heartbeat");

    if (progress < 0) {
        hf_task_arg_text(&args, "");
    } else {
        hf_task_arg_fraction(&args, progress);
    }
    if (message) line = hf_bytes(text, hf_task_line(hf_str(message), text));
    hf_task_arg_optional(&args, message ? &line : NULL);
    err = hf_tasks_do(tasks, call, HF_COMMAND_IDEMPOTENT, &hf_tasks_lua_heartbeat, &args,
                      error);
    return err ? hf_fail_in(error, err, "heartbeat") : HF_OK;
}

hf_err hf_tasks_complete(struct hf_tasks *tasks, const struct hf_call *call, const char *id,
                         uint64_t token, struct hf_bytes result, struct hf_error *error)
{
    struct hf_task_args args;
    if (result.size > HF_TASK_PAYLOAD_MAX) {
        return hf_fail(error, HF_E_TOO_LARGE, "complete task: result of %zu bytes",
                       result.size);
    }
    hf_err err = begin(&args, tasks, id, token, error);
    if (!err) {
        hf_task_arg(&args, result);
        err = hf_tasks_do(tasks, call, HF_COMMAND_IDEMPOTENT, &hf_tasks_lua_complete, &args,
                          error);
    }
    hf_tasks_count_report(tasks, HF_STAT_TASKS_COMPLETED, err);
    return err ? hf_fail_in(error, err, "complete task") : HF_OK;
}

static hf_err fail(struct hf_tasks *tasks, const struct hf_call *call,
                   const struct hf_task_args *args, enum hf_task_status *status,
                   struct hf_error *error)
{
    struct hf_reply *reply;
    int64_t          came_to;
    hf_err err = hf_tasks_run(tasks, call, HF_COMMAND_IDEMPOTENT, &hf_tasks_lua_fail, args,
                              &reply, error);
    if (err) return err;
    err = hf_task_answer_int(reply, 1, &came_to, error);
    hf_reply_free(reply);
    if (err) return err;
    if (status) *status = (enum hf_task_status)came_to;
    return HF_OK;
}

hf_err hf_tasks_fail(struct hf_tasks *tasks, const struct hf_call *call, const char *id,
                     uint64_t token, struct hf_bytes why, bool is_final,
                     enum hf_task_status *status, struct hf_error *error)
{
    struct hf_task_args args;
    struct hf_rng       rng = { hf_rng_seed() };
    char                line[HF_TASK_TEXT_MAX];
    hf_err              err = begin(&args, tasks, id, token, error);
    if (!err) {
        hf_task_arg(&args, hf_bytes(line, hf_task_line(why, line)));
        hf_task_arg_text(&args, is_final ? "1" : "0");
        hf_task_arg_int(&args, tasks->retry_base_us);
        hf_task_arg_int(&args, tasks->retry_cap_us);
        hf_task_arg_fraction(&args, (double)hf_rng_below(&rng, 1000000) / 1000000);
        err = fail(tasks, call, &args, status, error);
    }
    hf_tasks_count_report(tasks, HF_STAT_TASKS_FAILED, err);
    return err ? hf_fail_in(error, err, "fail task") : HF_OK;
}

hf_err hf_tasks_release(struct hf_tasks *tasks, const struct hf_call *call, const char *id,
                        uint64_t token, hf_duration delay, struct hf_error *error)
{
    struct hf_task_args args;
    int64_t             delay_us = 0;
    hf_err              err = hf_task_us(delay, "delay", &delay_us, error);
    if (!err) err = begin(&args, tasks, id, token, error);
    if (!err) {
        hf_task_arg_int(&args, delay_us);
        err = hf_tasks_do(tasks, call, HF_COMMAND_IDEMPOTENT, &hf_tasks_lua_release, &args,
                          error);
    }
    hf_tasks_count_report(tasks, HF_STAT_TASKS_RELEASED, err);
    return err ? hf_fail_in(error, err, "release task") : HF_OK;
}
