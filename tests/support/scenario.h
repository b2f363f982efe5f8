/* scenario.h - one story of hurt and recovery: a server, an application that uses it through
 * a client and a cache, and what the application saw.
 *
 *     struct scenario s;
 *     scenario_open(&s, &(struct scenario_setup){ .proxy = true });
 *     scenario_start(&s, 16, read_and_write);
 *     redis_server_kill(s.server);
 *     ...
 *     scenario_expect_recovery(&s, redis_server_is_back_at);
 *     scenario_stop(&s);
 *     scenario_close(&s);
 *
 * Closing prints what was seen and fails the test when a call outlived its deadline, or when
 * memory, descriptors, threads or children are left over.
 *
 * Threads:  scenario_saw() and what it is given: any; the rest is the test's own. */

#ifndef HF_TESTS_SCENARIO_H
#define HF_TESTS_SCENARIO_H

#include "support/canary.h"
#include "support/client_kit.h"
#include "support/counting_allocator.h"
#include "support/fault_proxy.h"
#include "support/leaks.h"
#include "support/redis_server.h"
#include "support/wait.h"

#include <holdfast/holdfast.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
    SCENARIO_THREADS_MAX = 64,
    SCENARIO_TIMEOUT_MS = 100, /* Of every call, unless the story says otherwise. */
    SCENARIO_OVERRUN_MAX_MS = 20,
    SCENARIO_RECOVERY_MAX_MS = 250,
};

struct scenario;

/* What a thread of the crowd does over and over. */
typedef void (*scenario_turn_fn)(struct scenario *s, unsigned thread, uint64_t turn);

struct scenario {
    struct leaks              before;
    struct counting_allocator memory; /* The client's and the cache's. */
    struct canary            *canary;
    struct redis_server      *server;
    struct fault_proxy       *proxy; /* Or NULL. */
    struct hf_client         *client;
    struct hf_cache          *cache; /* Keys begin with "s@0:". */
    atomic_bool               stops;
    scenario_turn_fn          turn;
    unsigned                  threads_count;
    pthread_t                 threads[SCENARIO_THREADS_MAX];
    atomic_long               seen[HF_CATEGORY_REPLY + 1]; /* Calls by category. */
    atomic_long               wrong;                       /* Answers that cannot be right. */
    _Atomic int64_t           worst_overrun_ns;
    _Atomic int64_t           worst_recovery_ns;
};

struct scenario_setup {
    struct redis_server_options server;
    bool                        proxy;   /* Between the client and the server. */
    const char *const          *options; /* Of the client: name, value, ..., NULL. */
    struct hf_cache_options     cache;
};

/* Starts all of it and waits until the client is ready. */
void scenario_open(struct scenario *s, const struct scenario_setup *setup);

/* Checks, prints and frees; the crowd has been stopped. */
void scenario_close(struct scenario *s);

/* Starts threads that take turns, with a millisecond between two, until they are stopped. */
void scenario_start(struct scenario *s, unsigned threads, scenario_turn_fn turn);
void scenario_stop(struct scenario *s);

/* A call with this bound, begun at `from`, has just ended so; returns err. */
hf_err scenario_saw(struct scenario *s, hf_instant from, hf_duration timeout, hf_err err);

/* How many calls ended in this category so far; misses count as HF_CATEGORY_NONE. */
long scenario_count(struct scenario *s, enum hf_category category);

/* Lets time pass for the crowd. */
void scenario_play(hf_duration span);

/* One call with the usual bound: GET of key, or SET to value. Text in, text out. */
hf_err scenario_get(struct scenario *s, const char *key, char *text, size_t size);
hf_err scenario_set(struct scenario *s, const char *key, const char *value);

/* Through the cache. HF_OK, HF_MISS or why not; a value other than this is counted wrong. */
hf_err scenario_cache_expect(struct scenario *s, const char *key, const char *value);
hf_err scenario_cache_set(struct scenario *s, const char *key, const char *value);

/* The server was back at this moment: a call succeeds within the bound, less what the machine
 * was late, and the client is well again, by itself, within seconds. */
void scenario_expect_recovery(struct scenario *s, hf_instant back);

/* For wait_until(). */
bool scenario_is_up(void *scenario);
bool scenario_is_open(void *scenario);

#endif
