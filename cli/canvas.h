/* canvas.h - a grid of characters with colours, put on the terminal in one write.
 *
 *     canvas_begin(&c, rows, columns);
 *     canvas_put(&c, 0, 2, STYLE_BOLD, "holdfast demo");
 *     canvas_show(&c);
 *
 * What does not fit is cut, so a screen of any size can be drawn on.
 *
 * Threads:  none.
 * Memory:   fixed: a screen larger than the canvas is used in part. */

#ifndef CLI_CANVAS_H
#define CLI_CANVAS_H

#include <holdfast/api.h>
#include <stdbool.h>

enum { CANVAS_ROWS_MAX = 60, CANVAS_COLUMNS_MAX = 200 };

enum style {
    STYLE_PLAIN,
    STYLE_BOLD,
    STYLE_FAINT,
    STYLE_GOOD,    /* Green. */
    STYLE_WARNING, /* Yellow. */
    STYLE_BAD,     /* Red. */
    STYLE_ACCENT,  /* Cyan. */
    STYLE_ALARM,   /* White on red. */
};

struct cell {
    char       text[4]; /* One UTF-8 character, NUL-padded; "" is a space. */
    enum style style;
};

struct canvas {
    int         rows;
    int         columns;
    bool        colours;
    struct cell cells[CANVAS_ROWS_MAX][CANVAS_COLUMNS_MAX];
};

/* Whether the terminal shows more than ASCII, as far as the environment tells. */
bool canvas_is_utf8(void);

/* An empty canvas of the size of the terminal at standard output. */
void canvas_begin(struct canvas *c);

/* Writes text, one cell per UTF-8 character; gives the column behind it. */
int canvas_put(struct canvas *c, int row, int column, enum style style, const char *text);
int canvas_printf(struct canvas *c, int row, int column, enum style style, const char *format,
                  ...) HF_PRINTF(5, 6);

/* Puts it on the screen, over what is there. */
void canvas_show(const struct canvas *c);

/* Prints the first rows as ordinary lines. */
void canvas_print(const struct canvas *c, int rows);

/* Switches to the terminal's second screen and back, the cursor hidden meanwhile. */
void canvas_enter(void);
void canvas_leave(void);

#endif
