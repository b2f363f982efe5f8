/* row.h - one line of the benchmark: two ways to do the same work, and what to expect.
 *
 *     ours: measure(lab, row->ours) -> 231000 op/s \
 *                                                    ratio 2.75, to be at least 2.0
 *     peer: measure(lab, row->peer) ->  84000 op/s /
 *
 * A figure is one repetition's result, in the unit of the row. A measurement that cannot be
 * made ends the program by die() with one line that says why: half a table is no table.
 *
 * Threads:  figures are taken one at a time, from the main thread.
 * Memory:   rows are constants. */

#ifndef BENCH_ROW_H
#define BENCH_ROW_H

#include "lab.h"
#include "load.h"

#include <stdbool.h>
#include <stddef.h>

/* Takes one figure: a load put on by a driver. Measurements that are made in another way
 * ignore one or both. */
typedef double (*measure_fn)(struct lab *lab, const struct load *load,
                             const struct driver *driver);

struct side {
    measure_fn           measure; /* NULL: the row has no peer; NAN: it is not installed. */
    const struct driver *driver;
};

enum comparison {
    OURS_OVER_PEER, /* ours / peer */
    PEER_OVER_OURS, /* peer / ours: where small is good, so that more is still better. */
    OURS_ALONE,     /* No peer: the bound is on the figure itself. */
};

enum bound_kind {
    AT_LEAST,
    AT_MOST,
    EXACTLY,
};

struct row {
    const char     *name;
    const char     *what; /* For people, one sentence part. */
    const char     *unit; /* Of both figures. */
    enum comparison comparison;
    enum bound_kind bound_kind;
    double          bound;
    struct side     ours;
    struct side     peer;
    struct load     load;
};

/* Every row there is, in the order of the table. */
extern const struct row rows[];
extern const size_t     row_count;

#endif
