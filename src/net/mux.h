/* mux.h - one connection that any number of threads share, with no thread of its own.
 *
 *     callers        out                      slots (a FIFO)
 *     A  GET a  -->  [GET a|GET b|GET c] -->  [A|B|C]  <-- replies, in this order
 *     B  GET b
 *     C  GET c
 *
 * A caller appends its encoded command and a slot under a short lock. Whoever finds nobody
 * sending sends for all, without the lock; whoever finds nobody reading leads: it reads,
 * hands each reply to the oldest slot, and passes the lead to the next waiting caller when
 * its own reply is in. Alone on the connection a caller does both and never waits for
 * another thread. Sending never waits for reading.
 *
 * What makes it right: slots and the parser belong to the connection. A caller that gives up
 * detaches from its slot, and the late reply is dropped there; so nobody can ever get a
 * reply that is not his. A reply without a slot, a malformed one or the end of the stream
 * breaks the connection, and each waiting caller is told whether its command can have been
 * applied.
 *
 *     IDLE --attach--> READY --break--> BROKEN --reap--> IDLE
 *
 * Threads:  call and break from any number; attach, reap and serve from one, the maintenance
 *           thread. No lock is held across I/O.
 * Memory:   slots_max slots of 24 bytes and bytes_max of queued commands, grown on demand;
 *           an idle connection holds less than 64 KiB.
 * Time:     calls end at their deadline, whatever the peer does.
 * Errors:   HF_E_OVERLOAD at a limit, HF_E_UNSENT / HF_E_LOST / HF_E_PROTOCOL when it breaks,
 *           HF_E_TIMEOUT_SENT at the deadline. */

#ifndef HF_NET_MUX_H
#define HF_NET_MUX_H

#include "core/buffer.h"
#include "net/resp_reader.h"
#include "net/spin.h"
#include "net/transport.h"
#include "observe/metrics.h"

#include <holdfast/bytes.h>
#include <holdfast/reply.h>
#include <holdfast/time.h>
#include <pthread.h>

struct hf_mux;
struct hf_mux_call;

/* Called once, in the thread that completed the call, never under a lock. */
typedef void (*hf_mux_done_fn)(struct hf_mux_call *call);

/* Tells the owner, in whatever thread it happens and never under a lock, that the
 * maintenance thread should look at it: it broke, its last user left after it broke, or only
 * asynchronous calls wait on it. */
struct hf_mux_owner {
    void (*attention)(void *ctx);
    void              *ctx;
    struct hf_metrics *metrics; /* Where bytes and late replies are counted. */
};

struct hf_mux_limits {
    uint32_t              slots_max; /* Commands in flight and queued, a power of two. */
    size_t                bytes_max; /* Encoded commands queued and not yet sent. */
    struct hf_resp_limits reply;
    uint32_t              timeouts_max; /* Deadlines missed in a row that break it. */
};

/* One call: a run of commands and the replies to them, in order. Synchronous ones live on
 * their caller's stack; asynchronous ones must live until done is called. */
struct hf_mux_call {
    struct hf_reply **replies; /* Room for `expected`; the first `received` are set. */
    uint32_t          expected;
    uint32_t          received;
    hf_err            err;  /* HF_OK when all replies are in. */
    hf_mux_done_fn    done; /* NULL: synchronous. */

    /* Inside. */
    _Atomic uint32_t    state;
    bool                is_alone; /* Nobody else's call was there when it took the lead. */
    bool                is_heir;  /* It was handed the lead; a break may have come after. */
    uint64_t            ticket;   /* Number of its slot since the connection was attached. */
    struct hf_mux_call *next;
};

struct hf_slot;

enum hf_mux_state { HF_MUX_IDLE, HF_MUX_READY, HF_MUX_BROKEN };

struct hf_mux {
    const struct hf_allocator *allocator;
    struct hf_mux_limits       limits;
    struct hf_mux_owner        owner;
    struct hf_spin            *spin; /* Shared by the muxes of a client. */
    pthread_mutex_t            lock;

