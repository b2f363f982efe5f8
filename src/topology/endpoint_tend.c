#include "core/alloc.h"
#include "core/assert.h"
#include "core/error.h"
#include "topology/endpoint_inside.h"

#include <string.h>

enum {
    HALF_OPEN_CHECK_MS = 50, /* Between checks that probe for the breaker. */
    RETIRING_LOOK_MS = 20,
    FLAP_MS = 200,   /* A connection that lived shorter is not replaced at once. */
    STARTING_S = 10, /* That an embedded server may take to come up, on a busy machine. */
};

/* ---- Broken connections -------------------------------------------------------- */

/* Until it is known whether another can be made. */
static void note_why(struct hf_endpoint *e, const struct hf_error *story)
{
    pthread_mutex_lock(&e->lock);
    e->locked.why = story->code;
    e->locked.story = *story;
    pthread_mutex_unlock(&e->lock);
}

static void note_loss(struct hf_endpoint *e, struct hf_link *link, hf_instant now)
{
    struct hf_link *was = link;
    const bool      is_closed = atomic_load(&e->is_closed); /* Then it is no failure. */
    link->is_fenced = true;
    if (atomic_compare_exchange_strong(&e->shared, &was, NULL) || link->is_shared) {
        /* One event, one failure, however many calls were waiting: the end of one busy
         * connection is not the end of the server. */
        if (!is_closed) hf_breaker_hint_failed(&e->breaker, now);
        hf_endpoint_fence(e, &link->greeting);
        if (hf_to_ms(hf_between(link->since, now)) >= FLAP_MS) hf_dialler_hurry(&e->dialler);
    }
    if (is_closed) return;
    struct hf_error story;
    hf_mux_story(&link->mux, &story);
    if (link->is_shared) e->lost = now;
    if (link->is_shared && !atomic_load(&e->shared)) note_why(e, &story);
    const struct hf_log_field field = hf_log_text("reason", story.detail);
    hf_log(e->logger, HF_EVENT_CONNECTION_LOST, &field, 1, "connection lost: %s",
           story.detail);
}

/* Locked. */
static void remove_idle(struct hf_endpoint *e, unsigned index)
{
    e->locked.idle_count--;
    memmove(&e->locked.idle[index], &e->locked.idle[index + 1],
            (e->locked.idle_count - index) * sizeof e->locked.idle[0]);
}

/* A leased one that broke while nobody had it. */
static void forget_idle(struct hf_endpoint *e, const struct hf_link *link)
{
    pthread_mutex_lock(&e->lock);
    for (unsigned i = 0; i < e->locked.idle_count; i++) {
        if (e->locked.idle[i] != link) continue;
        remove_idle(e, i);
        break;
    }
    pthread_mutex_unlock(&e->lock);
}

static void reap(struct hf_endpoint *e, hf_instant now)
{
    for (unsigned i = 0; i < e->link_count; i++) {
        struct hf_link *link = e->links[i];
        if (!link->is_open) continue;
        if (hf_mux_state(&link->mux) == HF_MUX_READY) continue;

        if (!link->is_fenced) {
            note_loss(e, link, now);
            forget_idle(e, link);
        }
        if (e->pinged != link && hf_mux_reap(&link->mux)) {
            link->is_open = false;
            hf_metrics_add(e->metrics, HF_STAT_CONNECTIONS_OPEN, -1);
        }
    }
}

static void break_and_fence(struct hf_endpoint *e, struct hf_link *link, const char *why)
{
    hf_mux_break(&link->mux, HF_E_LOST, why);
    link->is_fenced = true;
    hf_endpoint_fence(e, &link->greeting);
}

/* Once nothing is outstanding, nothing can land late, and no fence is needed; what a caller
 * has given up on, though, must not land after what others send on the new connection. */
