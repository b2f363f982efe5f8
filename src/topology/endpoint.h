/* endpoint.h - one Redis server: its connections, its breaker and its health.
 *
 *                      callers                         maintenance thread
 *     admit, route --> shared connection  <-- publish -- dialler
 *     lease, put   --> idle, leased ones  <----+         health check, reaping, fences
 *     report       --> breaker            <-- hint ----+
 *
 * Small calls share one connection; a large value or a blocking command leases one of its
 * own. Callers never dial: while the endpoint has no connection they wait for the dialler
 * within their deadline, and when the last attempt failed they fail at once.
 *
 * The fence: bytes on an abandoned connection may still reach the server, after newer
 * commands. So before anything else is sent, the connection that comes next (or the shared
 * one, when a leased one was abandoned) carries CLIENT KILL for the abandoned one. Where an
 * ACL forbids that, is_fenced in the health status says so.
 *
 * Threads:  the callers' functions from any; tend, poll and serve from the maintenance
 * thread. Memory:   at most connections_max connections and a fixed number of shared ones
 * that are being replaced. Time:     handed in, but for waiting, which ends at the deadline.
 * Errors:   HF_E_UNAVAILABLE with the story of the last attempt while it is down. */

#ifndef HF_TOPOLOGY_ENDPOINT_H
#define HF_TOPOLOGY_ENDPOINT_H

#include "core/log.h"
#include "net/mux.h"
#include "net/server_error.h"
#include "observe/metrics.h"
#include "resilience/admission.h"
#include "resilience/breaker.h"
#include "resilience/retry.h"
#include "topology/dialler.h"

enum {
    HF_SHARED_MAX = 4, /* One in use, the others on their way out. */
    HF_CONNECTIONS_MAX = 1000,
    HF_FENCES_MAX = 64,
};

struct hf_endpoint_opts {
    struct hf_dial_plan    plan;
    struct hf_mux_limits   limits;
    struct hf_breaker_opts breaker;
    struct hf_retry_opts   retry;
    bool                   adapts; /* Limits calls under way while the server is slow. */
    unsigned               connections_max; /* Shared and leased together, >= 1. */
    hf_duration            connect_timeout;
    hf_duration            health_interval; /* 0: no checks while all is well. */
    hf_duration            health_timeout;
    hf_duration            lifetime; /* A connection is replaced at this age; 0: never. */
    hf_duration            idle_max; /* A leased connection idle for longer is closed. */
    uint64_t               seed;
};

/* A connection with what the endpoint knows of it. */
struct hf_link {
    struct hf_mux       mux; /* First: callers see this. */
    struct hf_endpoint *endpoint;
    struct hf_greeting  greeting;
    hf_instant          since;       /* Attached, or put back idle. */
    hf_instant          expires;     /* Its lifetime is over. Guarded by the lock. */
    atomic_bool         is_retiring; /* Replaced; goes once its last reply is in. */
    bool                is_shared;   /* For good: a leased one is never shared. */
    bool                is_open;     /* Attached and not yet reaped. */
    atomic_bool         is_leased;   /* A caller has it: not to be attached anew. */
    bool                is_fenced;   /* Its breaking has been dealt with. */
};

struct hf_endpoint {
    struct hf_endpoint_opts    opts;
    const struct hf_allocator *allocator;
    struct hf_logger          *logger;
    struct hf_metrics         *metrics;
    struct hf_mux_owner        owner;
    struct hf_spin             spin;
    struct hf_breaker          breaker;
    struct hf_retry_opts       retry_opts;
    struct hf_retry_budget     budget;
    struct hf_admission        admission; /* Used only if opts.adapts. */

    _Atomic(struct hf_link *) shared;     /* NULL while there is none. */
    _Atomic uint32_t          fences_out; /* Sent, not yet answered. */
    _Atomic uint32_t          news; /* Futex word: grows when waiting callers should look. */
    atomic_bool               is_closed;
    atomic_bool               is_check_wanted;
    atomic_bool               is_renewal_wanted;
    _Atomic uintptr_t         tender;   /* Thread that tends it: it cannot wait for itself. */
    atomic_uint               protocol; /* Of the shared connection, 0 without. */

