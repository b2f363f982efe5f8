/* bar.h - how far a long command has come, on one line of the terminal.
 *
 *     struct bar bar;
 *     bar_begin(&bar, inv);
 *     bar_show(&bar, 0.5, "5000 stored");        50 % [##########----------]  5000 stored
 *     bar_end(&bar);
 *
 * It is drawn on standard error, and only if that is a terminal and the output is not JSON;
 * at most ten times a second.
 *
 * Threads:  one at a time.
 * Memory:   caller-allocated, no cleanup. */

#ifndef CLI_BAR_H
#define CLI_BAR_H

#include "command.h"

#include <holdfast/time.h>

/* Around what is drawn on one line: a narrow terminal cuts it, where it would begin another
 * line, which nothing wipes. */
#define BAR_CUT  "\033[?7l"
#define BAR_WRAP "\033[?7h"

struct bar {
    bool       is_shown;
    bool       is_drawn; /* And so has to be wiped. */
    hf_instant next;
};

void bar_begin(struct bar *bar, const struct invocation *inv);

/* done is from 0 to 1; below 0 when it is not known, which shows the text alone. */
void bar_show(struct bar *bar, double done, const char *format, ...) HF_PRINTF(3, 4);

/* Wipes the line, so that something else can be written. */
void bar_wipe(struct bar *bar);

void bar_end(struct bar *bar);

#endif
