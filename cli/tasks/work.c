#include "amount.h"
#include "board.h"
#include "child.h"
#include "session.h"

#include <holdfast/health.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { PREFIX, EXEC, TYPE, THREADS, TASK_TIMEOUT, LEASE, GRACE, DRAIN };

enum {
    LOOK_MS = 100,
    TICK_MS = 200,
    KILL_MS = 5000, /* From SIGTERM to SIGKILL. */
    EXIT_DEAD = 65, /* EX_DATAERR: another try would not mend it. */
    GRACE_S = 30,
};

struct shop {
    const char    *command;
    struct board   board;
    struct session session;
    bool           is_away; /* Redis, and so it was told. */
};

/* ---- One task ---- */

struct run {
    struct hf_job *job;
    struct board  *board;
    size_t         row;
};

static void tell(double progress, const char *message, void *ctx)
{
    struct run *run = ctx;
    hf_job_progress(run->job, progress, message);
    board_progress(run->board, run->row, progress, message);
}

static bool result_is_too_large(const struct child *child, size_t *size)
{
    struct stat file;
    if (fstat(child->result_fd, &file)) return true;
    *size = (size_t)file.st_size;
    return file.st_size > HF_TASK_PAYLOAD_MAX;
}

/* Until the command has ended; whoever is told to stop and does not is killed. */
static hf_err attend(struct run *run, struct child *child)
{
    hf_instant kill_at = hf_never();
    hf_err     verdict = HF_OK;
    size_t     size;
    while (!child_wait(child, LOOK_MS, tell, run)) {
        if (result_is_too_large(child, &size)) child_kill(child, SIGKILL);
        if (!hf_before(hf_now(), kill_at)) child_kill(child, SIGKILL);
        if (verdict) continue;
        verdict = hf_job_check(run->job);
        if (!verdict) continue;
        child_kill(child, SIGTERM);
        kill_at = hf_later(hf_now(), hf_ms(KILL_MS));
    }
    return verdict;
}

static enum hf_job_end keep_result(struct run *run, const struct child *child,
                                   char why[CHILD_WHY_MAX])
{
    size_t size = 0;
    hf_err err = HF_E_TOO_LARGE;
    if (!result_is_too_large(child, &size)) {
        void *data = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, child->result_fd, 0)
                          : "";
        err = data == MAP_FAILED ? HF_E_SYSTEM
                                 : hf_job_result(run->job, hf_bytes(data, size));
        if (size && data != MAP_FAILED) munmap(data, size);
    }
    if (!err) return HF_JOB_DONE;
    snprintf(why, CHILD_WHY_MAX, "result: %s", hf_err_text(err));
    return err == HF_E_TOO_LARGE ? HF_JOB_DEAD : HF_JOB_RETRY;
}

static enum hf_job_end judge(struct run *run, const struct child *child,
                             char why[CHILD_WHY_MAX])
{
    size_t    size;
    const int status = child->status;
    if (result_is_too_large(child, &size) || (WIFEXITED(status) && !WEXITSTATUS(status))) {
        return keep_result(run, child, why);
    }
    if (WIFEXITED(status)) {
        snprintf(why, CHILD_WHY_MAX, "exited with %d", WEXITSTATUS(status));
        return WEXITSTATUS(status) == EXIT_DEAD ? HF_JOB_DEAD : HF_JOB_RETRY;
    }
    snprintf(why, CHILD_WHY_MAX, "killed by signal %d", WTERMSIG(status));
    return HF_JOB_RETRY;
}

static const char *text_of(hf_err verdict)
{
    switch (verdict) {
    case HF_E_TIMEOUT: return "took too long";
    case HF_E_CLOSED: return "told to stop";
    default: return hf_err_text(verdict);
    }
}

static const char *outcome_name(enum hf_job_end end)
{
    switch (end) {
    case HF_JOB_DONE: return "success";
    case HF_JOB_RETRY: return "failed";
    case HF_JOB_DEAD: return "dead";
    default: return "stopped";
    }
}

static enum hf_job_end work(struct hf_job *job, void *ctx)
{
    struct shop          *shop = ctx;
    const struct hf_task *task = hf_job_task(job);
    struct run            run = { job, &shop->board, board_begin(&shop->board, task) };
    struct child          child;
    char                  why[CHILD_WHY_MAX] = "";
    enum hf_job_end       end = HF_JOB_RETRY;
    if (child_start(&child, shop->command, task, why)) {
        const hf_err verdict = attend(&run, &child);
        if (verdict) {
            snprintf(why, sizeof why, "%s", text_of(verdict));
            end = HF_JOB_RELEASE;
        } else {
            end = judge(&run, &child, why);
        }
        child_end(&child);
    }
    if (end != HF_JOB_DONE && hf_job_result(job, hf_str(why))) end = HF_JOB_RETRY;
    board_end(&shop->board, run.row, task, outcome_name(end), why);
    return end;
}

/* ---- All of them ---- */

static bool is_wanted(const struct hf_worker_options *options, const char *type)
{
    for (size_t i = 0; i < options->type_count; i++) {
        if (strcmp(options->types[i], type) == 0) return true;
    }
    return !options->types;
}

