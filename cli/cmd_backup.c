#include "amount.h"
#include "bar.h"
#include "connection.h"
#include "json.h"
#include "quantity.h"

#include <holdfast/backup.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { RATE, RESUME }; /* In the order of the command's flags. */

static bool on_progress(const struct hf_backup_report *report, void *ctx)
{
    const double seen = (double)(report->entries + report->skipped);
    bar_show(ctx, report->keys ? seen / (double)report->keys : -1,
             "%" PRIu64 " entries, %" PRIu64 " bytes", report->entries, report->bytes);
    return true;
}

static void report_it(const struct invocation *inv, const struct hf_backup_report *report)
{
    if (inv->json) {
        json_begin();
        json_count("entries", report->entries);
        json_count("skipped", report->skipped);
        json_count("bytes", report->bytes);
        json_bool("resumed", report->resumed);
        json_end();
        return;
    }
    printf("%" PRIu64 " %s, %" PRIu64 " bytes", report->entries,
           amount_noun(report->entries, "entry", "entries"), report->bytes);
    if (report->skipped) {
        printf(", %" PRIu64 " %s left out", report->skipped,
               amount_noun(report->skipped, "key", "keys"));
    }
    puts(report->resumed ? ", resumed" : "");
}

static enum exit_status backup(struct connection *c)
{
    const struct invocation *inv = c->inv;
    struct hf_backup_report  report;
    struct bar               bar;
    uint64_t                 rate = 0;
    if (!quantity_count("--rate", inv->values[RATE], 1, UINT32_MAX, &rate)) return EXIT_USAGE;

    bar_begin(&bar, inv);
    const struct hf_backup how = {
        .rate = (uint32_t)rate,
        .resume = inv->values[RESUME] != NULL,
        .progress = on_progress,
        .ctx = &bar,
    };
    const hf_err err = hf_cache_backup(c->cache, NULL, &how, inv->args[0], &report,
                                       &c->error);
    bar_end(&bar);
    if (err) {
        const enum exit_status status = connection_fail(c, err);
        if (report.entries) {
            complain("%" PRIu64 " entries are in %s.partial; go on with --resume",
                     report.entries, inv->args[0]);
        }
        return err == HF_E_SYSTEM ? EXIT_USAGE : status; /* It is the file. */
    }
    report_it(inv, &report);
    return EXIT_OK;
}

enum exit_status run_backup(const struct invocation *inv)
{
    struct connection c;
    if (strcmp(inv->args[0], "-") == 0) {
        complain("backup: - is no file; give it a name");
        return EXIT_USAGE;
    }
    enum exit_status status = connection_open(&c, inv);
    if (status == EXIT_OK) status = backup(&c);
    connection_close(&c);
    return status;
}
