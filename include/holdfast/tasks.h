/* tasks.h - tasks kept in Redis: none lost, none done twice unawares.
 *
 *     struct hf_new_task new_task = { .type = "render", .payload = hf_str("page 7") };
 *     char               id[HF_TASK_ID_MAX + 1];
 *     struct hf_task    *task;
 *
 *     if (hf_tasks_open(options, NULL, &tasks, &error)) return fail(&error);
 *     err = hf_tasks_create(tasks, NULL, &new_task, id, NULL, &error);
 *
 *     err = hf_tasks_claim(tasks, NULL, NULL, &task, &error);       (a worker, elsewhere)
 *     err = hf_tasks_complete(tasks, NULL, task->id, task->token, hf_str("done"), &error);
 *     hf_task_free(task);
 *     hf_tasks_close(tasks);
 *
 * A task's status and how it moves:
 *
 *                    claim              complete
 *     (create) --> PENDING --> RUNNING ----------> SUCCESS
 *                   | ^  ^        |  | fail, or a crash, once too often
 *            cancel | |  +--------+  +-----------> FAILURE   (the dead letters)
 *                   | |   fail, release,  |           |
 *                   | |   lease expired   | cancel    |
 *                   v |                   v           |
 *              CANCELLED <----------------+           |
 *                     +------ requeue ----------------+
 *
 * What is guaranteed:
 *   - Claiming is one step on the server: a task is RUNNING exactly while somebody holds its
 *     lease, which ends by the server's clock unless heartbeats extend it.
 *   - Each claim gets a token larger than all before it. complete, fail, release and
 *     heartbeat must show the task's newest, so who lost a task cannot end it. Give the
 *     token along with side effects, and refuse smaller ones there.
 *   - An expired lease is recovered within 5 s by any process that has the prefix open. That
 *     counts as a crash, not as a retry; past crash_limit the task is FAILURE. A worker that
 *     was only cut off may still end the task or go on, as long as nobody else took it, nor
 *     a dead one's unique key.
 *   - RUNNING tasks and leases are compared in the background, both ways, and mended.
 *   - A lost answer does no harm: create with the same id finds the task that there is;
 *     complete, fail and release with the same token come to the same end; a claim that was
 *     not heard is given out again to the same process. So these are sent again by
 *     themselves within the call's time.
 *   - Every change but heartbeats is told in the audit stream {<prefix>}:audit.
 *   - A record that is damaged is set aside and counted (HF_E_TASK_DAMAGED); one of a newer
 *     version of holdfast is put off for a minute (HF_E_TASK_NEWER). Neither is in the way.
 *   - No call's cost grows with the number of tasks; listing costs what the page holds.
 *
 * Redis must not lose it: use appendfsync always, and maxmemory-policy noeviction; another
 * policy is warned of (hf_tasks_health). All keys of a prefix share one slot of a cluster.
 * Redis 7 or newer.
 *
 * Threads:  any number share a handle. Open and close are for one thread, close when no
 *           other is in a call.
 * Fork:     the child's calls return HF_E_FORKED; the child opens a handle of its own.
 * Memory:   what is returned belongs to the caller; a handle's own is fixed.
 * Time:     each call ends by its timeout (client.h), whatever Redis does. Times of tasks are
 *           Unix milliseconds of the server's clock.
 * Errors:   those of the client, and HF_E_TASK_...: see error.h. When Redis is out of memory,
 *           create and update are HF_E_OOM; claiming and ending tasks goes on. */

#ifndef HOLDFAST_TASKS_H
#define HOLDFAST_TASKS_H

#include <holdfast/client.h>
#include <holdfast/health.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

HF_BEGIN_DECLS

enum {
    /* Bytes. */
    HF_TASK_ID_MAX = 64,
    HF_TASK_TYPE_MAX = 64,
    HF_TASK_NAME_MAX = 128,            /* Owners, workers, unique keys. */
    HF_TASK_PAYLOAD_MAX = 1024 * 1024, /* The same for results. */
    HF_TASK_METADATA_MAX = 4096,
    HF_TASK_TEXT_MAX = 256, /* Messages and errors; longer ones are cut. */

    /* Numbers. */
    HF_TASK_ERRORS_MAX = 5,   /* The last ones are kept. */
    HF_TASK_LIMIT_MAX = 1000, /* Of retries and crashes. */
    HF_TASK_TYPES_MAX = 64,   /* In one claim. */
    HF_TASK_PAGE_MAX = 1000,  /* Tasks in one list. */
};

