/* slow.h - notes a call that took too much of its time, with what made it slow.
 *
 * Cost:  two comparisons for a call that was quick. */

#ifndef HF_CLIENT_SLOW_H
#define HF_CLIENT_SLOW_H

#include "client/client.h"

struct hf_slow_story {
    struct hf_bytes command; /* Its name. */
    hf_instant      begun, ended, deadline;
    uint32_t        attempts; /* That reached the server. */
    hf_err          first;    /* How the first ended. */
    hf_err          err;      /* How the call ended. */
};

void hf_client_note_slow(struct hf_client *client, const struct hf_slow_story *story);

#endif