/* As far as Redis can be asked. */
static bool is_drained(struct shop *shop, const struct hf_worker_options *options,
                       struct hf_worker *worker)
{
    struct hf_worker_stats here;
    struct hf_task_stats  *stats;
    uint64_t               left = 0;
    hf_worker_stats(worker, &here);
    if (here.running || here.holding) return false;
    if (hf_tasks_stats(shop->session.tasks, NULL, &stats, NULL)) return false;
    for (size_t i = 0; i < stats->type_count; i++) {
        if (!is_wanted(options, stats->types[i].type)) continue;
        for (unsigned p = 0; p < HF_TASK_PRIORITIES; p++) {
            left += stats->types[i].count[HF_TASK_PENDING][p];
            left += stats->types[i].count[HF_TASK_RUNNING][p];
        }
    }
    hf_task_stats_free(stats);
    return left == 0;
}

/* Once when Redis goes, once when it comes: the worker waits for it, however long. */
static void tell_of_redis(struct shop *shop)
{
    char             text[HF_ERROR_DETAIL_MAX + 64];
    struct hf_health health;
    hf_health_get(hf_tasks_client(shop->session.tasks), &health);
    const bool is_away = health.status == HF_STATUS_DOWN;
    if (is_away == shop->is_away || (is_away && !health.error)) return; /* Not asked yet. */
    shop->is_away = is_away;
    snprintf(text, sizeof text, "Redis is away, waiting for it: %s", health.reason);
    board_complain(&shop->board, is_away ? text : "Redis is back");
}

/* Until a signal comes, or there is nothing left. A second signal ends the program. */
static void attend_all(struct shop *shop, const struct hf_worker_options *options,
                       struct hf_worker *worker, const sigset_t *signals)
{
    const struct timespec tick = { 0, TICK_MS * 1000000 };
    const bool            drains = shop->session.inv->values[DRAIN] != NULL;
    while (sigtimedwait(signals, NULL, &tick) < 0) {
        tell_of_redis(shop);
        board_draw(&shop->board);
        if (drains && is_drained(shop, options, worker)) break;
    }
    pthread_sigmask(SIG_UNBLOCK, signals, NULL);
}

static void tell_of_grace(struct shop *shop, struct hf_worker *worker, hf_duration grace)
{
    char                   text[120];
    struct hf_worker_stats here;
    hf_worker_stats(worker, &here);
    if (!here.running || grace.ns == 0) return;
    snprintf(text, sizeof text, "%u %s %s to end; a second signal ends the work at once",
             here.running,
             amount_noun(here.running, "task that runs has", "tasks that run have"),
             amount_seconds((double)grace.ns / 1e9).text);
    board_complain(&shop->board, text);
}

static enum exit_status run(struct shop *shop, const struct hf_worker_options *options,
                            hf_duration grace, const sigset_t *signals)
{
    struct session        *s = &shop->session;
    struct hf_worker      *worker;
    struct hf_worker_stats stats;
    board_init(&shop->board, s->inv->json); /* Workers draw on it at once. */
    hf_err err = hf_worker_open(s->tasks, options, work, shop, &worker, &s->error);
    if (err) {
        pthread_mutex_destroy(&shop->board.lock);
        return session_fail(s, err);
    }
    attend_all(shop, options, worker, signals);
    tell_of_grace(shop, worker, grace);
    err = hf_worker_stop(worker, grace, &s->error);
    hf_worker_stats(worker, &stats);
    hf_worker_close(worker);
    board_close(&shop->board, &stats);
    return err || stats.undelivered ? EXIT_UNAVAILABLE : EXIT_OK;
}

static bool read_flags(const struct invocation *inv, struct hf_worker_options *options,
                       hf_duration *grace)
{
    uint64_t threads = 1;
    if (!inv->values[EXEC]) {
        complain("tasks work: say what to do with --exec; see holdfast help tasks work");
        return false;
    }
    if (!flag_count(inv, THREADS, 1, HF_WORKER_THREADS_MAX, &threads)) return false;
    options->threads = (uint32_t)threads;
    return flag_duration(inv, TASK_TIMEOUT, &options->task_timeout) &&
           flag_duration(inv, LEASE, &options->lease) && flag_duration(inv, GRACE, grace);
}

/* Cuts "a,b,c" in place; false when there are too many. */
static bool split_types(char *text, const char *types[HF_TASK_TYPES_MAX], size_t *count)
{
    for (char *rest = text, *word; (word = strsep(&rest, ","));) {
        if (*count == HF_TASK_TYPES_MAX) {
            complain("--type: more than %d types", HF_TASK_TYPES_MAX);
            return false;
        }
        types[(*count)++] = word;
    }
    return true;
}

enum exit_status run_tasks_work(const struct invocation *inv)
{
    struct hf_worker_options options = { 0 };
    struct shop              shop = { .command = inv->values[EXEC] };
    const char              *types[HF_TASK_TYPES_MAX];
    hf_duration              grace = hf_seconds(GRACE_S);
    sigset_t                 signals;
    char                    *text = NULL;
    if (!read_flags(inv, &options, &grace)) return EXIT_USAGE;
    if (inv->values[TYPE]) {
        text = strdup(inv->values[TYPE]);
        if (!text || !split_types(text, types, &options.type_count)) {
            free(text);
            return EXIT_USAGE;
        }
        options.types = types;
    }
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    enum exit_status status = session_open(&shop.session, inv, false);
    if (status == EXIT_OK) status = run(&shop, &options, grace, &signals);
    session_close(&shop.session);
    free(text);
    return status;
}
