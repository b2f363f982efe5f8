/* exporter.h - what the parts of the exporter share.
 *
 * Threads:  the clients are guarded by the lock; all else is set before the daemon starts. */

#ifndef HF_EXPORT_EXPORTER_H
#define HF_EXPORT_EXPORTER_H

#include "export/collector.h"
#include "export/guests.h"

#include <holdfast/exporter.h>
#include <microhttpd.h>
#include <pthread.h>
#include <sys/types.h>

struct hf_shown {
    char               name[HF_EXPORTER_NAME_MAX + 1];
    struct hf_client  *client;
    enum hf_ready_rule ready;
};

struct hf_exporter {
    struct MHD_Daemon  *daemon;
    pid_t               pid; /* Of the process that has the daemon's thread. */
    hf_instant          opened;
    char                token[HF_EXPORTER_TOKEN_MAX + 1]; /* "": none. */
    bool                is_private;
    struct hf_guests    guests; /* Of the daemon's thread. */
    struct hf_collector collector;
    pthread_mutex_t     lock;
    struct {
        struct hf_shown each[HF_EXPORTER_CLIENTS_MAX];
        size_t          count;
    } locked; /* By lock. */
};

#endif
