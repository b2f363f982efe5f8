#include "amount.h"
#include "json.h"
#include "session.h"
#include "shown.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { BAR_WIDTH = 20 };

void bar_print(char text[BAR_SIZE], double progress)
{
    const int filled = (int)lround(progress * BAR_WIDTH);
    char      bar[BAR_WIDTH + 1];
    for (int i = 0; i < BAR_WIDTH; i++) bar[i] = i < filled ? '#' : '.';
    bar[BAR_WIDTH] = '\0';
    snprintf(text, BAR_SIZE, "%3d%% [%s]", (int)(progress * 100), bar);
}

static void put_text(const char *name, const char *value)
{
    if (*value) printf("%-10s%s\n", name, value);
}

/* What somebody else wrote. */
static void put_bytes(const char *name, struct hf_bytes value)
{
    if (value.size == 0) return;
    printf("%-10s", name);
    shown_write(value, stdout);
    putchar('\n');
}

static void put_size(const char *name, size_t size)
{
    printf("%-10s%zu %s\n", name, size, amount_noun(size, "byte", "bytes"));
}

static void put_time(const char *name, int64_t ms)
{
    const time_t seconds = (time_t)(ms / 1000);
    struct tm    parts;
    char         text[40];
    if (!ms || !gmtime_r(&seconds, &parts)) return;
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    put_text(name, text);
}

static void show_errors(const struct hf_task *task)
{
    for (size_t i = 0; i < task->error_count; i++) {
        const struct hf_task_error *e = &task->errors[i];
        put_bytes(e->is_crash ? "crash" : "error", e->text);
    }
}

static void show_text(const struct hf_task *task)
{
    put_text("id", task->id);
    put_text("type", task->type);
    put_text("status", hf_task_status_name(task->status));
    put_text("priority", hf_task_priority_name(task->priority));
    printf("%-10s%d%%\n", "progress", (int)(task->progress * 100));
    put_bytes("message", hf_str(task->message));
    put_text("owner", task->owner);
    put_text("unique", task->unique);
    put_text("worker", task->worker);
    put_time("created", task->created_ms);
    put_time("started", task->started_ms);
    put_time("ended", task->completed_ms);
    printf("%-10s%" PRIu32 "\n", "starts", task->starts);
    printf("%-10s%" PRIu32 " of %" PRIu32 "\n", "failures", task->retries, task->retry_limit);
    printf("%-10s%" PRIu32 " of %" PRIu32 "\n", "crashes", task->crashes, task->crash_limit);
    put_bytes("metadata", task->metadata);
    put_size("payload", task->payload.size);
    put_size("result", task->result.size);
    show_errors(task);
}

static void put_fields(const struct hf_task *task)
{
    json_text("id", task->id);
    json_text("type", task->type);
    json_text("status", hf_task_status_name(task->status));
    json_text("priority", hf_task_priority_name(task->priority));
    json_number("progress", task->progress);
    json_text("message", task->message);
    json_text("owner", task->owner);
    json_text("unique", task->unique);
    json_text("worker", task->worker);
    json_count("created_ms", (uint64_t)task->created_ms);
    json_count("due_ms", (uint64_t)task->due_ms);
    json_count("started_ms", (uint64_t)task->started_ms);
    json_count("completed_ms", (uint64_t)task->completed_ms);
    json_count("version", task->version);
    json_count("token", task->token);
    json_count("starts", task->starts);
    json_count("retries", task->retries);
    json_count("crashes", task->crashes);
    json_bytes("metadata", task->metadata);
    if (task->error_count) json_bytes("last_error", task->errors[0].text);
}

void show_task(const struct invocation *inv, const struct hf_task *task)
{
    if (!inv->json) {
        show_text(task);
        return;
    }
    json_begin();
    put_fields(task);
    json_bytes("payload", task->payload);
    json_bytes("result", task->result);
    json_end();
}

void show_task_line(const struct invocation *inv, const struct hf_task *task)
{
    if (inv->json) {
        json_begin();
        put_fields(task);
        json_end();
        return;
    }
    printf("%-32s  %-9s  %-6s  %3d%%  %s\n", task->id, hf_task_status_name(task->status),
           hf_task_priority_name(task->priority), (int)(task->progress * 100), task->type);
}