static void finish_retiring(struct hf_endpoint *e)
{
    for (unsigned i = 0; i < e->link_count; i++) {
        struct hf_link *link = e->links[i];
        if (!link->is_open || !link->is_retiring) continue;
        if (hf_mux_abandoned(&link->mux) > 0) {
            break_and_fence(e, link, "given up on while its lifetime ended");
        } else if (hf_mux_retire(&link->mux, "its lifetime is over")) {
            link->is_fenced = true;
        }
    }
}

/* One that has been idle for too long, or whose lifetime is over: taken off the idle ones at
 * once, so that nobody may lease it any more. */
static struct hf_link *take_old(struct hf_endpoint *e, hf_instant now)
{
    struct hf_link *old = NULL;
    pthread_mutex_lock(&e->lock);
    for (unsigned i = 0; i < e->locked.idle_count && !old; i++) {
        struct hf_link  *link = e->locked.idle[i];
        const hf_instant idle_end = hf_later(link->since, e->opts.idle_max);
        if (hf_before(now, hf_earlier_of(idle_end, link->expires))) continue;
        old = link;
        remove_idle(e, i);
    }
    pthread_mutex_unlock(&e->lock);
    return old;
}

static void close_long_idle(struct hf_endpoint *e, hf_instant now)
{
    for (struct hf_link *old; (old = take_old(e, now));) {
        if (hf_mux_retire(&old->mux, "idle for too long, or its lifetime is over"))
            old->is_fenced = true;
    }
}

/* New connections are made with new credentials; those under way may have the old ones. */
static void renew(struct hf_endpoint *e, hf_instant now)
{
    if (!atomic_exchange(&e->is_renewal_wanted, false)) return;
    hf_dialler_deinit(&e->dialler);
    if (e->opts.plan.login) hf_login_renew(e->opts.plan.login);
    pthread_mutex_lock(&e->lock);
    for (unsigned i = 0; i < e->link_count; i++) e->links[i]->expires = now;
    pthread_mutex_unlock(&e->lock);
    hf_dialler_hurry(&e->dialler);
}

/* ---- New connections ----------------------------------------------------------- */

static struct hf_link *make_link(struct hf_endpoint *e, bool is_shared)
{
    struct hf_link *link = hf_alloc_zero(e->allocator, 1, sizeof *link);
    if (!link) return NULL;
    if (hf_mux_init(&link->mux, e->allocator, &e->opts.limits, &e->owner, &e->spin)) {
        hf_free(e->allocator, link);
        return NULL;
    }
    link->endpoint = e;
    link->is_shared = is_shared;
    e->links[e->link_count++] = link;
    return link;
}

static struct hf_link *free_link(struct hf_endpoint *e, bool is_shared)
{
    unsigned count = 0;
    for (unsigned i = 0; i < e->link_count; i++) {
        if (e->links[i]->is_shared != is_shared) continue;
        if (!e->links[i]->is_open && !atomic_load(&e->links[i]->is_leased))
            return e->links[i];
        count++;
    }
    const unsigned most = is_shared ? HF_SHARED_MAX : e->opts.connections_max - 1;
    return count < most ? make_link(e, is_shared) : NULL;
}

/* Jittered, so that connections made together do not all go together. */
static hf_instant end_of_life(struct hf_endpoint *e, hf_instant now)
{
    const hf_duration lifetime = e->opts.lifetime;
    if (lifetime.ns == 0) return hf_never();
    const uint64_t less = hf_rng_below(&e->dialler.pace.rng, (uint64_t)lifetime.ns / 10);
    return hf_later(now, hf_ns(lifetime.ns - (int64_t)less));
}

