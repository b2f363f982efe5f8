#include "cache/replay.h"

#include "cache/key.h"
#include "client/client.h"
#include "core/condition.h"
#include "core/error.h"
#include "core/log.h"
#include "core/thread.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum {
    KEYS_AT_ONCE = 256,
    FIRST_PAUSE_MS = 50,
    LAST_PAUSE_MS = 2000,
};

void hf_replay_init(struct hf_replay *r, struct hf_client          *client,
                    struct hf_namespace *namespace, struct hf_bytes namespace_key)
{
    *r = (struct hf_replay){
        .client = client,
        .namespace = namespace,
        .namespace_key = namespace_key,
        .pid = getpid(),
    };
    hf_condition_init(&r->news);
    pthread_mutex_init(&r->lock, NULL);
    hf_pending_init(&r->guarded.list, hf_client_allocator(client));
}

static void publish_count(struct hf_replay *r)
{
    const size_t count = r->guarded.list.count;
    const size_t before = atomic_exchange_explicit(&r->count, count, memory_order_release);
    hf_metrics_add(r->client->metrics, HF_STAT_CACHE_DELETES_PENDING,
                   (int64_t)count - (int64_t)before);
}

/* First the lease: a load that it was taken for cannot store after the entry is gone. */
hf_err hf_replay_add_commands(struct hf_batch *batch, const struct hf_allocator *a,
                              struct hf_bytes key)
{
    struct hf_key lease;
    hf_err        err = hf_key_init_lease(&lease, a, key);
    if (err) return err;

    const struct hf_bytes unlink_lease[] = { hf_str("UNLINK"), lease.wire };
    const struct hf_bytes unlink_entry[] = { hf_str("UNLINK"), key };
    err = hf_batch_add(batch, unlink_lease, 2);
    if (!err) err = hf_batch_add(batch, unlink_entry, 2);
    hf_key_deinit(&lease);
    return err;
}

hf_err hf_replay_outcome(const struct hf_batch *batch, size_t index, struct hf_error *error)
{
    const struct hf_reply *reply;
    int64_t                count;
    hf_err                 err = hf_batch_result(batch, 2 * index, &reply, error);
    if (!err) err = hf_batch_result(batch, 2 * index + 1, &reply, error);
    if (err) return err;
    if (hf_reply_int(reply, &count)) return hf_fail(error, HF_E_PROTOCOL, "UNLINK");
    return count ? HF_OK : HF_MISS;
}

/* The deletes of one round: commands of the batch, told by their tickets. */
struct round {
    struct hf_batch *batch;
    uint64_t         tickets[KEYS_AT_ONCE]; /* Ascending, as in the list. */
    size_t           count;
};

/* Called under the lock. */
static void collect(const struct hf_replay *r, struct round *round)
{
    round->count = 0;
    for (const struct hf_pending_key *k = r->guarded.list.oldest;
         k && round->count < KEYS_AT_ONCE; k = k->next) {
        const struct hf_bytes key = hf_bytes(k->bytes, k->size);
        if (hf_replay_add_commands(round->batch, r->guarded.list.allocator, key)) return;
        round->tickets[round->count++] = k->ticket;
    }
}

/* Called under the lock: takes what was acknowledged off the list. How many that was. */
static size_t settle_round(struct hf_replay *r, const struct round *round)
{
    struct hf_pending_key *k = r->guarded.list.oldest;
    size_t                 settled = 0;
    for (size_t i = 0; i < round->count; i++) {
        while (k && k->ticket < round->tickets[i]) k = k->next;
        if (!k) break;

        struct hf_pending_key *next = k->next;
        if (k->ticket != round->tickets[i]) continue;
        const hf_err err = hf_replay_outcome(round->batch, i, NULL);
        if (err && err != HF_MISS) continue;
        hf_pending_remove(&r->guarded.list, hf_bytes(k->bytes, k->size), k->ticket);
        settled++;
        k = next;
    }
    publish_count(r);
    return settled;
}

