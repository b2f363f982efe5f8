/* pending.h - the keys whose deletes Redis has not acknowledged.
 *
 *     add --> [ oldest ... newest ] --> replayed, acknowledged, removed
 *
 * Until then they must be taken for missing, or a value that the application has declared
 * wrong would be served. A ticket tells one delete of a key from the next: who removes a key
 * says which delete he means, and a later one stays.
 *
 * Threads:  none; the owner serialises.
 * Memory:   caller-allocated; at most HF_PENDING_KEYS_MAX keys and HF_PENDING_BYTES_MAX bytes
 *           of them, and one table of pointers while there are any.
 * Cost:     O(1).
 * Errors:   HF_E_OVERLOAD at a limit, HF_E_NOMEM: the key is not in the list then, and the
 *           owner must invalidate by other means. */

#ifndef HF_CACHE_PENDING_H
#define HF_CACHE_PENDING_H

#include <holdfast/alloc.h>
#include <holdfast/bytes.h>
#include <holdfast/error.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    HF_PENDING_KEYS_MAX = 10000,
    HF_PENDING_BYTES_MAX = 4 * 1024 * 1024,
};

struct hf_pending_key {
    struct hf_pending_key *next;  /* Newer; NULL for the newest. */
    struct hf_pending_key *prev;  /* Older. */
    struct hf_pending_key *chain; /* In the same slot of the table. */
    uint64_t               hash;
    uint64_t               ticket; /* Of its latest delete; never 0. */
    size_t                 size;
    char                   bytes[];
};

struct hf_pending {
    const struct hf_allocator *allocator;
    struct hf_pending_key    **table; /* NULL while empty. */
    struct hf_pending_key     *oldest;
    struct hf_pending_key     *newest;
    size_t                     count;
    size_t                     bytes;   /* Of keys. */
    uint64_t                   tickets; /* Given out so far. */
};

void hf_pending_init(struct hf_pending *p, const struct hf_allocator *a);
void hf_pending_deinit(struct hf_pending *p);

/* A key that is there already becomes the newest, with a new ticket. */
HF_NODISCARD hf_err hf_pending_add(struct hf_pending *p, struct hf_bytes key);

/* The key's ticket, or 0 when it is not there. */
uint64_t hf_pending_ticket(const struct hf_pending *p, struct hf_bytes key);

/* Only if the ticket is still its latest; 0 never is. */
void hf_pending_remove(struct hf_pending *p, struct hf_bytes key, uint64_t ticket);

void hf_pending_clear(struct hf_pending *p);

#endif
