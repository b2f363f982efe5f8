#include "client/tracking.h"

#include "client/client.h"
#include "core/assert.h"
#include "core/error.h"
#include "core/log.h"
#include "core/rng.h"
#include "net/resp_writer.h"
#include "net/server_error.h"

#include <string.h>

enum {
    OUT_MAX = 16 * 1024,
    PINGS = 4,            /* In the longest silence. */
    GIVE_UP_SILENCES = 3, /* After that many without an answer, a new connection. */
    MISMATCH_MS = 100,    /* Until the next look, while the two connections differ. */
};

void hf_trackings_init(struct hf_trackings *all)
{
    *all = (struct hf_trackings){ .news.why = HF_OK };
    pthread_mutex_init(&all->lock, NULL);
    pthread_mutex_init(&all->news_lock, NULL);
    pthread_cond_init(&all->tended, NULL);
}

void hf_trackings_deinit(struct hf_trackings *all)
{
    pthread_mutex_destroy(&all->lock);
    pthread_mutex_destroy(&all->news_lock);
    pthread_cond_destroy(&all->tended);
}

/* ---- Ending -------------------------------------------------------------------- */

static void publish(struct hf_tracking *t, hf_err why, const struct hf_error *story)
{
    struct hf_trackings *all = &t->client->trackings;
    pthread_mutex_lock(&all->news_lock);
    const bool is_news = all->news.why != why;
    all->news.why = why;
    if (story) all->news.story = *story;
    pthread_mutex_unlock(&all->news_lock);
    if (!is_news || !why) return;
    const struct hf_log_field fields[] = {
        hf_log_text("error", hf_category_name(hf_err_category(why))),
        hf_log_text("reason", story->detail),
    };
    hf_log(hf_client_logger(t->client), HF_EVENT_NEAR_CACHE_OFF, fields, 2, "%s",
           story->detail);
}

static void close_connection(struct hf_tracking *t)
{
    hf_dialler_want(&t->dialler, 0, hf_now());
    if (t->state == HF_TRACKING_ASKING || t->state == HF_TRACKING_LIVE) {
        hf_transport_close(&t->transport);
        hf_resp_reader_deinit(&t->reader);
        hf_buffer_deinit(&t->out);
    }
    t->state = HF_TRACKING_WAITING;
    t->beside = NULL;
}

static void end(struct hf_tracking *t, hf_instant retry_at, const char *why)
{
    const bool was_live = t->state == HF_TRACKING_LIVE;
    close_connection(t);
    t->retry_at = retry_at;
    if (!was_live) return;
    t->listener.lost(t->listener.ctx);
    const struct hf_log_field field = hf_log_text("reason", why);
    hf_log(hf_client_logger(t->client), HF_EVENT_NEAR_CACHE_LOST, &field, 1,
           "not told of changes any more: %s", why);
}

/* It would not help to try again soon. */
static void refuse(struct hf_tracking *t, hf_instant now, hf_err why, const char *text)
{
    struct hf_error story;
    (void)hf_fail(&story, why, "no near cache: %s", text);
    publish(t, why, &story);
    end(t, hf_later(now, HF_TRACKING_RETRY), text);
}

/* ---- Beginning ----------------------------------------------------------------- */

/* Where the server does not tell who it is, a new shared connection may be to another one. */
static bool is_same_server(const struct hf_tracking *t, const struct hf_link *shared)
{
    const char *ours = t->greeting.run_id, *theirs = shared->greeting.run_id;
    if (ours[0] && theirs[0]) return strcmp(ours, theirs) == 0;
    return !t->beside || (t->beside == shared && t->beside_since.ns == shared->since.ns);
}

static bool say(struct hf_tracking *t, const struct hf_bytes *argv, size_t argc,
                hf_instant now)
{
    if (hf_resp_encode(&t->out, argv, argc)) return false;
    t->is_awaited = true;
    t->asked = now;
    return true;
}

