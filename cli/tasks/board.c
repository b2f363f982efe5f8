#include "board.h"

#include "bar.h"
#include "json.h"
#include "session.h"
#include "shown.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void board_init(struct board *b, bool is_json)
{
    *b = (struct board){ .is_json = is_json,
                         .is_terminal = !is_json && isatty(STDOUT_FILENO) };
    pthread_mutex_init(&b->lock, NULL);
}

size_t board_begin(struct board *b, const struct hf_task *task)
{
    size_t row = 0;
    pthread_mutex_lock(&b->lock);
    while (row < BOARD_ROWS_MAX && b->guarded.rows[row].is_used) row++;
    if (row < BOARD_ROWS_MAX) {
        b->guarded.rows[row].is_used = true;
        b->guarded.rows[row].progress = 0;
        b->guarded.rows[row].message[0] = '\0';
        memcpy(b->guarded.rows[row].id, task->id, strlen(task->id) + 1);
    }
    pthread_mutex_unlock(&b->lock);
    return row;
}

void board_progress(struct board *b, size_t row, double progress, const char *message)
{
    if (row >= BOARD_ROWS_MAX) return;
    pthread_mutex_lock(&b->lock);
    if (progress >= 0) b->guarded.rows[row].progress = progress;
    if (message) {
        shown(hf_str(message), b->guarded.rows[row].message,
              sizeof b->guarded.rows[row].message);
    }
    pthread_mutex_unlock(&b->lock);
}

/* Under the lock. */
static void erase(struct board *b)
{
    if (b->guarded.drawn) printf("\033[%zuA\033[J", b->guarded.drawn);
    b->guarded.drawn = 0;
}

void board_end(struct board *b, size_t row, const struct hf_task *task, const char *outcome,
               const char *why)
{
    pthread_mutex_lock(&b->lock);
    if (row < BOARD_ROWS_MAX) b->guarded.rows[row].is_used = false;
    erase(b);
    if (b->is_json) {
        json_begin();
        json_text("id", task->id);
        json_text("type", task->type);
        json_text("outcome", outcome);
        json_text("why", why);
        json_end();
    } else {
        printf("%s %s%s%s\n", outcome, task->id, *why ? ": " : "", why);
    }
    fflush(stdout);
    pthread_mutex_unlock(&b->lock);
}

void board_complain(struct board *b, const char *text)
{
    pthread_mutex_lock(&b->lock);
    erase(b);
    fflush(stdout);
    complain("%s", text);
    pthread_mutex_unlock(&b->lock);
}

void board_draw(struct board *b)
{
    char bar[BAR_SIZE];
    if (!b->is_terminal) return;
    pthread_mutex_lock(&b->lock);
    erase(b);
    for (size_t i = 0; i < BOARD_ROWS_MAX; i++) {
        if (!b->guarded.rows[i].is_used) continue;
        bar_print(bar, b->guarded.rows[i].progress);
        printf(BAR_CUT "%s %.32s %s" BAR_WRAP "\n", bar, b->guarded.rows[i].id,
               b->guarded.rows[i].message);
        b->guarded.drawn++;
    }
    fflush(stdout);
    pthread_mutex_unlock(&b->lock);
}

static void print_json(const struct hf_worker_stats *s)
{
    json_begin();
    json_count("started", s->started);
    json_count("succeeded", s->succeeded);
    json_count("failed", s->failed);
    json_count("released", s->released);
    json_count("cancelled", s->cancelled);
    json_count("timed_out", s->timed_out);
    json_count("lost", s->lost);
    json_count("undelivered", s->undelivered);
    json_end();
}

static void print_text(const struct hf_worker_stats *s)
{
    const struct {
        uint64_t    count;
        const char *name;
    } rows[] = {
        { s->succeeded, "succeeded" },     { s->failed, "failed" },
        { s->released, "released" },       { s->cancelled, "cancelled" },
        { s->timed_out, "timed out" },     { s->lost, "lost to others" },
        { s->undelivered, "undelivered" },
    };
    printf("%" PRIu64 " started", s->started);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].count) printf(", %" PRIu64 " %s", rows[i].count, rows[i].name);
    }
    putchar('\n');
}

void board_close(struct board *b, const struct hf_worker_stats *stats)
{
    erase(b);
    (b->is_json ? print_json : print_text)(stats);
    pthread_mutex_destroy(&b->lock);
}
