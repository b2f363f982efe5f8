#include "view.h"

#include "amount.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_WIDTH = 24, NUMBER_WIDTH = 10, NARROW_WIDTH = 6, ROWS_BESIDE_MIN = 8 };

static const char *const list_names[] = { "counters", "hot keys", "slow calls", "latency" };
static const char *const sort_names[] = { "rate", "total", "name" };

static bool is_server(const struct reading *r)
{
    return r->latency_count == 0 && !r->breaker[0];
}

static double call_rate(const struct view *v)
{
    return reading_rate(&v->before, &v->now,
                        is_server(&v->now) ? "total_commands_processed" : "calls");
}

static double error_rate(const struct view *v)
{
    double sum = 0;
    for (size_t i = 0; i < v->now.row_count; i++) {
        const char *name = v->now.rows[i].name;
        if (strncmp(name, "errors_", 7) != 0 && strcmp(name, "total_error_replies") != 0) {
            continue;
        }
        sum += reading_rate(&v->before, &v->now, name);
    }
    return sum;
}

void view_note(struct view *v)
{
    if (v->rate_count == VIEW_HISTORY) {
        memmove(v->rates, v->rates + 1, sizeof v->rates - sizeof v->rates[0]);
        v->rate_count--;
    }
    v->rates[v->rate_count++] = call_rate(v);
}

/* ---- Head ---------------------------------------------------------------------- */

static enum style style_of(const char *status)
{
    return strcmp(status, "up") == 0     ? STYLE_GOOD
           : strcmp(status, "down") == 0 ? STYLE_BAD
                                         : STYLE_WARNING;
}

static enum style style_of_breaker(const char *state)
{
    return strcmp(state, "closed") == 0                      ? STYLE_GOOD
           : strstr(state, "open") && !strstr(state, "half") ? STYLE_BAD
                                                             : STYLE_WARNING;
}

static int draw_head(struct view *v)
{
    struct canvas        *c = &v->canvas;
    const struct reading *r = &v->now;
    int                   row = 0;
    canvas_printf(c, row, 0, STYLE_BOLD, "holdfast top");
    canvas_printf(c, row++, 14, STYLE_FAINT, "%s%s", v->source,
                  v->is_paused ? "  PAUSED" : "");
    if (v->trouble) {
        canvas_printf(c, row++, 0, STYLE_ALARM, "no news for %s: %s",
                      amount_seconds((double)hf_between(r->at, hf_now()).ns / 1e9).text,
                      v->trouble);
    }
    int column = canvas_put(c, row, 0, STYLE_BOLD, r->name);
    column = canvas_printf(c, row, column + 1, style_of(r->status), "%s", r->status);
    canvas_put(c, row++, column + 1, STYLE_FAINT, r->reason);
    if (r->breaker[0]) {
        column = canvas_put(c, row, 0, STYLE_FAINT, "breaker ");
        canvas_put(c, row++, column, style_of_breaker(r->breaker_state), r->breaker);
    }
    canvas_put(c, row++, 0, STYLE_FAINT, r->pool);
    return row;
}

/* "calls/s 1234", and in the next line when it does not fit in this one. */
static void draw_item(struct canvas *c, int *row, int *column, const char *label,
                      const char *value, enum style style)
{
    const int width = (int)(strlen(label) + 1 + strlen(value));
    if (*column > 0 && *column + width > c->columns) {
        *column = 0;
        ++*row;
    }
    *column = canvas_put(c, *row, *column, STYLE_FAINT, label) + 1;
    *column = canvas_put(c, *row, *column, style, value) + 2;
}

static int draw_headline(struct view *v, int row)
{
    char         hits[16] = "-";
    const double rate = reading_hit_rate(&v->before, &v->now), errors = error_rate(v);
    const double p50 = reading_quantile(&v->before, &v->now, "call", 0.5);
    const double p99 = reading_quantile(&v->before, &v->now, "call", 0.99);
    int          column = 0;
    if (rate >= 0) snprintf(hits, sizeof hits, "%.1f %%", 100 * rate);
    draw_item(&v->canvas, &row, &column, "calls/s", amount_rate(call_rate(v)).text,
              STYLE_BOLD);
    draw_item(&v->canvas, &row, &column, "hits", hits, STYLE_BOLD);
    draw_item(&v->canvas, &row, &column, "errors/s", amount_rate(errors).text,
              errors > 0 ? STYLE_BAD : STYLE_BOLD);
    if (is_server(&v->now)) {
        draw_item(&v->canvas, &row, &column, "round trip",
                  amount_seconds(reading_value(&v->now, "round_trip_ms") / 1e3).text,
                  STYLE_BOLD);
    } else {
        draw_item(&v->canvas, &row, &column, "p50", amount_seconds(p50).text, STYLE_BOLD);
        draw_item(&v->canvas, &row, &column, "p99", amount_seconds(p99).text, STYLE_BOLD);
    }
    return row + 1;
}

