#include "topology/endpoint.h"

#include "core/alloc.h"
#include "core/assert.h"
#include "core/error.h"
#include "net/futex.h"
#include "topology/endpoint_inside.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void on_breaker_move(const struct hf_breaker_transition *move, void *ctx)
{
    struct hf_endpoint *e = ctx;
    enum hf_event       event = HF_EVENT_BREAKER_FORCED;
    switch (move->to) {
    case HF_BREAKER_OPEN:
        hf_metrics_inc(e->metrics, HF_STAT_BREAKER_OPENED);
        event = HF_EVENT_BREAKER_OPENED;
        break;
    case HF_BREAKER_HALF_OPEN:
        hf_metrics_inc(e->metrics, HF_STAT_BREAKER_HALF_OPENED);
        event = HF_EVENT_BREAKER_HALF_OPENED;
        break;
    case HF_BREAKER_CLOSED:
        hf_metrics_inc(e->metrics, HF_STAT_BREAKER_CLOSED);
        event = HF_EVENT_BREAKER_CLOSED;
        break;
    default: break;
    }
    const char *const         from = hf_breaker_state_name(move->from);
    const char *const         to = hf_breaker_state_name(move->to);
    const struct hf_log_field fields[] = { hf_log_text("from", from), hf_log_text("to", to),
                                           hf_log_text("reason", move->why) };
    hf_log(e->logger, event, fields, 3, "%s -> %s: %s", from, to, move->why);
    e->owner.attention(e->owner.ctx);
}

hf_err hf_endpoint_init(struct hf_endpoint *e, const struct hf_allocator *a,
                        struct hf_logger *logger, struct hf_metrics *metrics,
                        const struct hf_mux_owner *owner, const struct hf_endpoint_opts *opts)
{
    hf_assert(opts->connections_max >= 1 && opts->connections_max <= HF_CONNECTIONS_MAX);

    memset(e, 0, sizeof *e);
    e->opts = *opts;
    e->allocator = a;
    e->logger = logger;
    e->metrics = metrics;
    e->retry_opts = opts->retry;
    e->begun = hf_now();
    hf_admission_init(&e->admission);
    hf_retry_budget_init(&e->budget, opts->seed);
    e->owner = *owner;
    const hf_err err = hf_breaker_init(&e->breaker, &opts->breaker);
    if (err) return err;

    pthread_mutex_init(&e->lock, NULL);
    hf_breaker_set_listener(&e->breaker, on_breaker_move, e);
    hf_dialler_init(&e->dialler, &e->opts.plan, opts->connect_timeout, opts->seed);
    return HF_OK;
}

void hf_endpoint_abandon(struct hf_endpoint *e)
{
    for (unsigned i = 0; i < e->link_count; i++) {
        if (e->links[i]) hf_mux_abandon(&e->links[i]->mux);
    }
}

void hf_endpoint_deinit(struct hf_endpoint *e)
{
    hf_dialler_deinit(&e->dialler);
    for (unsigned i = 0; i < e->link_count; i++) {
        hf_mux_deinit(&e->links[i]->mux);
        hf_free(e->allocator, e->links[i]);
    }
    if (e->pong) hf_reply_free(e->pong);
    hf_admission_deinit(&e->admission);
    hf_breaker_deinit(&e->breaker);
    pthread_mutex_destroy(&e->lock);
}

void hf_endpoint_announce(struct hf_endpoint *e)
{
    atomic_fetch_add(&e->news, 1);
    hf_futex_wake_all(&e->news);
}

/* ---- Fences -------------------------------------------------------------------- */

struct fence {
    struct hf_mux_call  call;
    struct hf_reply    *reply;
    struct hf_endpoint *endpoint;
    struct hf_greeting  greeting; /* Of the connection to be killed. */
};

/* Locked. Remembers it for the connection that comes next. Ids of another server process
 * mean nothing any more. */
static void remember_fence(struct hf_endpoint *e, const struct hf_greeting *greeting)
{
    if (strcmp(e->locked.fence_run_id, greeting->run_id) != 0) {
        memcpy(e->locked.fence_run_id, greeting->run_id, HF_RUN_ID_SIZE);
        e->locked.fence_count = 0;
    }
    if (e->locked.fence_count == HF_FENCES_MAX) {
        e->locked.is_fence_forbidden = true;
        return;
    }
    e->locked.fences[e->locked.fence_count++] = greeting->client_id;
}

/* One that may not have got through is sent again on the next connection: twice is no harm.
 */
static void fence_done(struct hf_mux_call *call)
{
    struct fence       *fence = (struct fence *)call;
    struct hf_endpoint *e = fence->endpoint;
    pthread_mutex_lock(&e->lock);
    if (call->err) {
        remember_fence(e, &fence->greeting);
    } else if (hf_reply_type(fence->reply) == HF_REPLY_ERROR) {
        e->locked.is_fence_forbidden = true;
    }
    atomic_fetch_sub(&e->fences_out, 1); /* Under the lock: it is remembered, or out. */
    pthread_mutex_unlock(&e->lock);
    for (uint32_t i = 0; i < call->received; i++) hf_reply_free(fence->reply);
    hf_free(e->allocator, fence);
}

