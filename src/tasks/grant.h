/* grant.h - the names under which claims are asked for, so that no answer is lost for good.
 *
 * A claim bears a nonce; the server notes which task was given out for it. When the answer
 * does not come, the nonce is kept, and the next claim for the same kind of task asks under
 * it again, and is given the same task. It is kept on until the server has answered: a claim
 * that was refused on the way there says nothing of the one before.
 *
 * Threads:  any.
 * Memory:   HF_GRANTS_MAX nonces; more are forgotten, and their tasks come back when their
 *           leases expire. */

#ifndef HF_TASKS_GRANT_H
#define HF_TASKS_GRANT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HF_GRANTS_MAX = 64,
    HF_GRANT_TEXT = 17,
};

struct hf_grant {
    uint64_t kind; /* Hash of what is asked for. */
    uint64_t nonce;
};

struct hf_grants {
    pthread_mutex_t lock;
    struct {
        struct hf_grant kept[HF_GRANTS_MAX];
        size_t          count;
    } guarded;
};

void hf_grants_init(struct hf_grants *g);
void hf_grants_deinit(struct hf_grants *g);

/* Takes one of this kind out. False when there is none. */
bool hf_grants_take(struct hf_grants *g, uint64_t kind, uint64_t *nonce);

/* Its answer was lost, or is still. */
void hf_grants_keep(struct hf_grants *g, uint64_t kind, uint64_t nonce);

#endif