enum hf_task_status {
    HF_TASK_PENDING,   /* Waits: to be claimed, or first for its time to come. */
    HF_TASK_RUNNING,   /* Somebody holds a lease on it. */
    HF_TASK_SUCCESS,   /* Done. */
    HF_TASK_FAILURE,   /* Dead: it failed or crashed once too often. */
    HF_TASK_CANCELLED, /* Not wanted any more. */
    HF_TASK_STATUSES,
};

enum hf_task_priority {
    HF_TASK_NORMAL,
    HF_TASK_HIGH,
    HF_TASK_LOW,
    HF_TASK_PRIORITIES,
};

/* "pending", "high", ... Never NULL. */
HF_API const char *hf_task_status_name(enum hf_task_status status);
HF_API const char *hf_task_priority_name(enum hf_task_priority priority);

/* The other way; HF_E_INVALID for what is no such name. */
HF_API HF_NODISCARD hf_err hf_task_status_parse(const char          *name,
                                                enum hf_task_status *status);
HF_API HF_NODISCARD hf_err hf_task_priority_parse(const char            *name,
                                                  enum hf_task_priority *priority);

/* Zero-initialised means the defaults. Durations are at most ten years. */
struct hf_tasks_options {
    const char *key_prefix;        /* NULL: "tasks". 1 to 64 bytes as ids are made of. */
    const char *name;              /* Who, in the audit stream; NULL: "host:pid". */
    uint32_t    max_connections;   /* 0: 10. */
    uint32_t    breaker_threshold; /* Failures in a row; 0: 3. */
    hf_duration breaker_timeout;   /* 0: 30 s. */
    hf_duration retry_base;        /* Pause before the first retry, doubled for each, and
                                    * shortened at random by up to a half; 0: 1 s. */
    hf_duration retry_cap;         /* Longest such pause; 0: 5 min. */
    hf_duration keep_finished;     /* Age at which finished tasks are removed; 0: 24 h. */
    uint32_t    keep_finished_max; /* The oldest above so many are removed too, for each
                                    * status; 0: 1,000,000. */
    uint32_t    audit_max;         /* Entries kept, about; 0: 10,000. */
    bool        is_passive;        /* Nothing is done in the background: no recovery, no
                                    * clean-up; hf_tasks_maintain() is then the caller's. */
};

struct hf_tasks;

/* Opens a client of its own with these options (NULL: all defaults), except for the pool and
 * the breaker, which are as above. Works while Redis is down. HF_E_INVALID and HF_E_RANGE for
 * settings that are no good, else as hf_client_open(). */
HF_API HF_NODISCARD hf_err hf_tasks_open(const struct hf_options       *options,
                                         const struct hf_tasks_options *settings,
                                         struct hf_tasks **tasks, struct hf_error *error);

/* NULL is fine. Leases are left as they are. */
HF_API void hf_tasks_close(struct hf_tasks *tasks);

/* For hf_client_wait_ready(), hf_health_get(), hf_stats_get(); lives as long as tasks. */
HF_API struct hf_client *hf_tasks_client(struct hf_tasks *tasks);

/* ---- Tasks as they are read ---- */

struct hf_task_error {
    int64_t         at_ms;
    bool            is_crash;
    struct hf_bytes text;
};

/* A copy, as of the moment it was read; made by this library only. Texts are never NULL, and
 * a NUL follows all bytes. */
struct hf_task {
    const char           *id;
    const char           *type;
    const char           *owner;   /* "" without. */
    const char           *unique;  /* "" without. */
    const char           *worker;  /* Who claimed it last; "" for nobody. */
    const char           *message; /* Of the last progress; "" without. */
    enum hf_task_status   status;
    enum hf_task_priority priority;
    double                progress; /* 0 to 1. */
    uint64_t              version;  /* Grows with every change but heartbeats. */
    uint64_t              token;    /* Of the newest claim; 0 when there was none. */
    uint32_t              starts;   /* Claims so far. */
    uint32_t              retries;  /* Failures so far; dead when more than retry_limit. */
    uint32_t              retry_limit;
    uint32_t              crashes; /* Leases that expired; dead when more than crash_limit. */
    uint32_t              crash_limit;
    int64_t               created_ms;
    int64_t               due_ms;       /* Not claimed before. */
    int64_t               started_ms;   /* Of the last claim; 0: never. */
    int64_t               completed_ms; /* When it came to its end; 0: not yet. */
    hf_duration           lease;        /* As claimed. */
    struct hf_bytes       payload;      /* These two are empty in lists. */
    struct hf_bytes       result;
    struct hf_bytes       metadata;
    size_t                error_count;
    struct hf_task_error  errors[HF_TASK_ERRORS_MAX]; /* Newest first. */
};

