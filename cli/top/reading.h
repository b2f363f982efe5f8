/* reading.h - what a source says at one moment, in one form whatever the source is.
 *
 * `stats` prints one; `top` takes the difference of two.
 *
 * Threads:  none.
 * Memory:   fixed: what there is no room for is left out. Texts can be put on a terminal as
 *           they are. */

#ifndef CLI_TOP_READING_H
#define CLI_TOP_READING_H

#include <holdfast/time.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    READING_ROWS = 160,
    READING_NAME = 40,
    READING_LATENCIES = 16,
    READING_BUCKETS = 64,
    READING_HOT = 100,
    READING_SLOW = 32,
    READING_TASKS = 8,
};

struct reading_row {
    char   name[READING_NAME];
    double value;
    bool   is_gauge; /* Its rate means nothing. */
};

/* In seconds; buckets are cumulative counts up to a bound, the last of all. */
struct reading_latency {
    char   name[READING_NAME];
    double count, p50, p90, p99, p999, max;
    size_t bucket_count;
    double bounds[READING_BUCKETS];
    double counts[READING_BUCKETS];
};

struct reading_hot {
    char   key[120];
    double reads;
};

struct reading_slow {
    double seconds_ago, took;
    char   text[160]; /* Command, error and reason. */
};

struct reading {
    hf_instant             at;
    size_t                 client_count; /* That the source has. */
    size_t                 client;       /* Which of them it is. */
    char                   name[64];
    char                   status[16]; /* "up", "degraded", "down". */
    char                   reason[256];
    char                   endpoint[200];
    char                   breaker[200]; /* "closed", and more in words. */
    char                   breaker_state[16];
    char                   pool[160];
    double                 uptime; /* Seconds, of the exporter or the server; below 0: ? */
    size_t                 row_count, latency_count, hot_count, slow_count, task_count;
    struct reading_row     rows[READING_ROWS];
    struct reading_latency latencies[READING_LATENCIES];
    struct reading_hot     hot[READING_HOT];
    struct reading_slow    slow[READING_SLOW];
    char                   tasks[READING_TASKS][240]; /* "tasks: 3 pending, ..." */
};

void reading_clear(struct reading *r);
void reading_add(struct reading *r, const char *name, double value, bool is_gauge);

/* 0 for what is not there. */
double reading_value(const struct reading *r, const char *name);

/* Of what GET /stats gave: client number `client`, or the one of that name if it is not NULL.
 * False when there is none. */
bool reading_from_stats(struct reading *r, const json_t *stats, size_t client,
                        const char *name);

/* What happened between two readings of the same source: how much a counter grew in each
 * second; 0 for one that began anew. */
double reading_seconds(const struct reading *before, const struct reading *now);
double reading_rate(const struct reading *before, const struct reading *now,
                    const char *name);

/* The latency below which that part (0 to 1) of the calls between them was; below 0 when
 * there was none. */
double reading_quantile(const struct reading *before, const struct reading *now,
                        const char *name, double part);

/* Hits among the reads of a cache between them, 0 to 1; below 0 when there was none. */
double reading_hit_rate(const struct reading *before, const struct reading *now);

#endif
