#include "view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    LABELS = 20, /* Columns left of the graphs. */
    GRAPH_WIDTH_MIN = 10,
    NOW_STEPS = 10, /* What "now" averages over: a second. */
    STEPS_PER_SECOND = 1000 / STEP_MS,
};

/* Where the graphs stand, and how many steps one of their columns holds. */
struct frame {
    struct canvas     *canvas;
    const struct demo *demo;
    const char *const *bars; /* Nine, from nothing to full. */
    int                width;
    size_t             steps; /* That the whole width stands for. */
};

typedef double (*level_fn)(const struct step *s);

static const char *const block_bars[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
static const char *const ascii_bars[] = { " ", ".", ".", ":", ":", "+", "+", "#", "#" };

static struct frame frame_of(struct view *v, const struct demo *d)
{
    struct frame f = { .canvas = &v->canvas,
                       .demo = d,
                       .bars = v->ascii ? ascii_bars : block_bars,
                       .width = v->canvas.columns - LABELS - 1,
                       .steps = DEMO_SECONDS * STEPS_PER_SECOND };
    if (f.width < GRAPH_WIDTH_MIN) f.width = GRAPH_WIDTH_MIN;
    if (d->history.count > f.steps) f.steps = d->history.count;
    return f;
}

static int column_of(const struct frame *f, size_t step)
{
    return (int)(step * (size_t)f->width / f->steps);
}

/* The steps of one column as one; false when it lies in the future. */
static bool column_step(const struct frame *f, int column, struct step *step)
{
    const struct history *h = &f->demo->history;
    const size_t          width = (size_t)f->width, at = (size_t)column;
    const size_t          from = at * f->steps / width;
    size_t                to = (at + 1) * f->steps / width;
    if (from >= h->count) return false;
    if (to <= from) to = from + 1;
    if (to > h->count) to = h->count;
    *step = history_merge(h, from, to);
    step->requests = (uint32_t)(step->requests * STEPS_PER_SECOND / (to - from));
    step->hits = (uint32_t)(step->hits * STEPS_PER_SECOND / (to - from));
    return true;
}

static double request_level(const struct step *s)
{
    return s->requests / (APP_REQUESTS_PER_SECOND * 1.1);
}

/* From 20 us at the bottom to 200 ms at the top, each row another power of ten or so. */
static double latency_level(const struct step *s)
{
    const double low = 20e3, high = 200e6;
    const double ns = (double)s->max.ns;
    if (ns < low) return 0;
    return log(ns / low) / log(high / low);
}

static void draw_bars(const struct frame *f, int row, int height, level_fn level,
                      enum style style)
{
    struct step step;
    for (int column = 0; column < f->width && column_step(f, column, &step); column++) {
        const double value = fmin(fmax(level(&step), 0), 1);
        const int    eighths = (int)(value * height * 8 + 0.5);
        for (int i = 0; i < height; i++) {
            const int filled = eighths - (height - 1 - i) * 8;
            const int bar = filled < 0 ? 0 : filled > 8 ? 8 : filled;
            canvas_put(f->canvas, row + i, LABELS + column,
                       step.fault >= 0 ? STYLE_BAD : style, f->bars[bar]);
        }
    }
}

static void draw_breaker(const struct frame *f, int row, bool ascii)
{
    static const enum style  styles[] = { STYLE_GOOD, STYLE_WARNING, STYLE_BAD };
    static const char *const letters[] = { "-", "?", "X" };
    struct step              step;
    for (int column = 0; column < f->width && column_step(f, column, &step); column++) {
        canvas_put(f->canvas, row, LABELS + column, styles[step.breaker],
                   ascii ? letters[step.breaker] : "▬");
    }
}

/* The faults that were, by their letters, and faintly those to come. */
static void draw_faults(const struct frame *f, int row)
{
    struct step step;
    for (size_t i = 0; i < FAULT_COUNT; i++) {
        const char mark[] = { fault_info(i)->mark, '\0' };
        if (f->demo->phases[i] != FAULT_TO_COME) continue;
        canvas_put(f->canvas, row, LABELS + column_of(f, fault_info(i)->at_ms / STEP_MS),
                   STYLE_FAINT, mark);
    }
    for (int column = 0; column < f->width && column_step(f, column, &step); column++) {
        if (step.fault < 0) continue;
        const char mark[] = { fault_info((size_t)step.fault)->mark, '\0' };
        canvas_put(f->canvas, row, LABELS + column, STYLE_ALARM, mark);
    }
}

static void draw_axis(const struct frame *f, int row)
{
    int free_from = 0;
    for (int second = 0; second <= DEMO_SECONDS; second += 5) {
        const int column = column_of(f, (size_t)second * STEPS_PER_SECOND);
        if (column < free_from || column + 4 > f->width) continue;
        free_from = canvas_printf(f->canvas, row, LABELS + column, STYLE_FAINT,
                                  second ? "%d s" : "%d", second) -
                    LABELS + 1;
    }
}

static void draw_label(struct canvas *c, int row, const char *name, const char *value)
{
    const int column = canvas_put(c, row, 1, STYLE_FAINT, name);
    canvas_printf(c, row, column, STYLE_BOLD, "%*s", LABELS - 2 - column, value);
}

static struct step step_now(const struct history *h)
{
    const size_t count = h->count;
    const size_t from = count > NOW_STEPS ? count - NOW_STEPS : 0;
    struct step  now = history_merge(h, from, count);
    if (count > from) {
        now.requests = (uint32_t)(now.requests * STEPS_PER_SECOND / (count - from));
        now.hits = (uint32_t)(now.hits * STEPS_PER_SECOND / (count - from));
    }
    return now;
}

static void draw_graphs(struct view *v, const struct demo *d, int row, const struct step *s)
{
    const struct frame f = frame_of(v, d);
    struct canvas     *c = &v->canvas;
    char               text[32];

    snprintf(text, sizeof text, "%u", s->requests);
    draw_label(c, row, "requests/s", text);
    draw_bars(&f, row, 1, request_level, STYLE_ACCENT);

    snprintf(text, sizeof text, "%.1f %%", 100 * step_hit_rate(s));
    draw_label(c, row + 2, "hit rate", text);
    draw_bars(&f, row + 1, 2, step_hit_rate, STYLE_GOOD);

    snprintf(text, sizeof text, "%.2f ms", (double)s->p50.ns / 1e6);
    draw_label(c, row + 3, "p50", text);
    snprintf(text, sizeof text, "%.2f ms", (double)s->p99.ns / 1e6);
    draw_label(c, row + 4, "p99", text);
    snprintf(text, sizeof text, "%.1f ms", (double)s->max.ns / 1e6);
    draw_label(c, row + 5, "max", text);
    draw_bars(&f, row + 3, 3, latency_level, STYLE_WARNING);

    draw_label(c, row + 6, "breaker", "");
    draw_breaker(&f, row + 6, v->ascii);
    draw_label(c, row + 7, "fault", "");
    draw_faults(&f, row + 7);
    draw_axis(&f, row + 8);
}

static void draw_head(struct view *v, const struct demo *d)
{
    struct canvas *c = &v->canvas;
    const char    *dot = v->ascii ? "-" : "·";
    char           clock[32];
    const int      length = snprintf(clock, sizeof clock, "%.1f of %d s",
                                     (double)d->elapsed.ns / 1e9, DEMO_SECONDS);
    canvas_put(c, 0, 1, STYLE_BOLD, "holdfast demo");
    canvas_put(c, 0, c->columns - length - 1, STYLE_FAINT, clock);
    canvas_printf(c, 1, 1, STYLE_FAINT,
                  "%d threads %s %d requests/s %s %d ms per call %s redis-server pid %ld",
                  APP_THREADS, dot, APP_REQUESTS_PER_SECOND, dot, APP_DEADLINE_MS, dot,
                  atomic_load(&d->faults.server_pid));
    canvas_put(c, 2, 1, STYLE_FAINT, v->url);
}

static void draw_state(struct view *v, const struct demo *d)
{
    static const enum style styles[] = { STYLE_GOOD, STYLE_WARNING, STYLE_BAD };
    struct canvas          *c = &v->canvas;
    const int               fault = demo_fault(d);
    draw_label(c, 3, "fault", "");
    if (fault < 0) {
        canvas_put(c, 3, 11, STYLE_GOOD, "none");
    } else {
        const struct fault_info *info = fault_info((size_t)fault);
        const int column = canvas_printf(c, 3, 11, STYLE_ALARM, " %s ", info->name);
        canvas_put(c, 3, column + 1, STYLE_PLAIN, info->story);
    }
    draw_label(c, 4, "breaker", "");
    const int column = canvas_printf(c, 4, 11, styles[d->breaker], "%s %-9s",
                                     v->ascii ? "*" : "●", breaker_name(d->breaker));
    canvas_printf(c, 4, column + 2, STYLE_FAINT, "opened %llu, closed %llu",
                  (unsigned long long)d->breaker_opened,
                  (unsigned long long)d->breaker_closed);
}

static void draw_promises(struct view *v, const struct demo *d, int row)
{
    const uint64_t *n = d->total.counts;
    const bool      broken = n[METER_APP_ERRORS] || n[METER_WRONG] || n[METER_OVERRUNS];
    canvas_printf(&v->canvas, row, 1, broken ? STYLE_BAD : STYLE_GOOD,
                  "%llu requests, %llu not served, %llu wrong answers, %llu late",
                  (unsigned long long)n[METER_REQUESTS],
                  (unsigned long long)n[METER_APP_ERRORS], (unsigned long long)n[METER_WRONG],
                  (unsigned long long)n[METER_OVERRUNS]);
}

/* As many of the last events as there is room for, the newest at the bottom. */
static void draw_events(struct view *v, const struct demo *d, int row)
{
    const int room = v->canvas.rows - row;
    if (room <= 0) return;
    size_t first = d->event_count > (size_t)room ? d->event_count - (size_t)room : 0;
    for (; first < d->event_count; first++, row++) {
        const struct event *e = &d->events[first % EVENTS_MAX];
        canvas_printf(&v->canvas, row, 1, STYLE_FAINT, "%5.1f s", (double)e->at.ns / 1e9);
        canvas_put(&v->canvas, row, 11, e->bad ? STYLE_BAD : STYLE_GOOD, e->text);
    }
}

void view_show(struct view *v, const struct demo *d)
{
    const struct step now = step_now(&d->history);
    canvas_begin(&v->canvas);
    draw_head(v, d);
    draw_state(v, d);
    draw_graphs(v, d, 6, &now);
    draw_promises(v, d, 16);
    draw_events(v, d, 18);
    canvas_show(&v->canvas);
}

void view_print_graphs(struct view *v, const struct demo *d)
{
    const struct step all = history_merge(&d->history, 0, d->history.count);
    struct step       mean = all;
    if (d->history.count > 0) {
        mean.requests = (uint32_t)(all.requests * STEPS_PER_SECOND / d->history.count);
        mean.hits = (uint32_t)(all.hits * STEPS_PER_SECOND / d->history.count);
    }
    mean.p50 = meter_quantile(&d->total, NULL, 0.50);
    mean.p99 = meter_quantile(&d->total, NULL, 0.99);
    canvas_begin(&v->canvas);
    v->canvas.rows = CANVAS_ROWS_MAX;
    draw_graphs(v, d, 0, &mean);
    canvas_print(&v->canvas, VIEW_GRAPH_ROWS);
}
