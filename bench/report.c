#include "report.h"

#include <hiredis/hiredis.h>
#include <math.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { FIGURE_MAX = 24, BAR_WIDTH = 30 };

/* Three or four digits, with a k or M where the number is large; "-" for none. */
static const char *figure_text(char *text, double x)
{
    const char *suffix = "";
    if (isnan(x)) return "-";
    if (fabs(x) >= 1e6) {
        x /= 1e6;
        suffix = "M";
    } else if (fabs(x) >= 1e4) {
        x /= 1e3;
        suffix = "k";
    }
    const int decimals = fabs(x) >= 100 ? 1 : 2;
    snprintf(text, FIGURE_MAX, "%.*f%s", decimals, x, suffix);
    return text;
}

static const char *bound_sign(enum bound_kind kind)
{
    switch (kind) {
    case AT_LEAST: return ">=";
    case AT_MOST: return "<=";
    case EXACTLY: break;
    }
    return "=";
}

void report_head(const struct lab *lab, int runs)
{
    struct utsname system = { 0 };
    uname(&system);
    printf("redis-server %s, hiredis %d.%d.%d, Linux %s, %ld cores; medians of %d run%s of "
           "%.2f s a side\n\n",
           lab->server.version, HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH, system.release,
           sysconf(_SC_NPROCESSORS_ONLN), runs, runs == 1 ? "" : "s",
           (double)lab->slice.ns / 1e9);
    printf("%-38s %9s %9s %-5s %7s %10s  %s\n", "name", "ours", "peer", "unit", "ratio",
           "bound", "half of the runs in");
}

static void clear_bar(void)
{
    if (isatty(STDERR_FILENO)) fputs("\r\033[K", stderr);
}

static const char *verdict(const struct row *row, const struct outcome *outcome)
{
    if (row->peer.measure && isnan(outcome->peer)) return "peer not installed";
    return outcome->met ? "met" : "MISSED";
}

void report_row(const struct row *row, const struct outcome *outcome)
{
    char ours[FIGURE_MAX];
    char peer[FIGURE_MAX];
    char ratio[FIGURE_MAX];
    char bound[FIGURE_MAX];
    char low[FIGURE_MAX];
    char high[FIGURE_MAX];
    char spread[2 * FIGURE_MAX + 4];

    snprintf(spread, sizeof spread, "%s to %s", figure_text(low, outcome->low),
             figure_text(high, outcome->high));
    clear_bar();
    printf("%-38s %9s %9s %-5s %7s %2s %7s  %-18s %s\n", row->name,
           figure_text(ours, outcome->ours), figure_text(peer, outcome->peer), row->unit,
           figure_text(ratio, outcome->ratio), bound_sign(row->bound_kind),
           figure_text(bound, row->bound), spread, verdict(row, outcome));
    fflush(stdout);
}

void report_progress(const struct row *row, int done, int total, void *ctx)
{
    static const char      full[] = "##############################";
    static const char      empty[] = "..............................";
    const struct position *at = ctx;

    if (!isatty(STDERR_FILENO)) return;
    const double part = ((double)at->row + (double)done / total) / (double)at->rows;
    const int    filled = (int)(part * BAR_WIDTH);
    fprintf(stderr, "\r\033[K[%.*s%.*s] %zu/%zu %s", filled, full, BAR_WIDTH - filled, empty,
            at->row + 1, at->rows, row->name);
    fflush(stderr);
}

static void json_number(FILE *file, const char *name, double x)
{
    if (isfinite(x)) {
        fprintf(file, "\"%s\": %.6g, ", name, x);
    } else {
        fprintf(file, "\"%s\": null, ", name);
    }
}

void report_json(FILE *file, const struct row *row, const struct outcome *outcome, int runs)
{
    fprintf(file, "{\"name\": \"%s\", ", row->name);
    json_number(file, "ours", outcome->ours);
    json_number(file, "peer", outcome->peer);
    json_number(file, "ratio", outcome->ratio);
    fprintf(file, "\"unit\": \"%s\", \"runs\": %d}", row->unit, runs);
}