/* NULL is fine. */
HF_API void hf_task_free(struct hf_task *task);

/* ---- Records ---- */

/* Ids and types are made of letters, digits and . _ : -; owners, workers and unique keys of
 * printable ASCII without spaces. All else but the type may be zero. */
struct hf_new_task {
    const char           *id; /* NULL: 128 random bits in hexadecimal. */
    const char           *type;
    struct hf_bytes       payload;
    struct hf_bytes       metadata;
    enum hf_task_priority priority;
    const char           *owner;  /* NULL: nobody's. */
    const char           *unique; /* At most one live task with this key; NULL: none. */
    hf_duration           delay;  /* Not to be claimed before that has passed, ... */
    int64_t               not_before_ms; /* ... nor before that time. */
    int32_t               retry_limit;   /* 0: 3; negative: none. */
    int32_t               crash_limit;   /* 0: 3; negative: none. */
};

/* A task with this id, or a live one with this unique key, is left as it is, and is the one
 * whose id is given; *is_new says which. The id is written whenever the outcome is unknown,
 * too: calling again with it is safe. is_new and error may be NULL.
 * HF_E_INVALID, HF_E_TOO_LARGE, HF_E_RANGE; HF_E_TASK_DAMAGED, HF_E_TASK_NEWER for the record
 * with this id, HF_E_TASK_NEWER also for the one that has this unique key. */
HF_API HF_NODISCARD hf_err hf_tasks_create(struct hf_tasks *tasks, const struct hf_call *call,
                                           const struct hf_new_task *new_task,
                                           char id[HF_TASK_ID_MAX + 1], bool *is_new,
                                           struct hf_error *error);

/* HF_E_TASK_UNKNOWN, HF_E_TASK_DAMAGED, HF_E_TASK_NEWER, HF_E_INVALID for an id that can be
 * none: so do all calls that take an id. */
HF_API HF_NODISCARD hf_err hf_tasks_get(struct hf_tasks *tasks, const struct hf_call *call,
                                        const char *id, struct hf_task **task,
                                        struct hf_error *error);

/* What to change; zero-initialised changes nothing. Each part may be given alone. */
struct hf_task_change {
    uint64_t            version; /* Only if it still has it; 0: whatever it has. */
    bool                sets_status;
    enum hf_task_status status; /* The legal moves: as in the picture. To RUNNING only by
                                 * claiming: HF_E_TASK_MOVE. */
    uint64_t            token;  /* Needed to move a RUNNING task, except to CANCELLED. */
    bool                sets_progress;
    double              progress;
    const char         *message; /* NULL: as it is. */
    bool                sets_result;
    struct hf_bytes     result;
    bool                sets_metadata;
    struct hf_bytes     metadata;
};

/* All or nothing. A status move does what the call of that name does: SUCCESS completes,
 * FAILURE fails (and may come out as PENDING, for a retry), PENDING releases or requeues,
 * CANCELLED cancels. To the status it has: nothing moves. HF_E_TASK_VERSION for a stale
 * version, HF_E_TASK_TOKEN, HF_E_TASK_MOVE, HF_E_RANGE, HF_E_TOO_LARGE. With a
 * version it is not sent again after a lost answer: the outcome is unknown then. */
HF_API HF_NODISCARD hf_err hf_tasks_update(struct hf_tasks *tasks, const struct hf_call *call,
                                           const char                  *id,
                                           const struct hf_task_change *change,
                                           struct hf_error             *error);

/* Removes all of it, a damaged record too; not sent again after a lost answer. HF_E_TASK_MOVE
 * while it is RUNNING: cancel it first. */
HF_API HF_NODISCARD hf_err hf_tasks_delete(struct hf_tasks *tasks, const struct hf_call *call,
                                           const char *id, struct hf_error *error);

/* Which tasks to list; zero-initialised: all. */
struct hf_task_filter {
    bool                  by_status;
    enum hf_task_status   status;
    bool                  by_priority;
    enum hf_task_priority priority;
    const char           *type;  /* NULL: any. */
    const char           *owner; /* NULL: any. */
};

enum { HF_TASK_CURSOR_MAX = 128 };

struct hf_task_list {
    size_t           count;
    struct hf_task **tasks; /* Without payload and result. */
};