static void ask(struct hf_tracking *t, struct hf_dialled *dialled,
                const struct hf_link *shared, hf_instant now)
{
    const struct hf_bytes argv[] = { hf_str("CLIENT"), hf_str("TRACKING"), hf_str("ON"),
                                     hf_str("BCAST"),  hf_str("PREFIX"),   t->prefixes[0],
                                     hf_str("PREFIX"), t->prefixes[1],     hf_str("PREFIX"),
                                     t->prefixes[2] };
    hf_dialler_want(&t->dialler, 0, now);
    t->greeting = dialled->greeting;
    t->transport = dialled->transport;
    t->state = HF_TRACKING_ASKING;
    hf_resp_reader_init(&t->reader, hf_client_allocator(t->client),
                        &t->client->endpoint.opts.limits.reply);
    hf_buffer_init(&t->out, hf_client_allocator(t->client), OUT_MAX);
    if (t->greeting.protocol < 3) {
        refuse(t, now, HF_E_PROTOCOL, "the server speaks RESP2 only");
    } else if (!is_same_server(t, shared)) {
        end(t, hf_later(now, hf_ms(MISMATCH_MS)), "another server");
    } else if (!say(t, argv, sizeof argv / sizeof argv[0], now)) {
        end(t, hf_later(now, HF_TRACKING_RETRY), "no memory");
    } else {
        t->beside = shared;
        t->beside_since = shared->since;
    }
}

static void dial(struct hf_tracking *t, const struct hf_link *shared, hf_instant now)
{
    struct hf_dialled dialled;
    hf_dialler_want(&t->dialler, 1, now);
    while (t->state == HF_TRACKING_DIALLING && hf_dialler_step(&t->dialler, now, &dialled)) {
        if (dialled.err == HF_OK) ask(t, &dialled, shared, now);
    }
}

/* ---- Being told ---------------------------------------------------------------- */

bool hf_tracking_pass_on(const struct hf_tracking_listener *l, const struct hf_reply *news)
{
    const struct hf_reply *keys = hf_reply_at(news, 1);
    if (!keys) return false;
    if (hf_reply_is_null(keys)) {
        l->all_changed(l->ctx);
        return true;
    }
    if (hf_reply_type(keys) != HF_REPLY_ARRAY) return false;
    for (size_t i = 0; i < hf_reply_count(keys); i++) {
        struct hf_bytes key;
        if (hf_reply_bytes(hf_reply_at(keys, i), &key)) return false;
        l->changed(l->ctx, key);
    }
    return true;
}

static void take_answer(struct hf_tracking *t, const struct hf_reply *reply, hf_instant now)
{
    struct hf_bytes text = hf_str("");
    const bool      is_error = hf_reply_type(reply) == HF_REPLY_ERROR;
    if (!t->is_awaited) {
        end(t, now, "an answer to nothing");
    } else if (is_error && t->state == HF_TRACKING_ASKING) {
        const hf_err err = hf_reply_bytes(reply, &text) ? HF_E_REPLY : hf_server_error(text);
        refuse(t, now, err, text.data);
    } else if (is_error) {
        end(t, now, "PING was refused");
    } else if (t->state == HF_TRACKING_ASKING) {
        t->state = HF_TRACKING_LIVE;
        publish(t, HF_OK, NULL);
        t->listener.live(t->listener.ctx, t->asked);
        hf_log(hf_client_logger(t->client), HF_EVENT_NEAR_CACHE_ON, NULL, 0,
               "told of changes");
    } else {
        t->listener.heard(t->listener.ctx, t->asked);
    }
    t->is_awaited = false;
}

static void take(struct hf_tracking *t, const struct hf_reply *reply, hf_instant now)
{
    if (hf_reply_type(reply) != HF_REPLY_PUSH) {
        take_answer(t, reply, now);
    } else if (t->state == HF_TRACKING_LIVE &&
               hf_reply_is_text(hf_reply_at(reply, 0), "invalidate") &&
               !hf_tracking_pass_on(&t->listener, reply)) {
        end(t, now, "it is not to be known what has changed");
    }
}

