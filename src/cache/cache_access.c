#include "cache/access.h"

#include "cache/access_names.h"
#include "core/alloc.h"
#include "core/condition.h"
#include "core/error.h"
#include "core/rng.h"
#include "core/thread.h"
#include "core/wall_clock.h"

#include <holdfast/batch.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    STRIPES = 16,
    INTERVAL_S = 10,
    INTERVAL_MS_MIN = 100,
    SAMPLE_MAX = 1000000,
    HOT_OF_A_PROCESS = 100,
};

/* Of a CPU. Races between threads on it only change which reads are sampled. */
struct stripe {
    _Atomic uint32_t skip;
    _Atomic uint64_t seed;
    char             apart[64 - 16];
};

struct hf_cache_access {
    struct hf_cache *cache;
    uint32_t         sample;
    hf_duration      interval;
    pid_t            pid; /* Of the process whose thread it is. */
    pthread_t        thread;
    pthread_mutex_t  flushing; /* Who has it may use `going`. */
    struct hf_heavy *going;
    pthread_mutex_t  lock;
    pthread_cond_t   news;
    struct {
        struct hf_heavy *counting;
        bool             is_stopping;
    } guarded;
    struct stripe stripes[STRIPES];
};

/* ---- Counting ------------------------------------------------------------------ */

static uint32_t draw_skip(struct stripe *s, uint32_t sample)
{
    struct hf_rng  rng = { atomic_load_explicit(&s->seed, memory_order_relaxed) };
    const uint64_t skip = hf_rng_below(&rng, 2 * (uint64_t)sample - 1);
    atomic_store_explicit(&s->seed, rng.state, memory_order_relaxed);
    return (uint32_t)skip;
}

void hf_cache_access_note(struct hf_cache_access *access, struct hf_bytes key)
{
    if (access->sample > 1) {
        struct stripe *s = &access->stripes[(unsigned)sched_getcpu() % STRIPES];
        const uint32_t skip = atomic_load_explicit(&s->skip, memory_order_relaxed);
        const uint32_t next = skip ? skip - 1 : draw_skip(s, access->sample);
        atomic_store_explicit(&s->skip, next, memory_order_relaxed);
        if (skip) return;
    }
    const int64_t now_ms = hf_unix_ms();
    pthread_mutex_lock(&access->lock);
    hf_heavy_add(access->guarded.counting, key, access->sample, now_ms);
    pthread_mutex_unlock(&access->lock);
}

/* ---- To Redis ------------------------------------------------------------------ */

static hf_err add_key(struct hf_batch *batch, const struct hf_cache *cache,
                      const struct hf_heavy_key *k, struct hf_bytes hot)
{
    char                   room[HF_ACCESS_KEY_ROOM];
    struct hf_cache_number reads, last;
    const struct hf_bytes  name = hf_bytes(k->bytes, k->size);
    const struct hf_bytes  key = hf_access_key(room, cache, "/access:", name);
    const struct hf_bytes  by = hf_cache_decimal(&reads, (int64_t)(k->count - k->error));
    const struct hf_bytes  add[] = { hf_str("HINCRBY"), key, hf_str("n"), by };
    const struct hf_bytes  set[] = { hf_str("HSET"), key, hf_str("t"),
                                     hf_cache_decimal(&last, k->last_ms) };
    const struct hf_bytes  keep[] = { hf_str("EXPIRE"), key, hf_str("604800") };
    const struct hf_bytes  heat[] = { hf_str("ZINCRBY"), hot, by, name };

    hf_err err = hf_batch_add(batch, add, 4);
    if (!err) err = hf_batch_add(batch, set, 4);
    if (!err) err = hf_batch_add(batch, keep, 3);
    if (!err && hot.size) err = hf_batch_add(batch, heat, 4);
    return err;
}

static int by_count(const void *a, const void *b)
{
    const struct hf_heavy_key *const *x = a, *const *y = b;
    const uint64_t left = (*x)->count - (*x)->error, right = (*y)->count - (*y)->error;
    return left < right ? 1 : left > right ? -1 : 0;
}

static hf_err fill(struct hf_batch *batch, const struct hf_cache *cache,
                   const struct hf_heavy *h)
{
    const struct hf_heavy_key *sorted[HF_HEAVY_KEYS];
    char                       room[HF_ACCESS_KEY_ROOM];
    const struct hf_bytes      hot = hf_access_window_key(room, cache, hf_access_window());
    hf_err                     err = HF_OK;
    for (size_t i = 0; i < h->count; i++) sorted[i] = &h->keys[i];
    qsort(sorted, h->count, sizeof sorted[0], by_count);
    for (size_t i = 0; i < h->count && !err; i++) {
        if (sorted[i]->count == sorted[i]->error) continue;
        err = add_key(batch, cache, sorted[i],
                      i < HOT_OF_A_PROCESS ? hot : hf_bytes(NULL, 0));
    }
    const struct hf_bytes trim[] = { hf_str("ZREMRANGEBYRANK"), hot, hf_str("0"),
                                     hf_str("-1001") };
    const struct hf_bytes keep[] = { hf_str("EXPIRE"), hot, hf_str("1800") };
    if (!err) err = hf_batch_add(batch, trim, 4);
    return err ? err : hf_batch_add(batch, keep, 3);
}

