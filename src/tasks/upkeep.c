#include "tasks/upkeep.h"

#include "client/client.h"
#include "core/condition.h"
#include "core/error.h"
#include "core/log.h"
#include "core/rng.h"
#include "core/thread.h"
#include "tasks/run.h"
#include "tasks/scripts.h"

#include <string.h>
#include <unistd.h>

enum {
    PAUSE_MS = 1000,
    POLICY_EVERY_S = 60,
    STEP = 100,
    ROUNDS_IN_A_ROW = 100,
};

/* How far one script goes, and what it is to look at. */
static hf_err step(struct hf_tasks *tasks, const struct hf_call *call, int64_t age_us,
                   uint32_t keep_max, bool only_finished, int64_t *removed, bool *has_more,
                   struct hf_error *error)
{
    struct hf_task_args args;
    struct hf_reply    *reply;
    int64_t             count = 0, more = 0;
    hf_task_args_init(&args, tasks);
    hf_task_arg_int(&args, STEP);
    hf_task_arg_int(&args, age_us);
    hf_task_arg_int(&args, keep_max);
    hf_task_arg_text(&args, only_finished ? "1" : "0");
    hf_err err = hf_tasks_run(tasks, call, HF_COMMAND_IDEMPOTENT, &hf_tasks_lua_maintain,
                              &args, &reply, error);
    if (err) return err;
    err = hf_task_answer_int(reply, 1, &count, error);
    if (!err) err = hf_task_answer_int(reply, 2, &more, error);
    hf_reply_free(reply);
    if (err) return err;
    *removed = count;
    *has_more = more != 0;
    return HF_OK;
}

hf_err hf_tasks_maintain(struct hf_tasks *tasks, const struct hf_call *call, bool *has_more,
                         struct hf_error *error)
{
    int64_t      removed;
    bool         more = false;
    const hf_err err = step(tasks, call, tasks->keep_us, tasks->keep_max, false, &removed,
                            &more, error);
    atomic_store_explicit(&tasks->upkeep.error, (int)err, memory_order_relaxed);
    if (err) return hf_fail_in(error, err, "maintain");
    atomic_store_explicit(&tasks->upkeep.maintained_ns, hf_now().ns, memory_order_relaxed);
    if (has_more) *has_more = more;
    return HF_OK;
}

hf_err hf_tasks_cleanup(struct hf_tasks *tasks, const struct hf_call *call, hf_duration age,
                        uint32_t keep_max, uint64_t *removed, struct hf_error *error)
{
    int64_t age_us, count;
    bool    has_more = true;
    if (removed) *removed = 0;
    hf_err err = hf_task_us(age, "age", &age_us, error);
    while (!err && has_more) {
        err = step(tasks, call, age_us, keep_max, true, &count, &has_more, error);
        if (!err && removed) *removed += (uint64_t)count;
    }
    return err ? hf_fail_in(error, err, "clean up tasks") : HF_OK;
}

/* What cannot be read is no news. */
static void look_at_policy(struct hf_upkeep *u)
{
    const struct hf_call  call = { .timeout = HF_UPKEEP_TIMEOUT };
    const struct hf_bytes argv[] = { hf_str("INFO"), hf_str("memory") };
    struct hf_client     *client = u->tasks->client;
    struct hf_reply      *reply;
    struct hf_bytes       text;
    if (hf_client_command(client, &call, argv, 2, &reply, NULL)) return;

    static const char field[] = "maxmemory_policy:";
    const char       *at = NULL;
    if (!hf_reply_bytes(reply, &text)) at = strstr(text.data, field);
    const bool may_evict = at && strncmp(at + strlen(field), "noeviction", 10) != 0;
    if (may_evict && !atomic_load_explicit(&u->may_evict, memory_order_relaxed)) {
        hf_log(hf_client_logger(client), HF_EVENT_TASKS_EVICTABLE, NULL, 0,
               "the server may evict tasks: set maxmemory-policy noeviction");
    }
    if (at) atomic_store_explicit(&u->may_evict, may_evict, memory_order_relaxed);
    hf_reply_free(reply);
}

