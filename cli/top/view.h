/* view.h - what `top` shows, drawn on a canvas of any size.
 *
 * Threads:  none. */

#ifndef CLI_TOP_VIEW_H
#define CLI_TOP_VIEW_H

#include "canvas.h"
#include "reading.h"

enum { VIEW_HISTORY = 200, VIEW_FILTER = 40 };

enum view_list { LIST_ROWS, LIST_HOT, LIST_SLOW, LIST_LATENCY, LISTS };
enum view_sort { SORT_RATE, SORT_TOTAL, SORT_NAME, SORTS };

struct view {
    struct canvas  canvas;
    const char    *source;
    enum view_list list;
    enum view_sort sort;
    char           filter[VIEW_FILTER];
    bool           is_typing; /* The filter. */
    bool           is_paused;
    bool           ascii;
    size_t         scroll;
    struct reading before, now;         /* Two in a row; the same while there is only one. */
    const char    *trouble;             /* Why there is no newer reading, or NULL. */
    double         rates[VIEW_HISTORY]; /* Calls in each second; the oldest first. */
    size_t         rate_count;
};

/* Takes a new reading into the history. */
void view_note(struct view *v);

/* Draws on v->canvas, which was begun; gives the rows that it took. */
int view_draw(struct view *v);

#endif
