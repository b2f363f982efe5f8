/* driver.h - one way for many threads to talk to Redis: ours, or a rival's.
 *
 * A driver opens what the threads share, each thread joins, calls and leaves.
 *
 * Threads:  open and close in the main thread; the others in the thread that joined.
 * Errors:   open and join die; get and set return false for anything but the right answer. */

#ifndef BENCH_DRIVER_H
#define BENCH_DRIVER_H

#include "lab.h"

#include <holdfast/bytes.h>
#include <stdbool.h>

struct driver {
    const char *name;
    void *(*open)(struct lab *lab, const struct address *address);
    void (*close)(void *shared);
    void *(*join)(void *shared);
    void (*leave)(void *caller);
    bool (*get)(void *caller, struct hf_bytes key, struct hf_bytes expected);
    bool (*set)(void *caller, struct hf_bytes key, struct hf_bytes value);
};

extern const struct driver holdfast;        /* One client for all threads, by default. */
extern const struct driver holdfast_tls;    /* The same over TLS, whatever the address. */
extern const struct driver cached;          /* The same through hf_cache; small values. */
extern const struct driver own_connection;  /* hiredis, one connection per thread. */
extern const struct driver pool20;          /* hiredis, 20 connections behind a mutex. */
extern const struct driver connect_per_get; /* hiredis, a connection per call. */

#endif
