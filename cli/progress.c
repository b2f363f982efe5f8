#include "progress.h"

#include "bar.h"

#include <stdio.h>
#include <unistd.h>

enum { WIDTH = 40 };

void progress_begin(struct progress *p, uint64_t whole)
{
    *p = (struct progress){ .whole = whole, .drawn = -1, .is_shown = isatty(STDERR_FILENO) };
}

void progress_add(struct progress *p, uint64_t size)
{
    p->done += size;
    if (!p->is_shown || p->whole == 0) return;
    const uint64_t done = p->done < p->whole ? p->done : p->whole;
    const int      hundredths = (int)((double)done * 100 / (double)p->whole);
    if (hundredths == p->drawn) return;
    p->drawn = hundredths;
    fprintf(stderr, "\r" BAR_CUT "%3d %% [", hundredths);
    for (int i = 0; i < WIDTH; i++) putc(i * 100 < hundredths * WIDTH ? '#' : ' ', stderr);
    fputs("]" BAR_WRAP, stderr);
    fflush(stderr);
}

void progress_end(const struct progress *p)
{
    if (p->drawn >= 0) fputs("\r\033[K", stderr);
}
