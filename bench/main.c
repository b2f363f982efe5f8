/* holdfast-bench - measures holdfast against what one would have used instead. */

#include "die.h"
#include "figures.h"
#include "report.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

enum { RUNS_DEFAULT = 9, RUNS_TINY = 1 };

#define SECONDS_DEFAULT 0.4
#define SECONDS_TINY    0.01
#define SECONDS_MAX     600.0

static const char usage[] =
    "usage: holdfast-bench [option...] [name...]\n"
    "Measures the rows whose names begin with one of these, or all.\n"
    "  --list         say what the rows are\n"
    "  --runs N       pairs of figures for each row, 1 to 101; default 9\n"
    "  --seconds S    length of one figure, 0.001 to 600; default 0.4\n"
    "  --tiny         one run of a few milliseconds: does it still work?\n"
    "  --output FILE  where the figures go; default build/bench.json, none with --tiny\n"
    "  --help         this text\n";

struct settings {
    int         runs;
    double      seconds;
    bool        tiny;
    bool        list;
    const char *json;
};

__attribute__((noreturn)) static void refuse(const char *what, const char *value)
{
    fprintf(stderr, "holdfast-bench: %s: '%s'\n", what, value);
    exit(EXIT_USAGE);
}

static double number(const char *text, double low, double high, const char *complaint)
{
    char        *end;
    const double x = strtod(text, &end);
    if (end == text || *end || !(x >= low && x <= high)) refuse(complaint, text);
    return x;
}

static struct settings settings_read(int argc, char **argv)
{
    static const struct option options[] = {
        { "list", no_argument, NULL, 'l' },
        { "runs", required_argument, NULL, 'r' },
        { "seconds", required_argument, NULL, 's' },
        { "tiny", no_argument, NULL, 't' },
        { "output", required_argument, NULL, 'o' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    struct settings s = { 0 };
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'l': s.list = true; break;
        case 'r':
            s.runs = (int)number(optarg, 1, RUNS_MAX, "--runs takes a number from 1 to 101");
            break;
        case 's':
            s.seconds = number(optarg, 0.001, SECONDS_MAX, "--seconds takes 0.001 to 600");
            break;
        case 't': s.tiny = true; break;
        case 'o': s.json = optarg; break;
        case 'h': fputs(usage, stdout); exit(0);
        default: exit(EXIT_USAGE);
        }
    }
    if (!s.runs) s.runs = s.tiny ? RUNS_TINY : RUNS_DEFAULT;
    if (s.seconds == 0) s.seconds = s.tiny ? SECONDS_TINY : SECONDS_DEFAULT;
    if (!s.json && !s.tiny) s.json = "build/bench.json";
    return s;
}

__attribute__((noreturn)) static void refuse_name(const char *name)
{
    fprintf(stderr, "holdfast-bench: no row begins with '%s'; there are", name);
    for (size_t i = 0; i < row_count; i++) {
        fprintf(stderr, "%s %s", i ? "," : "", rows[i].name);
    }
    fputc('\n', stderr);
    exit(EXIT_USAGE);
}

/* A whole name means that row alone, though others may begin with it. */
static void select_rows(const char *name, bool *selected)
{
    bool found = false;
    for (size_t i = 0; i < row_count; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            selected[i] = true;
            return;
        }
    }
    for (size_t i = 0; i < row_count; i++) {
        if (strncmp(rows[i].name, name, strlen(name)) != 0) continue;
        selected[i] = true;
        found = true;
    }
    if (!found) refuse_name(name);
}

static void list_rows(const bool *selected)
{
    for (size_t i = 0; i < row_count; i++) {
        if (selected[i]) printf("%-38s %s\n", rows[i].name, rows[i].what);
    }
}

/* Opened before the measuring, so that a bad name costs no time; what is in it stays until
 * there is something new. */
static FILE *json_open(const char *path)
{
    FILE *file = fopen(path, "ae");
    if (!file) die("%s: %s", path, strerror(errno));
    return file;
}

static void json_write(FILE *file, const struct settings *s, const bool *selected,
                       const struct outcome *outcomes)
{
    const char *separator = "";
    if (ftruncate(fileno(file), 0)) die("%s: %s", s->json, strerror(errno));
    fputc('[', file);
    for (size_t i = 0; i < row_count; i++) {
        if (!selected[i]) continue;
        fprintf(file, "%s\n  ", separator);
        report_json(file, &rows[i], &outcomes[i], s->runs);
        separator = ",";
    }
    fputs("\n]\n", file);
    if (fclose(file)) die("%s: %s", s->json, strerror(errno));
}

static void measure_rows(const struct settings *s, const bool *selected,
                         struct outcome *outcomes)
{
    struct lab      lab;
    struct position at = { 0, 0 };
    for (size_t i = 0; i < row_count; i++) at.rows += selected[i];

    lab_open(&lab, hf_ns((int64_t)(s->seconds * 1e9)), s->tiny);
    report_head(&lab, s->runs);
    for (size_t i = 0; i < row_count; i++) {
        if (!selected[i]) continue;
        outcomes[i] = measure_row(&lab, &rows[i], s->runs, report_progress, &at);
        report_row(&rows[i], &outcomes[i]);
        at.row++;
    }
    lab_close(&lab);
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], FIGURE_ALONE) == 0) return figure_alone(argv + 2);
    const struct settings s = settings_read(argc, argv);
    bool                 *selected = calloc(row_count, sizeof *selected);
    struct outcome       *outcomes = calloc(row_count, sizeof *outcomes);

    if (!selected || !outcomes) die("out of memory");
    for (int i = optind; i < argc; i++) select_rows(argv[i], selected);
    if (optind == argc) memset(selected, true, row_count * sizeof *selected);

    if (s.list) {
        list_rows(selected);
    } else {
        FILE *json = s.json ? json_open(s.json) : NULL;
        measure_rows(&s, selected, outcomes);
        if (json) json_write(json, &s, selected, outcomes);
    }
    free(outcomes);
    free(selected);
    return 0;
}
