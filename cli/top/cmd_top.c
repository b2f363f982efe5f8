#include "asker.h"
#include "json.h"
#include "screen.h"
#include "view.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FROM, TOKEN_FILE, CLIENT, INTERVAL, ONCE }; /* In the order of the command's flags. */
enum { PICTURE_COLUMNS = 80, SILENCE_MS = 1000, REDRAW_MS = 500 };

struct top {
    struct source source;
    struct asker  asker;
    struct view   view;
    char          why[640];
    hf_duration   interval;
    hf_instant    due;     /* The next question. */
    size_t        client;  /* That is wanted; another is shown until it has answered. */
    bool          is_left; /* The source is the asker's for good. */
};

static bool read_interval(const char *text, hf_duration *interval)
{
    *interval = hf_seconds(1);
    if (!text) return true;
    hf_duration d = hf_ns(0);
    const bool  is_read = hf_duration_parse(text, &d) == HF_OK;
    if (is_read && d.ns >= hf_ms(100).ns && d.ns <= hf_seconds(60).ns) {
        *interval = d;
        return true;
    }
    complain("--interval: \"%s\" is not a duration from 0.1 to 60 s", text);
    return false;
}

/* ---- Readings ------------------------------------------------------------------ */

static bool take_first(struct top *t)
{
    if (!source_read(&t->source, &t->view.now)) return false;
    t->view.before = t->view.now;
    t->client = t->view.now.client;
    t->due = hf_later(hf_now(), t->interval);
    return true;
}

/* The numbers of another client have nothing to do with the last ones. */
static void take_next(struct top *t, const struct reading *next)
{
    struct view *v = &t->view;
    const bool   is_other = next->client != v->now.client;
    v->trouble = NULL;
    v->before = is_other ? *next : v->now;
    v->now = *next;
    if (is_other) {
        v->rate_count = 0;
    } else {
        view_note(v);
    }
}

static void take_news(struct top *t)
{
    static struct reading next;
    switch (asker_take(&t->asker, &next, t->why, sizeof t->why)) {
    case ASKER_READING:
        if (t->source.client_name) t->client = next.client;
        if (next.client == t->client) take_next(t, &next);
        break;
    case ASKER_TROUBLE: t->view.trouble = t->why; break;
    default: break;
    }
    if (t->view.trouble || !asker_is_busy(&t->asker)) return;
    if (hf_between(t->asker.asked, hf_now()).ns > hf_ms(SILENCE_MS).ns) {
        t->view.trouble = "no answer yet";
    }
}

static void ask_when_due(struct top *t)
{
    const struct view *v = &t->view;
    if (asker_is_busy(&t->asker) || hf_before(hf_now(), t->due)) return;
    t->due = hf_later(hf_now(), t->interval);
    if (v->is_paused && t->client == v->now.client) return;
    asker_ask(&t->asker, t->client, v->list == LIST_HOT);
}

static void next_client(struct top *t)
{
    if (t->view.now.client_count < 2 || t->source.client_name) return;
    t->client = (t->view.now.client + 1) % t->view.now.client_count;
    t->due = hf_now();
}

/* ---- Live ---------------------------------------------------------------------- */

static void type(struct view *v, int key)
{
    const size_t size = strlen(v->filter);
    if (key == KEY_ESCAPE) v->filter[0] = '\0';
    if (key == KEY_ESCAPE || key == '\n' || key == '\r') v->is_typing = false;
    if (key == KEY_BACKSPACE && size) v->filter[size - 1] = '\0';
    if (key >= ' ' && key < KEY_BACKSPACE && size + 1 < sizeof v->filter) {
        v->filter[size] = (char)key;
        v->filter[size + 1] = '\0';
    }
    v->scroll = 0;
}

static void scroll(struct view *v, int by)
{
    const int to = (int)v->scroll + by;
    v->scroll = to > 0 ? (size_t)to : 0; /* Drawing sees to the end. */
}

