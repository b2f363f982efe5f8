#include "net/mux.h"

#include "core/alloc.h"
#include "core/assert.h"
#include "core/error.h"
#include "net/futex.h"
#include "net/mux_inside.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { SLOTS_FIRST = 64 };

void hf_mux_check_invariant(const struct hf_mux *mux)
{
    hf_assert(mux->locked.ticket_first <= mux->locked.ticket_next);
    hf_assert(mux->locked.sent <= mux->locked.queued);
    hf_assert(mux->locked.live_sync + mux->locked.live_async <=
              mux->locked.ticket_next - mux->locked.ticket_first);
    if (mux->locked.state != HF_MUX_READY) {
        hf_assert(mux->locked.ticket_first == mux->locked.ticket_next);
    }
}

hf_err hf_mux_init(struct hf_mux *mux, const struct hf_allocator *a,
                   const struct hf_mux_limits *limits, const struct hf_mux_owner *owner,
                   struct hf_spin *spin)
{
    hf_assert((limits->slots_max & (limits->slots_max - 1)) == 0);

    *mux = (struct hf_mux){
        .allocator = a,
        .limits = *limits,
        .owner = *owner,
        .spin = spin,
        .transport = { .fd = -1 },
        .wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
    };
    if (mux->wake_fd < 0) return HF_E_SYSTEM;

    const uint32_t capacity = limits->slots_max < SLOTS_FIRST ? limits->slots_max
                                                              : SLOTS_FIRST;
    mux->locked.slots = hf_alloc(a, capacity * sizeof *mux->locked.slots);
    if (!mux->locked.slots) {
        close(mux->wake_fd);
        return HF_E_NOMEM;
    }
    mux->locked.slots_capacity = capacity;
    pthread_mutex_init(&mux->lock, NULL);
    hf_buffer_init(&mux->locked.out, a, limits->bytes_max);
    hf_buffer_init(&mux->going, a, limits->bytes_max);
    hf_resp_reader_init(&mux->reader, a, &limits->reply);
    return HF_OK;
}

void hf_mux_abandon(struct hf_mux *mux)
{
    hf_transport_abandon(&mux->transport);
    close(mux->wake_fd);
}

void hf_mux_deinit(struct hf_mux *mux)
{
    hf_assert(mux->locked.live_sync == 0 && mux->locked.live_async == 0);

    hf_transport_close(&mux->transport);
    hf_resp_reader_deinit(&mux->reader);
    hf_buffer_deinit(&mux->going);
    hf_buffer_deinit(&mux->locked.out);
    pthread_mutex_destroy(&mux->lock);
    hf_free(mux->allocator, mux->locked.slots);
    close(mux->wake_fd);
}

void hf_mux_attach(struct hf_mux *mux, const struct hf_transport *transport)
{
    pthread_mutex_lock(&mux->lock);
    hf_assert(mux->locked.state == HF_MUX_IDLE);
    mux->transport = *transport;
    mux->locked.state = HF_MUX_READY;
    mux->locked.ticket_first = mux->locked.ticket_next = 0;
    mux->locked.queued = mux->locked.sent = 0;
    mux->locked.is_stuck = false;
    mux->locked.timeouts_in_row = 0;
    hf_mux_check_invariant(mux);
    pthread_mutex_unlock(&mux->lock);
}

bool hf_mux_reap(struct hf_mux *mux)
{
    pthread_mutex_lock(&mux->lock);
    const bool vacant = !mux->locked.is_led && !mux->locked.is_sending;
    if (mux->locked.state == HF_MUX_BROKEN && vacant) {
        hf_transport_close(&mux->transport);
        hf_buffer_clear(&mux->locked.out, 0);
        hf_buffer_clear(&mux->going, 0);
        hf_resp_reader_deinit(&mux->reader);
        hf_resp_reader_init(&mux->reader, mux->allocator, &mux->limits.reply);
        mux->locked.state = HF_MUX_IDLE;
    }
    const bool idle = mux->locked.state == HF_MUX_IDLE;
    pthread_mutex_unlock(&mux->lock);
    return idle;
}

/* ---- Completing ---------------------------------------------------------------- */

static void rouse(struct hf_aftermath *after, const _Atomic uint32_t *word)
{
    if (after->sleeper_count == HF_MUX_ROUND) {
        hf_futex_wake_one(word);
    } else {
        after->sleepers[after->sleeper_count++] = word;
    }
}

static void set_state(struct hf_mux_call *call, enum hf_mux_call_state state,
                      struct hf_aftermath *after)
{
    if (atomic_exchange_explicit(&call->state, state, memory_order_acq_rel) ==
        HF_CALL_PARKED) {
        rouse(after, &call->state);
    }
}

/* After this a synchronous call's memory may be gone: only its address is kept. */
void hf_mux_complete(struct hf_mux *mux, struct hf_mux_call *call, hf_err err,
                     struct hf_aftermath *after)
{
    call->err = err;
    if (call->done) {
        mux->locked.live_async--;
        call->next = after->completed;
        after->completed = call;
        atomic_store_explicit(&call->state, HF_CALL_DONE, memory_order_release);
    } else {
        mux->locked.live_sync--;
        set_state(call, HF_CALL_DONE, after);
    }
}