/* Queues CLIENT KILL on a connection, before whatever is queued there later. */
static hf_err send_fence(struct hf_endpoint *e, struct hf_mux *mux,
                         const struct hf_greeting *greeting)
{
    struct fence *fence = hf_alloc_zero(e->allocator, 1, sizeof *fence);
    if (!fence) return HF_E_NOMEM;

    char id[24];
    snprintf(id, sizeof id, "%" PRId64, greeting->client_id);
    const struct hf_bytes argv[] = { hf_str("CLIENT"), hf_str("KILL"), hf_str("ID"),
                                     hf_str(id) };
    fence->endpoint = e;
    fence->greeting = *greeting;
    fence->call.replies = &fence->reply;
    fence->call.expected = 1;
    fence->call.done = fence_done;
    atomic_fetch_add(&e->fences_out, 1);
    const hf_err err = hf_mux_start(mux, &fence->call,
                                    &(struct hf_mux_message){ .argv = argv, .argc = 4 });
    if (err) {
        atomic_fetch_sub(&e->fences_out, 1);
        hf_free(e->allocator, fence);
    }
    return err;
}

static void note_unfenced(struct hf_endpoint *e)
{
    pthread_mutex_lock(&e->lock);
    e->locked.is_fence_forbidden = true;
    pthread_mutex_unlock(&e->lock);
}

void hf_endpoint_fence(struct hf_endpoint *e, const struct hf_greeting *greeting)
{
    struct hf_link *shared = atomic_load(&e->shared);
    if (!greeting->client_id || !greeting->run_id[0]) {
        note_unfenced(e);
        return;
    }
    if (shared && hf_mux_state(&shared->mux) == HF_MUX_READY) {
        /* One of another process is gone with it. */
        if (strcmp(shared->greeting.run_id, greeting->run_id) != 0) return;
        if (send_fence(e, &shared->mux, greeting) == HF_OK) return;
        if (hf_mux_state(&shared->mux) == HF_MUX_READY) {
            note_unfenced(e); /* No memory for it. */
            return;
        }
    }
    pthread_mutex_lock(&e->lock);
    remember_fence(e, greeting);
    pthread_mutex_unlock(&e->lock);
}

void hf_endpoint_send_fences(struct hf_endpoint *e, struct hf_link *link)
{
    int64_t  ids[HF_FENCES_MAX];
    unsigned count = 0;

    pthread_mutex_lock(&e->lock);
    if (strcmp(e->locked.fence_run_id, link->greeting.run_id) == 0) {
        count = e->locked.fence_count;
        memcpy(ids, e->locked.fences, count * sizeof ids[0]);
    }
    e->locked.fence_count = 0;
    pthread_mutex_unlock(&e->lock);

    struct hf_greeting killed = link->greeting; /* Of the same process. */
    for (unsigned i = 0; i < count; i++) {
        killed.client_id = ids[i];
        if (send_fence(e, &link->mux, &killed)) note_unfenced(e);
    }
}

bool hf_endpoint_has_loose_ends(struct hf_endpoint *e)
{
    struct hf_link *shared = atomic_load(&e->shared);
    pthread_mutex_lock(&e->lock);
    const bool is_unfenced = e->locked.fence_count > 0 || atomic_load(&e->fences_out) > 0;
    pthread_mutex_unlock(&e->lock);
    return !shared || is_unfenced || hf_mux_state(&shared->mux) != HF_MUX_READY ||
           hf_mux_abandoned(&shared->mux) > 0;
}

/* A user's callback may call in the thread that would make the connection it waits for. */
static bool is_tender(struct hf_endpoint *e)
{
    return atomic_load_explicit(&e->tender, memory_order_relaxed) ==
           (uintptr_t)pthread_self();
}

/* ---- Shared -------------------------------------------------------------------- */

/* Locked. What a caller is told while there is no connection to be had; HF_OK: wait. */
static hf_err why_not(const struct hf_endpoint *e, struct hf_error *error)
{
    if (atomic_load(&e->is_closed)) return hf_fail(error, HF_E_CLOSED, "client is closed");
    if (!e->locked.is_down) return HF_OK;
    return hf_fail(error, HF_E_UNAVAILABLE, "%s", e->locked.story.detail);
}

hf_err hf_endpoint_route(struct hf_endpoint *e, hf_instant deadline, struct hf_mux **mux,
                         struct hf_error *error)
{
    for (;;) {
        const uint32_t  news = atomic_load(&e->news);
        struct hf_link *link = atomic_load_explicit(&e->shared, memory_order_acquire);
        if (link) {
            *mux = &link->mux;
            return HF_OK;
        }
        pthread_mutex_lock(&e->lock);
        const hf_err err = why_not(e, error);
        pthread_mutex_unlock(&e->lock);
        if (err) return err;
        if (is_tender(e)) {
            return hf_fail(error, HF_E_UNAVAILABLE, "called from the thread that connects");
        }
        if (!hf_futex_wait(&e->news, news, deadline)) {
            return hf_fail(error, HF_E_TIMEOUT, "no connection in time");
        }
    }
}