/* One page, of at most `limit` tasks (0: 100), status by status, or of an owner; the newest
 * in it first. cursor: "" to begin with; then what it was set to, "" again when that was the
 * last page. A page may hold fewer tasks than there are, none even, because a call looks at
 * ten times the limit at most. Tasks that change status meanwhile may be listed twice or not
 * at all; all others are listed once. HF_E_INVALID for a cursor, a status or a priority that
 * is none. */
HF_API HF_NODISCARD hf_err hf_tasks_list(struct hf_tasks *tasks, const struct hf_call *call,
                                         const struct hf_task_filter *filter, size_t limit,
                                         char                  cursor[HF_TASK_CURSOR_MAX],
                                         struct hf_task_list **list, struct hf_error *error);

HF_API void hf_task_list_free(struct hf_task_list *list);

struct hf_task_type_stats {
    const char *type;
    bool        is_paused;
    uint64_t    count[HF_TASK_STATUSES][HF_TASK_PRIORITIES];
};

struct hf_task_stats {
    uint64_t    by_status[HF_TASK_STATUSES];
    uint64_t    by_priority[HF_TASK_PRIORITIES]; /* Of all statuses. */
    hf_duration oldest[HF_TASK_STATUSES];        /* Longest time in that status; 0: none. */
    hf_duration overdue;   /* Of the pending task that waits longest past its time. */
    uint64_t    leases;    /* As many as are RUNNING, unless something is to be mended. */
    uint64_t    recovered; /* Leases that expired, ever. */
    uint64_t    mended;    /* RUNNING without a lease, or the other way, ever. */
    uint64_t    set_aside; /* Damaged records, now. */
    size_t      type_count;
    const struct hf_task_type_stats *types; /* A damaged task whose type cannot be read any
                                             * more stays in its count, and in by_priority. */
};

/* What Redis says now. Cost: by the number of types, not of tasks. */
HF_API HF_NODISCARD hf_err hf_tasks_stats(struct hf_tasks *tasks, const struct hf_call *call,
                                          struct hf_task_stats **stats,
                                          struct hf_error       *error);

HF_API void hf_task_stats_free(struct hf_task_stats *stats);

/* Removes finished tasks, payload, result and all: those that ended longer ago than `age`,
 * and of each status the oldest above keep_max (UINT32_MAX: however many). In small steps;
 * the call's timeout bounds each. removed may be NULL; it counts after an error, too. */
HF_API HF_NODISCARD hf_err hf_tasks_cleanup(struct hf_tasks      *tasks,
                                            const struct hf_call *call, hf_duration age,
                                            uint32_t keep_max, uint64_t *removed,
                                            struct hf_error *error);

/* ---- Work ---- */

/* What to claim; zero-initialised: any task, for 30 s. */
struct hf_claim {
    const char *const *types; /* Any of these; NULL: of every type. */
    size_t             type_count;
    unsigned           priorities; /* Bits 1u << priority; 0: all. */
    const char        *id;         /* This task and no other; it must be PENDING and due, and
                                    * its type may be paused. NULL: whatever is next. */
    const char        *worker;     /* For people; NULL: the handle's name. */
    hf_duration        lease;      /* 0: 30 s; at least 1 s. */
    bool               waits;      /* Until there is one, or the call's time is over. */
};

/* The task is the caller's until its lease ends: *task->token is what ends it. HF_MISS when
 * there is none. claim may be NULL.
 *
 * In the order of their due times. Of ten claims six look for high priority first, three for
 * normal, one for low; each then at the others from high to low: nothing starves. Of all
 * threads that wait for the same only one asks Redis. */
HF_API HF_NODISCARD hf_err hf_tasks_claim(struct hf_tasks *tasks, const struct hf_call *call,
                                          const struct hf_claim *claim, struct hf_task **task,
                                          struct hf_error *error);

/* Extends the lease by its length from now. progress: 0 to 1, negative: as it was; message
 * NULL: as it was. HF_E_TASK_CANCELLED: stop working. HF_E_TASK_TOKEN: it is somebody else's
 * or ended. */
HF_API HF_NODISCARD hf_err hf_tasks_heartbeat(struct hf_tasks      *tasks,
                                              const struct hf_call *call, const char *id,
                                              uint64_t token, double progress,
                                              const char *message, struct hf_error *error);

/* SUCCESS. As heartbeat, and HF_E_TOO_LARGE. */
HF_API HF_NODISCARD hf_err hf_tasks_complete(struct hf_tasks      *tasks,
                                             const struct hf_call *call, const char *id,
                                             uint64_t token, struct hf_bytes result,
                                             struct hf_error *error);

/* PENDING again after a pause, or FAILURE when that was the last retry or is_final. status,
 * which may be NULL, says which. */