/* The newest at the right; one row. */
static void draw_history(struct view *v, int row)
{
    static const char *const blocks[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
    static const char *const ascii[] = { " ", ".", ".", ":", ":", "+", "+", "#", "#" };
    const size_t             width = (size_t)v->canvas.columns;
    const size_t             count = v->rate_count < width ? v->rate_count : width;
    const double            *rates = v->rates + (v->rate_count - count);
    double                   max = 0;
    for (size_t i = 0; i < count; i++) max = rates[i] > max ? rates[i] : max;
    for (size_t i = 0; i < count; i++) {
        const int level = max > 0 ? (int)(rates[i] / max * 8 + 0.5) : 0;
        canvas_put(&v->canvas, row, (int)(width - count + i), STYLE_ACCENT,
                   v->ascii ? ascii[level] : blocks[level]);
    }
}

/* ---- Lists --------------------------------------------------------------------- */

/* One line of a list, and what it is sorted and filtered by. */
struct line {
    double      rate, total;
    const char *name;
    size_t      index;
};

static enum view_sort sorted_by; /* qsort() takes no context. */

static int compare(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    const double       left = sorted_by == SORT_RATE ? x->rate : x->total;
    const double       right = sorted_by == SORT_RATE ? y->rate : y->total;
    if (sorted_by != SORT_NAME && left != right) return left < right ? 1 : -1;
    return strcmp(x->name, y->name);
}

static void add_line(const struct view *v, struct line *lines, size_t *count,
                     struct line line)
{
    if (v->filter[0] && !strcasestr(line.name, v->filter)) return;
    lines[(*count)++] = line;
}

static size_t gather(const struct view *v, struct line *lines)
{
    const struct reading *r = &v->now;
    size_t                count = 0;
    for (size_t i = 0; v->list == LIST_ROWS && i < r->row_count; i++) {
        const struct reading_row *row = &r->rows[i];
        const double rate = row->is_gauge ? 0 : reading_rate(&v->before, r, row->name);
        if (row->value != 0 || v->filter[0]) {
            add_line(v, lines, &count, (struct line){ rate, row->value, row->name, i });
        }
    }
    for (size_t i = 0; v->list == LIST_HOT && i < r->hot_count; i++) {
        const struct reading_hot *h = &r->hot[i];
        add_line(v, lines, &count, (struct line){ h->reads, h->reads, h->key, i });
    }
    for (size_t i = 0; v->list == LIST_SLOW && i < r->slow_count; i++) {
        const struct reading_slow *s = &r->slow[i];
        add_line(v, lines, &count, (struct line){ -s->seconds_ago, s->took, s->text, i });
    }
    for (size_t i = 0; v->list == LIST_LATENCY && i < r->latency_count; i++) {
        const struct reading_latency *l = &r->latencies[i];
        add_line(v, lines, &count, (struct line){ l->p99, l->count, l->name, i });
    }
    sorted_by = v->sort;
    qsort(lines, count, sizeof *lines, compare);
    return count;
}

static void draw_row(struct view *v, int row, const struct line *line)
{
    struct canvas            *c = &v->canvas;
    const struct reading_row *r = &v->now.rows[line->index];
    const bool                is_narrow = c->columns < NAME_WIDTH + 2 * NUMBER_WIDTH;
    const bool                is_whole = line->total == (double)(long long)line->total;
    const struct amount       total = is_whole ? amount_count(line->total)
                                               : amount_rate(line->total);
    const struct amount       rate = amount_rate(line->rate);
    const enum style          style = line->rate > 0 ? STYLE_BOLD : STYLE_FAINT;
    if (is_narrow) { /* One number: what a gauge says, or a rate. */
        canvas_printf(c, row, 0, r->is_gauge ? STYLE_PLAIN : style, "%*s %s", NARROW_WIDTH,
                      r->is_gauge ? total.text : rate.text, line->name);
        return;
    }
    canvas_printf(c, row, 0, style, "%*s", NUMBER_WIDTH, r->is_gauge ? "" : rate.text);
    canvas_printf(c, row, NUMBER_WIDTH, STYLE_PLAIN, "%*s %s", NUMBER_WIDTH, total.text,
                  line->name);
}

static void draw_latency(struct view *v, int row, const struct line *line)
{
    const struct reading_latency *l = &v->now.latencies[line->index];
    const double                  p50 = reading_quantile(&v->before, &v->now, l->name, 0.5);
    const double                  p99 = reading_quantile(&v->before, &v->now, l->name, 0.99);
    canvas_printf(&v->canvas, row, 0, STYLE_PLAIN, "%*s%*s %s", NUMBER_WIDTH,
                  amount_seconds(p50).text, NUMBER_WIDTH, amount_seconds(p99).text, l->name);
    if (v->canvas.columns < 2 * NAME_WIDTH + 2 * NUMBER_WIDTH) return;
    canvas_printf(&v->canvas, row, NAME_WIDTH + 2 * NUMBER_WIDTH, STYLE_FAINT,
                  "%s in all, p99 %s, max %s", amount_count(l->count).text,
                  amount_seconds(l->p99).text, amount_seconds(l->max).text);
}

static void draw_line(struct view *v, int row, const struct line *line)
{
    struct canvas *c = &v->canvas;
    switch (v->list) {
    case LIST_HOT:
        canvas_printf(c, row, 0, STYLE_BOLD, "%*s", NUMBER_WIDTH,
                      amount_count(line->total).text);
        canvas_put(c, row, NUMBER_WIDTH + 1, STYLE_PLAIN, line->name);
        break;
    case LIST_SLOW:
        canvas_printf(c, row, 0, STYLE_WARNING, "%*s", NUMBER_WIDTH,
                      amount_seconds(line->total).text);
        canvas_printf(c, row, NUMBER_WIDTH + 1, STYLE_PLAIN, "%s ago %s",
                      amount_seconds(-line->rate).text, line->name);
        break;
    case LIST_LATENCY: draw_latency(v, row, line); break;
    default: draw_row(v, row, line);
    }
}

static void draw_titles(struct view *v, int row)
{
    static const char *const titles[] = { "    each s     total name", "     reads key",
                                          "      took when, which and why",
                                          "       p50       p99 operation" };
    static const char *const narrow = "each s name";
    const bool               is_narrow = v->list == LIST_ROWS &&
                           v->canvas.columns < NAME_WIDTH + 2 * NUMBER_WIDTH;
    canvas_put(&v->canvas, row, 0, STYLE_ACCENT, is_narrow ? narrow : titles[v->list]);
}

static int draw_list(struct view *v, int row, int room)
{
    struct line  lines[READING_ROWS];
    const size_t count = gather(v, lines);
    if (room < 1) return row;
    if (v->scroll + (size_t)room > count)
        v->scroll = count > (size_t)room ? count - (size_t)room : 0;
    for (size_t i = v->scroll; i < count && room > 0; i++, room--) {
        draw_line(v, row++, &lines[i]);
    }
    if (count == 0) {
        canvas_put(&v->canvas, row++, 1, STYLE_FAINT,
                   v->filter[0] ? "nothing of that name" : "none");
    }
    return row;
}

static void draw_foot(struct view *v, int row)
{
    if (v->is_typing || v->filter[0]) {
        canvas_printf(&v->canvas, row, 0, STYLE_BOLD, "/%s%s", v->filter,
                      v->is_typing ? "_" : "  (esc: all)");
        return;
    }
    canvas_printf(&v->canvas, row, 0, STYLE_FAINT,
                  "q end  s by %s  / filter  tab %s  p pause%s", sort_names[v->sort],
                  list_names[(v->list + 1) % LISTS],
                  v->now.client_count > 1 ? "  n next client" : "");
}

int view_draw(struct view *v)
{
    struct canvas *c = &v->canvas;
    int            row = draw_headline(v, draw_head(v));
    if (c->rows > row + ROWS_BESIDE_MIN) draw_history(v, row++);
    draw_titles(v, row++);
    row = draw_list(v, row, c->rows - row - 1);
    draw_foot(v, c->rows - 1);
    return row;
}
