/* near_fixture.h - a near cache whose two connections can be held back or cut one by one, and
 * another client whose writes it must hear of.
 *
 *     ours --- DATA, TRACKING --- proxy --- server --- other
 *
 *     struct near_fixture f;
 *     near_fixture_open(&f, &(struct hf_cache_options){ 0 });
 *     near_keep(&f, "key", "value");                 both have it, ours in the process
 *     uint64_t held = near_hold(&f, TRACKING);       nothing is told from now on
 *
 * Threads:  as the parts. */

#ifndef HF_TESTS_NEAR_FIXTURE_H
#define HF_TESTS_NEAR_FIXTURE_H

#include "support/fault_proxy.h"
#include "support/redis_server.h"

#include <holdfast/holdfast.h>

enum { DATA = 1, TRACKING = 2 }; /* Connections of the proxy, in the order they are made. */

#define NEAR_BOUND hf_seconds(20)

struct party {
    struct hf_client *client;
    struct hf_cache  *cache;
    struct hf_error   error; /* Of the last call of the functions below. */
};

struct near_fixture {
    struct redis_server *server;
    struct fault_proxy  *proxy;
    struct party         ours, other;
};

/* A client at the URL, and a cache on it with the key prefix "t". Ready to be called. */
void party_open(struct party *p, const char *url, const struct hf_cache_options *how);
void party_close(struct party *p);

struct hf_stats party_stats(const struct party *p);

/* Text under text, with the default TTL. */
hf_err party_set(struct party *p, const char *key, const char *text);

/* What get says of a key: HF_E_INVALID when it is another value. */
hf_err party_expect(struct party *p, const char *key, const char *text);

/* Waits until party_expect() returns that. */
void party_wait(struct party *p, const char *key, const char *text, hf_err wanted);

/* Waits until it comes from the near cache. */
void party_wait_near(struct party *p, const char *key, const char *text);

/* A near cache of 1 MiB unless *how says otherwise; it is at work, and has "probe". */
void near_fixture_open(struct near_fixture *f, const struct hf_cache_options *how);
void near_fixture_close(struct near_fixture *f);

/* The other writes it, ours has it in the process. */
void near_keep(struct near_fixture *f, const char *key, const char *text);

/* What the server sends on this connection is kept back, in order, until it is lifted with
 * fault_proxy_lift(). */
uint64_t near_hold(struct near_fixture *f, uint32_t connection);

#endif
