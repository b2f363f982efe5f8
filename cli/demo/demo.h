/* demo.h - the state of a run, as the sampler keeps it and as view and report read it.
 *
 *     the application  -- meters -->  demo_sample()  -->  history, events, sums
 *     the fault script -- phases -->        |
 *     the library      -- health -->        +-->  view.c (terminal), report.c (lines, table)
 *
 * Threads:  everything here belongs to the main thread. */

#ifndef CLI_DEMO_DEMO_H
#define CLI_DEMO_DEMO_H

#include "app.h"
#include "faults.h"
#include "history.h"

#include <holdfast/health.h>

enum { DEMO_SECONDS = 25, EVENTS_MAX = 64, EVENT_TEXT_MAX = 80 };

struct event {
    hf_duration at; /* Since the start. */
    bool        bad;
    char        text[EVENT_TEXT_MAX];
};

struct demo {
    struct hf_client *client;
    struct app        app;
    struct faults     faults;
    hf_instant        started;
    hf_duration       elapsed; /* At the last sample. */

    struct tally   total;             /* As last read; its max is of the whole run. */
    struct tally   healthy;           /* While no fault was under way ... */
    struct tally   hurt[FAULT_COUNT]; /* ... and during each. */
    struct history history;

    struct hf_health health;
    uint64_t         breaker_opened;
    uint64_t         breaker_closed;
    enum breaker     breaker;
    enum breaker     breaker_worst; /* Since the last step. */
    enum fault_phase phases[FAULT_COUNT];
    int              fault_seen; /* Since the last step; -1: none. */

    struct event events[EVENTS_MAX]; /* A ring: event number n is at n % EVENTS_MAX. */
    size_t       event_count;
};

/* Begins an empty run now. */
void demo_init(struct demo *d, struct hf_client *client);

/* Looks at breaker and faults; every few milliseconds, so that no change is missed. */
void demo_watch(struct demo *d);

/* Closes one step of the history; every STEP_MS. */
void demo_step(struct demo *d);

/* The fault under way or in recovery, or -1. */
int demo_fault(const struct demo *d);

#endif