hf_err hf_endpoint_wait(struct hf_endpoint *e, hf_instant deadline, struct hf_error *error)
{
    bool in_time = !is_tender(e);
    while (!atomic_load(&e->is_closed)) {
        const uint32_t news = atomic_load(&e->news);
        if (atomic_load(&e->shared)) return HF_OK;
        if (!in_time) break;
        in_time = hf_futex_wait(&e->news, news, deadline);
    }
    pthread_mutex_lock(&e->lock);
    const hf_err          why = e->locked.why;
    const struct hf_error story = e->locked.story;
    pthread_mutex_unlock(&e->lock);
    if (atomic_load(&e->is_closed)) return hf_fail(error, HF_E_CLOSED, "client is closed");
    if (why) return hf_fail(error, why, "%s", story.detail);
    return hf_fail(error, HF_E_TIMEOUT, "no answer yet");
}

bool hf_endpoint_pause(struct hf_endpoint *e, hf_instant until)
{
    while (!atomic_load(&e->is_closed)) {
        const uint32_t news = atomic_load(&e->news);
        if (atomic_load(&e->is_closed)) return false;
        if (!hf_futex_wait(&e->news, news, until)) return true;
    }
    return false;
}

void hf_endpoint_retire(struct hf_endpoint *e, struct hf_mux *mux)
{
    struct hf_link *link = (struct hf_link *)mux;
    if (atomic_compare_exchange_strong(&e->shared, &link, NULL)) {
        e->owner.attention(e->owner.ctx);
    }
}

/* ---- Leases -------------------------------------------------------------------- */

/* Locked. */
static struct hf_link *take_idle(struct hf_endpoint *e)
{
    if (e->locked.idle_count == 0) return NULL;
    struct hf_link *link = e->locked.idle[--e->locked.idle_count];
    e->locked.leased++;
    atomic_store(&link->is_leased, true);
    return link;
}

hf_err hf_endpoint_lease(struct hf_endpoint *e, hf_instant deadline, struct hf_mux **mux,
                         struct hf_error *error)
{
    bool in_time = !is_tender(e);
    for (;;) {
        const uint32_t news = atomic_load(&e->news);
        pthread_mutex_lock(&e->lock);
        struct hf_link *link = take_idle(e);
        const hf_err    err = link ? HF_OK : why_not(e, error);
        const bool      is_full = e->locked.leased >= e->opts.connections_max - 1;
        if (!link && !err && in_time) e->locked.wanted++;
        pthread_mutex_unlock(&e->lock);
        if (err) return err;
        if (link) {
            *mux = &link->mux;
            return HF_OK;
        }
        if (!in_time) {
            return is_full ? hf_fail(error, HF_E_OVERLOAD, "all connections are leased")
                           : hf_fail(error, HF_E_TIMEOUT, "no connection in time");
        }
        e->owner.attention(e->owner.ctx);
        in_time = hf_futex_wait(&e->news, news, deadline);

        pthread_mutex_lock(&e->lock);
        e->locked.wanted--;
        pthread_mutex_unlock(&e->lock);
    }
}

void hf_endpoint_put(struct hf_endpoint *e, struct hf_mux *mux)
{
    struct hf_link *link = (struct hf_link *)mux;
    if (hf_mux_abandoned(mux) > 0) {
        hf_mux_break(mux, HF_E_LOST, "abandoned with a reply outstanding");
    }
    const bool is_sound = hf_mux_state(mux) == HF_MUX_READY;
    if (!is_sound) hf_endpoint_fence(e, &link->greeting);

    pthread_mutex_lock(&e->lock);
    e->locked.leased--;
    atomic_store(&link->is_leased, false);
    /* Looked at again under the lock: what broke since has been, or will be, taken off the
     * idle ones by the maintenance thread. */
    bool is_over = false;
    if (is_sound && hf_mux_state(mux) == HF_MUX_READY) {
        link->since = hf_now();
        is_over = !hf_before(link->since, link->expires);
        if (is_over) {
            link->is_retiring = true;
        } else {
            e->locked.idle[e->locked.idle_count++] = link;
        }
    }
    const bool wanted = e->locked.wanted > 0;
    pthread_mutex_unlock(&e->lock);

    if (wanted) hf_endpoint_announce(e);
    if (!is_sound || is_over) e->owner.attention(e->owner.ctx);
}

void hf_endpoint_renew(struct hf_endpoint *e)
{
    atomic_store(&e->is_renewal_wanted, true);
}

void hf_endpoint_shut(struct hf_endpoint *e)
{
    atomic_store(&e->is_closed, true);
    hf_endpoint_announce(e);
    e->owner.attention(e->owner.ctx);
}
