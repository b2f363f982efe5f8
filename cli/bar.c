#include "bar.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { CELLS = 30, INTERVAL_MS = 100 };

void bar_begin(struct bar *bar, const struct invocation *inv)
{
    *bar = (struct bar){ .is_shown = !inv->json && isatty(STDERR_FILENO) };
}

void bar_wipe(struct bar *bar)
{
    if (bar->is_drawn) fputs("\r\033[K", stderr);
    bar->is_drawn = false;
}

static void draw(double done)
{
    const int filled = done >= 1 ? CELLS : (int)(done * CELLS);
    fprintf(stderr, "%3.0f %% [", done > 1 ? 100 : done * 100);
    for (int i = 0; i < CELLS; i++) fputc(i < filled ? '#' : '-', stderr);
    fputs("]  ", stderr);
}

void bar_show(struct bar *bar, double done, const char *format, ...)
{
    const hf_instant now = hf_now();
    if (!bar->is_shown || hf_before(now, bar->next)) return;
    bar->next = hf_later(now, hf_ms(INTERVAL_MS));

    va_list args;
    va_start(args, format);
    bar_wipe(bar);
    fputs(BAR_CUT, stderr);
    if (done >= 0) draw(done);
    vfprintf(stderr, format, args);
    fputs(BAR_WRAP, stderr);
    fflush(stderr);
    va_end(args);
    bar->is_drawn = true;
}

void bar_end(struct bar *bar)
{
    bar_wipe(bar);
    fflush(stderr);
}
