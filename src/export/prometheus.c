#include "export/prometheus.h"

#include <holdfast/health.h>
#include <holdfast/stats.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one client had to say, read once for all of its series. */
struct reading {
    char                      label[2 * HF_EXPORTER_NAME_MAX + 1]; /* Its name, escaped. */
    struct hf_health          health;
    struct hf_stats           stats;
    struct hf_latency_buckets latency[HF_LATENCY_COUNT];
    bool                      has_redis;
    uint64_t                  redis[HF_REDIS_INFO_COUNT];
};

/* What one task manager had to say. */
struct tasks_reading {
    const char            *client; /* Its label. */
    char                   label[2 * HF_EXPORTER_NAME_MAX + 1];
    struct hf_source_tasks found;
};

struct page {
    FILE                 *to;
    struct reading       *readings;
    size_t                count;
    struct tasks_reading *tasks;
    size_t                tasks_count;
};

static void escape(const char *name, char *to)
{
    for (; *name; name++) {
        if (*name == '\\' || *name == '"' || *name == '\n') *to++ = '\\';
        *to++ = *name == '\n' ? 'n' : *name;
    }
    *to = '\0';
}

static void read_client(const struct hf_shown *shown, struct reading *r)
{
    escape(shown->name, r->label);
    hf_health_get(shown->client, &r->health);
    hf_stats_get(shown->client, &r->stats);
    for (enum hf_latency_of what = 0; what < HF_LATENCY_COUNT; what++) {
        hf_stats_buckets(shown->client, what, &r->latency[what]);
    }
}

static void read_collected(struct page *p, struct hf_collector *c,
                           const struct hf_shown *shown, struct reading *r)
{
    struct hf_source s;
    r->has_redis = hf_collector_find(c, shown->client, HF_SOURCE_REDIS, 0, &s);
    if (r->has_redis) memcpy(r->redis, s.found.redis, sizeof r->redis);
    for (size_t i = 0; hf_collector_find(c, shown->client, HF_SOURCE_TASKS, i, &s); i++) {
        if (p->tasks_count == HF_EXPORTER_TASKS_MAX) return;
        struct tasks_reading *t = &p->tasks[p->tasks_count++];
        t->client = r->label;
        t->found = s.found.tasks;
        escape(s.prefix, t->label);
    }
}

static void begin(const struct page *p, const char *name, const char *kind, const char *help)
{
    fprintf(p->to, "# HELP holdfast_%s %s.\n# TYPE holdfast_%s %s\n", name, help, name, kind);
}

static double seconds(hf_duration d)
{
    return (double)d.ns / 1e9;
}

/* ---- Statistics ---------------------------------------------------------------- */

/* Rows that differ in the category of an error only are one metric with a label. */
static const struct by_category {
    const char *prefix;
    const char *help;
} errors[] = {
    { "errors_", "Calls that failed, by the category of the error" },
    { "cache_errors_", "Operations of caches that failed, by the category of the error" },
};

static const char cache_errors[] = "cache_errors"; /* Their sum, which has no label. */

enum { ERRORS = sizeof errors / sizeof errors[0] };

static bool is_of(const struct hf_stat_info *row, const struct by_category *by)
{
    return strncmp(row->name, by->prefix, strlen(by->prefix)) == 0;
}

static bool is_error(const struct hf_stat_info *row)
{
    for (size_t i = 0; i < ERRORS; i++) {
        if (is_of(row, &errors[i])) return true;
    }
    return strcmp(row->name, cache_errors) == 0;
}

static void write_errors(const struct page *p, const struct by_category *by)
{
    const struct hf_stat_info *row;
    char                       name[64];
    snprintf(name, sizeof name, "%stotal", by->prefix);
    begin(p, name, "counter", by->help);
    for (size_t i = 0; (row = hf_stat_at(i)); i++) {
        for (size_t k = 0; k < p->count && is_of(row, by); k++) {
            fprintf(p->to, "holdfast_%s{client=\"%s\",category=\"%s\"} %" PRIu64 "\n", name,
                    p->readings[k].label, row->name + strlen(by->prefix),
                    hf_stat_value(&p->readings[k].stats, i));
        }
    }
}

static void write_stats(const struct page *p)
{
    const struct hf_stat_info *row;
    for (size_t i = 0; (row = hf_stat_at(i)); i++) {
        const bool counts = row->kind == HF_STAT_COUNTER;
        char       name[64];
        if (is_error(row)) continue;
        snprintf(name, sizeof name, "%s%s", row->name, counts ? "_total" : "");
        begin(p, name, counts ? "counter" : "gauge", row->help);
        for (size_t k = 0; k < p->count; k++) {
            fprintf(p->to, "holdfast_%s{client=\"%s\"} %" PRIu64 "\n", name,
                    p->readings[k].label, hf_stat_value(&p->readings[k].stats, i));
        }
    }
}