    struct {
        enum hf_mux_state state;
        struct hf_slot   *slots; /* Ring of slots_capacity. */
        uint32_t          slots_capacity;
        uint64_t          ticket_first, ticket_next; /* Slots in use: [first, next). */
        uint32_t          live_sync, live_async;     /* Slots whose caller still waits. */
        struct hf_buffer  out;                       /* Encoded, not yet taken by a sender. */
        uint64_t          queued;                    /* Stream offset: end of out. */
        uint64_t          sent; /* Stream offset: what may have left is before this. */
        bool              is_sending;
        bool              is_led;
        bool              is_stuck; /* The kernel takes no more: the leader waits for room. */
        uint32_t          timeouts_in_row;
        struct hf_error   story; /* Why it broke the last time. */
    } locked;

    struct hf_buffer      going;  /* The sender's, or the leader's while stuck. */
    struct hf_resp_reader reader; /* The leader's. */
    struct hf_transport   transport;
    int                   wake_fd; /* eventfd in the leader's poll. */
};

/* HF_E_NOMEM, HF_E_SYSTEM. */
HF_NODISCARD hf_err hf_mux_init(struct hf_mux *mux, const struct hf_allocator *a,
                                const struct hf_mux_limits *limits,
                                const struct hf_mux_owner *owner, struct hf_spin *spin);

/* In a forked child, instead of deinit: closes its descriptors, and leaves what a thread that
 * did not come along may have been changing. */
void hf_mux_abandon(struct hf_mux *mux);

/* Only when nobody is in a call. */
void hf_mux_deinit(struct hf_mux *mux);

/* Takes over an established stream on which no reply is outstanding. IDLE only. */
void hf_mux_attach(struct hf_mux *mux, const struct hf_transport *transport);

/* What a call sends: one command, or a run of commands that are encoded already. They are
 * copied into the queue, or, when `borrowed`, sent from where they are: then the call must be
 * alone on the connection, and giving up in the middle breaks it. */
struct hf_mux_message {
    const struct hf_bytes *argv; /* NULL: encoded. */
    size_t                 argc;
    struct hf_bytes        encoded;
    bool                   borrowed;
};

/* Sends and waits for all replies, until the deadline. Returns call->err; on HF_OK the
 * replies are the caller's; else those received before are freed. */
HF_NODISCARD hf_err hf_mux_call(struct hf_mux *mux, struct hf_mux_call *call,
                                const struct hf_mux_message *message, hf_instant deadline,
                                struct hf_error *error);

/* Starts an asynchronous call: done will be called exactly once if this returns HF_OK. */
HF_NODISCARD hf_err hf_mux_start(struct hf_mux *mux, struct hf_mux_call *call,
                                 const struct hf_mux_message *message);

/* Gives up an asynchronous call that its owner still holds: done is called with
 * HF_E_TIMEOUT_SENT before this returns, unless the call was completed meanwhile. */
void hf_mux_give_up(struct hf_mux *mux, struct hf_mux_call *call);

/* Breaks it: all waiting calls end with err, or HF_E_UNSENT where that is sure. */
void hf_mux_break(struct hf_mux *mux, hf_err err, const char *why);

/* Ends it if no command is under way, so that nobody is disturbed; else does nothing. */
bool hf_mux_retire(struct hf_mux *mux, const char *why);

/* Leads without waiting, if nobody leads: what has arrived is handed out. */
void hf_mux_serve(struct hf_mux *mux);

/* What to poll for so that hf_mux_serve() is called in time; 0 while somebody leads, or
 * nothing is to come. */
short hf_mux_unattended(struct hf_mux *mux);

/* Gives the descriptor back once the last user has left. True when it is IDLE. */
bool hf_mux_reap(struct hf_mux *mux);

enum hf_mux_state hf_mux_state(struct hf_mux *mux);

/* Why it broke the last time. */
void hf_mux_story(struct hf_mux *mux, struct hf_error *story);

/* Commands whose caller gave up and whose reply is still to come. */
uint32_t hf_mux_abandoned(struct hf_mux *mux);

#endif
