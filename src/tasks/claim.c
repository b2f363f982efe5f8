#include "tasks/claim.h"

#include "client/client.h"
#include "core/assert.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/rng.h"
#include "tasks/name.h"
#include "tasks/record.h"
#include "tasks/run.h"
#include "tasks/scripts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    LEASE_S = 30,
    NAP_MS = 2000,        /* Longest sleep between two looks. */
    NAP_SLACK_MS = 1000,  /* What the server may take longer than it was told to. */
    SERVER_TICK_MS = 150, /* The server ends sleeps as late as that. */
    LAST_LOOK_MS = 30,    /* Less than that is not enough to ask. */
    SHORT_NAP_MS = 20,    /* Between two looks when there is no time for a sleep there. */
    WAKE_KEY_MAX = HF_TASK_ID_MAX + 4 + 5 + HF_TASK_TYPE_MAX + 1,
};

struct wanted {
    struct hf_claim claim;
    uint64_t        kind;          /* Hash of what is asked for. */
    char            priorities[4]; /* Digits, from high to low. */
    int64_t         lease_us;
};

static uint64_t kind_of(const struct hf_claim *claim, const char *priorities)
{
    uint64_t hash = hf_hash64(hf_str(priorities), 0);
    for (size_t i = 0; i < claim->type_count; i++) {
        hash = hf_hash64(hf_str(claim->types[i]), hash);
    }
    return claim->id ? hf_hash64(hf_str(claim->id), ~hash) : hash;
}

static hf_err prepare(struct wanted *w, const struct hf_claim *claim, struct hf_error *error)
{
    static const enum hf_task_priority order[] = { HF_TASK_HIGH, HF_TASK_NORMAL,
                                                   HF_TASK_LOW };
    *w = (struct wanted){ 0 };
    if (claim) w->claim = *claim;
    if (!w->claim.types) w->claim.type_count = 0;
    if (!w->claim.lease.ns) w->claim.lease = hf_seconds(LEASE_S);
    if (!w->claim.priorities) w->claim.priorities = 7;
    if (w->claim.type_count > HF_TASK_TYPES_MAX) {
        return hf_fail(error, HF_E_TOO_LARGE, "%zu types", w->claim.type_count);
    }
    if (w->claim.priorities > 7) return hf_fail(error, HF_E_INVALID, "priorities");
    if (w->claim.lease.ns < hf_seconds(1).ns) {
        return hf_fail(error, HF_E_RANGE, "lease: at least 1 s");
    }
    hf_err err = hf_task_us(w->claim.lease, "lease", &w->lease_us, error);
    if (!err) err = hf_task_check_name(w->claim.worker, "worker", error);
    if (!err && w->claim.id) {
        err = hf_task_check_id(w->claim.id, HF_TASK_ID_MAX, "id", error);
    }
    for (size_t i = 0; i < w->claim.type_count && !err; i++) {
        err = hf_task_check_id(w->claim.types[i], HF_TASK_TYPE_MAX, "type", error);
    }
    size_t count = 0;
    for (size_t i = 0; i < HF_TASK_PRIORITIES; i++) {
        if (w->claim.priorities & 1u << order[i]) {
            w->priorities[count++] = (char)('0' + order[i]);
        }
    }
    w->kind = kind_of(&w->claim, w->priorities);
    return err;
}

/* One trip: what is sent, and what came back. */
struct trade {
    const struct wanted  *wanted;
    bool                  has_waited;
    struct hf_completion *completions;
    size_t                completion_count;
    struct hf_task      **claimed;
    size_t                count;   /* Of nonces; then of tasks that were claimed. */
    int64_t               next_ms; /* With HF_MISS: when the next is due, or -1. */
    uint64_t              nonces[HF_TRADE_MAX];
    bool                  is_again[HF_TRADE_MAX]; /* Asked under before, and not answered. */
    char                  text[HF_TRADE_MAX][HF_GRANT_TEXT];
    char                  tokens[HF_TRADE_MAX][24];
    char                  lines[HF_TRADE_MAX][HF_TASK_TEXT_MAX];
};

static size_t line_of(const char *message, char line[HF_TASK_TEXT_MAX])
{
    return message ? hf_task_line(hf_str(message), line) : 0;
}

static void add_args(struct hf_task_args *args, struct hf_tasks *tasks, struct trade *t)
{
    const struct hf_claim *claim = &t->wanted->claim;
    hf_task_args_init(args, tasks);
    hf_task_arg_text(args, t->wanted->priorities);
    hf_task_arg_int(args, t->wanted->lease_us);
    hf_task_arg_text(args, claim->worker ? claim->worker : tasks->name);
    hf_task_arg_text(args, claim->id);
    hf_task_arg_text(args, t->has_waited ? "1" : "0");
    hf_task_arg_int(args, (int64_t)claim->type_count);
    hf_task_arg_int(args, (int64_t)t->count);
    for (size_t i = 0; i < claim->type_count; i++) hf_task_arg_text(args, claim->types[i]);
    for (size_t i = 0; i < t->count; i++) {
        snprintf(t->text[i], HF_GRANT_TEXT, "%016" PRIx64, t->nonces[i]);
        hf_task_arg_text(args, t->text[i]);
    }
    for (size_t i = 0; i < t->completion_count; i++) {
        const struct hf_completion *c = &t->completions[i];
        snprintf(t->tokens[i], sizeof t->tokens[i], "%" PRIu64, c->token);
        hf_task_arg_text(args, c->id);
        hf_task_arg_text(args, t->tokens[i]);
        hf_task_arg(args, hf_bytes(t->lines[i], line_of(c->message, t->lines[i])));
        hf_task_arg(args, c->result);
    }
}

