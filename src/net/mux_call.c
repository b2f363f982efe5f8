#include "core/alloc.h"
#include "core/error.h"
#include "net/futex.h"
#include "net/mux_inside.h"
#include "net/resp_writer.h"

#include <string.h>

/* Callers on the connection from which a sender lets others join first. */
enum { CROWD = 4 };

/* ---- Enqueueing ---------------------------------------------------------------- */

/* Locked. */
static hf_err grow_slots(struct hf_mux *mux)
{
    const uint32_t old_capacity = mux->locked.slots_capacity;
    if (old_capacity == mux->limits.slots_max) return HF_E_OVERLOAD;

    struct hf_slot *old = mux->locked.slots;
    struct hf_slot *slots = hf_alloc(mux->allocator, 2 * old_capacity * sizeof *slots);
    if (!slots) return HF_E_NOMEM;

    for (uint64_t t = mux->locked.ticket_first; t < mux->locked.ticket_next; t++) {
        slots[t & (2 * old_capacity - 1)] = old[t & (old_capacity - 1)];
    }
    mux->locked.slots = slots;
    mux->locked.slots_capacity = 2 * old_capacity;
    hf_free(mux->allocator, old);
    return HF_OK;
}

/* Locked. */
static hf_err append_bytes(struct hf_mux *mux, const struct hf_mux_message *message)
{
    if (message->borrowed) return HF_OK;
    const hf_err err = message->argv
                           ? hf_resp_encode(&mux->locked.out, message->argv, message->argc)
                           : hf_buffer_append(&mux->locked.out, message->encoded.data,
                                              message->encoded.size);
    return err == HF_E_TOO_LARGE ? HF_E_OVERLOAD : err;
}

/* Locked. Queues the bytes and the slot of a call, or nothing. */
static hf_err enqueue(struct hf_mux *mux, struct hf_mux_call *call,
                      const struct hf_mux_message *message)
{
    if (mux->locked.state != HF_MUX_READY) return HF_E_UNSENT;
    if (hf_mux_slots_in_use(mux) == mux->locked.slots_capacity) {
        const hf_err err = grow_slots(mux);
        if (err) return err;
    }
    const size_t size_before = hf_buffer_size(&mux->locked.out);
    const hf_err err = append_bytes(mux, message);
    if (err) return err;

    call->received = 0;
    call->err = HF_OK;
    call->is_heir = false;
    call->is_alone = false;
    call->ticket = mux->locked.ticket_next++;
    atomic_store_explicit(&call->state, HF_CALL_WAITING, memory_order_relaxed);
    *hf_mux_slot(mux, call->ticket) = (struct hf_slot){
        .call = call,
        .start = mux->locked.queued,
        .due = call->expected,
    };
    mux->locked.queued += hf_buffer_size(&mux->locked.out) - size_before;
    if (message->borrowed) mux->locked.sent = ++mux->locked.queued; /* It begins at once. */
    *(call->done ? &mux->locked.live_async : &mux->locked.live_sync) += 1;
    return HF_OK;
}

/* ---- Waiting ------------------------------------------------------------------- */

/* A follower's sleep: until its reply is in, the lead comes to it, or the deadline. */
static void follow(struct hf_mux *mux, struct hf_mux_call *call, hf_instant deadline)
{
    struct hf_spin_round round;
    hf_spin_begin(&round, mux->spin, HF_SPIN_FOLLOWER);
    do {
        if (atomic_load_explicit(&call->state, memory_order_acquire) != HF_CALL_WAITING) {
            hf_spin_end(&round, true);
            return;
        }
    } while (hf_spin_yield(&round));
    hf_spin_end(&round, false);

    uint32_t waiting = HF_CALL_WAITING;
    if (!atomic_compare_exchange_strong(&call->state, &waiting, HF_CALL_PARKED)) return;
    while (atomic_load_explicit(&call->state, memory_order_acquire) == HF_CALL_PARKED) {
        if (!hf_futex_wait(&call->state, HF_CALL_PARKED, deadline)) return;
    }
}

