#include "child.h"
#include "die.h"
#include "figures.h"
#include "ours.h"
#include "redis.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Figures are taken in fresh processes, so that no memory that something else has given
 * back hides what is taken. */

enum { WAIT_MAX_MS = 20000 };

struct crowd {
    atomic_long ended;
    atomic_long failed;
};

static void call_ended(hf_err err, struct hf_reply *reply, const struct hf_error *error,
                       void *ctx)
{
    struct crowd *crowd = ctx;
    (void)error;
    hf_reply_free(reply);
    if (err) atomic_fetch_add(&crowd->failed, 1);
    atomic_fetch_add(&crowd->ended, 1);
}

static void wait_for(struct crowd *crowd, long count)
{
    const struct timespec pause = { 0, 1000000 };
    for (int i = 0; atomic_load(&crowd->ended) < count; i++) {
        if (i == WAIT_MAX_MS) die("asynchronous calls do not end");
        nanosleep(&pause, NULL);
    }
    if (atomic_load(&crowd->failed)) die("asynchronous calls failed");
}

/* Without what has been freed but not yet given back to the system. */
static double resident_bytes(void)
{
    unsigned long pages = 0;
    malloc_trim(0);
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file || fscanf(file, "%*u %lu", &pages) != 1) die("/proc/self/statm: unreadable");
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static long connections(struct lab *lab)
{
    redisContext *redis = redis_connect(&lab->server.unix_address);
    const long    count = redis_info_number(redis, "connected_clients");
    redisFree(redis);
    return count;
}

struct blocker {
    pthread_t         thread;
    struct hf_client *client;
    const char       *seconds; /* For which the call blocks; NULL: it does not. */
};

static void *block(void *ctx)
{
    const struct blocker *blocker = ctx;
    const struct hf_call  call = { .blocking = blocker->seconds != NULL };
    const struct hf_bytes get[] = { hf_str("GET"), hf_str("bench:none") };
    const struct hf_bytes pop[] = { hf_str("BLPOP"), hf_str("bench:none"),
                                    hf_str(blocker->seconds ? blocker->seconds : "0") };
    struct hf_reply      *reply;
    struct hf_error       error;
    if (hf_client_command(blocker->client, &call, blocker->seconds ? pop : get,
                          blocker->seconds ? 3 : 2, &reply, &error)) {
        die("a call failed: %s", error.detail);
    }
    hf_reply_free(reply);
    return NULL;
}

static void block_in_threads(struct hf_client *client, int count, const char *seconds)
{
    struct blocker *blockers = calloc((size_t)count, sizeof *blockers);
    if (!blockers) die("out of memory");
    for (int i = 0; i < count; i++) {
        blockers[i].client = client;
        blockers[i].seconds = seconds;
        if (pthread_create(&blockers[i].thread, NULL, block, &blockers[i])) {
            die("cannot start a thread");
        }
    }
    for (int i = 0; i < count; i++) pthread_join(blockers[i].thread, NULL);
    free(blockers);
}

/* Calls that block have connections of their own, which are idle afterwards. The first round
 * needs none, and leaves behind what the threads themselves take. */
static double idle_connections(void *ctx)
{
    struct lab       *lab = ctx;
    const int         count = lab->tiny ? 5 : 50;
    struct hf_client *client = ours_open(&lab->server.unix_address, "max_connections", "100");

    block_in_threads(client, count, NULL);
    const long   few = connections(lab);
    const double before = resident_bytes();
    block_in_threads(client, count, "0.3");
    const double bytes = resident_bytes() - before;
    const long   opened = connections(lab) - few;
    hf_client_close(client);
    if (opened < count / 2) die("%d blocking calls had %ld connections", count, opened);
    return bytes / (double)opened;
}

double idle_connection_bytes(struct lab *lab, const struct load *load,
                             const struct driver *driver)
{
    (void)load;
    (void)driver;
    return child_figure(idle_connections, lab);
}

/* The server is stopped, so that all calls wait. */
static double waiting_calls(void *ctx)
{
    struct lab           *lab = ctx;
    const struct dataset *data = lab_dataset(lab, SMALL_VALUE);
    const struct hf_bytes argv[] = { hf_str("GET"), data->keys[0] };
    struct crowd          crowd = { 0 };
    const long            wanted = lab->tiny ? 100 : 10000;
    long                  waiting = 0;
    struct hf_client     *client = ours_open(&lab->server.unix_address, NULL, NULL);

    if (hf_client_command_async(client, NULL, argv, 2, call_ended, &crowd)) die("refused");
    wait_for(&crowd, 1);
    kill(lab->server.redis, SIGSTOP);
    const double before = resident_bytes();
    while (waiting < wanted &&
           !hf_client_command_async(client, NULL, argv, 2, call_ended, &crowd)) {
        waiting++;
    }
    const double bytes = resident_bytes() - before;
    kill(lab->server.redis, SIGCONT);
    wait_for(&crowd, 1 + waiting);
    hf_client_close(client);
    if (waiting < wanted / 10) die("only %ld calls may wait", waiting);
    return bytes / (double)waiting;
}

double waiting_call_bytes(struct lab *lab, const struct load *load,
                          const struct driver *driver)
{
    (void)driver;
    lab_dataset(lab, load->value_size);
    return child_figure(waiting_calls, lab);
}
