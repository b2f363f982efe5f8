#include "cache/cache.h"
#include "core/alloc.h"
#include "core/cancel.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/rng.h"
#include "core/wall_clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* Across processes: a lease in Redis with a token of the loader's. Only its holder stores, in
 * the script that also gives it back; a delete takes the lease away, so what was loaded
 * before the delete is not stored after it. Who finds the lease taken looks again until the
 * value is there or the lease has run out. */

enum {
    LEASE_S = 10,
    JITTER_PERCENT_MAX = 50,
    EARLY_SHARE = 10, /* The last tenth. */
    FIRST_LOOK_MS = 4,
    LAST_LOOK_MS = 64,
    TOKEN_TEXT = 16,
};

/* KEYS: lease, entry. ARGV: token, envelope, PX. */
static const struct hf_script store_if_leased = HF_SCRIPT(
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end\n"
    "redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])\n"
    "redis.call('UNLINK', KEYS[1])\n"
    "return 1\n");

/* KEYS: lease. ARGV: token. */
static const struct hf_script give_lease_back = HF_SCRIPT(
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end\n"
    "return redis.call('UNLINK', KEYS[1])\n");

/* A loaded value with its envelope in front of it. */
struct block {
    const struct hf_allocator *allocator;
    size_t                     size; /* Of the value. */
    unsigned char              bytes[];
};

struct hf_loaded {
    const struct hf_cache *cache;
    struct block          *block; /* NULL before hf_loaded_set(). */
};

struct load {
    struct hf_cache_op    op;
    const struct hf_load *how;
    int64_t               ttl_ms;
    int64_t               negative_ttl_ms; /* 0: not remembered. */
    int64_t               lease_ms;
    hf_load_fn            load;
    void                 *ctx;
    struct hf_bytes       name;    /* The key as the user knows it. */
    struct hf_value      *in_hand; /* Stale, or about to be; NULL without. */
    struct hf_key         lease;
    char                  token[TOKEN_TEXT + 1];
    bool                  has_lease;
};

static void free_block(void *object)
{
    struct block *block = object;
    if (block) hf_free(block->allocator, block);
}

hf_err hf_loaded_set(struct hf_loaded *loaded, struct hf_bytes value)
{
    const struct hf_cache *cache = loaded->cache;
    if (value.size > cache->value_size_max) return HF_E_TOO_LARGE;
    struct block *block = hf_alloc(cache->allocator,
                                   sizeof *block + HF_ENVELOPE_SIZE + value.size);
    if (!block) return HF_E_NOMEM;

    block->allocator = cache->allocator;
    block->size = value.size;
    if (value.size) memcpy(block->bytes + HF_ENVELOPE_SIZE, value.data, value.size);
    free_block(loaded->block);
    loaded->block = block;
    return HF_OK;
}

static hf_err option_ms(hf_duration given, hf_duration otherwise, int64_t *ms,
                        const char *name, struct hf_error *error)
{
    const hf_err err = hf_cache_ttl_ms(given.ns ? given : otherwise, ms, error);
    return err ? hf_fail_in(error, err, "cache load: %s", name) : HF_OK;
}

static hf_err read_options(struct load *l, struct hf_error *error)
{
    const struct hf_load *how = l->how;
    if (how->jitter_percent > JITTER_PERCENT_MAX) {
        return hf_fail(error, HF_E_RANGE,
                       "cache load: jitter_percent of %" PRIu32 ": at most %d",
                       how->jitter_percent, JITTER_PERCENT_MAX);
    }
    hf_err err = option_ms(how->ttl, l->op.cache->default_ttl, &l->ttl_ms, "ttl", error);
    if (err) return err;
    err = option_ms(how->lease, hf_seconds(LEASE_S), &l->lease_ms, "lease", error);
    if (err || how->negative_ttl.ns == 0) return err;
    return option_ms(how->negative_ttl, how->negative_ttl, &l->negative_ttl_ms,
                     "negative_ttl", error);
}

/* Random enough for spreading, without a generator that threads would share. */
static uint64_t below(uint64_t bound)
{
    struct hf_rng rng = { (uint64_t)hf_now().ns };
    return hf_rng_below(&rng, bound);
}

static int64_t jittered(const struct load *l, int64_t ms)
{
    return ms - (int64_t)below((uint64_t)ms * l->how->jitter_percent / 100 + 1);
}

/* The nearer the expiry, the likelier. */
static bool is_due_early(const struct load *l, const struct hf_value *value)
{
    const int64_t left = hf_value_ttl(value).ns;
    const int64_t window = (left + hf_value_age(value).ns) / EARLY_SHARE;
    if (!l->how->refresh_early || left >= window) return false;
    if (hf_value_is_sliding(value)) return false; /* Being read prolongs it already. */
    return (int64_t)below((uint64_t)window) >= left;
}

