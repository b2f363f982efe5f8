/* keeper.h - the process that keeps one redis-server running for one application.
 *
 *     application --fork--> (intermediate) --fork--> keeper --fork--> redis-server
 *          |                                            |
 *          +----------------- leash --------------------+
 *
 * The keeper starts redis-server and starts it again when it dies. It stops it and removes
 * the run folder when told to over the leash, when the leash's other end is closed, or when
 * the application's process ends, which it sees by pidfd: however the application goes, and
 * whichever of its threads go before. Should the keeper itself be killed, the kernel kills
 * the server.
 *
 * It ignores SIGTERM, SIGINT and SIGHUP: when a whole service is told to end, the cache stays
 * until the application has gone.
 *
 * Threads:  one. It begins as the fork of a process that may have many, so it makes system
 *           calls only: no allocation, no stdio, no lock.
 * Time:     a server that died is started again after HF_KEEPER_PAUSE_MIN_MS, doubled each
 * time it dies young, up to HF_KEEPER_PAUSE_MAX_MS. */

#ifndef HF_TOPOLOGY_KEEPER_H
#define HF_TOPOLOGY_KEEPER_H

#include "topology/run_folder.h"

#include <limits.h>
#include <stdbool.h>

enum {
    HF_KEEPER_PAUSE_MIN_MS = 100,
    HF_KEEPER_PAUSE_MAX_MS = 2000,
    HF_KEEPER_YOUNG_MS = 1000,
    HF_KEEPER_GRACE_MS =
        5000, /* For a server that keeps data, between SIGTERM and SIGKILL. */
};

/* Everything the keeper must know, by value, because it sheds the application's heap. */
struct hf_keeper_plan {
    int  leash;       /* A stream socket. */
    int  application; /* A pidfd. */
    char application_pid[16];
    char run_folder[HF_RUN_FOLDER_MAX];
    char socket[HF_RUN_FOLDER_MAX + 16];
    char data_folder[PATH_MAX]; /* Kept and locked; "" when nothing is to be kept. */
    char program[PATH_MAX];     /* redis-server */
};

/* What it says over the leash, once, when all is locked and before the server starts. */
struct hf_keeper_report {
    pid_t keeper;
    int   error; /* An errno, EAGAIN when the data folder is another's; then it is gone. */
};

/* Be the keeper: in the second fork, with all signals blocked. */
_Noreturn void hf_keeper_run(const struct hf_keeper_plan *plan);

#endif
