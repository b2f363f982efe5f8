#include "tasks/worker.h"

#include "core/alloc.h"
#include "core/condition.h"
#include "core/error.h"
#include "core/thread.h"
#include "tasks/name.h"
#include "tasks/run.h"
#include "tasks/tasks.h"

#include <string.h>

enum {
    THREADS = 4,
    LEASE_S = 30,
    BEATS_A_LEASE = 3,
    LAST_MS = 3000, /* From the end of the grace to the end of a stop. */
};

void hf_worker_nap(struct hf_worker *worker, hf_instant until)
{
    (void)hf_condition_wait(&worker->changed, &worker->lock, until);
}

static void free_claim(struct hf_worker *worker)
{
    const struct hf_allocator *a = worker->allocator;
    for (size_t i = 0; i < worker->claim.type_count; i++) {
        hf_free(a, (void *)worker->claim.types[i]);
    }
    hf_free(a, (void *)worker->claim.types);
    hf_free(a, (void *)worker->claim.worker);
}

/* What was copied before it failed is freed by free_claim(). */
static hf_err copy_claim(struct hf_worker *worker, const struct hf_worker_options *o)
{
    const struct hf_allocator *a = worker->allocator;
    worker->claim = (struct hf_claim){
        .priorities = o->priorities,
        .lease = o->lease.ns ? o->lease : hf_seconds(LEASE_S),
    };
    if (o->name) {
        worker->claim.worker = hf_copy_text(a, o->name, strlen(o->name));
        if (!worker->claim.worker) return HF_E_NOMEM;
    }
    if (!o->types) return HF_OK;
    const char **types = hf_alloc_zero(a, o->type_count + 1, sizeof *types);
    if (!types) return HF_E_NOMEM;
    worker->claim.types = types;
    for (size_t i = 0; i < o->type_count; i++) {
        types[i] = hf_copy_text(a, o->types[i], strlen(o->types[i]));
        if (!types[i]) return HF_E_NOMEM;
        worker->claim.type_count = i + 1;
    }
    return HF_OK;
}

static hf_err check(const struct hf_worker_options *o, struct hf_error *error)
{
    if (o->threads > HF_WORKER_THREADS_MAX) {
        return hf_fail(error, HF_E_RANGE, "threads: 1 to %d", HF_WORKER_THREADS_MAX);
    }
    if (o->priorities >= 1u << HF_TASK_PRIORITIES) {
        return hf_fail(error, HF_E_INVALID, "priorities");
    }
    if (o->lease.ns && o->lease.ns < hf_seconds(1).ns) {
        return hf_fail(error, HF_E_RANGE, "lease: at least 1 s");
    }
    int64_t us;
    hf_err  err = hf_task_us(o->lease, "lease", &us, error);
    if (!err) err = hf_task_us(o->task_timeout, "task_timeout", &us, error);
    if (err) return err;
    if (o->types && o->type_count > HF_TASK_TYPES_MAX) {
        return hf_fail(error, HF_E_TOO_LARGE, "%zu types", o->type_count);
    }
    for (size_t i = 0; o->types && i < o->type_count; i++) {
        err = hf_task_check_id(o->types[i], HF_TASK_TYPE_MAX, "type", error);
        if (err) return err;
    }
    return hf_task_check_name(o->name, "name", error);
}

static hf_err start_threads(struct hf_worker *worker, uint32_t threads)
{
    hf_err err = hf_thread_start(&worker->beat_thread, hf_worker_beat, worker);
    if (err) return err;
    worker->has_beat_thread = true;
    for (uint32_t i = 0; i < threads; i++) {
        worker->jobs[i].worker = worker;
        pthread_cond_init(&worker->jobs[i].dealt, NULL);
        pthread_mutex_lock(&worker->lock);
        err = hf_thread_start(&worker->threads[i], hf_worker_run, &worker->jobs[i]);
        if (!err) {
            worker->thread_count++;
            worker->guarded.alive++;
        }
        pthread_mutex_unlock(&worker->lock);
        if (err) return err;
    }
    return HF_OK;
}

