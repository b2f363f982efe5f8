/* resolver.h - looks a host name up beside the caller, who never waits for it.
 *
 *     err = hf_resolver_ask(&resolver, "cache.internal", 6379, now, &lookup, error);
 *     poll on hf_lookup_fd(lookup) ...
 *     if (hf_lookup_take(lookup, &addresses, error) != HF_E_TRYAGAIN) hf_lookup_drop(lookup);
 *
 * The system's resolver has no deadline, so it runs in a thread of its own that can be left
 * alone: a dropped lookup ends by itself, whenever that does. Who asks again while it hangs
 * joins the lookup under way, so that a dead name server costs an endpoint a thread now and
 * then, and not all that the process may have. Nothing is cached: a name may be pointed
 * elsewhere, and the next dial must learn of it.
 *
 * Threads:  a resolver and its lookups belong to one thread.
 * Memory:   one small block for each lookup, from malloc, because an abandoned one outlives
 *           the client and its allocator. At most HF_LOOKUPS_MAX threads in the process.
 * Errors:   HF_E_RESOLVE with the resolver's words, HF_E_OVERLOAD when too many abandoned
 *           lookups are still running, HF_E_SYSTEM. */

#ifndef HF_NET_RESOLVER_H
#define HF_NET_RESOLVER_H

#include "net/socket.h"

#include <stdint.h>

#define HF_LOOKUP_PATIENCE hf_seconds(5) /* As long as glibc waits for one name server. */

enum {
    HF_ADDRESSES_MAX = 8, /* Of one name; further ones are ignored. */
    HF_LOOKUPS_MAX = 16,
};

struct hf_addresses {
    struct hf_address at[HF_ADDRESSES_MAX];
    unsigned          count;
};

struct hf_lookup;

/* Of one endpoint. Zero is a fresh one. */
struct hf_resolver {
    struct hf_lookup *last; /* The one begun last, or NULL. */
    hf_instant        begun;
};

/* Leaves what is under way alone. */
void hf_resolver_deinit(struct hf_resolver *r);

/* Always for the same name. A lookup under way for HF_LOOKUP_PATIENCE is not waited for any
 * longer, and another one begun. The caller drops what it is given. */
HF_NODISCARD hf_err hf_resolver_ask(struct hf_resolver *r, const char *host, uint16_t port,
                                    hf_instant now, struct hf_lookup **lookup,
                                    struct hf_error *error);

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