/* Called under the lock, which it lets go meanwhile. True when it got on. */
static bool attempt(struct hf_replay *r)
{
    const struct hf_call call = { .timeout = HF_REPLAY_TIMEOUT,
                                  .command_class = HF_COMMAND_IDEMPOTENT };
    struct round         round;
    if (atomic_load_explicit(&r->is_void, memory_order_acquire)) {
        pthread_mutex_unlock(&r->lock);
        const hf_err err = hf_replay_new_namespace(r, &call, NULL);
        pthread_mutex_lock(&r->lock);
        return !err;
    }
    if (hf_batch_open(r->client, &round.batch)) return false;
    collect(r, &round);
    pthread_mutex_unlock(&r->lock);

    /* What came of it is in the results. */
    (void)!hf_client_batch(r->client, &call, round.batch, NULL);

    pthread_mutex_lock(&r->lock);
    const size_t settled = settle_round(r, &round);
    hf_batch_close(round.batch);
    return settled > 0;
}

static bool has_work(const struct hf_replay *r)
{
    return r->guarded.list.count > 0 ||
           atomic_load_explicit(&r->is_void, memory_order_acquire);
}

/* Called under the lock: waits that long, or until it is to stop. */
static void pause_for(struct hf_replay *r, hf_duration pause)
{
    const hf_instant end = hf_later(hf_now(), pause);
    while (!r->guarded.is_stopping && hf_condition_wait(&r->news, &r->lock, end)) continue;
}

/* Not under the lock. Somebody's write may have been the end as well. */
static void tell_if_done(struct hf_replay *r)
{
    pthread_mutex_lock(&r->lock);
    const bool is_done = r->guarded.is_behind && !has_work(r);
    if (is_done) r->guarded.is_behind = false;
    pthread_mutex_unlock(&r->lock);
    if (!is_done) return;
    hf_log(hf_client_logger(r->client), HF_EVENT_DELETES_DONE, NULL, 0,
           "all failed deletes are made up for");
}