    pthread_mutex_t lock;
    struct {
        struct hf_link *idle[HF_CONNECTIONS_MAX]; /* Leasable, the freshest last. */
        unsigned        idle_count;
        unsigned        leased;
        unsigned        wanted;  /* Leases that callers are waiting for. */
        bool            is_down; /* The last attempt to dial failed. */
        bool            is_degraded;
        bool            is_fence_forbidden;
        hf_err          why; /* Of the last failed attempt or check. */
        struct hf_error story;
        hf_instant      checked; /* The last check that ended. */
        hf_duration     check_took;
        int64_t         fences[HF_FENCES_MAX]; /* Client ids to kill before all else. */
        unsigned        fence_count;
        char            fence_run_id[HF_RUN_ID_SIZE];
    } locked;

    /* The maintenance thread's. */
    struct hf_dialler  dialler;
    struct hf_link    *links[HF_SHARED_MAX + HF_CONNECTIONS_MAX]; /* Shared ones first. */
    unsigned           link_count;
    hf_instant         next_check;
    struct hf_mux_call ping;
    struct hf_reply   *pong;
    struct hf_link    *pinged; /* NULL: no ping under way. */
    struct hf_permit   ping_permit;
    hf_instant         ping_started;
    _Atomic int        ping_ended;
    hf_instant         begun; /* Of the endpoint itself. */
    hf_instant         lost;  /* The shared connection, not replaced yet; {0}: it was. */
    uint64_t           connects;
    unsigned           failed_dials; /* Since a connection was published. */
};

/* HF_E_NOMEM, HF_E_SYSTEM. owner->attention wakes the maintenance thread. */
HF_NODISCARD hf_err hf_endpoint_init(struct hf_endpoint *e, const struct hf_allocator *a,
                                     struct hf_logger *logger, struct hf_metrics *metrics,
                                     const struct hf_mux_owner     *owner,
                                     const struct hf_endpoint_opts *opts);

/* In a forked child, instead of deinit: closes the connections it inherited, and leaves what
 * a thread that did not come along may have been changing: a dial under way, above all. */
void hf_endpoint_abandon(struct hf_endpoint *e);

/* When no caller is inside any more. */
void hf_endpoint_deinit(struct hf_endpoint *e);

/* ---- For callers --------------------------------------------------------------- */

/* The connection for small calls. Waits for it until the deadline while the first attempt to
 * connect is under way. HF_E_UNAVAILABLE, HF_E_TIMEOUT, HF_E_CLOSED. */
HF_NODISCARD hf_err hf_endpoint_route(struct hf_endpoint *e, hf_instant deadline,
                                      struct hf_mux **mux, struct hf_error *error);

/* Waits until there is a connection. Past the deadline: why there is none. */
HF_NODISCARD hf_err hf_endpoint_wait(struct hf_endpoint *e, hf_instant deadline,
                                     struct hf_error *error);

/* Waits until then, or until the endpoint is closed: then false. */
bool hf_endpoint_pause(struct hf_endpoint *e, hf_instant until);

/* Tells that the connection it was given is not READY, so that the next route waits. */
void hf_endpoint_retire(struct hf_endpoint *e, struct hf_mux *mux);

/* A connection of the caller's own, to be put back. Also HF_E_OVERLOAD when all are leased
 * until the deadline. */
HF_NODISCARD hf_err hf_endpoint_lease(struct hf_endpoint *e, hf_instant deadline,
                                      struct hf_mux **mux, struct hf_error *error);

/* True while something may still land late: commands whose callers have gone, a fence that is
 * not acknowledged, or no shared connection that could carry one. A write on another
 * connection could then be undone by what it overtook. */
bool hf_endpoint_has_loose_ends(struct hf_endpoint *e);

/* Gives a leased connection back; one with replies outstanding is broken and fenced. */
void hf_endpoint_put(struct hf_endpoint *e, struct hf_mux *mux);

/* From the next tend on: calls under way end with HF_E_CLOSED or HF_E_CLOSED_SENT. */
void hf_endpoint_shut(struct hf_endpoint *e);

/* ---- For the maintenance thread ------------------------------------------------ */

/* Does all that is due, and returns when something will be due next. */
hf_instant hf_endpoint_tend(struct hf_endpoint *e, hf_instant now);

/* What to poll for, at most capacity entries; returns how many. After poll() each entry goes
 * to hf_endpoint_serve(), with the same index, before the next tend. */
unsigned hf_endpoint_poll(struct hf_endpoint *e, struct pollfd *fds, unsigned capacity);
void     hf_endpoint_serve(struct hf_endpoint *e, const struct pollfd *fds, unsigned count);

/* Makes the next health check due now. Any thread. */
void hf_endpoint_check_now(struct hf_endpoint *e);

/* Ends the lifetime of all connections now, and of those being made. Any thread. */
void hf_endpoint_renew(struct hf_endpoint *e);

#endif