static struct hf_link *attach(struct hf_endpoint *e, struct hf_dialled *dialled,
                              bool is_shared, hf_instant now)
{
    struct hf_link *link = free_link(e, is_shared);
    if (!link) {
        hf_transport_close(&dialled->transport);
        return NULL;
    }
    link->greeting = dialled->greeting;
    link->since = now;
    link->is_open = true;
    link->is_fenced = false;
    link->is_retiring = false;
    link->expires = end_of_life(e, now);
    hf_mux_attach(&link->mux, &dialled->transport);
    hf_metrics_inc(e->metrics, HF_STAT_CONNECTS);
    hf_metrics_add(e->metrics, HF_STAT_CONNECTIONS_OPEN, 1);
    if (e->connects++ > 0 && is_shared) hf_metrics_inc(e->metrics, HF_STAT_RECONNECTS);
    return link;
}

static void note_up(struct hf_endpoint *e, bool is_degraded, hf_instant now, hf_duration took)
{
    pthread_mutex_lock(&e->lock);
    e->locked.is_down = false;
    e->locked.is_degraded = is_degraded;
    e->locked.why = HF_OK;
    e->locked.checked = now;
    e->locked.check_took = took;
    pthread_mutex_unlock(&e->lock);
}

/* A connection that is well finishes what it has begun; one that is not, or holds commands
 * whose callers have gone, is broken and fenced. */
static void replace_shared(struct hf_endpoint *e, hf_instant now)
{
    struct hf_link *old = atomic_exchange(&e->shared, NULL);
    if (!old) return;
    old->is_retiring = hf_breaker_state(&e->breaker) == HF_BREAKER_CLOSED &&
                       hf_mux_abandoned(&old->mux) == 0;
    if (old->is_retiring) return;
    break_and_fence(e, old, "replaced by a new connection");
    e->lost = now;
}

/* One that only replaces an old connection is no news. */
static void tell_of_connection(struct hf_endpoint *e, bool is_first, unsigned attempts,
                               hf_instant now)
{
    const bool                was_lost = e->lost.ns != 0;
    const struct hf_log_field fields[] = {
        hf_log_number("protocol", atomic_load(&e->protocol)),
        hf_log_number("attempts", attempts),
        hf_log_number("down_ms", hf_to_ms(hf_between(e->lost, now))),
    };
    e->lost = (hf_instant){ 0 };
    if (is_first) {
        hf_log(e->logger, HF_EVENT_CONNECTED, fields, 1, "connected");
    } else if (was_lost) {
        hf_log(e->logger, HF_EVENT_RECONNECTED, fields, 3, "connected again");
    }
}

static void publish(struct hf_endpoint *e, struct hf_dialled *dialled, hf_instant now)
{
    const bool      is_first = e->connects == 0;
    const unsigned  attempts = e->failed_dials + 1;
    struct hf_link *link = attach(e, dialled, true, now);
    if (!link) return;

    replace_shared(e, now);
    pthread_mutex_lock(&e->lock);
    e->locked.is_fence_forbidden = !link->greeting.client_id || !link->greeting.run_id[0];
    pthread_mutex_unlock(&e->lock);
    hf_endpoint_send_fences(e, link);
    note_up(e, dialled->greeting.is_degraded, now, hf_ns(0));
    e->next_check = hf_later(now, e->opts.health_interval);
    e->failed_dials = 0;
    atomic_store(&e->protocol, dialled->greeting.protocol);
    atomic_store(&e->shared, link);
    hf_breaker_hint_healthy(&e->breaker, now);
    hf_endpoint_announce(e);
    tell_of_connection(e, is_first, attempts, now);
}

static void put_fresh(struct hf_endpoint *e, struct hf_dialled *dialled, hf_instant now)
{
    struct hf_link *link = attach(e, dialled, false, now);
    if (!link) return;
    pthread_mutex_lock(&e->lock);
    e->locked.idle[e->locked.idle_count++] = link;
    pthread_mutex_unlock(&e->lock);
    hf_endpoint_announce(e);
}

/* Whoever cuts all connections also cuts the one being made: that alone is no reason to turn
 * waiting callers away, so it is made again at once. */