static hf_err read_completions(struct hf_tasks *tasks, const struct hf_reply *words,
                               const struct trade *t, struct hf_error *error)
{
    if (hf_reply_count(words) != t->completion_count) {
        return hf_fail(error, HF_E_PROTOCOL, "a task script's answer");
    }
    for (size_t i = 0; i < t->completion_count; i++) {
        t->completions[i].err = hf_task_word(hf_reply_at(words, i));
        hf_tasks_count_report(tasks, HF_STAT_TASKS_COMPLETED, t->completions[i].err);
    }
    return HF_OK;
}

/* What cannot be read is left to its lease's end, if there is anything else. */
static hf_err read_claimed(struct hf_tasks *tasks, const struct hf_reply *reply,
                           struct trade *t, struct hf_error *error)
{
    enum { FIRST = 3, EACH = 3 };
    const size_t told = (hf_reply_count(reply) - FIRST) / EACH;
    hf_err       err = told && told <= t->count ? HF_OK : HF_E_PROTOCOL;
    size_t       count = 0;
    for (size_t i = 0; !err && i < told; i++) {
        const size_t    at = FIRST + EACH * i;
        struct hf_bytes id;
        if (hf_reply_bytes(hf_reply_at(reply, at), &id)) {
            err = HF_E_PROTOCOL;
            break;
        }
        const hf_err e = hf_task_from_reply(
            tasks->allocator, id.data, hf_reply_at(reply, at + 1), hf_reply_at(reply, at + 2),
            &t->claimed[count], error);
        if (!e) count++;
        if (e && count == 0 && i + 1 == told) return e;
    }
    if (err) {
        for (size_t i = 0; i < count; i++) hf_task_free(t->claimed[i]);
        return hf_fail(error, err, "a task script's answer");
    }
    t->count = count;
    for (size_t i = 0; i < count; i++) hf_tasks_count(tasks, HF_STAT_TASKS_CLAIMED);
    return HF_OK;
}

static void take_nonces(struct hf_tasks *tasks, struct trade *t)
{
    for (size_t i = 0; i < t->count; i++) {
        t->is_again[i] = hf_grants_take(&tasks->grants, t->wanted->kind, &t->nonces[i]);
        if (!t->is_again[i]) t->nonces[i] = hf_rng_seed();
    }
}

/* Those under which a task may have been given out that nobody knows of. */
static void keep_nonces(struct hf_tasks *tasks, const struct trade *t, size_t count,
                        bool may_be_granted)
{
    for (size_t i = 0; i < count; i++) {
        if (!may_be_granted && !t->is_again[i]) continue;
        hf_grants_keep(&tasks->grants, t->wanted->kind, t->nonces[i]);
    }
}

/* Asks once. */
static hf_err ask(struct hf_tasks *tasks, const struct hf_call *call, struct trade *t,
                  struct hf_error *error)
{
    const size_t        asked = t->count;
    struct hf_task_args args;
    struct hf_reply    *reply;
    take_nonces(tasks, t);
    add_args(&args, tasks, t);
    hf_err err = hf_tasks_run(tasks, call, HF_COMMAND_IDEMPOTENT, &hf_tasks_lua_claim, &args,
                              &reply, error);
    if (err && err != HF_MISS) {
        const bool is_answer = hf_err_category(err) == HF_CATEGORY_REPLY;
        if (!is_answer) keep_nonces(tasks, t, asked, hf_err_outcome_unknown(err));
        return err;
    }
    if (hf_task_answer_int(reply, 1, &t->next_ms, NULL)) t->next_ms = -1;
    hf_err e = read_completions(tasks, hf_reply_at(reply, 2), t, error);
    if (!e && !err) e = read_claimed(tasks, reply, t, error);
    hf_reply_free(reply);
    if (!e) return err;
    if (e != HF_E_TASK_DAMAGED && e != HF_E_TASK_NEWER) keep_nonces(tasks, t, asked, true);
    return e;
}