static void write_histogram(const struct page *p, const struct reading *r,
                            enum hf_latency_of what)
{
    const struct hf_latency_buckets *b = &r->latency[what];
    const char                      *operation = hf_latency_name(what);
    const size_t                     last = HF_LATENCY_BUCKETS - 1;
    for (size_t i = 0; i < last; i++) {
        fprintf(p->to,
                "holdfast_operation_duration_seconds_bucket{client=\"%s\",operation=\"%s\","
                "le=\"%g\"} %" PRIu64 "\n",
                r->label, operation, seconds(hf_latency_bound(i)), b->up_to[i]);
    }
    fprintf(
        p->to,
        "holdfast_operation_duration_seconds_bucket{client=\"%s\",operation=\"%s\","
        "le=\"+Inf\"} %" PRIu64 "\n"
        "holdfast_operation_duration_seconds_sum{client=\"%s\",operation=\"%s\"} %.9f\n"
        "holdfast_operation_duration_seconds_count{client=\"%s\",operation=\"%s\"} %" PRIu64
        "\n",
        r->label, operation, b->up_to[last], r->label, operation, seconds(b->sum), r->label,
        operation, b->up_to[last]);
}

static void write_latency(const struct page *p)
{
    begin(p, "operation_duration_seconds", "histogram", "How long operations took");
    for (size_t k = 0; k < p->count; k++) {
        for (enum hf_latency_of what = 0; what < HF_LATENCY_COUNT; what++) {
            write_histogram(p, &p->readings[k], what);
        }
    }
}

/* ---- Health -------------------------------------------------------------------- */

static bool is_stat(const char *name)
{
    const struct hf_stat_info *row;
    for (size_t i = 0; (row = hf_stat_at(i)); i++) {
        if (strcmp(row->name, name) == 0) return true;
    }
    return false;
}

static double is_up(const struct hf_health *h)
{
    return h->status != HF_STATUS_DOWN;
}

static double check_age(const struct hf_health *h)
{
    return h->checked.ns ? seconds(hf_between(h->checked, hf_now())) : 0;
}

static double check_duration(const struct hf_health *h)
{
    return seconds(h->check_took);
}

static double breaker_failures(const struct hf_health *h)
{
    return h->breaker.failures_in_a_row;
}

static double breaker_next_probe(const struct hf_health *h)
{
    return seconds(h->breaker.next_probe_in);
}

static double breaker_refused(const struct hf_health *h)
{
    return (double)h->breaker.refused;
}

static double is_fence_whole(const struct hf_health *h)
{
    return h->is_fence_whole;
}

static double is_near_well(const struct hf_health *h)
{
    return h->near_error == HF_OK;
}

struct health_row {
    const char *name;
    const char *kind;
    double (*value)(const struct hf_health *h);
    const char *help;
};

/* clang-format off */
static const struct health_row health_rows[] = {
    { "up", "gauge", is_up,
      "Whether the server can be used: 0 when the status is down" },
    { "health_check_age_seconds", "gauge", check_age,
      "Time since the last health check ended" },
    { "health_check_duration_seconds", "gauge", check_duration,
      "How long the last health check took" },
    { "breaker_failures_in_a_row", "gauge", breaker_failures,
      "Failures since the last success" },
    { "breaker_next_probe_seconds", "gauge", breaker_next_probe,
      "Time until an open breaker lets a probe pass; 0 when it is not open" },
    { "breaker_refused_total", "counter", breaker_refused,
      "Calls that the breaker refused" },
    { "fence_whole", "gauge", is_fence_whole,
      "Whether late writes of lost connections are ruled out" },
    { "near_cache_coherent", "gauge", is_near_well,
      "Whether near caches are on, where they are asked for" },
};
/* clang-format on */

static void write_health(const struct page *p)
{
    const struct hf_health_number *number;
    for (size_t i = 0; (number = hf_health_number_at(i)); i++) {
        if (is_stat(number->name)) continue; /* Told there. */
        begin(p, number->name, "gauge", number->help);
        for (size_t k = 0; k < p->count; k++) {
            fprintf(p->to, "holdfast_%s{client=\"%s\"} %" PRIu32 "\n", number->name,
                    p->readings[k].label, hf_health_number(&p->readings[k].health, i));
        }
    }
    for (size_t i = 0; i < sizeof health_rows / sizeof health_rows[0]; i++) {
        const struct health_row *row = &health_rows[i];
        begin(p, row->name, row->kind, row->help);
        for (size_t k = 0; k < p->count; k++) {
            fprintf(p->to, "holdfast_%s{client=\"%s\"} %.9g\n", row->name,
                    p->readings[k].label, row->value(&p->readings[k].health));
        }
    }
}

/* One series for each state, of which one is 1. */
static void write_states(const struct page *p)
{
    begin(p, "status", "gauge", "1 for the status that holds: up, degraded or down");
    for (size_t k = 0; k < p->count; k++) {
        for (enum hf_status s = HF_STATUS_UP; s <= HF_STATUS_DOWN; s++) {
            fprintf(p->to, "holdfast_status{client=\"%s\",status=\"%s\"} %d\n",
                    p->readings[k].label, hf_status_name(s),
                    p->readings[k].health.status == s);
        }
    }
    begin(p, "breaker_state", "gauge", "1 for the state that the circuit breaker is in");
    for (size_t k = 0; k < p->count; k++) {
        const enum hf_breaker_state now = p->readings[k].health.breaker.state;
        for (enum hf_breaker_state s = HF_BREAKER_CLOSED; s <= HF_BREAKER_METRICS_ONLY; s++) {
            fprintf(p->to, "holdfast_breaker_state{client=\"%s\",state=\"%s\"} %d\n",
                    p->readings[k].label, hf_breaker_state_name(s), now == s);
        }
    }
}

