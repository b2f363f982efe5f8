#include "child.h"
#include "die.h"
#include "figures.h"
#include "ours.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { PROCESSES = 2, THREADS = 32 };

/* What the processes share. */
struct stampede {
    const struct address *server;
    char                  key[32];
    atomic_int            ready;
    atomic_int            loads;
    atomic_int            served;
};

struct runner {
    struct stampede *shared;
    struct hf_cache *cache;
};

static hf_err load_once(struct hf_bytes key, struct hf_loaded *loaded, void *ctx)
{
    struct stampede *shared = ctx;
    (void)key;
    atomic_fetch_add(&shared->loads, 1);
    return hf_loaded_set(loaded, hf_str("loaded"));
}

static void *ask(void *ctx)
{
    struct runner   *me = ctx;
    struct stampede *shared = me->shared;
    struct hf_value *value;
    struct hf_error  error;
    atomic_fetch_add(&shared->ready, 1);
    while (atomic_load(&shared->ready) < PROCESSES * THREADS) sched_yield();
    if (hf_cache_load(me->cache, NULL, hf_str(shared->key), NULL, load_once, shared, &value,
                      &error)) {
        die("cache: %s", error.detail);
    }
    hf_value_release(value);
    atomic_fetch_add(&shared->served, 1);
    return NULL;
}

static void run(void *ctx)
{
    struct stampede  *shared = ctx;
    struct hf_client *client = ours_open(shared->server, NULL, NULL);
    struct runner     runner = { shared, NULL };
    struct hf_error   error;
    pthread_t         threads[THREADS];
    if (hf_cache_open(client, NULL, &runner.cache, &error)) die("cache: %s", error.detail);
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, ask, &runner)) die("no more threads");
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    hf_cache_close(runner.cache);
    hf_client_close(client);
}

double stampede_loads(struct lab *lab, const struct load *load, const struct driver *driver)
{
    (void)load;
    (void)driver;
    struct stampede *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t            children[PROCESSES];
    if (shared == MAP_FAILED) die("out of memory");
    shared->server = &lab->server.unix_address;
    snprintf(shared->key, sizeof shared->key, "cold:%lld", (long long)hf_now().ns);
    for (int i = 0; i < PROCESSES; i++) children[i] = child_start(run, shared);
    for (int i = 0; i < PROCESSES; i++) waitpid(children[i], NULL, 0);
    const int served = atomic_load(&shared->served);
    const int loads = atomic_load(&shared->loads);
    munmap(shared, sizeof *shared);
    if (served != PROCESSES * THREADS) die("stampede: %d were served", served);
    return loads;
}
