/* fault_lane.h - one direction of a connection: bytes go in, and come out as the faults will.
 *
 *     in --> one-time faults strike --> queue, each piece with its due time --> pace --> out
 *
 * A delay holds pieces back without limiting how many are on their way.
 *
 * Threads:  none; the owner serialises. No sockets, no clock: `now` is handed in.
 * Memory:   at most FAULT_LANE_MAX bytes are taken in before some must come out.
 * Errors:   none; out of memory aborts. */

#ifndef HF_TESTS_FAULT_LANE_H
#define HF_TESTS_FAULT_LANE_H

#include "support/fault.h"
#include "support/resp_scanner.h"

enum { FAULT_SLOTS = 16, FAULT_LANE_MAX = 8 << 20, FAULT_COPY_MAX = 1 << 20 };

/* A fault in force, shared by all lanes of a proxy. */
struct fault_slot {
    struct fault fault; /* Its data points to `data`. */
    uint64_t     id;    /* 0: the slot is free. Never used twice. */
    uint32_t     struck;
    char         data[FAULT_DATA_MAX];
};

struct fault_slots {
    struct fault_slot slot[FAULT_SLOTS];
};

struct fault_piece; /* Bytes or an end, and when it is due. */

struct fault_lane {
    enum fault_direction direction; /* Not both. */
    uint32_t             connection;
    struct fault_slots  *slots;
    struct hf_rng       *rng;
    struct resp_scanner  scanner;
    bool                 in_message; /* Some of a message has passed, not yet all. */
    struct {
        uint64_t id; /* Of the slot this is the progress in. */
        uint64_t messages_left;
        uint64_t bytes_left;
        bool     struck;
    } progress[FAULT_SLOTS];
    struct fault_piece *first, *last;
    size_t              queued;   /* Bytes. */
    hf_instant          last_due; /* Of the latest piece. */
    hf_instant          paced_until;
    bool                ended; /* An end is queued; what comes after it is dropped. */
    char               *copy;  /* The message being duplicated, or NULL. */
    size_t              copied;
    uint64_t            bytes;    /* Ever taken in. */
    uint64_t            messages; /* Wholly taken in. */
};

void fault_lane_init(struct fault_lane *lane, enum fault_direction direction,
                     uint32_t connection, struct fault_slots *slots, struct hf_rng *rng);
void fault_lane_deinit(struct fault_lane *lane);

/* Whether more bytes may go in: not in a black hole, not past the limit, not after an end. */
bool fault_lane_takes(const struct fault_lane *lane);

void fault_lane_put(struct fault_lane *lane, const char *data, size_t size, hf_instant now);

/* The source ended: so will the drain, when all that is queued has come out. */
void fault_lane_put_end(struct fault_lane *lane, enum fault_end end, hf_instant now);

/* Faults that wait for nothing strike: call when a fault was set or the lane is new. */
void fault_lane_poke(struct fault_lane *lane, hf_instant now);

enum fault_out {
    FAULT_OUT_NOTHING, /* Until more goes in, or the faults change. */
    FAULT_OUT_LATER,   /* Until *when. */
    FAULT_OUT_BYTES,   /* Write some of these, then call fault_lane_took(). */
    FAULT_OUT_END,     /* The lane is over, in this way. */
};

enum fault_out fault_lane_next(struct fault_lane *lane, hf_instant now,
                               struct hf_bytes *bytes, enum fault_end *end, hf_instant *when);

/* So many of the bytes were written. */
void fault_lane_took(struct fault_lane *lane, size_t size, hf_instant now);

#endif