static void *replay(void *context)
{
    struct hf_replay *r = context;
    struct hf_rng     rng = { hf_rng_seed() };
    uint32_t          pause_ms = FIRST_PAUSE_MS;
    pthread_mutex_lock(&r->lock);
    for (;;) {
        while (!r->guarded.is_stopping && !has_work(r)) pthread_cond_wait(&r->news, &r->lock);
        if (r->guarded.is_stopping) break;
        if (attempt(r)) {
            pause_ms = FIRST_PAUSE_MS;
            pthread_mutex_unlock(&r->lock);
            tell_if_done(r);
            pthread_mutex_lock(&r->lock);
            continue;
        }
        pause_for(r, hf_ms(pause_ms / 2 + (uint32_t)hf_rng_below(&rng, pause_ms)));
        if (pause_ms < LAST_PAUSE_MS) pause_ms *= 2;
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* Called under the lock. Without a thread the next failure tries again; until then the keys
 * miss. */
static void start(struct hf_replay *r)
{
    r->guarded.is_behind = true;
    pthread_cond_signal(&r->news);
    if (r->guarded.is_running) return;
    r->guarded.is_running = hf_thread_start(&r->guarded.thread, replay, r) == HF_OK;
}

/* Called under the lock. */
static void make_void(struct hf_replay *r)
{
    r->guarded.voids++;
    atomic_store_explicit(&r->is_void, true, memory_order_release);
    hf_namespace_replace(r->namespace, hf_now(), 0);
    hf_pending_clear(&r->guarded.list);
}

static void tell_of_void(struct hf_replay *r)
{
    hf_log(hf_client_logger(r->client), HF_EVENT_CACHE_VOIDED, NULL, 0,
           "more deletes failed than are remembered: all entries miss from now on");
}

void hf_replay_add(struct hf_replay *r, struct hf_bytes key, hf_err why)
{
    pthread_mutex_lock(&r->lock);
    const bool is_full = hf_pending_add(&r->guarded.list, key) != HF_OK;
    if (is_full) make_void(r);
    publish_count(r);
    start(r);
    const size_t pending = r->guarded.list.count;
    pthread_mutex_unlock(&r->lock);

    if (is_full) {
        tell_of_void(r);
        return;
    }
    const struct hf_log_field fields[] = {
        hf_log_text("error", hf_category_name(hf_err_category(why))),
        hf_log_number("pending", (int64_t)pending),
    };
    hf_log(hf_client_logger(r->client), HF_EVENT_DELETE_QUEUED, fields, 2,
           "a delete failed and will be made up for: %s", hf_err_text(why));
}

void hf_replay_void(struct hf_replay *r)
{
    pthread_mutex_lock(&r->lock);
    make_void(r);
    publish_count(r);
    start(r);
    pthread_mutex_unlock(&r->lock);
}

uint64_t hf_replay_ticket(struct hf_replay *r, struct hf_bytes key)
{
    if (atomic_load_explicit(&r->count, memory_order_acquire) == 0) return 0;

    pthread_mutex_lock(&r->lock);
    const uint64_t ticket = hf_pending_ticket(&r->guarded.list, key);
    pthread_mutex_unlock(&r->lock);
    return ticket;
}

bool hf_replay_covers(struct hf_replay *r, struct hf_bytes key)
{
    return atomic_load_explicit(&r->is_void, memory_order_acquire) ||
           hf_replay_ticket(r, key) != 0;
}

void hf_replay_settle(struct hf_replay *r, struct hf_bytes key, uint64_t ticket)
{
    if (ticket == 0) return;

    pthread_mutex_lock(&r->lock);
    hf_pending_remove(&r->guarded.list, key, ticket);
    publish_count(r);
    pthread_mutex_unlock(&r->lock);
    tell_if_done(r);
}

hf_err hf_replay_new_namespace(struct hf_replay *r, const struct hf_call *call,
                               struct hf_error *error)
{
    const uint64_t token = hf_rng_seed() | 1;
    char           text[HF_NAMESPACE_TEXT + 1];
    snprintf(text, sizeof text, "%016" PRIx64, token);

    pthread_mutex_lock(&r->lock);
    const uint64_t voids = r->guarded.voids;
    pthread_mutex_unlock(&r->lock);

    const hf_instant      asked = hf_now();
    const struct hf_bytes argv[] = { hf_str("SET"), r->namespace_key, hf_str(text) };
    struct hf_reply      *reply;
    const hf_err          err = hf_client_command(r->client, call, argv, 3, &reply, error);
    if (err) {
        hf_replay_void(r);
        return err;
    }
    hf_reply_free(reply);

    hf_namespace_replace(r->namespace, asked, token);
    pthread_mutex_lock(&r->lock);
    if (r->guarded.voids == voids) {
        atomic_store_explicit(&r->is_void, false, memory_order_release);
    }
    pthread_mutex_unlock(&r->lock);
    tell_if_done(r);
    return HF_OK;
}

void hf_replay_deinit(struct hf_replay *r)
{
    if (getpid() != r->pid) return;

    pthread_mutex_lock(&r->lock);
    r->guarded.is_stopping = true;
    pthread_cond_signal(&r->news);
    const bool is_running = r->guarded.is_running;
    pthread_mutex_unlock(&r->lock);
    if (is_running) pthread_join(r->guarded.thread, NULL);

    if (has_work(r)) {
        const struct hf_log_field field = hf_log_number("pending",
                                                        (int64_t)r->guarded.list.count);
        hf_log(hf_client_logger(r->client), HF_EVENT_DELETES_LOST, &field, 1,
               "closed with %zu deletes that never reached Redis%s", r->guarded.list.count,
               atomic_load(&r->is_void) ? ", and a namespace to be replaced" : "");
    }
    hf_pending_deinit(&r->guarded.list);
    publish_count(r);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->news);
}
