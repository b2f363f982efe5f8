#include "bar.h"
#include "connection.h"
#include "json.h"
#include "quantity.h"

#include <holdfast/warm.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    ONLY_MISSING,
    RATE,
    CONCURRENCY,
    TTL,
    SKIP
}; /* In the order of the command's flags. */

struct run {
    const char *path;
    uint64_t    size; /* Of the file; 0: not known. */
    hf_instant  begun;
    struct bar  bar;
};

static bool read_how(const struct invocation *inv, struct hf_warm *how, uint64_t *skip)
{
    uint64_t rate = 0, concurrency = 0;
    if (!quantity_count("--rate", inv->values[RATE], 1, UINT32_MAX, &rate) ||
        !quantity_count("--concurrency", inv->values[CONCURRENCY], 1, HF_WARM_CONCURRENCY_MAX,
                        &concurrency) ||
        !quantity_count("--skip", inv->values[SKIP], 0, UINT64_MAX, skip) ||
        !quantity_ttl("--ttl", inv->values[TTL], &how->ttl)) {
        return false;
    }
    how->only_missing = inv->values[ONLY_MISSING] != NULL;
    how->rate = (uint32_t)rate;
    how->concurrency = (uint32_t)concurrency;
    return true;
}

static void on_failure(const struct hf_warm_failure *failure, void *ctx)
{
    struct run *run = ctx;
    bar_wipe(&run->bar);
    complain("%s:%" PRIu64 ": %s", run->path, failure->position, failure->detail);
}

static bool on_progress(const struct hf_warm_progress *p, void *ctx)
{
    struct run  *run = ctx;
    const double seconds = (double)hf_between(run->begun, hf_now()).ns / 1e9;
    bar_show(&run->bar, run->size ? (double)p->offset / (double)run->size : -1,
             "%" PRIu64 " stored, %" PRIu64 " there, %" PRIu64 " failed, %.0f/s", p->stored,
             p->present, p->failed, (double)(p->stored + p->present) / (seconds + 1e-9));
    return true;
}

static void report(const struct invocation *inv, const struct hf_warm_progress *p)
{
    if (inv->json) {
        json_begin();
        json_count("lines", p->position);
        json_count("stored", p->stored);
        json_count("present", p->present);
        json_count("failed", p->failed);
        json_count("bytes", p->bytes);
        json_end();
        return;
    }
    printf("%" PRIu64 " stored", p->stored);
    if (inv->values[ONLY_MISSING]) printf(", %" PRIu64 " there already", p->present);
    if (p->failed) printf(", %" PRIu64 " failed", p->failed);
    putchar('\n');
}

static enum exit_status warm(struct connection *c)
{
    const struct invocation *inv = c->inv;
    const bool               is_stdin = strcmp(inv->args[0], "-") == 0;
    struct run run = { .path = is_stdin ? "/dev/stdin" : inv->args[0], .begun = hf_now() };
    struct hf_warm how = { .failure = on_failure, .progress = on_progress, .ctx = &run };
    struct hf_warm_progress done = { 0 };
    struct stat             file;
    if (!read_how(inv, &how, &done.position)) return EXIT_USAGE;
    if (stat(run.path, &file) == 0 && S_ISREG(file.st_mode))
        run.size = (uint64_t)file.st_size;

    bar_begin(&run.bar, inv);
    const hf_err err = hf_cache_warm_file(c->cache, NULL, &how, run.path, &done, &c->error);
    bar_end(&run.bar);
    if (err == HF_E_SYSTEM) {
        complain("%s", c->error.detail);
        return EXIT_USAGE;
    }
    if (err) {
        const enum exit_status status = connection_fail(c, err);
        if (done.position) {
            complain("%" PRIu64 " lines are done; go on with --skip %" PRIu64, done.position,
                     done.position);
        }
        return status;
    }
    report(inv, &done);
    return done.failed ? EXIT_MISS : EXIT_OK;
}

enum exit_status run_warm(const struct invocation *inv)
{
    struct connection c;
    enum exit_status  status = connection_open(&c, inv);
    if (status == EXIT_OK) status = warm(&c);
    connection_close(&c);
    return status;
}