HF_API HF_NODISCARD hf_err hf_tasks_fail(struct hf_tasks *tasks, const struct hf_call *call,
                                         const char *id, uint64_t token, struct hf_bytes why,
                                         bool is_final, enum hf_task_status *status,
                                         struct hf_error *error);

/* Gives it back undone, to be claimed after a delay; counts neither as retry nor as crash. */
HF_API HF_NODISCARD hf_err hf_tasks_release(struct hf_tasks      *tasks,
                                            const struct hf_call *call, const char *id,
                                            uint64_t token, hf_duration delay,
                                            struct hf_error *error);

/* PENDING or RUNNING to CANCELLED, at once; a worker learns it at its next heartbeat.
 * Cancelled already: HF_OK. HF_E_TASK_MOVE for what has ended otherwise. */
HF_API HF_NODISCARD hf_err hf_tasks_cancel(struct hf_tasks *tasks, const struct hf_call *call,
                                           const char *id, struct hf_error *error);

/* A PENDING task is not claimed before the delay has passed; 0: it is due now. */
HF_API HF_NODISCARD hf_err hf_tasks_schedule(struct hf_tasks      *tasks,
                                             const struct hf_call *call, const char *id,
                                             hf_duration delay, struct hf_error *error);

/* FAILURE or CANCELLED to PENDING, with its retries and crashes counted anew. PENDING
 * already: HF_OK. HF_E_TASK_UNIQUE while another live task has its unique key. */
HF_API HF_NODISCARD hf_err hf_tasks_requeue(struct hf_tasks      *tasks,
                                            const struct hf_call *call, const char *id,
                                            struct hf_error *error);

/* No task of this type is claimed until it is resumed; those that run go on. */
HF_API HF_NODISCARD hf_err hf_tasks_pause(struct hf_tasks *tasks, const struct hf_call *call,
                                          const char *type, struct hf_error *error);
HF_API HF_NODISCARD hf_err hf_tasks_resume(struct hf_tasks *tasks, const struct hf_call *call,
                                           const char *type, struct hf_error *error);

/* ---- On behalf of an owner ---- */

/* As the calls without _as, and HF_E_TASK_OWNER, with nothing done, unless the task was
 * created for this owner; the audit stream names the owner. */
HF_API HF_NODISCARD hf_err hf_tasks_get_as(struct hf_tasks *tasks, const struct hf_call *call,
                                           const char *owner, const char *id,
                                           struct hf_task **task, struct hf_error *error);
HF_API HF_NODISCARD hf_err hf_tasks_update_as(struct hf_tasks      *tasks,
                                              const struct hf_call *call, const char *owner,
                                              const char                  *id,
                                              const struct hf_task_change *change,
                                              struct hf_error             *error);
HF_API HF_NODISCARD hf_err hf_tasks_delete_as(struct hf_tasks      *tasks,
                                              const struct hf_call *call, const char *owner,
                                              const char *id, struct hf_error *error);
HF_API HF_NODISCARD hf_err hf_tasks_cancel_as(struct hf_tasks      *tasks,
                                              const struct hf_call *call, const char *owner,
                                              const char *id, struct hf_error *error);
HF_API HF_NODISCARD hf_err hf_tasks_schedule_as(struct hf_tasks      *tasks,
                                                const struct hf_call *call, const char *owner,
                                                const char *id, hf_duration delay,
                                                struct hf_error *error);
HF_API HF_NODISCARD hf_err hf_tasks_requeue_as(struct hf_tasks      *tasks,
                                               const struct hf_call *call, const char *owner,
                                               const char *id, struct hf_error *error);

/* ---- Upkeep ---- */

/* One round of what the background does about once a second: recovers up to 100 expired
 * leases, compares up to 100 RUNNING tasks and leases, removes up to 100 finished tasks of
 * each status. *has_more: another round would find something to do; may be NULL. */
HF_API HF_NODISCARD hf_err hf_tasks_maintain(struct hf_tasks      *tasks,
                                             const struct hf_call *call, bool *has_more,
                                             struct hf_error *error);

struct hf_tasks_health {
    struct hf_health client;
    bool             may_evict;  /* maxmemory-policy is not noeviction, as last seen. */
    hf_instant       maintained; /* When a round was last made from here; {0}: never. */
    hf_err           error;      /* Of the last round. */
};

/* From what is known here, without asking the server. */
HF_API void hf_tasks_health(struct hf_tasks *tasks, struct hf_tasks_health *health);

HF_END_DECLS

#endif
