/* board.h - what `tasks work` shows: a line for each task that ended, and on a terminal a bar
 * below them for each that runs.
 *
 * Threads:  any. */

#ifndef CLI_TASKS_BOARD_H
#define CLI_TASKS_BOARD_H

#include <holdfast/worker.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum { BOARD_ROWS_MAX = 16 };

struct board {
    bool            is_json;
    bool            is_terminal;
    pthread_mutex_t lock;
    struct {
        size_t drawn; /* Rows on the screen now. */
        struct {
            bool   is_used;
            double progress;
            char   id[HF_TASK_ID_MAX + 1];
            char   message[48];
        } rows[BOARD_ROWS_MAX];
    } guarded;
};

void board_init(struct board *b, bool is_json);

/* A row for a task; one past the last when there is none free, which is fine below. */
size_t board_begin(struct board *b, const struct hf_task *task);
void   board_progress(struct board *b, size_t row, double progress, const char *message);

/* Frees the row and prints how the task ended; why may be "". */
void board_end(struct board *b, size_t row, const struct hf_task *task, const char *outcome,
               const char *why);

/* A complaint, above the bars. */
void board_complain(struct board *b, const char *text);

/* Draws the bars anew; does nothing without a terminal. */
void board_draw(struct board *b);

/* Takes the bars away and prints the sums. */
void board_close(struct board *b, const struct hf_worker_stats *stats);

#endif
