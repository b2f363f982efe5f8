/* mux_inside.h - what the files of mux share with each other, and with nobody else.
 *
 *     mux.c          attaching, breaking, reaping; completing calls and waking their callers
 *     mux_send.c     the sender: one caller sends what all have queued
 *     mux_receive.c  the leader: one caller reads for all
 *     mux_call.c     a call from enqueueing to its end
 *
 * "Locked" in a comment: mux->lock is held on entry and on return. */

#ifndef HF_NET_MUX_INSIDE_H
#define HF_NET_MUX_INSIDE_H

#include "net/mux.h"

enum {
    HF_MUX_ROUND = 64,            /* Replies handed out under one lock. */
    HF_MUX_IDLE_KEEP = 16 * 1024, /* Bytes that an empty send buffer may keep. */
};

enum hf_mux_call_state {
    HF_CALL_WAITING, /* Its caller looks at the word from time to time. */
    HF_CALL_PARKED,  /* Its caller sleeps on the word. */
    HF_CALL_LEADING, /* Its caller has been handed the lead. */
    HF_CALL_DONE,    /* It is the caller's again. */
};

struct hf_slot {
    struct hf_mux_call *call;  /* NULL: its caller gave up. */
    uint64_t            start; /* Stream offset of its first byte. */
    uint32_t            due;   /* Replies still to come. */
};

/* What must happen once the lock is released. */
struct hf_aftermath {
    const _Atomic uint32_t *sleepers[HF_MUX_ROUND];
    uint32_t                sleeper_count;
    struct hf_mux_call     *completed; /* Asynchronous ones. */
    bool                    needs_attention;
};

static inline struct hf_slot *hf_mux_slot(struct hf_mux *mux, uint64_t ticket)
{
    return &mux->locked.slots[ticket & (mux->locked.slots_capacity - 1)];
}

static inline uint32_t hf_mux_slots_in_use(const struct hf_mux *mux)
{
    return (uint32_t)(mux->locked.ticket_next - mux->locked.ticket_first);
}

static inline bool hf_mux_call_is_done(const struct hf_mux_call *call)
{
    return atomic_load_explicit(&call->state, memory_order_acquire) == HF_CALL_DONE;
}

void hf_mux_check_invariant(const struct hf_mux *mux);

/* Locked. Ends a call; a synchronous one's memory may be gone when this returns. */
void hf_mux_complete(struct hf_mux *mux, struct hf_mux_call *call, hf_err err,
                     struct hf_aftermath *after);

/* Locked. The oldest waiting caller gets the lead; without one, nobody has it. */
void hf_mux_pass_lead(struct hf_mux *mux, struct hf_aftermath *after);

/* Not locked. Wakes, calls back, and tells the owner. */
void hf_mux_play_aftermath(struct hf_mux *mux, struct hf_aftermath *after);

/* Not locked. Makes the leader look at the connection again. */
void hf_mux_kick_leader(struct hf_mux *mux);

/* Not locked. Breaks it because of a failed system call, or an orderly end (os_error 0). */
void hf_mux_break_by_os(struct hf_mux *mux, const char *verb, int os_error);

/* Locked, but released in between. Sends for all, unless somebody does or nobody can. */
void hf_mux_send_if_free(struct hf_mux *mux, struct hf_aftermath *after);

/* Not locked. Lets a sender's leftovers go, now that the kernel has room again. */
void hf_mux_resume(struct hf_mux *mux);

/* Not locked. Sends one message from where it lies; the call must be alone here. */
void hf_mux_send_borrowed(struct hf_mux *mux, const struct hf_mux_message *message,
                          hf_instant deadline);

/* Not locked; the lead is the caller's. Reads for all until self is done or the deadline has
 * passed. Returns whether the lead is still the caller's. */
bool hf_mux_lead(struct hf_mux *mux, const struct hf_mux_call *self, hf_instant deadline);

/* Not locked; the lead is the caller's. Hands out what has arrived, without waiting. */
void hf_mux_drain(struct hf_mux *mux);

/* Sleeps until the descriptor is ready for what is wanted, the leader is kicked, or the
 * deadline, when it returns false. *ready gets poll's revents of the descriptor. */
bool hf_mux_poll(struct hf_mux *mux, short wanted, hf_instant deadline, short *ready);

#endif
