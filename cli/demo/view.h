/* view.h - the run drawn on a terminal of any size.
 *
 * Threads:  none. */

#ifndef CLI_DEMO_VIEW_H
#define CLI_DEMO_VIEW_H

#include "canvas.h"
#include "demo.h"

enum { VIEW_GRAPH_ROWS = 9 };

struct view {
    struct canvas canvas;
    bool          ascii;
    const char   *url; /* Of the dashboard; "" when it is not served. */
};

/* Draws the present state over what is on the screen. */
void view_show(struct view *v, const struct demo *d);

/* Prints the graphs of the whole run as ordinary lines. */
void view_print_graphs(struct view *v, const struct demo *d);

#endif
