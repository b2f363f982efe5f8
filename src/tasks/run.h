/* run.h - one script of the task manager: what it is given, what it answers.
 *
 *     struct hf_task_args args;
 *     hf_task_args_init(&args, tasks);
 *     hf_task_arg(&args, hf_str(id));
 *     hf_task_arg_int(&args, limit);
 *     err = hf_tasks_run(tasks, call, HF_COMMAND_IDEMPOTENT, &hf_tasks_lua_x, &args, &reply,
 *                        error);
 *
 * A script answers an array: a word, and behind it what it has to say. OK is HF_OK, NONE is
 * HF_MISS, and each HF_E_TASK_... has a word of its own.
 *
 * Threads:  arguments belong to one caller.
 * Memory:   caller-allocated; what is given by hf_task_arg() must outlive the run. */

#ifndef HF_TASKS_RUN_H
#define HF_TASKS_RUN_H

#include "tasks/claim.h"
#include "tasks/scripts.h"
#include "tasks/tasks.h"

enum {
    HF_TASK_ARGS_MAX = 16 + HF_TASK_TYPES_MAX + 5 * HF_TRADE_MAX,
    HF_TASK_ARG_TEXT = 256, /* For all numbers together. */
};

struct hf_task_args {
    struct hf_bytes argv[HF_TASK_ARGS_MAX];
    size_t          count;
    char            text[HF_TASK_ARG_TEXT];
    size_t          used;
};

/* Begins with what every script is given. */
void hf_task_args_init(struct hf_task_args *args, const struct hf_tasks *tasks);

void hf_task_arg(struct hf_task_args *args, struct hf_bytes bytes);
void hf_task_arg_int(struct hf_task_args *args, int64_t value);

/* Three digits behind the point at least, and no exponent. */
void hf_task_arg_fraction(struct hf_task_args *args, double value);

/* NULL is "". */
void hf_task_arg_text(struct hf_task_args *args, const char *text);

/* Whether it is given, and what: for NULL "0" and "". */
void hf_task_arg_optional(struct hf_task_args *args, const struct hf_bytes *bytes);

/* On HF_OK, and on HF_MISS, *reply is the caller's. */
HF_NODISCARD hf_err hf_tasks_run(struct hf_tasks *tasks, const struct hf_call *call,
                                 enum hf_command_class class,
                                 const struct hf_tasks_script *script,
                                 const struct hf_task_args *args, struct hf_reply **reply,
                                 struct hf_error *error);

/* The same for a script that has nothing more to say. */
HF_NODISCARD hf_err hf_tasks_do(struct hf_tasks *tasks, const struct hf_call *call,
                                enum hf_command_class class,
                                const struct hf_tasks_script *script,
                                const struct hf_task_args *args, struct hf_error *error);

/* What one word of an answer means; HF_E_PROTOCOL for one that is none. */
hf_err hf_task_word(const struct hf_reply *word);

/* Number `index` of an answer. */
HF_NODISCARD hf_err hf_task_answer_int(const struct hf_reply *reply, size_t index,
                                       int64_t *value, struct hf_error *error);

/* Microseconds of a span of at most ten years, rounded up. HF_E_RANGE. */
HF_NODISCARD hf_err hf_task_us(hf_duration span, const char *what, int64_t *us,
                               struct hf_error *error);

#endif
