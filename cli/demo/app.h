/* app.h - the application under test: threads that answer requests through the cache.
 *
 * A request asks for a page. It is read from the cache; on a miss it is computed and stored;
 * when the cache cannot say, it is computed. Every value read is compared with what was once
 * stored, every call is timed against its deadline. Requests are paced; what a thread could
 * not begin in time because a call held it up is not made up for.
 *
 * Threads:  start and stop belong to one; the meters can be read meanwhile.
 * Memory:   fixed. */

#ifndef CLI_DEMO_APP_H
#define CLI_DEMO_APP_H

#include "faults.h"
#include "meter.h"

#include <holdfast/cache.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum {
    APP_THREADS = 16,
    APP_REQUESTS_PER_SECOND = 3000, /* Of all threads together. */
    APP_PAGES = 1000,
    APP_PAGE_SIZE_MAX = 2048,
    APP_TTL_MS_MIN = 4000, /* Entries expire at different times, as everywhere. */
    APP_TTL_MS_MAX = 12000,
    APP_DEADLINE_MS = 100,
    APP_OVERRUN_MS = 20, /* More than this past the deadline is a broken promise. */
};

struct app;

struct app_thread {
    struct app  *app;
    unsigned     number;
    pthread_t    thread;
    struct meter meter;
};

struct app {
    struct hf_cache  *cache;
    struct faults    *faults;
    atomic_bool       stopping;
    unsigned          started; /* Threads that run. */
    struct app_thread threads[APP_THREADS];
};

/* False when the threads cannot be started; app_stop() is due either way. */
bool app_start(struct app *app, struct hf_cache *cache, struct faults *faults);
void app_stop(struct app *app);

/* Sums what all threads counted. */
void app_read(struct app *app, struct tally *tally);

#endif
