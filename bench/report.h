/* report.h - figures for people, on the screen, and for programs, as JSON.
 *
 *     name                     ours     peer unit   ratio    bound  half of the runs in
 *     get64_t16_vs_pool20    231.0k    84.1k op/s    2.75  >= 2.00  2.61 to 2.90  met
 *
 * On a terminal a bar shows how far the measuring is; it is gone afterwards.
 *
 * Threads:  the main thread. */

#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "pairs.h"

#include <stdio.h>

void report_head(const struct lab *lab, int runs);
void report_row(const struct row *row, const struct outcome *outcome);

/* Position in the list of rows, for the bar. */
struct position {
    size_t row; /* From 0. */
    size_t rows;
};

/* A progress_fn; ctx is a struct position. */
void report_progress(const struct row *row, int done, int total, void *ctx);

/* One object: {"name", "ours", "peer", "ratio", "unit", "runs"}; null where there is no peer.
 */
void report_json(FILE *file, const struct row *row, const struct outcome *outcome, int runs);

#endif
