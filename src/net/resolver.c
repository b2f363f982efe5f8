#include "net/resolver.h"

#include "core/alloc.h"
#include "core/error.h"
#include "core/thread.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Shared by the thread that looks up and those who may lose interest. */
struct hf_lookup {
    atomic_int          holders; /* The last one frees it. */
    atomic_bool         is_ready;
    int                 event_fd;
    int                 failure; /* getaddrinfo's, 0 on success. */
    struct hf_addresses addresses;
    char                port[8];
    char                host[];
};

static atomic_int lookups_running;

static void release(struct hf_lookup *lookup)
{
    if (atomic_fetch_sub(&lookup->holders, 1) > 1) return;
    close(lookup->event_fd);
    hf_free(&hf_allocator_default, lookup);
}

static void keep_addresses(struct hf_lookup *lookup, const struct addrinfo *list)
{
    struct hf_addresses *kept = &lookup->addresses;
    for (; list && kept->count < HF_ADDRESSES_MAX; list = list->ai_next) {
        struct hf_address *address = &kept->at[kept->count++];
        memcpy(&address->storage, list->ai_addr, list->ai_addrlen);
        address->size = list->ai_addrlen;
    }
}

static void *look_up(void *arg)
{
    struct hf_lookup     *lookup = arg;
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
    struct addrinfo      *list = NULL;
    lookup->failure = getaddrinfo(lookup->host, lookup->port, &hints, &list);
    if (lookup->failure == 0) {
        keep_addresses(lookup, list);
        freeaddrinfo(list);
    }
    atomic_store(&lookup->is_ready, true);

    (void)eventfd_write(lookup->event_fd, 1);
    atomic_fetch_sub(&lookups_running, 1);
    release(lookup);
    return NULL;
}

/* With two holders: the thread, and whom it is for. */
static struct hf_lookup *begin(const char *host, uint16_t port)
{
    const size_t      size = strlen(host) + 1;
    struct hf_lookup *made = hf_alloc_zero(&hf_allocator_default, 1, sizeof *made + size);
    if (!made) return NULL;
    memcpy(made->host, host, size);
    snprintf(made->port, sizeof made->port, "%u", (unsigned)port);
    made->holders = 2;
    made->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (made->event_fd >= 0 && hf_thread_start_detached(look_up, made) == HF_OK) return made;

    if (made->event_fd >= 0) close(made->event_fd);
    hf_free(&hf_allocator_default, made);
    return NULL;
}

static bool is_worth_waiting_for(const struct hf_resolver *r, hf_instant now)
{
    return r->last && !atomic_load(&r->last->is_ready) &&
           hf_before(now, hf_later(r->begun, HF_LOOKUP_PATIENCE));
}

hf_err hf_resolver_ask(struct hf_resolver *r, const char *host, uint16_t port, hf_instant now,
                       struct hf_lookup **lookup, struct hf_error *error)
{
    if (!is_worth_waiting_for(r, now)) {
        if (atomic_fetch_add(&lookups_running, 1) >= HF_LOOKUPS_MAX) {
            atomic_fetch_sub(&lookups_running, 1);
            return hf_fail(error, HF_E_OVERLOAD, "resolve %s: %d lookups hang already", host,
                           HF_LOOKUPS_MAX);
        }
        struct hf_lookup *fresh = begin(host, port);
        if (!fresh) {
            atomic_fetch_sub(&lookups_running, 1);
            return hf_fail(error, HF_E_SYSTEM, "resolve %s: no memory or no thread for it",
                           host);
        }
        hf_resolver_deinit(r);
        *r = (struct hf_resolver){ fresh, now };
    }
    atomic_fetch_add(&r->last->holders, 1);
    *lookup = r->last;
    return HF_OK;
}

void hf_resolver_deinit(struct hf_resolver *r)
{
    hf_lookup_drop(r->last);
    r->last = NULL;
}

int hf_lookup_fd(const struct hf_lookup *lookup)
{
    return lookup->event_fd;
}

hf_err hf_lookup_take(struct hf_lookup *lookup, struct hf_addresses *addresses,
                      struct hf_error *error)
{
    if (!atomic_load(&lookup->is_ready)) return HF_E_TRYAGAIN;
    if (lookup->failure || lookup->addresses.count == 0) {
        return hf_fail(error, HF_E_RESOLVE, "resolve %s: %s", lookup->host,
                       lookup->failure ? gai_strerror(lookup->failure) : "no address");
    }
    *addresses = lookup->addresses;
    return HF_OK;
}

void hf_lookup_drop(struct hf_lookup *lookup)
{
    if (lookup) release(lookup);
}

bool hf_address_numeric(struct hf_address *address, const char *host, uint16_t port)
{
    struct in_addr  v4;
    struct in6_addr v6;
    *address = (struct hf_address){ 0 };
    if (inet_pton(AF_INET, host, &v4) == 1) {
        struct sockaddr_in *in = (struct sockaddr_in *)&address->storage;
        *in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
        in->sin_addr = v4;
        address->size = sizeof *in;
        return true;
    }
    if (inet_pton(AF_INET6, host, &v6) == 1) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address->storage;
        *in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port) };
        in6->sin6_addr = v6;
        address->size = sizeof *in6;
        return true;
    }
    return false;
}