hf_err hf_worker_open(struct hf_tasks *tasks, const struct hf_worker_options *options,
                      hf_work_fn work, void *ctx, struct hf_worker **opened,
                      struct hf_error *error)
{
    static const struct hf_worker_options defaults = { 0 };
    if (!options) options = &defaults;
    hf_err err = check(options, error);
    if (err) return hf_fail_in(error, err, "worker");

    const uint32_t    threads = options->threads ? options->threads : THREADS;
    struct hf_worker *worker = hf_alloc_zero(tasks->allocator, 1, sizeof *worker);
    if (!worker) return hf_fail(error, HF_E_NOMEM, "worker");
    worker->tasks = tasks;
    worker->allocator = tasks->allocator;
    worker->work = work;
    worker->ctx = ctx;
    worker->task_timeout = options->task_timeout;
    pthread_mutex_init(&worker->lock, NULL);
    hf_condition_init(&worker->changed);
    pthread_cond_init(&worker->scout_is_gone, NULL);

    err = copy_claim(worker, options);
    worker->beat_every = hf_ns(worker->claim.lease.ns / BEATS_A_LEASE);
    worker->jobs = hf_alloc_zero(worker->allocator, threads, sizeof *worker->jobs);
    if (!worker->jobs) err = HF_E_NOMEM;
    if (!err) err = start_threads(worker, threads);
    if (err) {
        hf_worker_close(worker);
        return hf_fail(error, err, "worker: %s", hf_err_text(err));
    }
    *opened = worker;
    return HF_OK;
}

/* Under the lock. */
static void wait_for_end(struct hf_worker *worker, hf_instant until)
{
    while (worker->guarded.alive > 0 &&
           hf_condition_wait(&worker->changed, &worker->lock, until)) {
    }
}

/* Under the lock. */
static void announce(struct hf_worker *worker)
{
    pthread_cond_broadcast(&worker->scout_is_gone);
    pthread_cond_broadcast(&worker->changed);
    for (uint32_t i = 0; i < worker->thread_count; i++) {
        pthread_cond_signal(&worker->jobs[i].dealt);
    }
}

hf_err hf_worker_stop(struct hf_worker *worker, hf_duration grace, struct hf_error *error)
{
    const hf_instant end = hf_later(hf_now(), grace);
    pthread_mutex_lock(&worker->lock);
    worker->guarded.is_stopping = true;
    announce(worker);
    wait_for_end(worker, end);
    if (worker->guarded.alive > 0) {
        worker->guarded.gives_up = true;
        announce(worker);
        wait_for_end(worker, hf_later(end, hf_ms(LAST_MS)));
    }
    const uint32_t alive = worker->guarded.alive;
    pthread_mutex_unlock(&worker->lock);
    if (alive == 0) return HF_OK;
    return hf_fail(error, HF_E_TIMEOUT, "worker: %u handlers still run", alive);
}

static void free_worker(struct hf_worker *worker)
{
    free_claim(worker);
    hf_free(worker->allocator, worker->jobs);
    hf_free(worker->allocator, worker);
}

void hf_worker_close(struct hf_worker *worker)
{
    if (!worker) return;
    if (hf_tasks_is_forked(worker->tasks)) {
        free_worker(worker); /* Its threads stayed with the parent, and what they hold. */
        return;
    }
    pthread_mutex_lock(&worker->lock);
    worker->guarded.is_stopping = true;
    worker->guarded.gives_up = true;
    announce(worker);
    pthread_mutex_unlock(&worker->lock);
    for (uint32_t i = 0; i < worker->thread_count; i++) {
        pthread_join(worker->threads[i], NULL);
    }
    pthread_mutex_lock(&worker->lock);
    worker->guarded.is_closing = true;
    announce(worker);
    pthread_mutex_unlock(&worker->lock);
    if (worker->has_beat_thread) pthread_join(worker->beat_thread, NULL);

    for (uint32_t i = 0; i < worker->thread_count; i++) {
        pthread_cond_destroy(&worker->jobs[i].dealt);
    }
    pthread_cond_destroy(&worker->scout_is_gone);
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->lock);
    free_worker(worker);
}

void hf_worker_stats(struct hf_worker *worker, struct hf_worker_stats *stats)
{
    pthread_mutex_lock(&worker->lock);
    *stats = worker->guarded.stats;
    pthread_mutex_unlock(&worker->lock);
}