static hf_err send(struct hf_cache_access *access, const struct hf_call *call,
                   struct hf_error *error)
{
    struct hf_cache            *cache = access->cache;
    const struct hf_cache_limit limit = hf_cache_limit(cache, call, hf_now());
    struct hf_batch            *batch;
    hf_err                      err = hf_batch_open(cache->client, &batch);
    if (err) return hf_fail(error, err, "access counts");
    err = fill(batch, cache, access->going);
    if (err) {
        hf_fail(error, err, "access counts");
    } else {
        struct hf_call with = hf_cache_call(&limit, HF_COMMAND_ACCUMULATING);
        with.command_class = HF_COMMAND_ACCUMULATING;
        err = hf_client_batch(cache->client, &with, batch, error);
    }
    hf_batch_close(batch);
    return err;
}

hf_err hf_cache_access_flush(struct hf_cache *cache, const struct hf_call *call,
                             struct hf_error *error)
{
    struct hf_cache_access *access = cache->access;
    hf_err                  err = HF_OK;
    if (!access) return HF_OK;
    pthread_mutex_lock(&access->flushing);
    if (access->going->count == 0) {
        struct hf_heavy *empty = access->going;
        pthread_mutex_lock(&access->lock);
        access->going = access->guarded.counting;
        access->guarded.counting = empty;
        pthread_mutex_unlock(&access->lock);
    }
    if (access->going->count) err = send(access, call, error);
    /* Twice would be wrong, once too few is said in the manual. */
    if (!err || hf_err_outcome_unknown(err)) hf_heavy_clear(access->going);
    pthread_mutex_unlock(&access->flushing);
    return err;
}

/* Waits for the next time. False when there is none. */
static bool wait_for_next(struct hf_cache_access *access)
{
    const hf_instant until = hf_later(hf_now(), access->interval);
    pthread_mutex_lock(&access->lock);
    while (!access->guarded.is_stopping &&
           hf_condition_wait(&access->news, &access->lock, until)) {
    }
    const bool goes_on = !access->guarded.is_stopping;
    pthread_mutex_unlock(&access->lock);
    return goes_on;
}

static void *flush_from_time_to_time(void *ctx)
{
    struct hf_cache_access *access = ctx;
    const struct hf_call    at_the_end = { .timeout = hf_seconds(1) };
    while (wait_for_next(access)) (void)!hf_cache_access_flush(access->cache, NULL, NULL);
    (void)!hf_cache_access_flush(access->cache, &at_the_end, NULL);
    return NULL;
}

/* ---- Opening and closing ------------------------------------------------------- */

static void free_access(struct hf_cache_access *access)
{
    const struct hf_allocator *a = access->cache->allocator;
    hf_free(a, access->going);
    hf_free(a, access->guarded.counting);
    hf_free(a, access);
}

static hf_err check(const struct hf_cache_options *options, struct hf_error *error)
{
    const int64_t interval_ns = options->access_interval.ns;
    if (options->access_sample > SAMPLE_MAX) {
        return hf_fail(error, HF_E_RANGE, "access_sample: at most %d", SAMPLE_MAX);
    }
    if (interval_ns &&
        (interval_ns < hf_ms(INTERVAL_MS_MIN).ns || interval_ns > hf_seconds(3600).ns)) {
        return hf_fail(error, HF_E_RANGE, "access_interval: %d ms to an hour",
                       INTERVAL_MS_MIN);
    }
    return HF_OK;
}

hf_err hf_cache_access_open(struct hf_cache *cache, const struct hf_cache_options *options,
                            struct hf_error *error)
{
    const struct hf_allocator *a = cache->allocator;
    if (options->access_sample == 0) return HF_OK;
    hf_err err = check(options, error);
    if (err) return err;

    struct hf_cache_access *access = hf_alloc_zero(a, 1, sizeof *access);
    if (!access) return hf_fail(error, HF_E_NOMEM, "access counts");
    access->cache = cache;
    access->sample = options->access_sample;
    access->interval = options->access_interval.ns ? options->access_interval
                                                   : hf_seconds(INTERVAL_S);
    access->pid = getpid();
    access->going = hf_alloc_zero(a, 1, sizeof *access->going);
    access->guarded.counting = hf_alloc_zero(a, 1, sizeof *access->going);
    for (int i = 0; i < STRIPES; i++) {
        atomic_store(&access->stripes[i].seed, hf_rng_seed());
        atomic_store(&access->stripes[i].skip,
                     draw_skip(&access->stripes[i], access->sample));
    }
    hf_condition_init(&access->news);
    pthread_mutex_init(&access->lock, NULL);
    pthread_mutex_init(&access->flushing, NULL);
    err = access->going && access->guarded.counting ? HF_OK : HF_E_NOMEM;
    if (!err) err = hf_thread_start(&access->thread, flush_from_time_to_time, access);
    if (err) {
        free_access(access);
        return hf_fail(error, err, "access counts");
    }
    cache->access = access;
    return HF_OK;
}

void hf_cache_access_close(struct hf_cache *cache)
{
    struct hf_cache_access *access = cache->access;
    if (!access) return;
    if (access->pid == getpid()) {
        pthread_mutex_lock(&access->lock);
        access->guarded.is_stopping = true;
        pthread_cond_broadcast(&access->news);
        pthread_mutex_unlock(&access->lock);
        pthread_join(access->thread, NULL);
        pthread_cond_destroy(&access->news);
        pthread_mutex_destroy(&access->lock);
        pthread_mutex_destroy(&access->flushing);
    }
    free_access(access);
    cache->access = NULL;
}
