/* chaos.h - tasks worked off by processes that are killed, on a server that comes and goes.
 *
 *     int main(int argc, char **argv)
 *     {
 *         if (chaos_is_worker(argc, argv)) return chaos_work(argv);
 *         ...                              in a test: chaos_play(&plan);
 *     }
 *
 * Six processes run a worker each. Spread over the work, processes are killed and started
 * again, and the server is killed and started, or stands still for a while. At the end:
 * every task is in success, by the run whose token was the last; its effect, guarded by the
 * token, happened exactly once; no more runs began than tasks, kills times threads and
 * recovered leases together; statistics, indexes and records agree.
 *
 * Threads:  the test's own. The workers are this program, executed again; they go when the
 *           test goes. */

#ifndef HF_TESTS_CHAOS_H
#define HF_TESTS_CHAOS_H

#include <stdbool.h>
#include <stdint.h>

struct chaos_plan {
    uint32_t tasks;
    uint32_t kills;    /* Of worker processes. */
    uint32_t hangs;    /* Of the server. */
    uint32_t restarts; /* Of the server, by SIGKILL. */
    bool     proxy;    /* A proxy between workers and server that resets connections. */
    uint64_t seed;     /* Printed by the test. */
};

bool chaos_is_worker(int argc, char **argv);

/* The worker's main(); returns only when it cannot begin. */
int chaos_work(char **argv);

/* Fails the calling test when a promise is broken. */
void chaos_play(const struct chaos_plan *plan);

/* From the environment variable HF_SEED, else by chance; printed. */
uint64_t chaos_seed(void);

#endif
