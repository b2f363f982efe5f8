#include "report.h"

#include "command.h"
#include "json.h"

#include <stdio.h>

static double in_ms(hf_duration d)
{
    return (double)d.ns / 1e6;
}

static double percent(uint64_t part, uint64_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 0;
}

static uint64_t served(const struct tally *t)
{
    return t->counts[METER_HITS] + t->counts[METER_COMPUTED];
}

static size_t faults_over(const struct demo *d)
{
    size_t count = 0;
    for (size_t i = 0; i < FAULT_COUNT; i++) count += d->phases[i] == FAULT_OVER;
    return count;
}

static double recovery_ms_max(const struct demo *d)
{
    double max = 0;
    for (size_t i = 0; i < FAULT_COUNT; i++) {
        if (d->phases[i] != FAULT_OVER) continue;
        const double ms = in_ms(fault_recovery(&d->faults.each[i]));
        if (ms > max) max = ms;
    }
    return max;
}

void report_line(const struct demo *d)
{
    const size_t      steps = 1000 / STEP_MS, count = d->history.count;
    const size_t      from = count > steps ? count - steps : 0;
    const struct step s = history_merge(&d->history, from, count);
    printf("%4.0f s  %5u req/s  hit %5.1f %%  p50 %6.2f  p99 %6.2f  max %6.1f ms  "
           "breaker %-9s %s\n",
           (double)d->elapsed.ns / 1e9, s.requests, 100 * step_hit_rate(&s), in_ms(s.p50),
           in_ms(s.p99), in_ms(s.max), breaker_name(d->breaker),
           s.fault < 0 ? "" : fault_info((size_t)s.fault)->name);
    fflush(stdout);
}

static void put_row(const char *name, const struct tally *t, const char *recovery)
{
    printf("%-13s %8llu %8.1f %% %8.2f %8.1f  %s\n", name,
           (unsigned long long)t->counts[METER_REQUESTS],
           percent(t->counts[METER_HITS], t->counts[METER_REQUESTS]),
           in_ms(meter_quantile(t, NULL, 0.99)), in_ms(t->max), recovery);
}

static void put_rows(const struct demo *d)
{
    puts("\nduring        requests from cache   p99 ms   max ms  hit after");
    put_row("no fault", &d->healthy, "");
    for (size_t i = 0; i < FAULT_COUNT; i++) {
        char recovery[32] = "not made";
        if (d->phases[i] == FAULT_OVER) {
            snprintf(recovery, sizeof recovery, "%.1f ms",
                     in_ms(fault_recovery(&d->faults.each[i])));
        }
        if (d->phases[i] == FAULT_FAILED) snprintf(recovery, sizeof recovery, "failed");
        put_row(fault_info(i)->name, &d->hurt[i], recovery);
    }
}

void report_table(const struct demo *d)
{
    const uint64_t *n = d->total.counts;
    put_rows(d);
    printf("\n%llu requests, %llu served, %llu wrong answers.\n",
           (unsigned long long)n[METER_REQUESTS], (unsigned long long)served(&d->total),
           (unsigned long long)n[METER_WRONG]);
    printf("%llu calls took longer than %d ms, deadline and grace.\n",
           (unsigned long long)n[METER_OVERRUNS], APP_DEADLINE_MS + APP_OVERRUN_MS);
    printf("The machine woke threads up to %.1f ms too late.\n", in_ms(d->total.late));
    printf("%llu reads and %llu writes failed; the answer was computed.\n",
           (unsigned long long)n[METER_FAILED], (unsigned long long)n[METER_UNSTORED]);
    printf("The breaker opened %llu times, closed %llu times, and is %s.\n",
           (unsigned long long)d->breaker_opened, (unsigned long long)d->breaker_closed,
           breaker_name(d->breaker));
    if (d->health.status != HF_STATUS_UP) {
        printf("The cache is %s: %s.\n", hf_status_name(d->health.status), d->health.reason);
    }
}

void report_json(const struct demo *d)
{
    const struct tally *t = &d->total;
    json_begin();
    json_count("requests", t->counts[METER_REQUESTS]);
    json_count("served", served(t));
    json_count("app_errors", t->counts[METER_APP_ERRORS]);
    json_count("wrong_answers", t->counts[METER_WRONG]);
    json_count("deadline_overruns", t->counts[METER_OVERRUNS]);
    json_number("max_latency_ms", in_ms(t->max));
    json_count("breaker_opened", d->breaker_opened);
    json_count("breaker_closed", d->breaker_closed);
    json_number("recovery_ms_max", recovery_ms_max(d));
    json_count("faults", faults_over(d));
    json_end();
}

bool report_verdict(const struct demo *d)
{
    const struct tally *t = &d->total;
    const struct {
        bool        broken;
        const char *complaint;
    } promises[] = {
        { served(t) != t->counts[METER_REQUESTS], "a request was not served" },
        { t->counts[METER_WRONG] > 0, "an answer was wrong" },
        { t->counts[METER_OVERRUNS] > 0, "a call outlived its deadline by over 20 ms" },
        { d->breaker != BREAKER_CLOSED, "the breaker was not closed at the end" },
        { faults_over(d) < FAULT_COUNT, "not every fault was made and recovered from" },
    };
    bool kept = true;
    for (size_t i = 0; i < sizeof promises / sizeof promises[0]; i++) {
        if (!promises[i].broken) continue;
        complain("demo: %s", promises[i].complaint);
        kept = false;
    }
    if (!kept && t->late.ns > hf_ms(APP_OVERRUN_MS).ns) {
        complain("demo: the machine itself was up to %.0f ms late; try when it is less busy",
                 in_ms(t->late));
    }
    return kept;
}