/* Locked. The slot stays, so that the late reply finds it and is dropped. */
static void detach(struct hf_mux *mux, struct hf_mux_call *call)
{
    hf_mux_slot(mux, call->ticket)->call = NULL;
    call->err = HF_E_TIMEOUT_SENT;
    *(call->done ? &mux->locked.live_async : &mux->locked.live_sync) -= 1;
    mux->locked.timeouts_in_row++;
}

/* Locked. True when the connection has missed enough deadlines in a row to be replaced. */
static bool is_past_patience(const struct hf_mux *mux)
{
    return mux->locked.state == HF_MUX_READY && mux->limits.timeouts_max > 0 &&
           mux->locked.timeouts_in_row >= mux->limits.timeouts_max;
}

/* Ends a call's stay on the connection: gives up if it is not done, and passes the lead on
 * if it holds it, or was handed it, be it that a break has ended the call since. */
static void leave(struct hf_mux *mux, struct hf_mux_call *call, bool leads)
{
    struct hf_aftermath after = { 0 };

    pthread_mutex_lock(&mux->lock);
    const uint32_t state = atomic_load_explicit(&call->state, memory_order_acquire);
    if (state != HF_CALL_DONE) detach(mux, call);
    if (leads || call->is_heir) hf_mux_pass_lead(mux, &after);
    const bool breaks = is_past_patience(mux);
    hf_mux_check_invariant(mux);
    pthread_mutex_unlock(&mux->lock);

    hf_mux_play_aftermath(mux, &after);
    if (breaks) hf_mux_break(mux, HF_E_LOST, "too many deadlines missed in a row");
}

static void await(struct hf_mux *mux, struct hf_mux_call *call, bool leads,
                  hf_instant deadline)
{
    if (!leads) {
        follow(mux, call, deadline);
        const uint32_t state = atomic_load_explicit(&call->state, memory_order_acquire);
        if (state == HF_CALL_DONE && !call->is_heir) return;
        leads = state == HF_CALL_LEADING;
    }
    if (leads && !hf_mux_lead(mux, call, deadline)) return;
    leave(mux, call, leads);
}

/* ---- Calls --------------------------------------------------------------------- */

/* Locked, but released in between. Lets a crowd gather before one send for all. */
static void gather(struct hf_mux *mux)
{
    if (hf_mux_slots_in_use(mux) < CROWD || mux->locked.is_sending) return;
    if (mux->locked.is_stuck) return;

    mux->locked.is_sending = true;
    pthread_mutex_unlock(&mux->lock);
    hf_spin_step_aside(mux->spin);
    pthread_mutex_lock(&mux->lock);
    mux->locked.is_sending = false;
}

/* Locked. Takes the lead unless somebody has it. */
static bool take_lead(struct hf_mux *mux, struct hf_mux_call *call)
{
    if (mux->locked.is_led || hf_mux_call_is_done(call)) return false;
    mux->locked.is_led = true;
    call->is_alone = hf_mux_slots_in_use(mux) == 1;
    return true;
}

/* Locked, but released in between. What has arrived while nobody asked for anything is a
 * push, or the sign of a stream out of step: it must not pass for the next caller's reply. */
static void look_before_asking(struct hf_mux *mux, struct hf_aftermath *after)
{
    const bool is_idle = mux->locked.state == HF_MUX_READY && !mux->locked.is_led &&
                         hf_mux_slots_in_use(mux) == 0;
    if (!is_idle) return;

    mux->locked.is_led = true;
    pthread_mutex_unlock(&mux->lock);
    hf_mux_drain(mux);
    pthread_mutex_lock(&mux->lock);
    hf_mux_pass_lead(mux, after);
}

