/* collector.h - what only Redis knows, asked for by a thread, so that no request ever waits.
 *
 *     hf_collector_open(&collector);       its thread starts with the first thing to ask for
 *     hf_collector_add_...(...);
 *     hf_collector_look(&collector);       somebody is interested, for the next minute
 *     ... hf_collector_redis(&collector, client) ...
 *
 * Threads:  any may call; what is found is read under lock and unlock.
 * Memory:   a few KiB for each client, cache and task manager, fixed at most.
 * Time:     nothing waits for Redis but its thread, and hf_collector_forget(), for up to a
 *           second. */

#ifndef HF_EXPORT_COLLECTOR_H
#define HF_EXPORT_COLLECTOR_H

#include "export/redis_info.h"

#include <holdfast/access.h>
#include <holdfast/exporter.h>
#include <holdfast/tasks.h>
#include <pthread.h>

enum {
    HF_COLLECTOR_SOURCES = HF_EXPORTER_CLIENTS_MAX + HF_EXPORTER_CACHES_MAX +
                           HF_EXPORTER_TASKS_MAX,
    HF_COLLECTOR_HOT_KEYS = 12,
    HF_COLLECTOR_KEY_MAX = 240,
};

enum hf_source_kind { HF_SOURCE_REDIS, HF_SOURCE_CACHE, HF_SOURCE_TASKS };

struct hf_source_key {
    char     bytes[HF_COLLECTOR_KEY_MAX];
    size_t   size;
    uint64_t reads;
};

struct hf_source_tasks {
    uint64_t    by_status[HF_TASK_STATUSES];
    hf_duration oldest[HF_TASK_STATUSES];
    hf_duration overdue;
    uint64_t    leases, recovered, mended, set_aside;
};

/* One question, and its last answer. */
struct hf_source {
    enum hf_source_kind     kind;
    const struct hf_client *owner; /* Under whom it is shown. */
    char                    prefix[HF_EXPORTER_NAME_MAX + 1];
    union {
        struct hf_client *client;
        struct hf_cache  *cache;
        struct hf_tasks  *tasks;
    } of;

    hf_instant at; /* Of the answer; {0}: none yet. */
    union {
        uint64_t               redis[HF_REDIS_INFO_COUNT];
        struct hf_source_tasks tasks;
        struct {
            struct hf_source_key each[HF_COLLECTOR_HOT_KEYS];
            size_t               count;
        } hot;
    } found;
};

struct hf_collector {
    bool            is_passive; /* Never asks. */
    bool            is_started;
    pthread_t       thread;
    pthread_mutex_t lock;
    pthread_cond_t  changed;
    struct {
        struct hf_source        sources[HF_COLLECTOR_SOURCES];
        size_t                  count;
        const struct hf_client *asking; /* Its source is being asked. */
        hf_instant              looked; /* When somebody was interested last. */
        bool                    is_stopping;
    } locked; /* By lock. */
};

void hf_collector_init(struct hf_collector *c, bool is_passive);

/* The thread; HF_E_SYSTEM when there is none to be had. */
hf_err hf_collector_start(struct hf_collector *c);
void   hf_collector_deinit(struct hf_collector *c, bool has_thread);

/* A copy is kept. HF_E_TOO_LARGE when there are too many of the kind. */
hf_err hf_collector_add(struct hf_collector *c, const struct hf_source *source);

/* All of that client's; none is being asked any more when it returns. */
void hf_collector_forget(struct hf_collector *c, const struct hf_client *owner);

/* Source number index of that client and kind whose answer is not too old, copied; false
 * past the last. */
bool hf_collector_find(struct hf_collector *c, const struct hf_client *owner,
                       enum hf_source_kind kind, size_t index, struct hf_source *source);

/* Asks for everything once a second for the next minute. */
void hf_collector_look(struct hf_collector *c);

#endif
