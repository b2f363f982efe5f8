#include "connection.h"
#include "page.h"
#include "report.h"
#include "view.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SAMPLE = 16 };        /* Of reads, for the hot keys on the dashboard. */
enum { PLAIN, ASCII, HTTP }; /* In the order of the command's flags. */
enum { WATCH_MS = 5, SCRIPT_LATE_MS = 25000, BREAKER_LATE_MS = 2000, OUTPUT_SIZE = 65536 };

static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

/* A second signal ends the process the hard way. */
static void catch_signals(void)
{
    struct sigaction action = { .sa_handler = interrupt, .sa_flags = (int)SA_RESETHAND };
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

/* The path of the embedded server's socket; only the library knows it. */
static hf_err find_socket(struct connection *c, char *path, size_t size)
{
    const struct hf_bytes argv[] = { hf_str("CONFIG"), hf_str("GET"), hf_str("unixsocket") };
    struct hf_reply      *reply;
    struct hf_bytes       text;
    hf_err err = hf_client_command(c->client, NULL, argv, 3, &reply, &c->error);
    if (err) return err;

    const struct hf_reply *node = hf_reply_get(reply, "unixsocket");
    err = node ? hf_reply_bytes(node, &text) : HF_E_TYPE;
    if (!err) snprintf(path, size, "%.*s", (int)text.size, (const char *)text.data);
    hf_reply_free(reply);
    return err;
}

static void sleep_until(hf_instant t)
{
    const struct timespec ts = { t.ns / 1000000000, t.ns % 1000000000 };
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

/* After its time, once the script is through and the breaker had a moment to close. */
static bool is_over(const struct demo *d)
{
    const int64_t ms = hf_to_ms(hf_between(d->started, hf_now())) - DEMO_SECONDS * 1000;
    if (interrupted || ferror(stdout)) return true;
    if (ms < 0) return false;
    if (!atomic_load(&d->faults.finished)) return ms > SCRIPT_LATE_MS;
    return d->breaker == BREAKER_CLOSED || ms > BREAKER_LATE_MS;
}

/* Watches until the end; draws each step, or prints a line each second. */
static void follow(struct demo *d, struct view *view)
{
    hf_instant next = d->started;
    size_t     step = 0;
    while (!is_over(d)) {
        next = hf_later(next, hf_ms(WATCH_MS));
        sleep_until(next);
        demo_watch(d);
        if (hf_between(d->started, hf_now()).ns < hf_ms(STEP_MS).ns * (int64_t)(step + 1)) {
            continue;
        }
        step++;
        demo_step(d);
        if (view) view_show(view, d);
        if (!view && step % (1000 / STEP_MS) == 0) report_line(d);
    }
}

static enum exit_status play(struct connection *c, struct demo *d, struct view *view)
{
    char   path[SOCKET_PATH_MAX];
    hf_err err = find_socket(c, path, sizeof path);
    if (err) return connection_fail(c, err);

    demo_init(d, c->client);
    if (!faults_start(&d->faults, d->started, path)) {
        complain("cannot start a thread");
        return EXIT_UNAVAILABLE;
    }
    const bool running = app_start(&d->app, c->cache, &d->faults);
    if (view) canvas_enter();
    if (running) follow(d, view);
    if (view) canvas_leave();
    faults_stop(&d->faults);
    app_stop(&d->app);
    demo_watch(d);
    demo_step(d);
    if (!running) complain("cannot start %d threads", APP_THREADS);
    return running ? EXIT_OK : EXIT_UNAVAILABLE;
}

static enum exit_status report(const struct invocation *inv, const struct demo *d,
                               struct view *view)
{
    if (view) view_print_graphs(view, d);
    report_table(d);
    if (inv->json) report_json(d);
    fflush(stdout);
    if (interrupted) complain("demo: ended early");
    return report_verdict(d) ? EXIT_OK : EXIT_MISS;
}

static enum exit_status serve_page(struct page *page, const char *where, struct connection *c)
{
    const struct hf_exporter_options options = { .host = NULL };
    const enum exit_status           status = page_open(page, "--http", where, options);
    if (status != EXIT_OK) return status;
    hf_err err = hf_exporter_add(page->exporter, "demo", c->client);
    if (!err) err = hf_exporter_add_cache(page->exporter, c->client, "pages", c->cache);
    if (err) return connection_fail(c, err);
    fprintf(stderr, "dashboard: %s\n", page->url);
    return EXIT_OK;
}

enum exit_status run_demo(const struct invocation *inv)
{
    static char        output[OUTPUT_SIZE];
    static struct demo d;
    static struct view view;
    static struct page page;
    struct connection  c = { .inv = inv };
    if (inv->url_given && !inv->url_embedded) {
        complain("demo: --url: it only hurts a Redis of its own; allowed: embedded:");
        return EXIT_USAGE;
    }
    if (!inv->url_given &&
        hf_options_set(inv->options, "url", "embedded:", &c.error) != HF_OK) {
        return connection_fail(&c, c.error.code);
    }
    setvbuf(stdout, output, _IOFBF, sizeof output);
    catch_signals();
    const bool draws = isatty(STDOUT_FILENO) && !inv->values[PLAIN];
    view.ascii = inv->values[ASCII] || !canvas_is_utf8();
    view.canvas.colours = getenv("NO_COLOR") == NULL;

    enum exit_status status = connection_open_counting(&c, inv,
                                                       inv->values[HTTP] ? SAMPLE : 0);
    if (status == EXIT_OK && inv->values[HTTP]) {
        status = serve_page(&page, inv->values[HTTP], &c);
    }
    view.url = page.url;
    if (status == EXIT_OK) status = play(&c, &d, draws ? &view : NULL);
    if (status == EXIT_OK) status = report(inv, &d, draws ? &view : NULL);
    page_close(&page);
    connection_close(&c);
    return status;
}
