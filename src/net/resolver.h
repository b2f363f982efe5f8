/* resolver.h - looks a host name up beside the caller, who never waits for it.
 *
 *     err = hf_lookup_start(&lookup, "cache.internal", 6379);
 *     poll on hf_lookup_fd(lookup) ...
 *     if (hf_lookup_take(lookup, &addresses, error) != HF_E_TRYAGAIN) hf_lookup_drop(lookup);
 *
 * The system's resolver has no deadline, so it runs in a thread of its own that can be left
 * alone: a dropped lookup ends by itself, whenever the resolver does.
 *
 * Threads:  a lookup belongs to one thread.
 * Memory:   one small block for each lookup, from malloc, because an abandoned one outlives
 *           the client and its allocator. At most HF_LOOKUPS_MAX threads in the process.
 * Errors:   HF_E_RESOLVE with the resolver's words, HF_E_OVERLOAD when too many abandoned
 *           lookups are still running, HF_E_NOMEM, HF_E_SYSTEM. */

#ifndef HF_NET_RESOLVER_H
#define HF_NET_RESOLVER_H

#include "net/socket.h"

#include <stdint.h>

enum {
    HF_ADDRESSES_MAX = 8, /* Of one name; further ones are ignored. */
    HF_LOOKUPS_MAX = 16,
};

struct hf_addresses {
    struct hf_address at[HF_ADDRESSES_MAX];
    unsigned          count;
};

struct hf_lookup;

HF_NODISCARD hf_err hf_lookup_start(struct hf_lookup **lookup, const char *host,
                                    uint16_t port);

/* Readable once the result is there. */
int hf_lookup_fd(const struct hf_lookup *lookup);

/* HF_E_TRYAGAIN while the resolver is at work. */
HF_NODISCARD hf_err hf_lookup_take(struct hf_lookup *lookup, struct hf_addresses *addresses,
                                   struct hf_error *error);

/* Ends it, or leaves it alone. NULL is fine. */
void hf_lookup_drop(struct hf_lookup *lookup);

/* A numeric address needs no resolver: true when host is one. */
bool hf_address_numeric(struct hf_address *address, const char *host, uint16_t port);

#endif
