/* worker.h - threads that claim tasks and run a function for each.
 *
 *     static enum hf_job_end render(struct hf_job *job, void *ctx)
 *     {
 *         const struct hf_task *task = hf_job_task(job);
 *         for (int page = 0; page < PAGES; page++) {
 *             if (hf_job_check(job)) return HF_JOB_RELEASE;          not wanted any more
 *             draw(task->payload, page, task->token);
 *             hf_job_progress(job, (double)page / PAGES, "drawing");
 *         }
 *         return hf_job_result(job, hf_str("42 pages")) ? HF_JOB_RETRY : HF_JOB_DONE;
 *     }
 *
 *     const struct hf_worker_options options = { .threads = 8, .task_timeout = hf_seconds(60)
 * }; if (hf_worker_open(tasks, &options, render, NULL, &worker, &error)) return fail(&error);
 *     ...
 *     err = hf_worker_stop(worker, hf_seconds(20), &error);
 *     hf_worker_close(worker);
 *
 * What is promised:
 *   - A thread has one task at a time. Its lease is kept alive by heartbeats, all sent by one
 *     thread of the worker: every third of the lease, and within a second of new progress.
 *   - A handler learns by hf_job_check() that its work is for nothing: the task was
 * cancelled, somebody else has it, its time is over, or the worker stops.
 *   - An outcome that Redis does not take is held by its thread, which claims nothing
 *     meanwhile, and delivered when Redis is back, or dropped when the fencing token says
 *     that somebody else has the task. So at most one outcome is held for each thread.
 *   - A task that takes longer than task_timeout is failed, whether the handler notices or
 *     not; what a late handler returns is dropped.
 *   - Stopping ends within the grace it is given and 3 s more, whatever handlers and Redis
 *     do.
 *   - A handler may run more than once for a task, never unawares: each run has a larger
 *     token. Give it along with side effects.
 *
 * Threads:  any may stop a worker or ask for its numbers. Handlers run in threads of the
 *           worker, which leave signals to the host; a job's functions are for its handler
 *           and threads that it starts and waits for.
 * Fork:     the worker stays with the parent.
 * Memory:   fixed, but for the tasks under way and their results.
 * Errors:   as tasks.h. */

#ifndef HOLDFAST_WORKER_H
#define HOLDFAST_WORKER_H

#include <holdfast/tasks.h>

HF_BEGIN_DECLS

enum { HF_WORKER_THREADS_MAX = 256 };

struct hf_worker;
struct hf_job; /* One run of a handler for one task. */

/* How a run ended. */
enum hf_job_end {
    HF_JOB_DONE,    /* SUCCESS, with the result that was set. */
    HF_JOB_RETRY,   /* A failure: tried again as long as its retries last. */
    HF_JOB_DEAD,    /* A failure that another try would not mend. */
    HF_JOB_RELEASE, /* Not done; somebody else may take it at once. Not counted. */
};

typedef enum hf_job_end (*hf_work_fn)(struct hf_job *job, void *ctx);

/* Zero-initialised means the defaults. Texts are copied. Durations are at most ten years. */
struct hf_worker_options {
    uint32_t           threads; /* 0: 4. */
    const char *const *types;   /* Claim only these; NULL: every type. */
    size_t             type_count;
    unsigned           priorities;   /* As in hf_claim; 0: all. */
    const char        *name;         /* For people; NULL: the handle's name. */
    hf_duration        lease;        /* As in hf_claim; 0: 30 s. */
    hf_duration        task_timeout; /* 0: no limit. */
};

/* Starts it; tasks must outlive it. Works while Redis is down. HF_E_INVALID, HF_E_RANGE,
 * HF_E_TOO_LARGE for options that are no good, HF_E_SYSTEM, HF_E_NOMEM. */
HF_API HF_NODISCARD hf_err hf_worker_open(struct hf_tasks                *tasks,
                                          const struct hf_worker_options *options,
                                          hf_work_fn work, void *ctx,
                                          struct hf_worker **worker, struct hf_error *error);

/* Claims nothing more and gives handlers `grace` to end; then hf_job_check() tells those
 * that still run, and their tasks are released. HF_OK when all threads have ended,
 * HF_E_TIMEOUT when handlers still run, whose outcome will be dropped. May be called again.
 * An outcome that Redis did not take by then is lost, and its task runs again. */
HF_API HF_NODISCARD hf_err hf_worker_stop(struct hf_worker *worker, hf_duration grace,
                                          struct hf_error *error);

/* Stops without grace unless it has stopped, and waits for handlers that still run, however
 * long. Not from a handler. NULL is fine. */
HF_API void hf_worker_close(struct hf_worker *worker);

struct hf_worker_stats {
    uint32_t running; /* Handlers now. */
    uint32_t holding; /* Threads with an outcome that Redis has not taken yet, now. */
    uint64_t started; /* Handlers ever; each ends in one of these: */
    uint64_t succeeded;
    uint64_t failed;
    uint64_t released;
    uint64_t cancelled;
    uint64_t timed_out;
    uint64_t lost;        /* Somebody else has the task; the outcome was dropped. */
    uint64_t undelivered; /* Redis did not take the outcome until the worker stopped. */
};

HF_API void hf_worker_stats(struct hf_worker *worker, struct hf_worker_stats *stats);

/* ---- For the handler ---- */

/* Valid until the handler returns. */
HF_API const struct hf_task *hf_job_task(const struct hf_job *job);

/* HF_OK: go on. HF_E_TASK_CANCELLED, HF_E_TASK_TOKEN (somebody else has it), HF_E_TIMEOUT
 * (task_timeout is over), HF_E_CLOSED (the worker stops): return soon. A lock, no I/O. */
HF_API HF_NODISCARD hf_err hf_job_check(struct hf_job *job);

/* Tells with the next heartbeat how far it is: 0 to 1, negative: as it was; message NULL: as
 * it was, else one line, cut at HF_TASK_TEXT_MAX. What is no such number is taken as
 * negative. */
HF_API void hf_job_progress(struct hf_job *job, double progress, const char *message);

/* Sets the result for HF_JOB_DONE, or why, for HF_JOB_RETRY and HF_JOB_DEAD. Copied; the
 * last one counts. HF_E_TOO_LARGE, HF_E_NOMEM: it is then as before. */
HF_API HF_NODISCARD hf_err hf_job_result(struct hf_job *job, struct hf_bytes result);

HF_END_DECLS

#endif
