/* dialler.h - the only one who dials an endpoint, and never in a storm.
 *
 * Several connections may be wanted at once, but an endpoint that does not answer is tried
 * gently: the next attempt starts 100 to 200 ms after the last one began, jittered, whether
 * that was refused or is still waiting in a black hole. Attempts may overlap: the oldest has
 * the whole connect timeout, for a slow network; the younger ones are given up for newer
 * ones, for a network that has just healed and drops what was sent before. Refused
 * credentials will not get better by themselves: such attempts back off from 1 s to 30 s.
 *
 * Threads:  one, the maintenance thread.
 * Memory:   caller-allocated; at most HF_DIALS_MAX handshakes.
 * Time:     handed in. */

#ifndef HF_TOPOLOGY_DIALLER_H
#define HF_TOPOLOGY_DIALLER_H

#include "net/dial.h"
#include "resilience/dial_pace.h"

#include <poll.h>

enum { HF_DIALS_MAX = 4 };

struct hf_dialler {
    struct hf_dial_plan plan;
    struct hf_resolver  resolver;
    hf_duration         timeout; /* Of one attempt. */
    struct hf_dial_pace pace;
    struct hf_dial      dials[HF_DIALS_MAX];
    unsigned            count; /* Under way: dials[0] is the oldest. */
};

/* One attempt that has ended. */
struct hf_dialled {
    hf_err              err;
    bool                was_cut_off; /* Connected, and then the server closed. */
    struct hf_transport transport;   /* On HF_OK, the taker's. */
    struct hf_greeting  greeting;
    struct hf_error     error;
};

void hf_dialler_init(struct hf_dialler *d, const struct hf_dial_plan *plan,
                     hf_duration timeout, uint64_t seed);
void hf_dialler_deinit(struct hf_dialler *d);

/* Starts what is due so that `wanted` connections may come; 0 gives all attempts up. */
void hf_dialler_want(struct hf_dialler *d, unsigned wanted, hf_instant now);

/* Moves the attempts on. True with *dialled when one has ended: call again. */
bool hf_dialler_step(struct hf_dialler *d, hf_instant now, struct hf_dialled *dialled);

/* Fills fds with what to poll for; returns how many, at most HF_DIALS_MAX. */
unsigned hf_dialler_poll(const struct hf_dialler *d, struct pollfd *fds);

/* When hf_dialler_want() or hf_dialler_step() has something to do even without events. */
hf_instant hf_dialler_next(const struct hf_dialler *d, unsigned wanted);

/* The endpoint was lost just now: dial at once. */
void hf_dialler_hurry(struct hf_dialler *d);

#endif