static bool is_stopping(struct hf_upkeep *u)
{
    pthread_mutex_lock(&u->lock);
    const bool stops = u->guarded.is_stopping;
    pthread_mutex_unlock(&u->lock);
    return stops;
}

/* Waits that long. False when it is to stop. */
static bool pause_for(struct hf_upkeep *u, hf_duration pause)
{
    const hf_instant end = hf_later(hf_now(), pause);
    pthread_mutex_lock(&u->lock);
    while (!u->guarded.is_stopping && hf_condition_wait(&u->news, &u->lock, end)) continue;
    const bool goes_on = !u->guarded.is_stopping;
    pthread_mutex_unlock(&u->lock);
    return goes_on;
}

/* Of the rounds in the background; whoever maintains by hand is told by what it returns. */
static void tell(struct hf_upkeep *u, hf_err err, const struct hf_error *error)
{
    struct hf_logger *logger = hf_client_logger(u->tasks->client);
    if (!err && u->told) {
        hf_log(logger, HF_EVENT_TASKS_RECOVERED, NULL, 0, "upkeep of tasks works again");
    } else if (err && err != u->told && err != HF_E_CLOSED) {
        const struct hf_log_field fields[] = {
            hf_log_text("error", hf_category_name(hf_err_category(err))),
            hf_log_text("reason", error->detail),
        };
        hf_log(logger, HF_EVENT_TASKS_DEGRADED, fields, 2, "upkeep of tasks: %s",
               error->detail);
    }
    u->told = err;
}

static void *body(void *context)
{
    const struct hf_call call = { .timeout = HF_UPKEEP_TIMEOUT };
    struct hf_upkeep    *u = context;
    struct hf_rng        rng = { hf_rng_seed() };
    hf_instant           policy_due = { 0 };
    hf_duration          pause = hf_ms(PAUSE_MS / 4);
    while (pause_for(u, pause)) {
        bool has_more = true;
        for (int i = 0; i < ROUNDS_IN_A_ROW && has_more && !is_stopping(u); i++) {
            struct hf_error error;
            const hf_err    err = hf_tasks_maintain(u->tasks, &call, &has_more, &error);
            if (err) has_more = false;
            tell(u, err, &error);
        }
        const bool is_well = atomic_load_explicit(&u->error, memory_order_relaxed) == HF_OK;
        if (is_well && !hf_before(hf_now(), policy_due) && !is_stopping(u)) {
            look_at_policy(u);
            policy_due = hf_later(hf_now(), hf_seconds(POLICY_EVERY_S));
        }
        pause = hf_ms(PAUSE_MS / 2 + (uint32_t)hf_rng_below(&rng, PAUSE_MS));
    }
    return NULL;
}

hf_err hf_upkeep_init(struct hf_upkeep *u, struct hf_tasks *tasks, bool starts)
{
    *u = (struct hf_upkeep){ .tasks = tasks, .pid = getpid() };
    pthread_mutex_init(&u->lock, NULL);
    hf_condition_init(&u->news);
    if (!starts) return HF_OK;

    const hf_err err = hf_thread_start(&u->thread, body, u);
    u->is_running = !err;
    if (err) hf_upkeep_deinit(u);
    return err;
}

void hf_upkeep_deinit(struct hf_upkeep *u)
{
    if (u->pid != getpid()) return; /* The thread stayed with the parent. */
    pthread_mutex_lock(&u->lock);
    u->guarded.is_stopping = true;
    pthread_cond_signal(&u->news);
    pthread_mutex_unlock(&u->lock);
    if (u->is_running) pthread_join(u->thread, NULL);
    pthread_cond_destroy(&u->news);
    pthread_mutex_destroy(&u->lock);
}

void hf_tasks_health(struct hf_tasks *tasks, struct hf_tasks_health *health)
{
    const struct hf_upkeep *u = &tasks->upkeep;
    hf_health_get(tasks->client, &health->client);
    health->may_evict = atomic_load_explicit(&u->may_evict, memory_order_relaxed);
    health->maintained.ns = atomic_load_explicit(&u->maintained_ns, memory_order_relaxed);
    health->error = (hf_err)atomic_load_explicit(&u->error, memory_order_relaxed);
}