/* What has arrived. False when it was closed meanwhile. */
static bool take_all(struct hf_tracking *t, hf_instant now)
{
    struct hf_reply *reply;
    hf_err           err;
    while ((err = hf_resp_reader_next(&t->reader, &reply)) == HF_OK && reply) {
        take(t, reply, now);
        hf_reply_free(reply);
        if (t->state < HF_TRACKING_ASKING) return false;
    }
    if (!err) return true;
    end(t, now, "what it was told makes no sense, or does not fit");
    return false;
}

static bool receive(struct hf_tracking *t, hf_instant now)
{
    for (;;) {
        void  *data;
        size_t size, received = 0;
        int    os_error;
        hf_err err = hf_resp_reader_space(&t->reader, &data, &size);
        if (!err) err = hf_transport_receive(&t->transport, data, size, &received, &os_error);
        if (err) {
            end(t, now, hf_err_text(err));
            return false;
        }
        if (received == 0) return true;
        hf_resp_reader_filled(&t->reader, received);
        if (!take_all(t, now)) return false;
    }
}

static bool send_out(struct hf_tracking *t, hf_instant now)
{
    while (hf_buffer_size(&t->out) > 0) {
        const struct iovec part = { hf_buffer_bytes(&t->out), hf_buffer_size(&t->out) };
        size_t             sent = 0;
        int                os_error;
        const hf_err       err = hf_transport_send(&t->transport, &part, 1, &sent, &os_error);
        if (err) {
            end(t, now, hf_err_text(err));
            return false;
        }
        if (sent == 0) return true;
        hf_buffer_consume(&t->out, sent);
    }
    return true;
}

/* ---- Keeping it ---------------------------------------------------------------- */

static hf_duration between_pings(const struct hf_tracking *t)
{
    return hf_ns(t->silence_max.ns / PINGS);
}

static hf_instant give_up_at(const struct hf_tracking *t)
{
    const hf_duration silence = t->state == HF_TRACKING_LIVE
                                    ? hf_ns(t->silence_max.ns * GIVE_UP_SILENCES)
                                    : t->client->endpoint.opts.connect_timeout;
    return hf_later(t->asked, silence);
}

static void keep(struct hf_tracking *t, hf_instant now)
{
    const struct hf_bytes ping = hf_str("PING");
    if (!receive(t, now)) return;
    if (t->is_awaited) {
        if (!hf_before(now, give_up_at(t))) {
            end(t, now, "no answer");
            return;
        }
    } else if (!hf_before(now, hf_later(t->asked, between_pings(t)))) {
        if (!say(t, &ping, 1, now)) {
            end(t, now, "no memory");
            return;
        }
    }
    (void)send_out(t, now);
}

static hf_instant next_due(const struct hf_tracking *t, const struct hf_link *shared)
{
    switch (t->state) {
    case HF_TRACKING_WAITING: return shared ? t->retry_at : hf_never();
    case HF_TRACKING_DIALLING: return hf_dialler_next(&t->dialler, 1);
    case HF_TRACKING_ASKING:
    case HF_TRACKING_LIVE: break;
    }
    return t->is_awaited ? give_up_at(t) : hf_later(t->asked, between_pings(t));
}

static hf_instant tend(struct hf_tracking *t, hf_instant now)
{
    const struct hf_link *shared = atomic_load(&t->client->endpoint.shared);
    if (shared && t->state >= HF_TRACKING_ASKING && !is_same_server(t, shared)) {
        end(t, now, "the client has come to another server");
    }
    if (t->state == HF_TRACKING_DIALLING && !shared) end(t, now, "no connection");
    if (t->state == HF_TRACKING_WAITING && shared && !hf_before(now, t->retry_at)) {
        t->state = HF_TRACKING_DIALLING;
    }
    if (t->state == HF_TRACKING_DIALLING) dial(t, shared, now);
    if (t->state >= HF_TRACKING_ASKING) keep(t, now);
    const hf_instant due = next_due(t, shared);
    return hf_before(due, now) ? now : due;
}

