#include "amount.h"
#include "bar.h"
#include "connection.h"
#include "json.h"
#include "quantity.h"

#include <holdfast/backup.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum { RATE, OVERWRITE, ANY_NAMESPACE, FROM }; /* In the order of the command's flags. */

struct run {
    const char *path;
    struct bar  bar;
};

static void on_damage(const struct hf_backup_damage *damage, void *ctx)
{
    struct run *run = ctx;
    bar_wipe(&run->bar);
    complain("%s: at byte %" PRIu64 ", %" PRIu64 " bytes: %s", run->path, damage->offset,
             damage->size, damage->what);
}

static bool on_progress(const struct hf_restore_report *report, void *ctx)
{
    struct run *run = ctx;
    bar_show(&run->bar, (double)report->offset / (double)(report->size + 1),
             "%" PRIu64 " entries", report->entries);
    return true;
}

static void print_counts(const struct hf_restore_report *r, bool is_restore)
{
    printf("%" PRIu64 " %s", r->entries, amount_noun(r->entries, "entry", "entries"));
    if (is_restore) {
        printf(", %" PRIu64 " restored", r->restored);
        if (r->kept) printf(", %" PRIu64 " there already", r->kept);
        if (r->expired) printf(", %" PRIu64 " expired", r->expired);
        if (r->bound) printf(", %" PRIu64 " sealed for another namespace", r->bound);
        if (r->failed) printf(", %" PRIu64 " failed", r->failed);
    } else {
        char         date[32] = "";
        const time_t seconds = (time_t)(r->created_ms / 1000);
        struct tm    parts;
        if (gmtime_r(&seconds, &parts)) {
            strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &parts);
        }
        printf(" of %s UTC", date);
    }
    if (r->damages) {
        printf(", %" PRIu64 " %s damaged", r->damages,
               amount_noun(r->damages, "place", "places"));
    }
    putchar('\n');
}

static void print_json(const struct hf_restore_report *r, bool is_restore)
{
    json_begin();
    json_bool("whole", r->damages == 0);
    json_count("damages", r->damages);
    json_count("created_ms", (uint64_t)r->created_ms);
    json_count("size", r->size);
    json_count("entries", r->entries);
    if (is_restore) {
        json_count("restored", r->restored);
        json_count("kept", r->kept);
        json_count("expired", r->expired);
        json_count("bound", r->bound);
        json_count("failed", r->failed);
    }
    json_end();
}

static enum exit_status conclude(const struct connection        *c,
                                 const struct hf_restore_report *report, hf_err err,
                                 bool is_restore)
{
    if (err && !(err == HF_E_INVALID && report->damages)) {
        const enum exit_status status = connection_fail(c, err);
        if (is_restore && report->offset && status == EXIT_UNAVAILABLE) {
            complain("go on with --from %" PRIu64, report->offset);
        }
        return err == HF_E_SYSTEM ? EXIT_USAGE : status; /* It is the file. */
    }
    if (c->inv->json) {
        print_json(report, is_restore);
    } else {
        print_counts(report, is_restore);
    }
    return report->damages || report->failed || report->bound ? EXIT_MISS : EXIT_OK;
}

static enum exit_status restore(struct connection *c)
{
    const struct invocation *inv = c->inv;
    struct run               run = { .path = inv->args[0] };
    struct hf_restore_report report = { 0 };
    uint64_t                 rate = 0;
    if (!quantity_count("--rate", inv->values[RATE], 1, UINT32_MAX, &rate) ||
        !quantity_count("--from", inv->values[FROM], 0, INT64_MAX, &report.offset)) {
        return EXIT_USAGE;
    }
    const struct hf_restore how = {
        .rate = (uint32_t)rate,
        .overwrite = inv->values[OVERWRITE] != NULL,
        .any_namespace = inv->values[ANY_NAMESPACE] != NULL,
        .damage = on_damage,
        .progress = on_progress,
        .ctx = &run,
    };
    bar_begin(&run.bar, inv);
    const hf_err err = hf_cache_restore(c->cache, NULL, &how, run.path, &report, &c->error);
    bar_end(&run.bar);
    return conclude(c, &report, err, true);
}

enum exit_status run_restore(const struct invocation *inv)
{
    struct connection c;
    enum exit_status  status = connection_open(&c, inv);
    if (status == EXIT_OK) status = restore(&c);
    connection_close(&c);
    return status;
}

enum exit_status run_verify(const struct invocation *inv)
{
    struct connection        c = { .inv = inv }; /* Nobody is asked. */
    struct run               run = { .path = inv->args[0] };
    struct hf_restore_report report = { 0 };
    const struct hf_restore  how = { .damage = on_damage,
                                     .progress = on_progress,
                                     .ctx = &run };
    bar_begin(&run.bar, inv);
    const hf_err err = hf_backup_verify(&how, run.path, &report, &c.error);
    bar_end(&run.bar);
    return conclude(&c, &report, err, false);
}
