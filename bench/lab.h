/* lab.h - what every measurement needs: a server of its own, filled with values, and how
 * long to measure.
 *
 * Threads:  the main thread.
 * Memory:   lab_close() frees everything and stops the server. */

#ifndef BENCH_LAB_H
#define BENCH_LAB_H

#include "server.h"

#include <holdfast/bytes.h>
#include <holdfast/time.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    SMALL_VALUE = 64,
    MEGABYTE_VALUE = 1024 * 1024,
    HUGE_VALUE = 16 * 1024 * 1024,
    DATASETS_MAX = 4,
};

/* `count` keys "bench:SIZE:000000000042" on the server, all with the same value. */
struct dataset {
    size_t           count;
    struct hf_bytes *keys;
    struct hf_bytes  value;
    char            *memory; /* Behind keys and value. */
};

struct lab {
    struct server  server;
    hf_duration    slice; /* How long one figure is measured. */
    bool           tiny;  /* A smoke run: do little of everything. */
    struct dataset datasets[DATASETS_MAX];
    size_t         dataset_count;
};

void lab_open(struct lab *lab, hf_duration slice, bool tiny);
void lab_close(struct lab *lab);

/* The keys whose values have this size; written to the server when first asked for. */
const struct dataset *lab_dataset(struct lab *lab, size_t value_size);

#endif