static bool is_excused(struct hf_endpoint *e, const struct hf_dialled *dialled)
{
    if (e->failed_dials++ > 0 || e->connects == 0 || !dialled->was_cut_off) return false;
    hf_metrics_inc(e->metrics, HF_STAT_CONNECT_FAILURES);
    hf_dialler_hurry(&e->dialler);
    return true;
}

static void note_failed_dial(struct hf_endpoint *e, const struct hf_dialled *dialled,
                             hf_instant now)
{
    /* A server that this process has just started needs a moment: callers wait for it. Should
     * it never come, the breaker ends the waiting. */
    const bool is_starting = e->connects == 0 &&
                             e->opts.plan.url->scheme == HF_SCHEME_EMBEDDED &&
                             hf_between(e->begun, now).ns < hf_seconds(STARTING_S).ns;
    bool is_news;
    pthread_mutex_lock(&e->lock);
    is_news = !is_starting && (!e->locked.is_down || e->locked.why != dialled->err);
    e->locked.is_down = !is_starting && !atomic_load(&e->shared);
    e->locked.why = dialled->err;
    e->locked.story = dialled->error;
    e->locked.checked = now;
    pthread_mutex_unlock(&e->lock);

    hf_metrics_inc(e->metrics, HF_STAT_CONNECT_FAILURES);
    if (is_news) {
        const struct hf_log_field fields[] = {
            hf_log_text("error", hf_category_name(hf_err_category(dialled->err))),
            hf_log_text("reason", dialled->error.detail),
            hf_log_number("attempts", e->failed_dials),
        };
        hf_log(e->logger, HF_EVENT_CONNECT_FAILED, fields, 3, "%s", dialled->error.detail);
    }
    if (!is_starting && hf_err_counts_against_endpoint(dialled->err))
        hf_breaker_hint_failed(&e->breaker, now);
    hf_endpoint_announce(e);
}

/* A new shared connection is wanted while there is none, when it is old, and while the
 * breaker is open: its handshake is the probe that finds the server well again. */
static bool wants_shared(struct hf_endpoint *e, hf_instant now)
{
    const struct hf_link *shared = atomic_load(&e->shared);
    return !shared || !hf_before(now, shared->expires) ||
           hf_breaker_state(&e->breaker) == HF_BREAKER_OPEN;
}

static unsigned leases_wanted(struct hf_endpoint *e)
{
    pthread_mutex_lock(&e->lock);
    const unsigned used = e->locked.leased + e->locked.idle_count;
    const unsigned room = e->opts.connections_max - 1 > used
                              ? e->opts.connections_max - 1 - used
                              : 0;
    unsigned       wanted = e->locked.wanted > e->locked.idle_count
                                ? e->locked.wanted - e->locked.idle_count
                                : 0;
    pthread_mutex_unlock(&e->lock);
    return wanted < room ? wanted : room;
}

static unsigned connections_wanted(struct hf_endpoint *e, hf_instant now)
{
    if (atomic_load(&e->is_closed)) return 0;
    return (wants_shared(e, now) ? 1 : 0) + leases_wanted(e);
}

static void dial(struct hf_endpoint *e, hf_instant now)
{
    struct hf_dialled dialled;
    hf_dialler_want(&e->dialler, connections_wanted(e, now), now);
    while (hf_dialler_step(&e->dialler, now, &dialled)) {
        if (dialled.err) {
            if (!is_excused(e, &dialled)) note_failed_dial(e, &dialled, now);
        } else if (wants_shared(e, now)) {
            publish(e, &dialled, now);
        } else if (leases_wanted(e) > 0) {
            put_fresh(e, &dialled, now);
        } else {
            hf_transport_close(&dialled.transport);
        }
        hf_dialler_want(&e->dialler, connections_wanted(e, now), now);
    }
}

/* ---- Health checks ------------------------------------------------------------- */