/* ---- What Redis said ----------------------------------------------------------- */

static void write_redis(const struct page *p)
{
    for (size_t i = 0; i < HF_REDIS_INFO_COUNT; i++) {
        const struct hf_redis_info_row *row = &hf_redis_info_rows[i];
        const bool                      counts = row->kind == HF_STAT_COUNTER;
        char                            name[64];
        snprintf(name, sizeof name, "redis_%s%s", row->name, counts ? "_total" : "");
        begin(p, name, counts ? "counter" : "gauge", row->help);
        for (size_t k = 0; k < p->count; k++) {
            if (!p->readings[k].has_redis) continue;
            fprintf(p->to, "holdfast_%s{client=\"%s\"} %" PRIu64 "\n", name,
                    p->readings[k].label, p->readings[k].redis[i]);
        }
    }
}

static double tasks_overdue(const struct hf_source_tasks *t)
{
    return seconds(t->overdue);
}

static double tasks_leases(const struct hf_source_tasks *t)
{
    return (double)t->leases;
}

static double tasks_recovered(const struct hf_source_tasks *t)
{
    return (double)t->recovered;
}

static double tasks_mended(const struct hf_source_tasks *t)
{
    return (double)t->mended;
}

static double tasks_set_aside(const struct hf_source_tasks *t)
{
    return (double)t->set_aside;
}

struct tasks_row {
    const char *name;
    const char *kind;
    double (*value)(const struct hf_source_tasks *t);
    const char *help;
};

static const struct tasks_row tasks_rows[] = {
    { "tasks_overdue_seconds", "gauge", tasks_overdue,
      "How long the pending task that waits longest is past its time" },
    { "tasks_leases", "gauge", tasks_leases, "Leases that workers hold" },
    { "tasks_recovered_total", "counter", tasks_recovered, "Leases that expired" },
    { "tasks_mended_total", "counter", tasks_mended,
      "Running tasks without a lease, and leases without a task, put right" },
    { "tasks_set_aside", "gauge", tasks_set_aside, "Damaged records" },
};

static void write_tasks(const struct page *p)
{
    if (p->tasks_count == 0) return;
    begin(p, "tasks", "gauge", "Tasks by their status");
    for (size_t k = 0; k < p->tasks_count; k++) {
        const struct tasks_reading *t = &p->tasks[k];
        for (enum hf_task_status s = 0; s < HF_TASK_STATUSES; s++) {
            fprintf(p->to,
                    "holdfast_tasks{client=\"%s\",prefix=\"%s\",status=\"%s\"} %" PRIu64 "\n",
                    t->client, t->label, hf_task_status_name(s), t->found.by_status[s]);
        }
    }
    for (size_t i = 0; i < sizeof tasks_rows / sizeof tasks_rows[0]; i++) {
        begin(p, tasks_rows[i].name, tasks_rows[i].kind, tasks_rows[i].help);
        for (size_t k = 0; k < p->tasks_count; k++) {
            fprintf(p->to, "holdfast_%s{client=\"%s\",prefix=\"%s\"} %.9g\n",
                    tasks_rows[i].name, p->tasks[k].client, p->tasks[k].label,
                    tasks_rows[i].value(&p->tasks[k].found));
        }
    }
}

/* -------------------------------------------------------------------------------- */

char *hf_prometheus_text(struct hf_collector *collector, const struct hf_shown *shown,
                         size_t count)
{
    char       *text = NULL;
    size_t      size;
    FILE       *to = open_memstream(&text, &size);
    struct page p = {
        .to = to,
        .count = count,
        .readings = calloc(count + 1, sizeof *p.readings),
        .tasks = calloc(HF_EXPORTER_TASKS_MAX, sizeof *p.tasks),
    };
    const bool has_memory = to && p.readings && p.tasks;
    if (has_memory) {
        for (size_t i = 0; i < count; i++) {
            read_client(&shown[i], &p.readings[i]);
            read_collected(&p, collector, &shown[i], &p.readings[i]);
        }
        fprintf(to, "# HELP holdfast_info The library, by its version.\n"
                    "# TYPE holdfast_info gauge\n"
                    "holdfast_info{version=\"" HOLDFAST_VERSION "\"} 1\n");
        write_health(&p);
        write_states(&p);
        for (size_t i = 0; i < ERRORS; i++) write_errors(&p, &errors[i]);
        write_stats(&p);
        write_latency(&p);
        write_redis(&p);
        write_tasks(&p);
    }
    const bool is_whole = has_memory && !ferror(to);
    free(p.readings);
    free(p.tasks);
    if (to && fclose(to) == 0 && is_whole) return text;
    free(text);
    return NULL;
}