/* Asks for the lease and then for the value, in this order: who gets the lease after another
 * loader gave it back sees what that one stored. */
static hf_err ask_for_lease(struct load *l, struct hf_batch *batch)
{
    struct hf_cache_number number;
    const struct hf_bytes  lease[] = {
         hf_str("SET"), l->lease.wire, hf_str(l->token),
         hf_str("NX"),  hf_str("PX"),  hf_cache_decimal(&number, l->lease_ms)
    };
    const struct hf_bytes entry[] = { hf_str("GET"), l->op.key.wire };
    struct hf_call        call = hf_cache_call(&l->op.limit, HF_COMMAND_ACCUMULATING);
    call.command_class = HF_COMMAND_ACCUMULATING;

    hf_err err = hf_batch_add(batch, lease, 6);
    if (!err) err = hf_batch_add(batch, entry, 2);
    if (!err) err = hf_client_batch(l->op.cache->client, &call, batch, NULL);
    return err;
}

static void close_batch(void *batch)
{
    hf_batch_close(batch);
}

/* A value that somebody stored since ours was read; HF_MISS without. */
static hf_err newer_value(struct load *l, struct hf_batch **batch, struct hf_value **value)
{
    const struct hf_reply *reply;
    struct hf_value       *found;
    if (hf_batch_result(*batch, 1, &reply, NULL)) return HF_MISS;

    hf_err err = hf_cache_open_value(
        l->op.cache, l->op.key.wire, l->op.hash, reply, HF_CACHE_LEFT_UNKNOWN,
        (struct hf_value_source){ close_batch, *batch }, false, &found, NULL);
    if (err) return HF_MISS;
    *batch = NULL;
    if (l->in_hand && hf_value_is_same(found, l->in_hand)) {
        hf_value_release(found);
        return HF_MISS;
    }
    *value = found;
    return HF_OK;
}

/* One look: HF_OK with a value, HF_MISS when the lease is ours or none is to be had from
 * Redis now, HF_E_OVERLOAD when another process holds it. */
static hf_err look(struct load *l, struct hf_value **value)
{
    struct hf_batch       *batch;
    const struct hf_reply *reply;
    if (hf_batch_open(l->op.cache->client, &batch)) return HF_MISS;

    /* Before asking: by the time of the answer a set may have made up for the delete, and
     * what was read may be from before it. */
    const bool is_believed = !hf_cache_distrusts(l->op.cache, l->op.key.wire);
    hf_err     err = ask_for_lease(l, batch);
    const bool answered = !err && hf_batch_result(batch, 0, &reply, NULL) == HF_OK;
    const bool is_taken = answered && hf_reply_is_null(reply);
    l->has_lease = answered && !is_taken;
    err = answered && is_believed ? newer_value(l, &batch, value) : HF_MISS;
    hf_batch_close(batch);
    return err == HF_MISS && is_taken ? HF_E_OVERLOAD : err;
}

static void sleep_for(hf_duration d)
{
    const struct timespec t = { d.ns / 1000000000, d.ns % 1000000000 };
    nanosleep(&t, NULL);
}

/* HF_MISS: load. */
static hf_err wait_for_lease(struct load *l, struct hf_value **value)
{
    bool was_taken = false;
    snprintf(l->token, sizeof l->token, "%016" PRIx64, hf_rng_seed());
    for (uint32_t pause_ms = FIRST_LOOK_MS;;) {
        const hf_err      err = look(l, value);
        const hf_duration left = hf_between(hf_now(), l->op.limit.end);
        const bool        is_taken = err == HF_E_OVERLOAD;
        if (err == HF_OK || l->has_lease) return err;
        if (left.ns == 0 && (is_taken || was_taken)) {
            return hf_fail(l->op.error, HF_E_TIMEOUT, "another process is loading");
        }
        if (!is_taken) return err;

        was_taken = true;
        const hf_duration pause = hf_us((uint32_t)(pause_ms * 500 + below(pause_ms * 1000)));
        sleep_for(pause.ns < left.ns ? pause : left);
        if (pause_ms < LAST_LOOK_MS) pause_ms *= 2;
    }
}

/* A script on the lease, whose failure is not the load's. */
static hf_err run_quietly(struct load            *l, enum hf_command_class class,
                          const struct hf_script *script, const struct hf_bytes *keys,
                          size_t key_count, const struct hf_bytes *args, size_t arg_count)
{
    struct hf_error *const error = l->op.error;
    l->op.error = NULL;
    const hf_err err = hf_cache_run_script(&l->op, class, script, keys, key_count, args,
                                           arg_count);
    l->op.error = error;
    return err;
}

/* Best effort: a lease that stays runs out. */
static void release_lease(struct load *l)
{
    const struct hf_bytes token = hf_str(l->token);
    if (!l->has_lease) return;
    (void)!run_quietly(l, HF_COMMAND_IDEMPOTENT, &give_lease_back, &l->lease.wire, 1, &token,
                       1);
    l->has_lease = false;
}