static void ping_done(struct hf_mux_call *call)
{
    struct hf_endpoint *e = (struct hf_endpoint *)((char *)call -
                                                   offsetof(struct hf_endpoint, ping));
    atomic_store(&e->ping_ended, 1);
    e->owner.attention(e->owner.ctx);
}

static bool is_check_due(struct hf_endpoint *e, hf_instant now)
{
    if (hf_breaker_state(&e->breaker) == HF_BREAKER_HALF_OPEN) {
        return !hf_before(now, hf_later(e->ping_started, hf_ms(HALF_OPEN_CHECK_MS)));
    }
    if (atomic_exchange(&e->is_check_wanted, false)) return true;
    return e->opts.health_interval.ns > 0 && !hf_before(now, e->next_check);
}

static void start_check(struct hf_endpoint *e, struct hf_link *link, hf_instant now)
{
    const struct hf_bytes argv[] = { hf_str("PING") };
    const uint64_t        spread = (uint64_t)e->opts.health_interval.ns / 8;

    e->ping_started = now;
    e->next_check = hf_later(now, e->opts.health_interval);
    e->next_check.ns -= (int64_t)hf_rng_below(&e->dialler.pace.rng, spread);
    if (hf_breaker_admit(&e->breaker, now, &e->ping_permit)) return;

    atomic_store(&e->ping_ended, 0);
    e->ping = (struct hf_mux_call){ .replies = &e->pong, .expected = 1, .done = ping_done };
    const hf_err err = hf_mux_start(&link->mux, &e->ping,
                                    &(struct hf_mux_message){ .argv = argv, .argc = 1 });
    if (err) {
        hf_breaker_report(&e->breaker, now, e->ping_permit, HF_OUTCOME_NEUTRAL, hf_ns(0));
        return;
    }
    e->pinged = link;
    hf_metrics_inc(e->metrics, HF_STAT_HEALTH_CHECKS);
}

/* What the answer to PING says of the server. */
static hf_err ping_verdict(struct hf_endpoint *e)
{
    struct hf_bytes text;
    if (e->ping.err) return e->ping.err;
    if (hf_reply_type(e->pong) != HF_REPLY_ERROR) return HF_OK;
    return hf_reply_bytes(e->pong, &text) ? HF_E_PROTOCOL : hf_server_error(text);
}

static void end_check(struct hf_endpoint *e, hf_instant now)
{
    const hf_duration took = hf_between(e->ping_started, now);
    const hf_err      verdict = ping_verdict(e);
    const bool        failed = hf_err_counts_against_endpoint(verdict);
    hf_breaker_report(&e->breaker, now, e->ping_permit,
                      failed ? HF_OUTCOME_FAILURE : HF_OUTCOME_SUCCESS, took);
    if (failed) {
        hf_metrics_inc(e->metrics, HF_STAT_HEALTH_FAILURES);
        pthread_mutex_lock(&e->lock);
        e->locked.why = hf_fail(&e->locked.story, verdict, "health check: %s",
                                hf_err_text(verdict));
        e->locked.checked = now;
        e->locked.check_took = took;
        pthread_mutex_unlock(&e->lock);
        const struct hf_log_field fields[] = {
            hf_log_text("error", hf_category_name(hf_err_category(verdict))),
            hf_log_number("took_ms", hf_to_ms(took)),
        };
        hf_log(e->logger, HF_EVENT_HEALTH_CHECK_FAILED, fields, 2, "health check: %s",
               hf_err_text(verdict));
    } else {
        note_up(e, hf_err_category(verdict) == HF_CATEGORY_DEGRADED, now, took);
    }
    if (e->ping.received) hf_reply_free(e->pong);
    e->pong = NULL;
    e->pinged = NULL;
}

