/* fault_pair.h - one connection through the fault proxy: two sockets and a lane each way.
 *
 * Threads:  none; the owner serialises.
 * Memory:   owns both sockets.
 * Errors:   none; a socket that fails ends the pair as a reset. */

#ifndef HF_TESTS_FAULT_PAIR_H
#define HF_TESTS_FAULT_PAIR_H

#include "support/fault_lane.h"

#include <poll.h>

enum { FAULT_READ_SIZE = 64 << 10 };

/* Bytes from one socket to the other. */
struct fault_way {
    struct fault_lane lane;
    int               from, to;
    bool              is_blocked; /* The socket takes no more for now. */
    bool              is_over;    /* Its end has come out. */
};

struct fault_pair {
    struct fault_pair *next;
    struct fault_way   to_server, to_client;
    bool               is_dead; /* The sockets are closed. */
};

/* server may be -1 when the pair is to be ended at once. */
void fault_pair_init(struct fault_pair *pair, int client, int server, uint32_t number,
                     struct fault_slots *slots, struct hf_rng *rng);
void fault_pair_deinit(struct fault_pair *pair);

/* Strikes what waits for nothing; call when the faults have changed. */
void fault_pair_poke(struct fault_pair *pair, hf_instant now);

/* Writes all that is due. Brings *wake forward to when more will be. */
void fault_pair_write(struct fault_pair *pair, hf_instant now, hf_instant *wake);

/* What to poll for: the client's socket, then the server's. */
void fault_pair_events(const struct fault_pair *pair, struct pollfd events[2]);

/* Reads what the events say is there. block has FAULT_READ_SIZE bytes. */
void fault_pair_read(struct fault_pair *pair, const struct pollfd events[2], hf_instant now,
                     char *block);

/* Ends both sockets at once; a half-close only what goes to the client. */
void fault_pair_end(struct fault_pair *pair, enum fault_end end);

#endif