static void store(struct load *l, const struct hf_packed *packed, int64_t ttl_ms,
                  uint64_t ticket)
{
    struct hf_cache *cache = l->op.cache;
    if (!l->has_lease) return;

    struct hf_cache_number px;
    const struct hf_bytes  keys[] = { l->lease.wire, l->op.key.wire };
    const struct hf_bytes  args[] = { hf_str(l->token), packed->bytes,
                                      hf_cache_decimal(&px, ttl_ms + cache->stale_limit_ms) };
    hf_cache_near_evict(cache, l->name);
    const hf_err err = run_quietly(l, HF_COMMAND_ACCUMULATING, &store_if_leased, keys, 2,
                                   args, 3);
    hf_cache_near_evict(cache, l->name);
    l->has_lease = false;
    if (err == HF_MISS) hf_metrics_inc(cache->metrics, HF_STAT_CACHE_LOADS_VOID);
    if (err) return;
    hf_replay_settle(&cache->replay, l->op.key.wire, ticket);
    hf_metrics_inc(cache->metrics, HF_STAT_CACHE_SETS);
    hf_metrics_add(cache->metrics, HF_STAT_CACHE_BYTES_WRITTEN,
                   (int64_t)packed->envelope.raw_size);
}

/* What cannot be packed is not stored. */
static void store_absence(struct load *l, uint64_t ticket)
{
    struct hf_cache   *cache = l->op.cache;
    const int64_t      ttl_ms = jittered(l, l->negative_ttl_ms);
    unsigned char      room[HF_ENVELOPE_SIZE + HF_ENVELOPE_SEAL_SIZE];
    struct hf_envelope e = hf_cache_envelope(cache, hf_bytes(NULL, 0), l->op.hash, ttl_ms);
    struct hf_packed   packed;
    e.is_absent = true;
    e.sliding = false;
    if (hf_cache_pack(cache, &e, l->op.key.wire, room, sizeof room, &packed, NULL)) return;
    store(l, &packed, ttl_ms, ticket);
    hf_packed_free(&cache->packer, &packed);
}

/* Takes the block over in any case. */
static hf_err store_value(struct load *l, struct block *block, uint64_t ticket,
                          struct hf_value **value)
{
    struct hf_cache             *cache = l->op.cache;
    const int64_t                ttl_ms = jittered(l, l->ttl_ms);
    const struct hf_value_source source = { free_block, block };
    const struct hf_bytes    body = hf_bytes(block->bytes + HF_ENVELOPE_SIZE, block->size);
    const struct hf_envelope e = hf_cache_envelope(cache, body, l->op.hash, ttl_ms);
    struct hf_packed         packed;
    if (!hf_cache_pack(cache, &e, l->op.key.wire, block->bytes,
                       HF_ENVELOPE_SIZE + block->size, &packed, NULL)) {
        store(l, &packed, ttl_ms, ticket);
        hf_packed_free(&cache->packer, &packed);
    }
    const hf_err err = hf_value_open(cache->allocator, source, &e, hf_unix_ms(), e.expires_ms,
                                     value);
    if (err) free_block(block);
    return err;
}

/* Runs the loader; the time that takes is not the call's. */
static hf_err run_loader(struct load *l, struct hf_value **value)
{
    struct hf_cache *cache = l->op.cache;
    struct hf_loaded loaded = { cache, NULL };
    const uint64_t   ticket = hf_replay_ticket(&cache->replay, l->op.key.wire);
    const hf_instant start = hf_now();
    hf_err           err = l->load(l->name, &loaded, l->ctx);
    l->op.limit.end = hf_later(l->op.limit.end, hf_between(start, hf_now()));
    hf_metrics_inc(cache->metrics, HF_STAT_CACHE_LOADS);

    if (err == HF_OK && !loaded.block) {
        err = hf_fail(l->op.error, HF_E_INVALID, "the loader gave no value");
    } else if (err == HF_OK) {
        err = store_value(l, loaded.block, ticket, value);
        loaded.block = NULL;
    } else if (err == HF_MISS) {
        if (l->negative_ttl_ms) store_absence(l, ticket);
    } else {
        hf_fail(l->op.error, err, "the loader failed");
    }
    if (err && err != HF_MISS) hf_metrics_inc(cache->metrics, HF_STAT_CACHE_LOADS_FAILED);
    free_block(loaded.block);
    release_lease(l);
    return err;
}

