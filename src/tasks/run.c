#include "tasks/run.h"

#include "client/call.h"
#include "client/script.h"
#include "core/assert.h"
#include "core/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SPAN_MAX_NS (INT64_C(10) * 366 * 24 * 3600 * 1000000000)

struct word {
    const char *text;
    hf_err      err;
};

static const struct word words[] = {
    { "OK", HF_OK },
    { "NONE", HF_MISS },
    { "UNKNOWN", HF_E_TASK_UNKNOWN },
    { "MOVE", HF_E_TASK_MOVE },
    { "VERSION", HF_E_TASK_VERSION },
    { "TOKEN", HF_E_TASK_TOKEN },
    { "CANCELLED", HF_E_TASK_CANCELLED },
    { "OWNER", HF_E_TASK_OWNER },
    { "UNIQUE", HF_E_TASK_UNIQUE },
    { "DAMAGED", HF_E_TASK_DAMAGED },
    { "NEWER", HF_E_TASK_NEWER },
};

void hf_task_args_init(struct hf_task_args *args, const struct hf_tasks *tasks)
{
    args->count = args->used = 0;
    hf_task_arg(args, hf_str(tasks->name));
    hf_task_arg_int(args, tasks->audit_max);
}

void hf_task_arg(struct hf_task_args *args, struct hf_bytes bytes)
{
    hf_assert(args->count < HF_TASK_ARGS_MAX);
    args->argv[args->count++] = bytes;
}

static void add_number(struct hf_task_args *args, int size)
{
    hf_assert(size > 0 && args->used + (size_t)size < sizeof args->text);
    hf_task_arg(args, hf_bytes(args->text + args->used, (size_t)size));
    args->used += (size_t)size + 1;
}

void hf_task_arg_int(struct hf_task_args *args, int64_t value)
{
    add_number(args, snprintf(args->text + args->used, sizeof args->text - args->used,
                              "%" PRId64, value));
}

void hf_task_arg_fraction(struct hf_task_args *args, double value)
{
    hf_assert(value >= 0 && value <= 1);
    const unsigned millionths = (unsigned)(value * 1000000 + 0.5);
    add_number(args, snprintf(args->text + args->used, sizeof args->text - args->used,
                              "%u.%06u", millionths / 1000000, millionths % 1000000));
}

void hf_task_arg_text(struct hf_task_args *args, const char *text)
{
    hf_task_arg(args, hf_str(text ? text : ""));
}

void hf_task_arg_optional(struct hf_task_args *args, const struct hf_bytes *bytes)
{
    hf_task_arg_text(args, bytes ? "1" : "0");
    hf_task_arg(args, bytes ? *bytes : hf_str(""));
}

hf_err hf_task_word(const struct hf_reply *word)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (hf_reply_is_text(word, words[i].text)) return words[i].err;
    }
    return HF_E_PROTOCOL;
}

static hf_err meaning(const struct hf_reply *reply, struct hf_error *error)
{
    const hf_err err = hf_task_word(hf_reply_at(reply, 0));
    if (!err || err == HF_MISS) return err;
    return hf_fail(error, err, err == HF_E_PROTOCOL ? "a task script's answer" : "task");
}

/* A connection that is lost while the server does not know the script yet leaves doubt that
 * the client cannot dispel: it is told only that the script is missing. So once more. */
static hf_err send_script(struct hf_tasks *tasks, struct hf_call how,
                          const struct hf_tasks_script *script,
                          const struct hf_task_args *args, struct hf_reply **reply,
                          struct hf_error *error)
{
    const struct hf_bytes key = hf_str(tasks->base);
    const hf_instant end = hf_later(hf_now(), how.timeout.ns ? how.timeout : tasks->timeout);
    hf_err err = hf_client_script_known(tasks->client, &how, &script->lua, script->sha1, &key,
                                        1, args->argv, args->count, reply, error);
    const bool is_safe = how.command_class == HF_COMMAND_READ ||
                         how.command_class == HF_COMMAND_IDEMPOTENT;
    how.timeout = hf_between(hf_now(), end);
    if (is_safe && hf_err_category(err) == HF_CATEGORY_LOST && how.timeout.ns) {
        const hf_err doubt = how.command_class == HF_COMMAND_READ ? HF_OK : err;
        err = hf_client_script_known(tasks->client, &how, &script->lua, script->sha1, &key, 1,
                                     args->argv, args->count, reply, error);
        err = hf_call_with_doubt(doubt, err, error);
    }
    /* Ours run out of memory before they begin, or not at all. */
    if (err == HF_E_OOM_SCRIPT) err = hf_fail_in(error, HF_E_OOM, "script");
    return err;
}

hf_err hf_tasks_run(struct hf_tasks *tasks, const struct hf_call              *call,
                    enum hf_command_class class, const struct hf_tasks_script *script,
                    const struct hf_task_args *args, struct hf_reply **reply,
                    struct hf_error *error)
{
    struct hf_call   how = call ? *call : (struct hf_call){ 0 };
    struct hf_reply *answer;
    if (how.command_class == HF_COMMAND_AUTO) how.command_class = class;

    hf_err err = send_script(tasks, how, script, args, &answer, error);
    if (err) return err;
    err = meaning(answer, error);
    if (err && err != HF_MISS) {
        hf_reply_free(answer);
        return err;
    }
    *reply = answer;
    return err;
}

hf_err hf_tasks_do(struct hf_tasks *tasks, const struct hf_call              *call,
                   enum hf_command_class class, const struct hf_tasks_script *script,
                   const struct hf_task_args *args, struct hf_error *error)
{
    struct hf_reply *reply;
    const hf_err     err = hf_tasks_run(tasks, call, class, script, args, &reply, error);
    if (!err || err == HF_MISS) hf_reply_free(reply);
    return err;
}

hf_err hf_task_answer_int(const struct hf_reply *reply, size_t index, int64_t *value,
                          struct hf_error *error)
{
    if (!hf_reply_int(hf_reply_at(reply, index), value)) return HF_OK;
    return hf_fail(error, HF_E_PROTOCOL, "a task script's answer");
}

hf_err hf_task_us(hf_duration span, const char *what, int64_t *us, struct hf_error *error)
{
    if (span.ns < 0 || span.ns > SPAN_MAX_NS) {
        return hf_fail(error, HF_E_RANGE, "%s: 0 to ten years", what);
    }
    *us = (span.ns + 999) / 1000;
    return HF_OK;
}