hf_instant hf_trackings_tend(struct hf_trackings *all, hf_instant now)
{
    hf_instant due = hf_never();
    pthread_mutex_lock(&all->lock);
    for (struct hf_tracking *t = all->locked.first; t; t = t->next) {
        all->locked.busy = t;
        pthread_mutex_unlock(&all->lock);
        due = hf_earlier_of(due, tend(t, now));
        pthread_mutex_lock(&all->lock);
        all->locked.busy = NULL;
        pthread_cond_broadcast(&all->tended);
    }
    pthread_mutex_unlock(&all->lock);
    return due;
}

unsigned hf_trackings_poll(struct hf_trackings *all, struct pollfd *fds, unsigned capacity)
{
    unsigned count = 0;
    pthread_mutex_lock(&all->lock);
    for (const struct hf_tracking *t = all->locked.first; t; t = t->next) {
        if (count + HF_DIALS_MAX > capacity) break;
        if (t->state == HF_TRACKING_DIALLING)
            count += hf_dialler_poll(&t->dialler, fds + count);
        if (t->state < HF_TRACKING_ASKING) continue;
        const short wanted = hf_buffer_size(&t->out) > 0 ? POLLIN | POLLOUT : POLLIN;
        fds[count++] = (struct pollfd){
            .fd = t->transport.fd, .events = hf_transport_events(&t->transport, wanted)
        };
    }
    pthread_mutex_unlock(&all->lock);
    return count;
}

void hf_trackings_settle(struct hf_trackings *all)
{
    pthread_mutex_lock(&all->lock);
    for (const struct hf_tracking *t = all->locked.first; t; t = t->next) {
        t->listener.settle(t->listener.ctx);
    }
    pthread_mutex_unlock(&all->lock);
}

hf_err hf_trackings_why(struct hf_trackings *all, struct hf_error *story)
{
    pthread_mutex_lock(&all->news_lock);
    const hf_err why = all->news.why;
    *story = all->news.story;
    pthread_mutex_unlock(&all->news_lock);
    return why;
}

/* ---- Coming and going ---------------------------------------------------------- */

hf_err hf_tracking_add(struct hf_tracking *t)
{
    struct hf_trackings      *all = &t->client->trackings;
    const struct hf_endpoint *e = &t->client->endpoint;
    t->state = HF_TRACKING_WAITING;
    t->retry_at = (hf_instant){ 0 };
    t->beside = NULL;
    hf_dialler_init(&t->dialler, &e->opts.plan, e->opts.connect_timeout, hf_rng_seed());

    pthread_mutex_lock(&all->lock);
    const bool has_room = all->locked.count < HF_TRACKINGS_MAX;
    if (has_room) {
        t->next = all->locked.first;
        all->locked.first = t;
        all->locked.count++;
    }
    pthread_mutex_unlock(&all->lock);
    if (!has_room) return HF_E_TOO_LARGE;
    hf_client_attention(t->client);
    return HF_OK;
}

void hf_tracking_remove(struct hf_tracking *t)
{
    struct hf_trackings *all = &t->client->trackings;
    if (hf_fork_guard_is_child(&t->client->fork_guard)) {
        /* All else, the lock too, may be a thread's that did not come along. */
        if (t->state >= HF_TRACKING_ASKING) hf_transport_abandon(&t->transport);
        return;
    }
    pthread_mutex_lock(&all->lock);
    while (all->locked.busy == t) pthread_cond_wait(&all->tended, &all->lock);
    t->listener.settle(t->listener.ctx);
    struct hf_tracking **at = &all->locked.first;
    while (*at != t) at = &(*at)->next;
    *at = t->next;
    all->locked.count--;
    close_connection(t);
    pthread_mutex_unlock(&all->lock);
    publish(t, HF_OK, NULL);
}
