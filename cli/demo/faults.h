/* faults.h - the harm done to Redis, one after the other, and how long recovery took.
 *
 *     3 s   7 s   11 s   15 s   19 s          25 s
 *     STOP  KILL  MEMORY DROP   PAUSE
 *
 * One thread plays the script. After each fault it asks Redis itself, by a connection of its
 * own, until that answers: then Redis is back. The application reports each cache hit; the
 * first after that instant ends the recovery.
 *
 * Threads:  faults_start and faults_stop belong to one; faults_hit() may be called by all;
 *           faults_view() by any. */

#ifndef CLI_DEMO_FAULTS_H
#define CLI_DEMO_FAULTS_H

#include <holdfast/time.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum { FAULT_COUNT = 5, SOCKET_PATH_MAX = 108 };

enum fault_phase {
    FAULT_TO_COME,
    FAULT_UNDER_WAY, /* Redis is being hurt. */
    FAULT_RECOVERY,  /* Redis is back, the first hit is not. */
    FAULT_OVER,
    FAULT_FAILED, /* It could not be made, or Redis did not come back. */
};

/* What each fault is; the rows are in faults.c. */
struct fault_info {
    const char *name;  /* "SIGSTOP" */
    const char *story; /* "Redis hangs: it accepts and never answers" */
    char        mark;  /* One letter for the history. */
    unsigned    at_ms; /* When it comes, after the start. */
};

/* How one went. */
struct fault {
    _Atomic enum fault_phase phase;
    _Atomic int64_t          began_ns; /* Instants. */
    _Atomic int64_t          back_ns;  /* Redis answers again; 0: not yet. */
    _Atomic int64_t          hit_ns;   /* First hit after that; 0: not yet. */
};

struct faults {
    pthread_t    thread;
    hf_instant   started;
    char         socket_path[SOCKET_PATH_MAX];
    atomic_int   current; /* Index of the one under way or in recovery; -1: none. */
    atomic_bool  stopping;
    atomic_bool  finished; /* The script is over. */
    _Atomic long server_pid;
    struct fault each[FAULT_COUNT];
};

const struct fault_info *fault_info(size_t index);

/* False when the thread cannot be started. */
bool faults_start(struct faults *f, hf_instant started, const char *socket_path);

/* Ends the script early if need be; Redis is left in a state in which it can be stopped. */
void faults_stop(struct faults *f);

/* The application had a cache hit that ended at now. A nanosecond while nothing recovers. */
void faults_hit(struct faults *f, hf_instant now);

/* From Redis being back to the first hit; meaningless unless the phase is FAULT_OVER. */
hf_duration fault_recovery(const struct fault *fault);

#endif
