/* pairs.h - a row measured side by side.
 *
 *     run 1: ours, peer    run 2: ours, peer    run 3: ours, peer   ...
 *
 * A shared machine is fast and slow by turns, and runs differ by 15 to 30 %. Two figures
 * taken one right after the other have seen the same machine, so the ratio is formed in each
 * run, and the median of the ratios is the row's. It may differ from the ratio of the
 * medians.
 *
 * Threads:  the main thread. */

#ifndef BENCH_PAIRS_H
#define BENCH_PAIRS_H

#include "row.h"

enum { RUNS_MAX = 101 };

struct outcome {
    double ours; /* Medians. */
    double peer; /* NAN without a peer. */
    double ratio;
    double low; /* Quartiles of what the bound is about: the ratio, or ours alone. */
    double high;
    bool   met;
};

/* Told before each figure: half-runs done and to do. */
typedef void (*progress_fn)(const struct row *row, int done, int total, void *ctx);

struct outcome measure_row(struct lab *lab, const struct row *row, int runs,
                           progress_fn progress, void *ctx);

/* Of at most RUNS_MAX figures. */
double median(const double *figures, int count);

#endif