void hf_mux_play_aftermath(struct hf_mux *mux, struct hf_aftermath *after)
{
    for (uint32_t i = 0; i < after->sleeper_count; i++) hf_futex_wake_one(after->sleepers[i]);

    struct hf_mux_call *call = after->completed;
    while (call) {
        struct hf_mux_call *next = call->next;
        call->done(call);
        call = next;
    }
    if (after->needs_attention) mux->owner.attention(mux->owner.ctx);
}

void hf_mux_kick_leader(struct hf_mux *mux)
{
    const uint64_t one = 1;
    if (write(mux->wake_fd, &one, sizeof one) < 0) return; /* Full: it is kicked already. */
}

void hf_mux_pass_lead(struct hf_mux *mux, struct hf_aftermath *after)
{
    uint64_t ticket = mux->locked.ticket_first;
    if (mux->locked.live_sync == 0) ticket = mux->locked.ticket_next;

    for (; ticket < mux->locked.ticket_next; ticket++) {
        struct hf_mux_call *heir = hf_mux_slot(mux, ticket)->call;
        if (!heir || heir->done) continue;
        heir->is_heir = true;
        set_state(heir, HF_CALL_LEADING, after);
        return;
    }
    mux->locked.is_led = false;
    if (mux->locked.live_async || mux->locked.is_stuck || mux->locked.state != HF_MUX_READY) {
        after->needs_attention = true;
    }
}

/* ---- Breaking ------------------------------------------------------------------ */

static hf_err err_if_unsent(hf_err err)
{
    return err == HF_E_CLOSED_SENT ? HF_E_CLOSED : HF_E_UNSENT;
}

/* Locked, and READY. */
static void break_now(struct hf_mux *mux, hf_err err, const char *why,
                      struct hf_aftermath *after)
{
    mux->locked.state = HF_MUX_BROKEN;
    (void)hf_fail(&mux->locked.story, err, "%s", why);
    while (mux->locked.ticket_first < mux->locked.ticket_next) {
        const struct hf_slot *slot = hf_mux_slot(mux, mux->locked.ticket_first++);
        const bool            unsent = slot->start >= mux->locked.sent;
        if (slot->call) {
            hf_mux_complete(mux, slot->call, unsent ? err_if_unsent(err) : err, after);
        }
    }
    hf_transport_shutdown(&mux->transport);
    after->needs_attention = true;
    hf_mux_check_invariant(mux);
}

void hf_mux_break(struct hf_mux *mux, hf_err err, const char *why)
{
    struct hf_aftermath after = { 0 };
    pthread_mutex_lock(&mux->lock);
    if (mux->locked.state == HF_MUX_READY) break_now(mux, err, why, &after);
    pthread_mutex_unlock(&mux->lock);
    if (!after.needs_attention) return;

    hf_mux_kick_leader(mux);
    hf_mux_play_aftermath(mux, &after);
}

bool hf_mux_retire(struct hf_mux *mux, const char *why)
{
    struct hf_aftermath after = { 0 };
    pthread_mutex_lock(&mux->lock);
    const bool retires = mux->locked.state == HF_MUX_READY && hf_mux_slots_in_use(mux) == 0;
    if (retires) break_now(mux, HF_E_CLOSED_SENT, why, &after);
    pthread_mutex_unlock(&mux->lock);
    hf_mux_play_aftermath(mux, &after);
    return retires;
}

void hf_mux_break_by_os(struct hf_mux *mux, const char *verb, int os_error)
{
    char why[128];
    if (os_error) {
        snprintf(why, sizeof why, "%s: %s", verb, strerror(os_error));
    } else {
        snprintf(why, sizeof why, "server closed the connection");
    }
    hf_mux_break(mux, HF_E_LOST, why);
}

/* ---- Looking ------------------------------------------------------------------- */

short hf_mux_unattended(struct hf_mux *mux)
{
    short wanted = 0;
    pthread_mutex_lock(&mux->lock);
    if (mux->locked.state == HF_MUX_READY && !mux->locked.is_led) {
        if (mux->locked.live_async > 0) wanted |= POLLIN;
        if (mux->locked.is_stuck) wanted |= POLLIN | POLLOUT;
    }
    pthread_mutex_unlock(&mux->lock);
    return wanted ? hf_transport_events(&mux->transport, wanted) : (short)0;
}

enum hf_mux_state hf_mux_state(struct hf_mux *mux)
{
    pthread_mutex_lock(&mux->lock);
    const enum hf_mux_state state = mux->locked.state;
    pthread_mutex_unlock(&mux->lock);
    return state;
}

uint32_t hf_mux_abandoned(struct hf_mux *mux)
{
    pthread_mutex_lock(&mux->lock);
    const uint32_t abandoned = hf_mux_slots_in_use(mux) - mux->locked.live_sync -
                               mux->locked.live_async;
    pthread_mutex_unlock(&mux->lock);
    return abandoned;
}

void hf_mux_story(struct hf_mux *mux, struct hf_error *story)
{
    pthread_mutex_lock(&mux->lock);
    *story = mux->locked.story;
    pthread_mutex_unlock(&mux->lock);
}
