/* history_play.h - many threads at random operations under random faults, and the verdict.
 *
 *     struct history_report report;
 *     history_play(&(struct history_plan){ .seed = 42, .operations = 20000 }, &report);
 *     assert_int_equal(report.wrong, 0);
 *
 * Reads, writes, deletes, invalidations by tag, increments and get-or-loads on a few keys,
 * through a client, a cache and a near cache, with all faults a network has (but no lies
 * about values, which a plain GET cannot see through) and a server with an append-only file
 * that is killed and hung. Which operations and which faults follows from the seed; how they
 * meet does not.
 *
 * Threads:  its own.
 * Errors:   a test fails when a call outlives its deadline or something leaks (scenario.h).
 */

#ifndef HF_TESTS_HISTORY_PLAY_H
#define HF_TESTS_HISTORY_PLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct history_plan {
    uint64_t seed;
    unsigned operations; /* By all threads. */
    bool     near;       /* With a near cache. */
};

struct history_report {
    size_t deeds;                          /* Noted. */
    size_t wrong;                          /* Reads that cannot have been. */
    long   acknowledged, unknown, counted; /* Increments. */
    long   storms, outages;
};

void history_play(const struct history_plan *plan, struct history_report *report);

/* No read is wrong, and acknowledged <= counted <= acknowledged + unknown. */
bool history_holds(const struct history_report *report);

#endif
