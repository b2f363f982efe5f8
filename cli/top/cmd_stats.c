#include "amount.h"
#include "json.h"
#include "source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FROM, TOKEN_FILE, CLIENT }; /* In the order of the command's flags. */
enum { HOT_SHOWN = 10, SLOW_SHOWN = 5 };

static bool is_bytes(const char *name)
{
    return strstr(name, "bytes") || strstr(name, "memory") || strstr(name, "compress_");
}

/* Those that are 0 say nothing. */
static void print_rows(const struct reading *r)
{
    size_t zeros = 0;
    for (size_t i = 0; i < r->row_count; i++) {
        const struct reading_row *row = &r->rows[i];
        zeros += row->value == 0;
        if (row->value == 0) continue;
        if (is_bytes(row->name)) {
            printf("%-28s %14s\n", row->name, amount_bytes(row->value).text);
        } else {
            printf(row->value == (double)(long long)row->value ? "%-28s %14.0f\n"
                                                               : "%-28s %14.3f\n",
                   row->name, row->value);
        }
    }
    if (zeros) printf("%zu more %s 0\n", zeros, zeros == 1 ? "is" : "are");
}

static void print_latencies(const struct reading *r)
{
    bool is_first = true;
    for (size_t i = 0; i < r->latency_count; i++) {
        const struct reading_latency *l = &r->latencies[i];
        if (l->count <= 0) continue;
        if (is_first) {
            printf("\n%-14s %10s %9s %9s %9s %9s\n", "latency", "count", "p50", "p90", "p99",
                   "max");
        }
        is_first = false;
        printf("%-14s %10s %9s %9s %9s %9s\n", l->name, amount_count(l->count).text,
               amount_seconds(l->p50).text, amount_seconds(l->p90).text,
               amount_seconds(l->p99).text, amount_seconds(l->max).text);
    }
}

static void print_lists(const struct reading *r)
{
    if (r->hot_count) puts("\nmost read keys");
    for (size_t i = 0; i < r->hot_count && i < HOT_SHOWN; i++) {
        printf("%10.0f  %s\n", r->hot[i].reads, r->hot[i].key);
    }
    if (r->slow_count) puts("\nslow calls");
    for (size_t i = 0; i < r->slow_count && i < SLOW_SHOWN; i++) {
        printf("%10s  %.0f s ago, %s\n", amount_seconds(r->slow[i].took).text,
               r->slow[i].seconds_ago, r->slow[i].text);
    }
    if (r->task_count) puts("\ntasks");
    for (size_t i = 0; i < r->task_count; i++) puts(r->tasks[i]);
}

static void print_pool(const char *text)
{
    static const char memory[] = "memory ";
    const bool        is_memory = strncmp(text, memory, sizeof memory - 1) == 0;
    printf("%-10s%s\n", is_memory ? "memory" : "pool",
           is_memory ? text + sizeof memory - 1 : text);
}

static void print(const struct reading *r)
{
    printf("%s, %s%s%s\n", r->name, r->status, r->reason[0] ? ": " : "", r->reason);
    if (r->endpoint[0]) printf("endpoint  %s\n", r->endpoint);
    if (r->breaker[0]) printf("breaker   %s\n", r->breaker);
    if (r->pool[0]) print_pool(r->pool);
    if (r->uptime >= 0) printf("up for    %s\n", amount_seconds(r->uptime).text);
    putchar('\n');
    print_rows(r);
    print_latencies(r);
    print_lists(r);
}

static enum exit_status fail(const struct source *s)
{
    complain("%s", s->why);
    if (s->inv->json) {
        json_begin();
        json_text("error", s->why);
        json_end();
    }
    return EXIT_UNAVAILABLE;
}

/* Of an exporter what it said, of a Redis the rows. */
static void print_json(const struct source *s, const struct reading *r)
{
    if (s->stats) {
        json_dumpf(s->stats, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
        putchar('\n');
        return;
    }
    json_begin();
    json_text("endpoint", r->endpoint);
    json_text("name", r->name);
    json_text("status", r->status);
    json_number("uptime_seconds", r->uptime);
    json_open("stats", '{');
    for (size_t i = 0; i < r->row_count; i++) json_figure(r->rows[i].name, r->rows[i].value);
    json_close('}');
    json_open("hot_keys", '[');
    for (size_t i = 0; i < r->hot_count; i++) {
        json_item();
        json_text("key", r->hot[i].key);
        json_figure("reads", r->hot[i].reads);
        json_close('}');
    }
    json_close(']');
    json_end();
}

/* One client of an exporter after the other, unless one was named. */
static enum exit_status show(struct source *s)
{
    static struct reading r;
    if (!source_read(s, &r)) return fail(s);
    if (s->inv->json) {
        print_json(s, &r);
        return EXIT_OK;
    }
    print(&r);
    while (!s->client_name && ++s->client < r.client_count) {
        if (!reading_from_stats(&r, s->stats, s->client, NULL)) break;
        putchar('\n');
        print(&r);
    }
    return EXIT_OK;
}

enum exit_status run_stats(const struct invocation *inv)
{
    static struct source s;
    enum exit_status     status = source_open(&s, inv, inv->values[FROM],
                                              inv->values[TOKEN_FILE]);
    s.client_name = inv->values[CLIENT];
    s.wants_hot = true;
    if (status == EXIT_OK) status = show(&s);
    source_close(&s);
    return status;
}
