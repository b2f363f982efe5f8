/* tracking.h - a connection on which the server tells which keys have changed.
 *
 *     WAITING --> DIALLING --> ASKING --> LIVE        CLIENT TRACKING ON BCAST PREFIX ...
 *        ^------------'-----------'---------'         lost, refused, or of another server
 *
 * It is dialled only while the client itself is connected, so that an outage has one dialler,
 * and is live only while it is on the same server process as the client's shared connection.
 * What it is told, it passes on in order. PINGs on the same connection show that nothing is
 * outstanding: the server answers them after all that it told before.
 *
 * The server must speak RESP3 and let the user have CLIENT TRACKING; otherwise it stays off,
 * says so in the health status, and looks again every HF_TRACKING_RETRY.
 *
 * Threads:  the maintenance thread does everything and calls the listener; add, remove and
 *           settle from any other.
 * Memory:   caller-allocated; the reader's block, and one pushed message at a time, within
 *           the client's limits for replies.
 * Time:     handed in. */

#ifndef HF_CLIENT_TRACKING_H
#define HF_CLIENT_TRACKING_H

#include "net/resp_reader.h"
#include "topology/endpoint.h"

#include <poll.h>

#define HF_TRACKING_RETRY hf_seconds(2)

enum {
    HF_TRACKINGS_MAX = 16, /* In one client. */
    HF_TRACKING_PREFIXES = 3,
};

struct hf_client;

/* Called in the maintenance thread, one at a time, not under a lock, but for `settle`; none
 * after removal. */
struct hf_tracking_listener {
    /* From now on changes are told. All that anybody else learned of after `since` will be.
     */
    void (*live)(void *ctx, hf_instant since);
    /* The key has changed, was deleted, evicted or has expired. */
    void (*changed)(void *ctx, struct hf_bytes key);
    /* All keys have: somebody has emptied the server. */
    void (*all_changed)(void *ctx);
    /* While live: what had been acknowledged to anybody before `since` has been told. */
    void (*heard)(void *ctx, hf_instant since);
    /* Changes may go untold until it is live again. */
    void (*lost)(void *ctx);
    /* Statistics are to be read: counts what was put off. From any thread, under the lock of
     * the list. */
    void (*settle)(void *ctx);
    void *ctx;
};

enum hf_tracking_state {
    HF_TRACKING_WAITING,
    HF_TRACKING_DIALLING,
    HF_TRACKING_ASKING,
    HF_TRACKING_LIVE,
};

struct hf_tracking {
    struct hf_tracking         *next; /* In the client's list. */
    struct hf_client           *client;
    struct hf_tracking_listener listener;
    struct hf_bytes             prefixes[HF_TRACKING_PREFIXES]; /* No overlap. */
    hf_duration                 silence_max;                    /* PING four times in it. */

    enum hf_tracking_state state;
    hf_instant             retry_at;
    struct hf_dialler      dialler;
    struct hf_transport    transport; /* ASKING, LIVE. */
    struct hf_greeting     greeting;
    const struct hf_link  *beside; /* The shared connection when it became LIVE. */
    hf_instant             beside_since;
    struct hf_resp_reader  reader;
    struct hf_buffer       out;
    bool                   is_awaited; /* A reply is due. */
    hf_instant             asked;      /* When it, or the latest one, was asked for. */
};

/* What a client has of them. */
struct hf_trackings {
    pthread_mutex_t lock;
    pthread_cond_t  tended;
    struct {
        struct hf_tracking *first;
        struct hf_tracking *busy; /* Being tended: not to be removed now. */
        unsigned            count;
    } locked;
    pthread_mutex_t news_lock;
    struct {
        hf_err          why; /* Of the one refused last; HF_OK once one is live. */
        struct hf_error story;
    } news;
};

void hf_trackings_init(struct hf_trackings *all);
void hf_trackings_deinit(struct hf_trackings *all); /* When all are removed. */

/* client, listener, prefixes and silence_max are set; what they point to must live until it
 * is removed. HF_E_TOO_LARGE past HF_TRACKINGS_MAX. */
HF_NODISCARD hf_err hf_tracking_add(struct hf_tracking *t);

/* Waits for a callback under way. In a forked child it only closes descriptors. */
void hf_tracking_remove(struct hf_tracking *t);

/* For the maintenance thread, as those of endpoint.h: does what is due and reads what has
 * come, and returns when it is to be called again; fills fds to wait for. */
hf_instant hf_trackings_tend(struct hf_trackings *all, hf_instant now);
unsigned   hf_trackings_poll(struct hf_trackings *all, struct pollfd *fds, unsigned capacity);

/* Before statistics are read. */
void hf_trackings_settle(struct hf_trackings *all);

/* Tells of the keys in a push "invalidate". False when it is not to be known what has
 * changed, or not all of it. */
HF_NODISCARD bool hf_tracking_pass_on(const struct hf_tracking_listener *l,
                                      const struct hf_reply             *news);

/* Why the latest one is off, or HF_OK. */
hf_err hf_trackings_why(struct hf_trackings *all, struct hf_error *story);

#endif
