/* load.h - threads that call as fast as they get answers, and what came of it.
 *
 *     open, join | warm up | measured ... | stop, leave, close
 *
 * Only calls that begin and end in the measured part count. A wrong answer dies.
 *
 * Threads:  load_run() is for the main thread.
 * Time:     the lab's slice, and a quarter of it for warming up; in a tiny slice, as many
 *           more as it takes until a call has ended. */

#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "driver.h"
#include "lab.h"

#include <stdbool.h>
#include <stddef.h>

enum link {
    UNIX_SOCKET,
    TCP,
    TCP_RTT_1MS, /* Through a proxy that adds one millisecond to the round trip. */
};

enum operation {
    GET,
    SET,
};

struct load {
    int            threads;
    enum operation operation;
    size_t         value_size;
    enum link      link;
    int            burners; /* Processes beside it that only burn CPU. */
};

struct load_result {
    double ops_per_s;
    double p99_us;
    double cpu_us_per_op; /* User and system time of this process, all threads. */
};

struct load_result load_run(struct lab *lab, const struct load *load,
                            const struct driver *driver);

#endif
