/* history.h - the whole run in steps of a tenth of a second, for drawing and for the report.
 *
 * Threads:  one writes and draws; nobody else.
 * Memory:   fixed: about 20 KiB; what comes after HISTORY_MAX steps is not kept. */

#ifndef CLI_DEMO_HISTORY_H
#define CLI_DEMO_HISTORY_H

#include "meter.h"

#include <stddef.h>
#include <stdint.h>

enum { HISTORY_MAX = 600, STEP_MS = 100 };

enum breaker { BREAKER_CLOSED, BREAKER_HALF_OPEN, BREAKER_OPEN };

/* What happened in one step. */
struct step {
    uint32_t     requests;
    uint32_t     hits;
    hf_duration  p50;
    hf_duration  p99;
    hf_duration  max;
    enum breaker breaker; /* The worst seen in the step. */
    int          fault;   /* Index, or -1. */
};

struct history {
    struct step steps[HISTORY_MAX];
    size_t      count;
};

/* What came between two readings of the meters. */
void history_add(struct history *h, const struct tally *tally, const struct tally *earlier,
                 enum breaker breaker, int fault);

/* Several steps as one: sums, and the worst of each. from < to <= count. */
struct step history_merge(const struct history *h, size_t from, size_t to);

/* Hits per request, 0 to 1; 0 without requests. */
double step_hit_rate(const struct step *s);

const char *breaker_name(enum breaker breaker);

#endif
