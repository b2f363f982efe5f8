#include "pairs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Between neighbours it is interpolated. */
static double quantile(const double *figures, int count, double q)
{
    double       sorted[RUNS_MAX];
    const double rank = q * (count - 1);
    const int    below = (int)rank;
    memcpy(sorted, figures, (size_t)count * sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, by_size);
    if (below + 1 >= count) return sorted[count - 1];
    return sorted[below] + (rank - below) * (sorted[below + 1] - sorted[below]);
}

double median(const double *figures, int count)
{
    return quantile(figures, count, 0.5);
}

static double compare(enum comparison comparison, double ours, double peer)
{
    switch (comparison) {
    case OURS_OVER_PEER: return ours / peer;
    case PEER_OVER_OURS: return peer / ours;
    case OURS_ALONE: break;
    }
    return NAN;
}

static bool is_met(const struct row *row, double figure)
{
    switch (row->bound_kind) {
    case AT_LEAST: return figure >= row->bound;
    case AT_MOST: return figure <= row->bound;
    case EXACTLY: break;
    }
    return figure == row->bound;
}

struct outcome measure_row(struct lab *lab, const struct row *row, int runs,
                           progress_fn progress, void *ctx)
{
    double    ours[RUNS_MAX];
    double    peer[RUNS_MAX];
    double    ratio[RUNS_MAX];
    const int sides = row->peer.measure ? 2 : 1;

    for (int i = 0; i < runs; i++) {
        progress(row, i * sides, runs * sides, ctx);
        ours[i] = row->ours.measure(lab, &row->load, row->ours.driver);
        peer[i] = NAN;
        if (row->peer.measure) {
            progress(row, i * sides + 1, runs * sides, ctx);
            peer[i] = row->peer.measure(lab, &row->load, row->peer.driver);
        }
        ratio[i] = compare(row->comparison, ours[i], peer[i]);
    }

    const double *judged = row->comparison == OURS_ALONE ? ours : ratio;
    return (struct outcome){
        .ours = quantile(ours, runs, 0.5),
        .peer = row->peer.measure ? quantile(peer, runs, 0.5) : NAN,
        .ratio = row->comparison == OURS_ALONE ? NAN : quantile(ratio, runs, 0.5),
        .low = quantile(judged, runs, 0.25),
        .high = quantile(judged, runs, 0.75),
        .met = is_met(row, quantile(judged, runs, 0.5)),
    };
}