/* Locked, but released in between. Counts as sending: the stream is not closed meanwhile. */
static void send_alone(struct hf_mux *mux, const struct hf_mux_message *message,
                       hf_instant deadline, struct hf_aftermath *after)
{
    mux->locked.is_sending = true;
    pthread_mutex_unlock(&mux->lock);
    hf_mux_send_borrowed(mux, message, deadline);
    pthread_mutex_lock(&mux->lock);
    mux->locked.is_sending = false;
    if (mux->locked.state != HF_MUX_READY) after->needs_attention = true;
}

static hf_err end_call(struct hf_mux *mux, struct hf_mux_call *call, struct hf_error *error)
{
    if (call->err == HF_OK) return HF_OK;

    for (uint32_t i = 0; call->expected == 1 && i < call->received; i++) {
        hf_reply_free(call->replies[i]);
        call->received = 0;
    }
    if (call->err == HF_E_TIMEOUT_SENT) return hf_fail(error, call->err, "no reply in time");

    struct hf_error story;
    hf_mux_story(mux, &story);
    return hf_fail(error, call->err, "%s", story.detail);
}

hf_err hf_mux_call(struct hf_mux *mux, struct hf_mux_call *call,
                   const struct hf_mux_message *message, hf_instant deadline,
                   struct hf_error *error)
{
    struct hf_aftermath after = { 0 };

    pthread_mutex_lock(&mux->lock);
    look_before_asking(mux, &after);
    const hf_err err = enqueue(mux, call, message);
    if (err) {
        pthread_mutex_unlock(&mux->lock);
        hf_mux_play_aftermath(mux, &after);
        return hf_fail_bare(error, err);
    }
    if (message->borrowed) {
        send_alone(mux, message, deadline, &after);
    } else {
        gather(mux);
        hf_mux_send_if_free(mux, &after);
    }
    const bool leads = take_lead(mux, call);
    pthread_mutex_unlock(&mux->lock);
    hf_mux_play_aftermath(mux, &after);
    await(mux, call, leads, deadline);
    return end_call(mux, call, error);
}

hf_err hf_mux_start(struct hf_mux *mux, struct hf_mux_call *call,
                    const struct hf_mux_message *message)
{
    struct hf_aftermath after = { 0 };

    pthread_mutex_lock(&mux->lock);
    look_before_asking(mux, &after);
    const hf_err err = enqueue(mux, call, message);
    if (err == HF_OK) {
        hf_mux_send_if_free(mux, &after);
        if (!mux->locked.is_led) after.needs_attention = true;
    }
    pthread_mutex_unlock(&mux->lock);
    hf_mux_play_aftermath(mux, &after);
    return err;
}

void hf_mux_give_up(struct hf_mux *mux, struct hf_mux_call *call)
{
    struct hf_aftermath after = { 0 };

    pthread_mutex_lock(&mux->lock);
    if (!hf_mux_call_is_done(call)) {
        detach(mux, call);
        call->next = NULL;
        after.completed = call;
        atomic_store_explicit(&call->state, HF_CALL_DONE, memory_order_release);
    }
    const bool breaks = is_past_patience(mux);
    pthread_mutex_unlock(&mux->lock);

    hf_mux_play_aftermath(mux, &after);
    if (breaks) hf_mux_break(mux, HF_E_LOST, "too many deadlines missed in a row");
}

void hf_mux_serve(struct hf_mux *mux)
{
    pthread_mutex_lock(&mux->lock);
    const bool leads = mux->locked.state == HF_MUX_READY && !mux->locked.is_led;
    if (leads) mux->locked.is_led = true;
    pthread_mutex_unlock(&mux->lock);
    if (!leads) return;

    hf_mux_resume(mux);
    hf_mux_drain(mux);

    struct hf_aftermath after = { 0 };
    pthread_mutex_lock(&mux->lock);
    hf_mux_pass_lead(mux, &after);
    pthread_mutex_unlock(&mux->lock);
    hf_mux_play_aftermath(mux, &after);
}
