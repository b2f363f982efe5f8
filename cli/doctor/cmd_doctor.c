#include "doctor.h"

#include "help.h"
#include "json.h"
#include "shown.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    NAME_WIDTH = 12,
    LEVEL_WIDTH = 9,
    INDENT = LEVEL_WIDTH + NAME_WIDTH + 2,
    TEXT_MAX = 1024
};

static const char *const level_names[] = { "ok", "warning", "problem" };

static void print(const struct finding *f)
{
    static const char *const colours[] = { "\033[32m", "\033[33m", "\033[31m" };
    const bool               colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    char                     text[TEXT_MAX];
    printf("%s%-*s%s %-*s %s\n", colour ? colours[f->level] : "", LEVEL_WIDTH,
           level_names[f->level], colour ? "\033[0m" : "", NAME_WIDTH, f->name,
           shown(hf_str(f->text), text, sizeof text));
    if (f->advice) {
        printf("%*s", INDENT, "");
        help_wrapped(f->advice, INDENT);
    }
    fflush(stdout);
}

void doctor_say(struct doctor *d, enum level level, const char *name, const char *advice,
                const char *format, ...)
{
    va_list args;
    if (d->finding_count == FINDINGS_MAX) return;

    struct finding *f = &d->findings[d->finding_count++];
    *f = (struct finding){ .level = level, .name = name, .advice = advice };
    va_start(args, format);
    vsnprintf(f->text, sizeof f->text, format, args);
    va_end(args);
    if (!d->c.inv->json) print(f);
}

hf_err doctor_ask(struct doctor *d, const char *const *words, size_t count,
                  struct hf_reply **reply)
{
    enum { WORDS_MAX = 8 };
    struct hf_bytes argv[WORDS_MAX];
    for (size_t i = 0; i < count; i++) argv[i] = hf_str(words[i]);
    return hf_client_command(d->c.client, NULL, argv, count, reply, &d->c.error);
}

static void examine(struct doctor *d)
{
    if (!doctor_reach(d) || !doctor_login(d)) return;
    doctor_server(d);
    doctor_measure(d);
    doctor_keyspace(d);
}

static void print_json(const struct doctor *d, const size_t counts[3])
{
    json_begin();
    json_text("status", level_names[counts[LEVEL_PROBLEM]   ? LEVEL_PROBLEM
                                    : counts[LEVEL_WARNING] ? LEVEL_WARNING
                                                            : LEVEL_OK]);
    json_text("endpoint", d->health.endpoint);
    json_count("problems", counts[LEVEL_PROBLEM]);
    json_count("warnings", counts[LEVEL_WARNING]);
    json_open("checks", '[');
    for (size_t i = 0; i < d->finding_count; i++) {
        const struct finding *f = &d->findings[i];
        json_item();
        json_text("check", f->name);
        json_text("level", level_names[f->level]);
        json_text("text", f->text);
        if (f->advice) json_text("advice", f->advice);
        json_close('}');
    }
    json_close(']');
    json_end();
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static enum exit_status conclude(const struct doctor *d)
{
    size_t counts[3] = { 0 };
    for (size_t i = 0; i < d->finding_count; i++) counts[d->findings[i].level]++;
    if (d->c.inv->json) {
        print_json(d, counts);
    } else {
        printf("\n%zu problem%s, %zu warning%s\n", counts[LEVEL_PROBLEM],
               plural(counts[LEVEL_PROBLEM]), counts[LEVEL_WARNING],
               plural(counts[LEVEL_WARNING]));
    }
    return counts[LEVEL_PROBLEM] ? EXIT_MISS : EXIT_OK;
}

enum exit_status run_doctor(const struct invocation *inv)
{
    static struct doctor d;
    enum exit_status     status = connection_open(&d.c, inv);
    if (status == EXIT_OK) {
        examine(&d);
        status = conclude(&d);
    }
    info_free(&d.info);
    connection_close(&d.c);
    return status;
}
