#include "doctor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PINGS = 100, PINGS_S_MAX = 10, CLOCK_TRIES = 5 };

/* In milliseconds. */
static const double far_ms = 5, stall_ms = 100, skew_ms = 500, bad_skew_ms = 30000;

/* ---- Latency ------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The least that so many of a hundred were no longer than. */
static double percentile(const double *sorted, size_t count, size_t percent)
{
    const size_t rank = (count * percent + 99) / 100;
    return sorted[rank ? rank - 1 : 0];
}

static void say_latency(struct doctor *d, double *ms, size_t count, size_t failed)
{
    qsort(ms, count, sizeof *ms, compare);
    const double p50 = percentile(ms, count, 50), p99 = percentile(ms, count, 99);
    const double max = ms[count - 1];
    const bool   is_far = p50 > far_ms, is_stalling = max > stall_ms;
    doctor_say(d,
               failed                  ? LEVEL_PROBLEM
               : is_far || is_stalling ? LEVEL_WARNING
                                       : LEVEL_OK,
               "latency",
               failed        ? "See the server's log, and the network between."
               : is_far      ? "Far away, or busy: a cache should be near who uses it."
               : is_stalling ? "Something holds it up: SLOWLOG GET, swapping, a busy machine."
                             : NULL,
               "%zu pings: p50 %.3f ms, p90 %.3f ms, p99 %.3f ms, max %.3f ms; %zu failed",
               count, p50, percentile(ms, count, 90), p99, max, failed);
}

static void check_latency(struct doctor *d)
{
    const char *const words[] = { "PING" };
    const hf_instant  begun = hf_now();
    double            ms[PINGS];
    size_t            count = 0, failed = 0;
    while (count + failed < PINGS &&
           hf_between(begun, hf_now()).ns < hf_seconds(PINGS_S_MAX).ns) {
        struct hf_reply *reply;
        const hf_instant sent = hf_now();
        if (doctor_ask(d, words, 1, &reply)) {
            failed++;
            continue;
        }
        ms[count++] = (double)hf_between(sent, hf_now()).ns / 1e6;
        hf_reply_free(reply);
    }
    if (count) {
        say_latency(d, ms, count, failed);
    } else {
        doctor_say(d, LEVEL_PROBLEM, "latency", "See the server's log.",
                   "no ping was answered");
    }
}

/* ---- Clocks -------------------------------------------------------------------- */

static double wall_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* By how much the server's clock is ahead, and how far that may be off. */
static hf_err compare_clocks(struct doctor *d, double *ahead, double *error)
{
    const char *const words[] = { "TIME" };
    struct hf_reply  *reply;
    int64_t           seconds = 0, micros = 0;
    const double      before = wall_ms();
    hf_err            err = doctor_ask(d, words, 1, &reply);
    const double      after = wall_ms();
    if (err) return err;

    err = hf_reply_int(hf_reply_at(reply, 0), &seconds);
    if (!err) err = hf_reply_int(hf_reply_at(reply, 1), &micros);
    hf_reply_free(reply);
    *ahead = (double)seconds * 1e3 + (double)micros / 1e3 - (before + after) / 2;
    *error = (after - before) / 2;
    return err;
}

static void check_clock(struct doctor *d)
{
    double ahead = 0, error = HUGE_VAL;
    hf_err err = HF_OK;
    for (int i = 0; i < CLOCK_TRIES && !err; i++) {
        double a = 0, e = 0;
        err = compare_clocks(d, &a, &e);
        if (err || e >= error) continue;
        ahead = a;
        error = e;
    }
    if (err) {
        doctor_say(d, LEVEL_WARNING, "clock", "To compare clocks: ACL SETUSER NAME +time.",
                   "TIME: %s", hf_err_text(err));
        return;
    }
    const double skew = fabs(ahead) - error;
    doctor_say(d,
               skew > bad_skew_ms ? LEVEL_PROBLEM
               : skew > skew_ms   ? LEVEL_WARNING
                                  : LEVEL_OK,
               "clock",
               skew > skew_ms
                   ? "Entries expire by it too early or too late: let both machines "
                     "take their time from NTP."
                   : NULL,
               "the server's is %.1f ms %s (give or take %.1f ms)", fabs(ahead),
               ahead < 0 ? "behind" : "ahead", error);
}

/* ---- An entry ------------------------------------------------------------------ */

/* Why a step failed, or HF_OK. */
static hf_err go_round(struct doctor *d, struct hf_bytes key, const char **step)
{
    const struct hf_set how = { .ttl = hf_seconds(10) };
    struct hf_value    *value;
    *step = "storing";
    hf_err err = hf_cache_set(d->c.cache, NULL, key, hf_str("doctor"), &how, &d->c.error);
    if (err) return err;

    *step = "reading";
    err = hf_cache_get(d->c.cache, NULL, key, &value, &d->c.error);
    if (!err) hf_value_release(value);

    struct hf_error late;
    const hf_err deleted = hf_cache_delete(d->c.cache, NULL, key, err ? &late : &d->c.error);
    if (err) return err;
    *step = "deleting";
    return deleted;
}

static const char *advice_for(hf_err err)
{
    switch (err) {
    case HF_E_NOPERM:
        return "Which rights a cache needs, docs/guide/security.md has as an ACL SETUSER: "
               "~PREFIX@* ~lease{PREFIX@* +@read +@write and some more.";
    case HF_E_READONLY: return "Give the URL of the master.";
    case HF_E_OOM:
        return "It is full: raise maxmemory, or set a maxmemory-policy that evicts.";
    case HF_E_MISCONF: return "It cannot save: see its log, or CONFIG SET save \"\".";
    case HF_E_NOREPLICAS:
        return "Fewer replicas are connected than min-replicas-to-write asks for.";
    case HF_E_CLUSTERDOWN: return "Its cluster has slots that nobody serves: CLUSTER INFO.";
    case HF_MISS: return "It was gone at once: is maxmemory too small, or a clock far off?";
    default: return "See the server's log.";
    }
}

static void check_entry(struct doctor *d)
{
    char             key[64];
    const char      *step;
    const hf_instant start = hf_now();
    snprintf(key, sizeof key, "holdfast-doctor:%ld", (long)getpid());
    d->c.error.detail[0] = '\0';
    const hf_err err = go_round(d, hf_str(key), &step);
    if (err) {
        doctor_say(d, LEVEL_PROBLEM, "entry", advice_for(err), "%s one: %s: %s", step,
                   hf_err_text(err), d->c.error.detail);
    } else {
        doctor_say(d, LEVEL_OK, "entry", NULL, "stored, read and deleted in %.3f ms",
                   (double)hf_between(start, hf_now()).ns / 1e6);
    }
}

void doctor_measure(struct doctor *d)
{
    check_latency(d);
    check_clock(d);
    check_entry(d);
}
