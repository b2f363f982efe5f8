#include "core/error.h"
#include "net/mux_inside.h"

#include <poll.h>
#include <unistd.h>

enum { DRAIN_MAX = 64 }; /* Receives in a row without a deadline: at most 1 MB or so. */

/* Locked. False for a reply that nobody asked for; NULL stands for one that memory was too
 * short for. */
static bool hand_out(struct hf_mux *mux, struct hf_reply *reply, struct hf_aftermath *after)
{
    if (hf_mux_slots_in_use(mux) == 0) {
        hf_reply_free(reply);
        return mux->locked.state != HF_MUX_READY; /* Broken meanwhile: just late. */
    }
    struct hf_slot     *slot = hf_mux_slot(mux, mux->locked.ticket_first);
    struct hf_mux_call *call = slot->call;
    if (call) {
        call->replies[call->received++] = reply;
        if (!reply) call->err = HF_E_NOMEM_SENT;
    } else {
        hf_reply_free(reply);
        hf_metrics_inc(mux->owner.metrics, HF_STAT_LATE_REPLIES);
    }
    if (--slot->due > 0) return true;

    mux->locked.ticket_first++;
    if (call) hf_mux_complete(mux, call, call->err, after);
    return true;
}

/* Hands out a round of replies. When it is the last for now and self has been served, the
 * lead goes with it. Returns whether the lead is still the caller's. */
static bool finish_round(struct hf_mux *mux, struct hf_reply **replies, uint32_t count,
                         const struct hf_mux_call *self, bool is_last)
{
    struct hf_aftermath after = { 0 };
    bool                solicited = true;

    pthread_mutex_lock(&mux->lock);
    for (uint32_t i = 0; i < count; i++) {
        if (!hand_out(mux, replies[i], &after)) solicited = false;
    }
    mux->locked.timeouts_in_row = 0;
    const bool leaves = is_last && solicited && self && hf_mux_call_is_done(self);
    if (leaves) hf_mux_pass_lead(mux, &after);
    hf_mux_check_invariant(mux);
    pthread_mutex_unlock(&mux->lock);

    hf_mux_play_aftermath(mux, &after);
    if (!solicited) hf_mux_break(mux, HF_E_PROTOCOL, "a reply that nobody asked for");
    return !leaves;
}

/* Parses and hands out what has been received; self may be NULL. Returns whether the lead is
 * still the caller's. */
static bool distribute(struct hf_mux *mux, const struct hf_mux_call *self)
{
    struct hf_reply *replies[HF_MUX_ROUND];
    uint32_t         count = 0;
    for (;;) {
        struct hf_reply *reply = NULL;
        const hf_err     err = hf_resp_reader_next(&mux->reader, &reply);
        if (err && err != HF_E_NOMEM) {
            (void)finish_round(mux, replies, count, NULL, false);
            hf_mux_break(mux, HF_E_PROTOCOL, hf_resp_reader_error(&mux->reader));
            return true;
        }
        if (!err && !reply)
            return count ? finish_round(mux, replies, count, self, true) : true;
        if (reply && hf_reply_type(reply) == HF_REPLY_PUSH) {
            hf_reply_free(reply);
            continue;
        }
        replies[count++] = reply;
        if (count == HF_MUX_ROUND) {
            (void)finish_round(mux, replies, count, NULL, false);
            count = 0;
        }
    }
}

/* One receive. False when there was nothing, or nothing more will come. */
static bool receive(struct hf_mux *mux)
{
    void  *space;
    size_t size, received = 0;
    int    os_error = 0;
    if (hf_resp_reader_space(&mux->reader, &space, &size)) {
        hf_mux_break(mux, HF_E_NOMEM_SENT, "no memory for a reply");
        return false;
    }
    if (hf_transport_receive(&mux->transport, space, size, &received, &os_error)) {
        hf_mux_break_by_os(mux, "receive", os_error);
        return false;
    }
    if (received == 0) return false;

    hf_resp_reader_filled(&mux->reader, received);
    hf_metrics_add(mux->owner.metrics, HF_STAT_BYTES_RECEIVED, (int64_t)received);
    return true;
}

static bool is_stuck(struct hf_mux *mux)
{
    pthread_mutex_lock(&mux->lock);
    const bool stuck = mux->locked.is_stuck;
    pthread_mutex_unlock(&mux->lock);
    return stuck;
}

void hf_mux_resume(struct hf_mux *mux)
{
    struct hf_aftermath after = { 0 };
    pthread_mutex_lock(&mux->lock);
    if (mux->locked.is_stuck) {
        mux->locked.is_stuck = false;
        hf_mux_send_if_free(mux, &after);
    }
    pthread_mutex_unlock(&mux->lock);
    hf_mux_play_aftermath(mux, &after);
}

bool hf_mux_poll(struct hf_mux *mux, short wanted, hf_instant deadline, short *ready)
{
    const hf_duration left = hf_between(hf_now(), deadline);
    if (left.ns == 0) return false;

    const struct timespec timeout = { left.ns / 1000000000, left.ns % 1000000000 };
    const short           events = hf_transport_events(&mux->transport, wanted);
    struct pollfd         fds[] = {
                { .fd = mux->transport.fd, .events = events },
                { .fd = mux->wake_fd, .events = POLLIN },
    };
    *ready = 0;
    if (ppoll(fds, 2, &timeout, NULL) <= 0)
        return true; /* The next look finds the deadline. */
    *ready = fds[0].revents;

    uint64_t kicks;
    if (fds[1].revents && read(mux->wake_fd, &kicks, sizeof kicks) < 0) return true;
    return true;
}

/* The leader's sleep. False when the deadline has passed. */
static bool await_input(struct hf_mux *mux, hf_instant deadline)
{
    const bool stuck = is_stuck(mux);
    short      ready;
    if (!hf_mux_poll(mux, stuck ? POLLIN | POLLOUT : POLLIN, deadline, &ready)) return false;
    if (ready & POLLOUT) hf_mux_resume(mux);
    return true;
}

bool hf_mux_lead(struct hf_mux *mux, const struct hf_mux_call *self, hf_instant deadline)
{
    struct hf_spin_round round;
    hf_spin_begin(&round, mux->spin, self->is_alone ? HF_SPIN_ALONE : HF_SPIN_LEADER);
    while (!hf_mux_call_is_done(self)) {
        if (receive(mux)) {
            hf_spin_end(&round, true);
            if (!distribute(mux, self)) return false;
            if (!hf_before(hf_now(), deadline)) break; /* However fast more comes. */
            hf_spin_begin(&round, mux->spin, self->is_alone ? HF_SPIN_ALONE : HF_SPIN_LEADER);
        } else if (!hf_spin_yield(&round)) {
            hf_spin_end(&round, false);
            if (!hf_mux_call_is_done(self) && !await_input(mux, deadline)) break;
        }
    }
    return true;
}

void hf_mux_drain(struct hf_mux *mux)
{
    for (int i = 0; i < DRAIN_MAX && receive(mux); i++) (void)distribute(mux, NULL);
}