/* The load of the one caller in this process who does it. */
static hf_err lead(struct load *l, struct hf_value **value)
{
    struct hf_cache *cache = l->op.cache;
    uint64_t         token;
    hf_err           err = hf_key_init_lease(&l->lease, cache->allocator, l->op.key.wire);
    if (err) return hf_fail(l->op.error, err, "lease");

    /* The token is that of before the load, so that a clear during it is seen. */
    err = hf_cache_token(cache, &l->op.limit, hf_now(), &token, NULL);
    l->op.hash = hf_hash64(l->op.key.wire, err ? 0 : token);
    err = err ? HF_MISS : wait_for_lease(l, value);
    if (err == HF_MISS) {
        err = run_loader(l, value);
    } else {
        release_lease(l);
    }
    hf_key_deinit(&l->lease);
    return err;
}

static hf_err follow(struct load *l, struct hf_flight *flight, struct hf_value **value)
{
    struct hf_flights *flights = &l->op.cache->flights;
    if (l->in_hand && (l->how->stale_while_loading || !hf_value_is_stale(l->in_hand))) {
        return HF_E_OVERLOAD;
    }
    hf_err err;
    if (!hf_flight_wait(flights, flight, l->op.limit.end, &err, value)) {
        return hf_fail(l->op.error, HF_E_TIMEOUT, "another thread is loading");
    }
    hf_metrics_inc(l->op.cache->metrics, HF_STAT_CACHE_LOADS_SHARED);
    if (err && err != HF_MISS) hf_fail(l->op.error, err, "another thread's load failed");
    return err;
}

static hf_err load_once(struct load *l, struct hf_value **value)
{
    struct hf_flights *flights = &l->op.cache->flights;
    struct hf_flight  *flight;
    bool               is_leader;
    hf_err             err = hf_flight_join(flights, l->op.key.wire, &flight, &is_leader);
    if (err) return lead(l, value); /* No memory for sharing. */

    if (is_leader) {
        err = lead(l, value);
        hf_flight_finish(flights, flight, err, err ? NULL : *value);
    } else {
        err = follow(l, flight, value);
    }
    hf_flight_leave(flights, flight);
    return err;
}

/* Half of the time is for Redis, the other half for waiting on who loads. */
static hf_err look_first(struct load *l, struct hf_value **value)
{
    const hf_instant end = l->op.limit.end;
    struct hf_value *found = NULL;
    l->op.limit.end = hf_later(l->op.start, hf_ns(hf_between(l->op.start, end).ns / 2));
    const hf_err err = hf_cache_fetch(&l->op, true, &found);
    l->op.limit.end = end;
    if (err && err != HF_MISS) l->in_hand = hf_cache_near_get_stale(l->op.cache, l->name);
    if (err) return err;

    if (!hf_value_is_stale(found) && !is_due_early(l, found)) {
        *value = found;
        return HF_OK;
    }
    if (hf_value_is_absent(found)) {
        hf_value_release(found);
    } else {
        l->in_hand = found;
    }
    return HF_MISS;
}

static hf_err get_or_load(struct load *l, struct hf_value **value)
{
    struct hf_value *near = hf_cache_near_get(l->op.cache, l->name);
    if (near && !is_due_early(l, near)) {
        *value = near;
        return hf_cache_take_plain(HF_OK, value);
    }
    hf_value_release(near);
    hf_err err = look_first(l, value);
    if (!err) return hf_cache_count_read(l->op.cache, hf_cache_take_plain(err, value));

    hf_cache_count_read(l->op.cache, HF_MISS);
    err = load_once(l, value);
    if (err && err != HF_MISS && l->in_hand) {
        if (hf_value_is_stale(l->in_hand)) {
            hf_metrics_inc(l->op.cache->metrics, HF_STAT_CACHE_STALE);
        }
        *value = l->in_hand;
        l->in_hand = NULL;
        err = HF_OK;
    }
    hf_value_release(l->in_hand);
    return hf_cache_take_plain(err, value);
}

hf_err hf_cache_load(struct hf_cache *cache, const struct hf_call *call, struct hf_bytes key,
                     const struct hf_load *how, hf_load_fn load, void *ctx,
                     struct hf_value **value, struct hf_error *error)
{
    static const struct hf_load defaults = { 0 };
    struct load                 l = {
                        .op = { .cache = cache,
                                .name = "cache load",
                                .latency = HF_LATENCY_CACHE_LOAD,
                                .error = error },
                        .how = how ? how : &defaults,
                        .load = load,
                        .ctx = ctx,
                        .name = key,
    };
    hf_err err = read_options(&l, error);
    if (err) return err;
    err = hf_cache_op_begin(&l.op, call, key);
    if (err) return err;

    struct hf_value *found = NULL;
    const int cancels = hf_cancel_defer(); /* Others may wait for what this one loads. */
    err = get_or_load(&l, &found);
    hf_cancel_restore(cancels);
    if (!err) *value = found;
    if (!err && cache->access) hf_cache_access_note(cache->access, key);
    return hf_cache_op_end(&l.op, err);
}
