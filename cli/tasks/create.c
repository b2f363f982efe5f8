#include "input.h"
#include "json.h"
#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PREFIX, ID, PRIORITY, OWNER, UNIQUE, DELAY, RETRIES, METADATA, FILE_PATH };

static bool read_flags(const struct invocation *inv, struct hf_new_task *new_task)
{
    uint64_t retries = 0;
    new_task->type = inv->args[0];
    new_task->id = inv->values[ID];
    new_task->owner = inv->values[OWNER];
    new_task->unique = inv->values[UNIQUE];
    if (inv->values[METADATA]) new_task->metadata = hf_str(inv->values[METADATA]);
    if (!flag_priority(inv, PRIORITY, &new_task->priority)) return false;
    if (!flag_duration(inv, DELAY, &new_task->delay)) return false;
    if (!flag_count(inv, RETRIES, 0, HF_TASK_LIMIT_MAX, &retries)) return false;
    if (inv->values[RETRIES]) new_task->retry_limit = retries ? (int32_t)retries : -1;
    return true;
}

/* From the argument, standard input or a file; *data is to be freed. */
static bool read_payload(const struct invocation *inv, char **data, struct hf_bytes *payload)
{
    const char *argument = inv->arg_count > 1 ? inv->args[1] : NULL;
    const char *path = inv->values[FILE_PATH];
    if (argument && path) {
        complain("tasks create: give a payload or --file, not both");
        return false;
    }
    if (argument && strcmp(argument, "-") == 0) path = "-";
    if (path) {
        size_t size;
        if (!input_read(path, HF_TASK_PAYLOAD_MAX, data, &size)) return false;
        *payload = hf_bytes(*data, size);
    } else if (argument) {
        *payload = hf_str(argument);
    }
    return true;
}

static enum exit_status create(struct session *s, const struct hf_new_task *new_task)
{
    char         id[HF_TASK_ID_MAX + 1];
    bool         is_new;
    const hf_err err = hf_tasks_create(s->tasks, NULL, new_task, id, &is_new, &s->error);
    if (err) return session_fail(s, err);
    if (s->inv->json) {
        json_begin();
        json_text("id", id);
        json_bool("new", is_new);
        json_end();
    } else {
        puts(id);
    }
    return EXIT_OK;
}

enum exit_status run_tasks_create(const struct invocation *inv)
{
    struct hf_new_task new_task = { 0 };
    struct session     s;
    char              *data = NULL;
    if (!read_flags(inv, &new_task)) return EXIT_USAGE;
    if (!read_payload(inv, &data, &new_task.payload)) return EXIT_USAGE;
    enum exit_status status = session_open(&s, inv, true);
    if (status == EXIT_OK) status = create(&s, &new_task);
    session_close(&s);
    free(data);
    return status;
}
