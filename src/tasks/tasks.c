#include "tasks/tasks.h"

#include "client/client.h"
#include "core/alloc.h"
#include "core/error.h"
#include "core/options.h"
#include "tasks/name.h"
#include "tasks/run.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    MAX_CONNECTIONS = 10,
    BREAKER_THRESHOLD = 3,
    BREAKER_TIMEOUT_S = 30,
    RETRY_BASE_MS = 1000,
    RETRY_CAP_S = 300,
    KEEP_S = 24 * 3600,
    KEEP_MAX = 1000000,
    AUDIT_MAX = 10000,
};

static hf_err span_or(hf_duration span, hf_duration otherwise, const char *what, int64_t *us,
                      struct hf_error *error)
{
    return hf_task_us(span.ns ? span : otherwise, what, us, error);
}

static hf_err take_settings(struct hf_tasks *tasks, const struct hf_tasks_options *s,
                            struct hf_error *error)
{
    const char *prefix = s->key_prefix ? s->key_prefix : "tasks";
    hf_err      err = hf_task_check_id(prefix, HF_TASK_ID_MAX, "key_prefix", error);
    if (!err) err = hf_task_check_name(s->name, "name", error);
    if (err) return err;

    snprintf(tasks->base, sizeof tasks->base, "{%s}:", prefix);
    if (s->name) {
        snprintf(tasks->name, sizeof tasks->name, "%s", s->name);
    } else {
        char host[HF_TASK_NAME_MAX - 32] = "";
        if (gethostname(host, sizeof host - 1)) host[0] = '\0';
        snprintf(tasks->name, sizeof tasks->name, "%s:%ld", host, (long)getpid());
    }
    err = span_or(s->retry_base, hf_ms(RETRY_BASE_MS), "retry_base", &tasks->retry_base_us,
                  error);
    if (!err) {
        err = span_or(s->retry_cap, hf_seconds(RETRY_CAP_S), "retry_cap",
                      &tasks->retry_cap_us, error);
    }
    if (!err) {
        err = span_or(s->keep_finished, hf_seconds(KEEP_S), "keep_finished", &tasks->keep_us,
                      error);
    }
    tasks->keep_max = s->keep_finished_max ? s->keep_finished_max : KEEP_MAX;
    tasks->audit_max = s->audit_max ? s->audit_max : AUDIT_MAX;
    return err;
}

static hf_err open_client(const struct hf_options *options, const struct hf_tasks_options *s,
                          struct hf_client **client, struct hf_error *error)
{
    struct hf_options *own;
    hf_err             err = options ? hf_options_copy(options, &own) : hf_options_open(&own);
    if (err) return hf_fail(error, err, "options");

    own->max_connections = s->max_connections ? s->max_connections : MAX_CONNECTIONS;
    own->breaker_threshold = s->breaker_threshold ? s->breaker_threshold : BREAKER_THRESHOLD;
    own->breaker_timeout = s->breaker_timeout.ns ? s->breaker_timeout
                                                 : hf_seconds(BREAKER_TIMEOUT_S);
    err = hf_client_open(own, client, error);
    hf_options_close(own);
    return err;
}

hf_err hf_tasks_open(const struct hf_options       *options,
                     const struct hf_tasks_options *settings, struct hf_tasks **opened,
                     struct hf_error *error)
{
    static const struct hf_tasks_options defaults = { 0 };
    struct hf_tasks                      draft = { 0 };
    struct hf_client                    *client;
    if (!settings) settings = &defaults;

    hf_err err = take_settings(&draft, settings, error);
    if (!err) err = open_client(options, settings, &client, error);
    if (err) return hf_fail_in(error, err, "tasks");

    const struct hf_allocator *a = hf_client_allocator(client);
    struct hf_tasks           *tasks = hf_alloc(a, sizeof *tasks);
    if (!tasks) {
        hf_client_close(client);
        return hf_fail(error, HF_E_NOMEM, "tasks");
    }
    *tasks = draft;
    tasks->client = client;
    tasks->allocator = a;
    tasks->timeout = hf_client_options(client)->socket_timeout;
    hf_grants_init(&tasks->grants);
    hf_waiting_init(&tasks->waiting);
    err = hf_upkeep_init(&tasks->upkeep, tasks, !settings->is_passive);
    if (err) {
        hf_waiting_deinit(&tasks->waiting);
        hf_grants_deinit(&tasks->grants);
        hf_free(a, tasks);
        hf_client_close(client);
        return hf_fail(error, err, "tasks: thread");
    }
    *opened = tasks;
    return HF_OK;
}

void hf_tasks_close(struct hf_tasks *tasks)
{
    if (!tasks) return;
    struct hf_client *client = tasks->client;
    hf_upkeep_deinit(&tasks->upkeep);
    if (!hf_client_is_forked(client)) hf_waiting_deinit(&tasks->waiting);
    hf_grants_deinit(&tasks->grants);
    hf_free(tasks->allocator, tasks);
    hf_client_close(client);
}

bool hf_tasks_is_forked(const struct hf_tasks *tasks)
{
    return hf_client_is_forked(tasks->client);
}

void hf_tasks_count(const struct hf_tasks *tasks, enum hf_stat stat)
{
    hf_metrics_inc(hf_client_metrics(tasks->client), stat);
}

void hf_tasks_count_report(const struct hf_tasks *tasks, enum hf_stat stat, hf_err err)
{
    if (err == HF_OK) hf_tasks_count(tasks, stat);
    if (err == HF_E_TASK_TOKEN) hf_tasks_count(tasks, HF_STAT_TASKS_TOO_LATE);
}

struct hf_client *hf_tasks_client(struct hf_tasks *tasks)
{
    return tasks->client;
}

static const char *const statuses[] = { "pending", "running", "success", "failure",
                                        "cancelled" };
static const char *const priorities[] = { "normal", "high", "low" };

const char *hf_task_status_name(enum hf_task_status status)
{
    return (unsigned)status < HF_TASK_STATUSES ? statuses[status] : "unknown";
}

const char *hf_task_priority_name(enum hf_task_priority priority)
{
    return (unsigned)priority < HF_TASK_PRIORITIES ? priorities[priority] : "unknown";
}

hf_err hf_task_status_parse(const char *name, enum hf_task_status *status)
{
    for (unsigned i = 0; i < HF_TASK_STATUSES; i++) {
        if (strcmp(name, statuses[i]) != 0) continue;
        *status = (enum hf_task_status)i;
        return HF_OK;
    }
    return HF_E_INVALID;
}

hf_err hf_task_priority_parse(const char *name, enum hf_task_priority *priority)
{
    for (unsigned i = 0; i < HF_TASK_PRIORITIES; i++) {
        if (strcmp(name, priorities[i]) != 0) continue;
        *priority = (enum hf_task_priority)i;
        return HF_OK;
    }
    return HF_E_INVALID;
}