static void press(struct top *t, int key)
{
    struct view *v = &t->view;
    const int    page = v->canvas.rows / 2;
    switch (key) {
    case 's': v->sort = (enum view_sort)((v->sort + 1) % SORTS); break;
    case '\t':
        v->list = (enum view_list)((v->list + 1) % LISTS);
        v->scroll = 0;
        if (v->list == LIST_HOT && !v->is_paused) t->due = hf_now();
        break;
    case '/': v->is_typing = true; break;
    case KEY_ESCAPE: v->filter[0] = '\0'; break;
    case 'p':
    case ' ': v->is_paused = !v->is_paused; break;
    case 'n': next_client(t); break;
    case 'k':
    case KEY_UP: scroll(v, -1); break;
    case 'j':
    case KEY_DOWN: scroll(v, 1); break;
    case KEY_PAGE_UP: scroll(v, -page); break;
    case KEY_PAGE_DOWN: scroll(v, page); break;
    default: break;
    }
}

static void follow(struct top *t)
{
    struct view *v = &t->view;
    for (;;) {
        ask_when_due(t);
        canvas_begin(&v->canvas);
        view_draw(v);
        canvas_show(&v->canvas);
        const bool is_busy = asker_is_busy(&t->asker);
        const int  key = screen_wait(is_busy ? hf_later(hf_now(), hf_ms(REDRAW_MS)) : t->due);
        if (key == KEY_QUIT || (key == 'q' && !v->is_typing) || ferror(stdout)) return;
        if (v->is_typing) {
            type(v, key);
        } else {
            press(t, key);
        }
        take_news(t);
    }
}

static enum exit_status live(struct top *t)
{
    if (!asker_start(&t->asker, &t->source)) {
        screen_leave();
        complain("no thread to be had");
        return EXIT_UNAVAILABLE;
    }
    follow(t);
    screen_leave();
    t->is_left = !asker_stop(&t->asker);
    return EXIT_OK;
}

/* ---- One picture --------------------------------------------------------------- */

static void print_json(const struct top *t)
{
    const struct reading *now = &t->view.now, *before = &t->view.before;
    json_begin();
    json_text("source", t->source.shown);
    json_text("name", now->name);
    json_text("status", now->status);
    json_text("reason", now->reason);
    if (now->breaker[0]) json_text("breaker", now->breaker_state);
    json_number("seconds", reading_seconds(before, now));
    const double hits = reading_hit_rate(before, now);
    if (hits >= 0) {
        json_number("hit_rate", hits);
    } else {
        json_nothing("hit_rate");
    }
    json_open("rates", '{');
    for (size_t i = 0; i < now->row_count; i++) {
        const char *name = now->rows[i].name;
        if (!now->rows[i].is_gauge) json_number(name, reading_rate(before, now, name));
    }
    json_close('}');
    json_open("stats", '{');
    for (size_t i = 0; i < now->row_count; i++) {
        json_figure(now->rows[i].name, now->rows[i].value);
    }
    json_close('}');
    json_end();
}

static enum exit_status picture(struct top *t, bool json)
{
    static struct reading next;
    struct canvas        *c = &t->view.canvas;
    const struct timespec pause = { t->interval.ns / 1000000000,
                                    t->interval.ns % 1000000000 };
    nanosleep(&pause, NULL);
    if (!source_read(&t->source, &next)) {
        complain("%s", t->source.why);
        return EXIT_UNAVAILABLE;
    }
    take_next(t, &next);
    if (json) {
        print_json(t);
        return EXIT_OK;
    }
    canvas_begin(c);
    c->rows = CANVAS_ROWS_MAX;
    if (!isatty(STDOUT_FILENO)) c->columns = PICTURE_COLUMNS;
    canvas_print(c, view_draw(&t->view));
    return EXIT_OK;
}

static enum exit_status run(struct top *t, const struct invocation *inv)
{
    if (!take_first(t)) {
        complain("%s", t->source.why);
        return EXIT_UNAVAILABLE;
    }
    if (inv->json || inv->values[ONCE] || !screen_enter()) return picture(t, inv->json);
    return live(t);
}

enum exit_status run_top(const struct invocation *inv)
{
    static struct top t;
    if (!read_interval(inv->values[INTERVAL], &t.interval)) return EXIT_USAGE;
    enum exit_status status = source_open(&t.source, inv, inv->values[FROM],
                                          inv->values[TOKEN_FILE]);
    t.source.client_name = inv->values[CLIENT];
    t.view.source = t.source.shown;
    t.view.ascii = !canvas_is_utf8();
    t.view.canvas.colours = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
    if (status == EXIT_OK) status = run(&t, inv);
    if (!t.is_left) source_close(&t.source);
    return status;
}