hf_err hf_tasks_trade(struct hf_tasks *tasks, const struct hf_call *call,
                      const struct hf_claim *claim, struct hf_completion *completions,
                      size_t completion_count, struct hf_task **claimed, size_t wanted_count,
                      size_t *claimed_count, struct hf_error *error)
{
    hf_assert(wanted_count > 0 && wanted_count <= HF_TRADE_MAX);
    hf_assert(completion_count <= HF_TRADE_MAX);
    struct wanted w;
    hf_err        err = prepare(&w, claim, error);
    struct trade  t = { .wanted = &w,
                        .completions = completions,
                        .completion_count = completion_count,
                        .claimed = claimed,
                        .count = wanted_count };
    if (!err) err = ask(tasks, call, &t, error);
    if (!err) *claimed_count = t.count;
    return err && err != HF_MISS ? hf_fail_in(error, err, "trade tasks") : err;
}

static struct hf_call rest_of(const struct hf_call *call, hf_instant end)
{
    struct hf_call    rest = call ? *call : (struct hf_call){ 0 };
    const hf_duration left = hf_between(hf_now(), end);
    rest.timeout = left.ns ? left : hf_ns(1);
    return rest;
}

/* Until a task may be there, at most that long. */
static hf_err sleep_on_wake_keys(struct hf_tasks *tasks, const struct hf_call *given,
                                 const struct wanted *w, int64_t nap_ms, hf_instant end,
                                 struct hf_error *error)
{
    char            keys[HF_TASK_TYPES_MAX][WAKE_KEY_MAX];
    struct hf_bytes argv[HF_TASK_TYPES_MAX + 3] = { hf_str("BLPOP") };
    size_t          argc = 1;
    do {
        const size_t i = argc - 1;
        snprintf(keys[i], WAKE_KEY_MAX, "%swake:%s", tasks->base,
                 w->claim.type_count ? w->claim.types[i] : "");
        argv[argc++] = hf_str(keys[i]);
    } while (argc - 1 < w->claim.type_count);

    if (nap_ms < 1) nap_ms = 1;
    char seconds[24];
    snprintf(seconds, sizeof seconds, "%" PRId64 ".%03d", nap_ms / 1000,
             (int)(nap_ms % 1000));
    argv[argc++] = hf_str(seconds);

    const hf_duration slack = hf_ms((uint32_t)nap_ms + NAP_SLACK_MS);
    struct hf_call    call = {
           .timeout = hf_between(hf_now(), hf_earlier_of(end, hf_later(hf_now(), slack))),
           .blocking = true,
    };
    if (given) call.trace = given->trace;
    struct hf_reply *reply;
    const hf_err     err = hf_client_command(tasks->client, &call, argv, argc, &reply, error);
    if (!err) hf_reply_free(reply);
    return err;
}

static int64_t min_ms(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void nap_here(int64_t ms)
{
    const struct timespec nap = { 0, (ms > 0 ? ms : 1) * 1000000 };
    nanosleep(&nap, NULL);
}

/* The leader asks, sleeps, asks. Others follow until they lead, or their time is over. */
static hf_err wait_for_task(struct hf_tasks *tasks, const struct hf_call *call,
                            const struct wanted *w, hf_instant end, struct hf_task **task,
                            struct hf_error *error)
{
    struct hf_waiting_kind *kind;
    if (!hf_waiting_lead(&tasks->waiting, w->kind, end, &kind)) return HF_MISS;

    hf_err err = HF_MISS;
    while (hf_to_ms(hf_between(hf_now(), end)) >= LAST_LOOK_MS) {
        const struct hf_call rest = rest_of(call, end);
        struct trade t = { .wanted = w, .has_waited = true, .claimed = task, .count = 1 };
        err = ask(tasks, &rest, &t, error);
        if (err != HF_MISS) break;

        const int64_t left_ms = hf_to_ms(hf_between(hf_now(), end));
        const int64_t soon_ms = t.next_ms >= 0 && t.next_ms < NAP_MS ? t.next_ms : NAP_MS;
        if (left_ms <= SERVER_TICK_MS) {
            nap_here(min_ms(min_ms(left_ms, soon_ms), SHORT_NAP_MS));
            continue;
        }
        err = sleep_on_wake_keys(tasks, call, w, min_ms(left_ms - SERVER_TICK_MS, soon_ms),
                                 end, error);
        if (err) break;
        err = HF_MISS;
    }
    hf_waiting_leave(&tasks->waiting, kind);
    return err;
}

hf_err hf_tasks_claim(struct hf_tasks *tasks, const struct hf_call *call,
                      const struct hf_claim *claim, struct hf_task **task,
                      struct hf_error *error)
{
    const hf_duration timeout = call && call->timeout.ns ? call->timeout : tasks->timeout;
    const hf_instant  end = hf_later(hf_now(), timeout);
    struct wanted     w;
    struct trade      t = { .wanted = &w, .claimed = task, .count = 1 };
    hf_err            err = prepare(&w, claim, error);
    if (!err) err = ask(tasks, call, &t, error);
    if (err == HF_MISS && w.claim.waits && !w.claim.id) {
        err = wait_for_task(tasks, call, &w, end, task, error);
    }
    return err && err != HF_MISS ? hf_fail_in(error, err, "claim task") : err;
}
