#include "session.h"
#include "connection.h"

#include <errno.h>
#include <holdfast/health.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PREFIX, EMBEDDED_READY_MS = 10000 };

static bool is_about_the_task(hf_err err)
{
    switch (err) {
    case HF_E_TASK_UNKNOWN:
    case HF_E_TASK_MOVE:
    case HF_E_TASK_VERSION:
    case HF_E_TASK_TOKEN:
    case HF_E_TASK_CANCELLED:
    case HF_E_TASK_OWNER:
    case HF_E_TASK_UNIQUE:
    case HF_E_TASK_DAMAGED:
    case HF_E_TASK_NEWER: return true;
    default: return false;
    }
}

enum exit_status session_fail(const struct session *s, hf_err err)
{
    const struct connection c = { .inv = s->inv, .error = s->error };
    const enum exit_status  status = connection_fail(&c, err);
    return is_about_the_task(err) ? EXIT_MISS : status;
}

enum exit_status session_fail_for(struct session *s, hf_err err, const char *what)
{
    if (is_about_the_task(err)) snprintf(s->error.detail, sizeof s->error.detail, "%s", what);
    return session_fail(s, err);
}

enum exit_status session_open(struct session *s, const struct invocation *inv,
                              bool is_passive)
{
    const struct hf_tasks_options settings = { .key_prefix = inv->values[PREFIX],
                                               .is_passive = is_passive };
    struct hf_health              health;
    *s = (struct session){ .inv = inv };
    hf_err err = hf_tasks_open(inv->options, &settings, &s->tasks, &s->error);
    if (err) return session_fail(s, err);

    struct hf_client *client = hf_tasks_client(s->tasks);
    hf_health_get(client, &health);
    if (strncmp(health.endpoint, "embedded:", strlen("embedded:")) == 0) {
        err = hf_client_wait_ready(client, hf_ms(EMBEDDED_READY_MS), &s->error);
    }
    return err ? session_fail(s, err) : EXIT_OK;
}

void session_close(struct session *s)
{
    hf_tasks_close(s->tasks);
}

static bool not_understood(const struct invocation *inv, size_t flag, const char *allowed)
{
    complain("%s: \"%s\" is not understood; allowed: %s", inv->command->flags[flag].name,
             inv->values[flag], allowed);
    return false;
}

bool flag_count(const struct invocation *inv, size_t flag, uint64_t min, uint64_t max,
                uint64_t *count)
{
    const char *text = inv->values[flag];
    char       *end;
    if (!text) return true;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    if (strspn(text, "0123456789") == strlen(text) && *text && !errno && value >= min &&
        value <= max) {
        *count = value;
        return true;
    }
    complain("%s: \"%s\" is not understood; allowed: %" PRIu64 " to %" PRIu64,
             inv->command->flags[flag].name, text, min, max);
    return false;
}

bool flag_duration(const struct invocation *inv, size_t flag, hf_duration *duration)
{
    if (!inv->values[flag]) return true;
    if (hf_duration_parse(inv->values[flag], duration) == HF_OK) return true;
    return not_understood(inv, flag, "a duration such as 30, 250ms, 10min or 1.5h");
}

bool flag_priority(const struct invocation *inv, size_t flag, enum hf_task_priority *priority)
{
    if (!inv->values[flag]) return true;
    if (hf_task_priority_parse(inv->values[flag], priority) == HF_OK) return true;
    return not_understood(inv, flag, "high, normal or low");
}
