#include "canvas.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char *const codes[] = {
    [STYLE_PLAIN] = "\033[0m",      [STYLE_BOLD] = "\033[0;1m",
    [STYLE_FAINT] = "\033[0;90m",   [STYLE_GOOD] = "\033[0;32m",
    [STYLE_WARNING] = "\033[0;33m", [STYLE_BAD] = "\033[0;31m",
    [STYLE_ACCENT] = "\033[0;36m",  [STYLE_ALARM] = "\033[0;1;97;41m",
};

static int within(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

bool canvas_is_utf8(void)
{
    const char *names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
    const char *term = getenv("TERM");
    if (term && strcmp(term, "linux") == 0) return false;
    for (size_t i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);
        if (!value || !*value) continue;
        return strcasestr(value, "utf") || strcmp(value, "C") == 0 ||
               strcmp(value, "POSIX") == 0;
    }
    return true;
}

void canvas_begin(struct canvas *c)
{
    struct winsize size = { 0 };
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
        size = (struct winsize){ .ws_row = 24, .ws_col = 80 };
    }
    memset(c->cells, 0, sizeof c->cells);
    c->rows = within(size.ws_row, 1, CANVAS_ROWS_MAX);
    c->columns = within(size.ws_col, 1, CANVAS_COLUMNS_MAX);
}

static int character_size(const char *text)
{
    const unsigned char first = (unsigned char)*text;
    const int           size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    return within(size, 1, (int)strlen(text));
}

int canvas_put(struct canvas *c, int row, int column, enum style style, const char *text)
{
    while (*text != '\0') {
        const int size = character_size(text);
        if (row >= 0 && row < c->rows && column >= 0 && column < c->columns) {
            struct cell *cell = &c->cells[row][column];
            memset(cell->text, 0, sizeof cell->text);
            memcpy(cell->text, text, (size_t)size);
            cell->style = style;
        }
        column++;
        text += size;
    }
    return column;
}

int canvas_printf(struct canvas *c, int row, int column, enum style style, const char *format,
                  ...)
{
    char    text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return canvas_put(c, row, column, style, text);
}

/* Columns up to the last that holds something. */
static int used_columns(const struct canvas *c, int row)
{
    int columns = c->columns;
    while (columns > 0 && c->cells[row][columns - 1].text[0] == '\0') columns--;
    return columns;
}

/* Gives how many columns it printed. */
static int print_row(const struct canvas *c, int row)
{
    enum style style = STYLE_PLAIN;
    const int  columns = used_columns(c, row);
    for (int i = 0; i < columns; i++) {
        const struct cell *cell = &c->cells[row][i];
        if (cell->style != style && c->colours) fputs(codes[cell->style], stdout);
        style = cell->style;
        if (cell->text[0] == '\0') {
            putchar(' ');
        } else {
            printf("%.4s", cell->text);
        }
    }
    if (style != STYLE_PLAIN && c->colours) fputs(codes[STYLE_PLAIN], stdout);
    return columns;
}

void canvas_show(const struct canvas *c)
{
    fputs("\033[H", stdout);
    for (int row = 0; row < c->rows; row++) {
        if (row > 0) fputs("\r\n", stdout);
        /* Behind a full row the cursor stands on its last character. */
        if (print_row(c, row) < c->columns) fputs("\033[K", stdout);
    }
    fflush(stdout);
}

void canvas_print(const struct canvas *c, int rows)
{
    for (int row = 0; row < within(rows, 0, c->rows); row++) {
        print_row(c, row);
        putchar('\n');
    }
}

void canvas_enter(void)
{
    fputs("\033[?1049h\033[?25l\033[2J", stdout);
    fflush(stdout);
}

void canvas_leave(void)
{
    fputs("\033[?25h\033[?1049l", stdout);
    fflush(stdout);
}