static void check(struct hf_endpoint *e, hf_instant now)
{
    if (e->pinged && !atomic_load(&e->ping_ended) &&
        !hf_before(now, hf_later(e->ping_started, e->opts.health_timeout))) {
        hf_mux_give_up(&e->pinged->mux, &e->ping);
        hf_mux_break(&e->pinged->mux, HF_E_LOST, "no answer to a health check");
    }
    if (e->pinged && atomic_load(&e->ping_ended)) end_check(e, now);
    struct hf_link *shared = atomic_load(&e->shared);
    if (!e->pinged && shared && is_check_due(e, now)) start_check(e, shared, now);
}

void hf_endpoint_check_now(struct hf_endpoint *e)
{
    atomic_store(&e->is_check_wanted, true);
}

/* ---- The loop's three calls ---------------------------------------------------- */

static bool is_any_retiring(const struct hf_endpoint *e)
{
    for (unsigned i = 0; i < e->link_count; i++) {
        if (e->links[i]->is_open && e->links[i]->is_retiring) return true;
    }
    return false;
}

static hf_instant next_due(struct hf_endpoint *e, hf_instant now)
{
    hf_instant            due = hf_dialler_next(&e->dialler, connections_wanted(e, now));
    const struct hf_link *shared = atomic_load(&e->shared); /* Callers may retire it now. */
    if (e->pinged) {
        due = hf_earlier_of(due, hf_later(e->ping_started, e->opts.health_timeout));
    } else if (shared) {
        due = hf_earlier_of(due, shared->expires);
        if (e->opts.health_interval.ns > 0) due = hf_earlier_of(due, e->next_check);
        if (hf_breaker_state(&e->breaker) == HF_BREAKER_HALF_OPEN) {
            due = hf_earlier_of(due, hf_later(e->ping_started, hf_ms(HALF_OPEN_CHECK_MS)));
        }
    }
    if (is_any_retiring(e)) due = hf_earlier_of(due, hf_later(now, hf_ms(RETIRING_LOOK_MS)));
    pthread_mutex_lock(&e->lock);
    if (e->locked.idle_count > 0) {
        const struct hf_link *oldest = e->locked.idle[0];
        due = hf_earlier_of(due, hf_later(oldest->since, e->opts.idle_max));
        due = hf_earlier_of(due, oldest->expires);
    }
    pthread_mutex_unlock(&e->lock);
    return hf_before(due, now) ? now : due;
}

static void break_all(struct hf_endpoint *e)
{
    for (unsigned i = 0; i < e->link_count; i++) {
        hf_mux_break(&e->links[i]->mux, HF_E_CLOSED_SENT, "client is closed");
    }
}

hf_instant hf_endpoint_tend(struct hf_endpoint *e, hf_instant now)
{
    atomic_store_explicit(&e->tender, (uintptr_t)pthread_self(), memory_order_relaxed);
    if (atomic_load(&e->is_closed)) break_all(e);
    reap(e, now);
    renew(e, now);
    check(e, now);
    dial(e, now);
    close_long_idle(e, now);
    finish_retiring(e);
    reap(e, now);
    return next_due(e, now);
}

unsigned hf_endpoint_poll(struct hf_endpoint *e, struct pollfd *fds, unsigned capacity)
{
    unsigned count = hf_dialler_poll(&e->dialler, fds);
    for (unsigned i = 0; i < e->link_count && count < capacity; i++) {
        struct hf_link *link = e->links[i];
        fds[count] = (struct pollfd){ .fd = -1 };
        if (link->is_open && hf_mux_state(&link->mux) == HF_MUX_READY) {
            /* POLLRDHUP alone does not wake for data, only for the end of the stream. */
            fds[count].fd = link->mux.transport.fd;
            fds[count].events = (short)(hf_mux_unattended(&link->mux) | POLLRDHUP);
        }
        count++;
    }
    return count;
}

void hf_endpoint_serve(struct hf_endpoint *e, const struct pollfd *fds, unsigned count)
{
    const unsigned dials = e->dialler.count;
    for (unsigned i = dials; i < count; i++) {
        if (fds[i].revents) hf_mux_serve(&e->links[i - dials]->mux);
    }
}
