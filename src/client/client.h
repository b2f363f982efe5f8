/* client.h - the inside of a client, for the files of this folder and the layers above.
 *
 *     client.c       opening, closing, waiting until ready
 *     maintenance.c  the one thread that works without callers
 *     call.c         one call: admission, attempts, retries, its deadline
 *     command.c      single commands and scripts; batch.c runs of them; async.c with
 * callbacks
 *
 * Threads:  as the public header says; `calls` counts who is inside, so that closing can
 * wait. Memory:   everything comes from options->allocator. */

#ifndef HF_CLIENT_CLIENT_H
#define HF_CLIENT_CLIENT_H

#include "client/callbacks.h"
#include "client/fork_guard.h"
#include "client/tracking.h"
#include "core/options.h"
#include "observe/slow_log.h"
#include "topology/embedded.h"
#include "topology/endpoint.h"

#include <holdfast/client.h>
#include <holdfast/health.h>

struct hf_async;

enum { HF_CLIENT_CLOSING = 1 << 30 };

struct hf_client {
    struct hf_options      *options; /* A copy of the user's. */
    struct hf_metrics      *metrics;
    struct hf_logger        logger;
    const struct hf_tracer *tracer; /* The options'; NULL: nobody wants to know. */
    struct hf_slow_log      slow_log;
    struct hf_embedded     *embedded; /* NULL without. */
    struct hf_tls          *tls;      /* NULL without. */
    struct hf_login        *login;    /* NULL without. */
    struct hf_fork_guard    fork_guard;
    struct hf_endpoint      endpoint;
    struct hf_callbacks     callbacks;
    struct hf_trackings     trackings;

    /* Callers inside, and asynchronous calls not yet called back; with the bit
     * HF_CLIENT_CLOSING nobody comes in any more. Closing waits on it as a futex, and whoever
     * leaves does not touch the client after taking himself off. */
    _Atomic uint32_t calls;

    enum hf_status status_told; /* Last; the maintenance thread's. */

    pthread_t   maintenance;
    int         wake_fd; /* eventfd: the maintenance thread should look. */
    atomic_bool is_stopping;

    pthread_mutex_t async_lock;
    struct {
        struct hf_async *first;
        hf_instant       earliest; /* Deadline; hf_never() without any. */
    } asyncs;
};

/* For the layers above. */
const struct hf_options   *hf_client_options(const struct hf_client *client);
const struct hf_allocator *hf_client_allocator(const struct hf_client *client);
struct hf_logger          *hf_client_logger(struct hf_client *client);
const struct hf_tracer    *hf_client_tracer(const struct hf_client *client); /* Or NULL. */
struct hf_metrics         *hf_client_metrics(struct hf_client *client);

/* True in a forked child, where the client's threads do not exist, nor those in its locks. */
bool hf_client_is_forked(const struct hf_client *client);

/* How many are inside. */
uint32_t hf_client_calls(const struct hf_client *client);

/* Lets a caller in, or says why not: HF_E_FORKED, HF_E_CLOSED, HF_E_OVERLOAD. */
HF_NODISCARD hf_err hf_client_enter(struct hf_client *client, struct hf_error *error);
void                hf_client_leave(struct hf_client *client);

/* Wakes the maintenance thread. */
void hf_client_attention(void *client);

/* The maintenance thread's body; returns when is_stopping is set. */
void *hf_client_maintain(void *client);

/* Logs a change of the health. In the maintenance thread. */
void hf_client_watch_health(struct hf_client *client);

/* Ends asynchronous calls whose deadline has passed; returns when the next one is due. */
hf_instant hf_client_expire_asyncs(struct hf_client *client, hf_instant now);

#endif
