/* dial.h - makes a connection that is ready for commands, step by step, without waiting.
 *
 *     RESOLVE -> CONNECT -> (TLS) -> (ASK) -> HELLO -> (AUTH) -> PREPARE -> READY
 *                  ^  |
 *                  +--+  next address of the name
 *
 * ASK gets the credentials from the application, if it gives them. HELLO 3 carries the
 * credentials and is sent alone, because a failed authentication behind pending commands
 * loses replies; a server that does not know it is spoken to in RESP2. PREPARE selects the
 * database, asks who the server is, and pings: only a server that answers PING as one that
 * serves is ready, or one that refuses nothing but writes.
 *
 * Threads:  one, the maintenance thread; it never blocks.
 * Memory:   caller-allocated; the reader's block while the handshake lasts.
 * Time:     ends at its deadline, which the owner passes to hf_dial_step() as `now`.
 * Errors:   HF_E_RESOLVE, HF_E_CONNECT, HF_E_CONNECT_TIMEOUT, HF_E_AUTH, HF_E_LOADING,
 *           HF_E_MAX_CLIENTS, HF_E_PROTOCOL, ... with the story in dial->error. */

#ifndef HF_NET_DIAL_H
#define HF_NET_DIAL_H

#include "core/buffer.h"
#include "core/url.h"
#include "net/login.h"
#include "net/resolver.h"
#include "net/resp_reader.h"
#include "net/tls.h"

enum { HF_RUN_ID_SIZE = 41 };

/* What the owner wants to know of the server and the connection. */
struct hf_greeting {
    int64_t  client_id;              /* 0 when CLIENT ID is forbidden. */
    unsigned protocol;               /* 2 or 3. */
    char     run_id[HF_RUN_ID_SIZE]; /* "" when INFO is forbidden. */
    bool     is_degraded;            /* It refuses writes: MISCONF. */
};

struct hf_dial_plan {
    const struct hf_allocator *allocator;
    const struct hf_url       *url;
    const char                *socket_path; /* Instead of the URL's, or NULL. */
    const char                *client_name; /* NULL: none. */
    struct hf_tls             *tls;         /* NULL: plain. */
    struct hf_login           *login;       /* NULL: the URL says who logs in. */
    struct hf_resolver        *resolver;    /* Of the URL's host. */
    hf_duration                patience;    /* For TCP_USER_TIMEOUT. */
};

enum hf_dial_state {
    HF_DIAL_RESOLVE,
    HF_DIAL_CONNECT,
    HF_DIAL_TLS,
    HF_DIAL_ASK,
    HF_DIAL_HELLO,
    HF_DIAL_AUTH,
    HF_DIAL_PREPARE,
    HF_DIAL_READY,
    HF_DIAL_FAILED,
};

struct hf_dial {
    const struct hf_dial_plan *plan;
    enum hf_dial_state         state;
    hf_instant                 started, deadline;
    struct hf_lookup          *lookup;
    struct hf_addresses        addresses;
    unsigned                   next_address;
    hf_instant                 next_address_at; /* The one being tried has had its share. */
    bool                  has_connected; /* It was the handshake that failed, if it did. */
    struct hf_transport   transport;
    struct hf_resp_reader reader;
    struct hf_buffer      out;
    const struct hf_credentials *credentials; /* As the application told, or NULL. */
    bool                         is_asking;   /* A part in plan->login is held. */
    unsigned                     replies_due, reply_index;
    struct hf_greeting           greeting;
    struct hf_error              error;
};

/* Starts; *plan must outlive it. */
void hf_dial_init(struct hf_dial *dial, const struct hf_dial_plan *plan, hf_instant now,
                  hf_instant deadline);

/* Closes what is not taken over. */
void hf_dial_deinit(struct hf_dial *dial);

/* What to poll for until the next step; the descriptor is never -1 while it is under way. */
int   hf_dial_fd(const struct hf_dial *dial);
short hf_dial_events(const struct hf_dial *dial);

/* When it should be stepped even without an event. */
hf_instant hf_dial_next(const struct hf_dial *dial);

/* Goes as far as it can. True when it has ended: READY or FAILED. */
bool hf_dial_step(struct hf_dial *dial, hf_instant now);

/* READY only: the stream is the caller's from now on. */
struct hf_transport hf_dial_take(struct hf_dial *dial);

#endif
