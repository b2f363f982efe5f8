#include "cache/load_job.h"

#include "cache/loader_pool.h"
#include "cache/metadata.h"
#include "core/alloc.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/rng.h"
#include "core/wall_clock.h"

#include <inttypes.h>
#include <stdio.h>

enum { TOKEN_TEXT = 16 };

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
    size_t                     body; /* Where the value is, behind envelope and tags. */
    size_t                     size; /* Of it, with its metadata in front. */
    bool                       has_metadata;
    unsigned char              bytes[];
};

struct hf_loaded {
    const struct hf_allocator *allocator;
    size_t                     value_size_max;
    size_t                     tags_size; /* Of their block. */
    struct block              *block;     /* NULL before hf_loaded_set(). */
};

struct hf_load_job {
    struct hf_loader_job base;
    struct hf_cache_op   op;
    struct hf_error      error;
    struct hf_load_plan  plan;
    struct hf_flight    *flight;
    struct hf_value     *in_hand;
    hf_duration          timeout;
    struct hf_key        lease;
    char                 token[TOKEN_TEXT + 1];
    bool                 has_lease;
    bool                 is_refresh;
    bool                 is_here;
    uint64_t             ticket; /* See hf_replay_ticket(). */
    struct hf_loaded     loaded;
    struct hf_tag        tags[HF_TAGS_MAX]; /* As they were before the load. */
    size_t               tag_count;
    char                 tag_names[];
};

static struct hf_bytes name_of(const struct hf_load_job *job)
{
    return hf_cache_name(job->op.cache, job->op.key.wire);
}

static void free_block(void *object)
{
    struct block *block = object;
    if (block) hf_free(block->allocator, block);
}

hf_err hf_loaded_set(struct hf_loaded *loaded, struct hf_bytes value)
{
    return hf_loaded_set_with(loaded, value, hf_bytes(NULL, 0));
}

hf_err hf_loaded_set_with(struct hf_loaded *loaded, struct hf_bytes value,
                          struct hf_bytes metadata)
{
    const size_t front = hf_metadata_block_size(metadata);
    if (metadata.size > HF_METADATA_MAX || value.size > loaded->value_size_max ||
        front > loaded->value_size_max - value.size) {
        return HF_E_TOO_LARGE;
    }
    const size_t  at = HF_ENVELOPE_SIZE + loaded->tags_size;
    struct block *block = hf_alloc(loaded->allocator,
                                   sizeof *block + at + front + value.size);
    if (!block) return HF_E_NOMEM;

    block->allocator = loaded->allocator;
    block->body = at;
    block->size = front + value.size;
    block->has_metadata = front > 0;
    unsigned char *const body = block->bytes + at;
    if (front) hf_metadata_write(metadata, body);
    if (value.size) memcpy(body + front, value.data, value.size);
    free_block(loaded->block);
    loaded->block = block;
    return HF_OK;
}

/* Without a generator that threads would share. */
uint64_t hf_load_below(uint64_t bound)
{
    struct hf_rng rng = { (uint64_t)hf_now().ns };
    return hf_rng_below(&rng, bound);
}

static int64_t jittered(const struct hf_load_job *job, int64_t ms)
{
    return ms - (int64_t)hf_load_below((uint64_t)ms * job->plan.jitter_percent / 100 + 1);
}

static struct hf_load_job *of(struct hf_loader_job *base)
{
    return (struct hf_load_job *)base; /* Its first member. */
}

/* What is left once nobody waits for it and nothing of the cache is touched. */
static void free_job(struct hf_load_job *job)
{
    const struct hf_allocator *a = job->loaded.allocator;
    free_block(job->loaded.block);
    hf_key_deinit(&job->lease);
    hf_key_deinit(&job->op.key);
    hf_free(a, job);
}

static void leave_flight(struct hf_load_job *job)
{
    struct hf_flights *flights = &job->op.cache->flights;
    hf_value_release(job->in_hand);
    hf_flight_finish(flights, job->flight);
    hf_flight_leave(flights, job->flight);
}

static void release_ctx(struct hf_load_job *job)
{
    if (job->plan.release_ctx) job->plan.release_ctx(job->plan.ctx);
}

static void drop(struct hf_loader_job *base)
{
    struct hf_load_job *job = of(base);
    release_ctx(job);
    leave_flight(job);
    free_job(job);
}

static void abandon(struct hf_loader_job *base)
{
    leave_flight(of(base));
}

/* Copies the names behind the job. */
static void take_tags(struct hf_load_job *job, const struct hf_load_plan *plan)
{
    char *at = job->tag_names;
    for (size_t i = 0; i < plan->tag_count; i++) {
        const struct hf_bytes name = plan->tags[i];
        memcpy(at, name.data, name.size);
        job->tags[i].name = hf_bytes(at, name.size);
        at += name.size;
    }
    job->tag_count = plan->tag_count;
    job->loaded.tags_size = hf_tag_block_size(job->tags, job->tag_count);
}

hf_err hf_load_job_open(struct hf_cache *cache, const struct hf_call *call,
                        struct hf_bytes name, const struct hf_load_plan *plan,
                        struct hf_flight *flight, struct hf_value *in_hand,
                        struct hf_load_job **opened)
{
    const struct hf_allocator *a = hf_loader_pool_allocator(cache->loaders);
    size_t                     names_size = 0;
    for (size_t i = 0; i < plan->tag_count; i++) names_size += plan->tags[i].size;
    struct hf_load_job *job = hf_alloc_zero(a, 1, sizeof *job + names_size);
    if (!job) return HF_E_NOMEM;

    job->op = (struct hf_cache_op){
        .cache = cache, .name = "load", .error = &job->error, .is_part = true
    };
    hf_err err = hf_cache_op_begin(&job->op, call, name);
    if (err) {
        hf_free(a, job);
        return err;
    }
    job->op.key.allocator = a;
    err = hf_key_init_lease(&job->lease, a, job->op.key.wire);
    if (err) {
        hf_key_deinit(&job->op.key);
        hf_free(a, job);
        return err;
    }
    job->timeout = hf_between(job->op.start, job->op.limit.end);
    job->plan = *plan;
    job->flight = flight;
    job->in_hand = in_hand ? hf_value_acquire(in_hand) : NULL;
    job->loaded = (struct hf_loaded){ .allocator = a,
                                      .value_size_max = cache->value_size_max };
    take_tags(job, plan);
    snprintf(job->token, sizeof job->token, "%016" PRIx64, hf_rng_seed());
    hf_flight_acquire(&cache->flights, flight);
    *opened = job;
    return HF_OK;
}

hf_err hf_load_job_bind(struct hf_load_job *job, hf_instant end)
{
    struct hf_bytes names[HF_TAGS_MAX];
    const int64_t   ttl_ms = job->plan.ttl_ms > job->plan.negative_ttl_ms
                                 ? job->plan.ttl_ms
                                 : job->plan.negative_ttl_ms;
    uint64_t        token;
    job->op.limit.end = end;
    const hf_err err = hf_cache_token(job->op.cache, &job->op.limit, hf_now(), &token, NULL);
    if (err) return err;
    job->op.hash = hf_hash64(job->op.key.wire, token);
    for (size_t i = 0; i < job->tag_count; i++) names[i] = job->tags[i].name;
    return hf_cache_bind_tags(job->op.cache, &job->op.limit, names, job->tag_count, ttl_ms,
                              job->tags, NULL);
}

/* Puts the tags into e, at `at`. */
static void add_tags(const struct hf_load_job *job, struct hf_envelope *e, unsigned char *at)
{
    hf_tag_block_write(job->tags, job->tag_count, e->key_hash, at);
    e->tags = hf_bytes(at, job->loaded.tags_size);
}

/* Asks for the lease and then for the value, in this order: who gets the lease after another
 * loader gave it back sees what that one stored. */
static hf_err ask_for_lease(struct hf_load_job *job, struct hf_batch *batch)
{
    struct hf_cache_number number;
    const struct hf_bytes  lease[] = {
         hf_str("SET"), job->lease.wire, hf_str(job->token),
         hf_str("NX"),  hf_str("PX"),    hf_cache_decimal(&number, job->plan.lease_ms)
    };
    const struct hf_bytes entry[] = { hf_str("GET"), job->op.key.wire };
    struct hf_call        call = hf_cache_call(&job->op.limit, HF_COMMAND_ACCUMULATING);
    call.command_class = HF_COMMAND_ACCUMULATING;

    hf_err err = hf_batch_add(batch, lease, 6);
    if (!err) err = hf_batch_add(batch, entry, 2);
    if (!err) err = hf_client_batch(job->op.cache->client, &call, batch, NULL);
    return err;
}

static void close_batch(void *batch)
{
    hf_batch_close(batch);
}

/* A value that somebody stored since ours was read; HF_MISS without. */
static hf_err newer_value(struct hf_load_job *job, struct hf_batch **batch,
                          struct hf_value **value)
{
    const struct hf_reply *reply;
    struct hf_value       *found;
    if (hf_batch_result(*batch, 1, &reply, NULL)) return HF_MISS;

    const struct hf_cache_found  how = { .wire = job->op.key.wire,
                                         .hash = job->op.hash,
                                         .limit = &job->op.limit,
                                         .left_ms = HF_CACHE_LEFT_UNKNOWN };
    const struct hf_value_source source = { close_batch, *batch };
    if (hf_cache_open_value(job->op.cache, &how, reply, source, &found)) return HF_MISS;
    *batch = NULL;
    if (job->in_hand && hf_value_is_same(found, job->in_hand)) {
        hf_value_release(found);
        return HF_MISS;
    }
    *value = found;
    return HF_OK;
}

hf_err hf_load_job_look(struct hf_load_job *job, hf_instant end, struct hf_value **value)
{
    struct hf_batch       *batch;
    const struct hf_reply *reply;
    job->op.limit.end = end;
    if (hf_batch_open(job->op.cache->client, &batch)) return HF_MISS;

    /* Before asking: by the time of the answer a set may have made up for the delete, and
     * what was read may be from before it. */
    const bool is_believed = !hf_cache_distrusts(job->op.cache, job->op.key.wire);
    hf_err     err = ask_for_lease(job, batch);
    const bool answered = !err && hf_batch_result(batch, 0, &reply, NULL) == HF_OK;
    const bool is_taken = answered && hf_reply_is_null(reply);
    job->has_lease = answered && !is_taken;
    err = answered && is_believed ? newer_value(job, &batch, value) : HF_MISS;
    hf_batch_close(batch);
    return err == HF_MISS && is_taken ? HF_E_OVERLOAD : err;
}

/* A script on the lease, whose failure is not the load's. */
static hf_err run_quietly(struct hf_load_job     *job, enum hf_command_class class,
                          const struct hf_script *script, const struct hf_bytes *keys,
                          size_t key_count, const struct hf_bytes *args, size_t arg_count)
{
    job->op.error = NULL;
    return hf_cache_run_script(&job->op, class, script, keys, key_count, args, arg_count);
}

/* Best effort: a lease that stays runs out. */
static void release_lease(struct hf_load_job *job)
{
    const struct hf_bytes token = hf_str(job->token);
    if (!job->has_lease) return;
    (void)!run_quietly(job, HF_COMMAND_IDEMPOTENT, &give_lease_back, &job->lease.wire, 1,
                       &token, 1);
    job->has_lease = false;
}

static void store(struct hf_load_job *job, const struct hf_packed *packed, int64_t ttl_ms)
{
    struct hf_cache *cache = job->op.cache;
    if (!job->has_lease) return;

    struct hf_cache_number px;
    const struct hf_bytes  keys[] = { job->lease.wire, job->op.key.wire };
    const struct hf_bytes  args[] = { hf_str(job->token), packed->bytes,
                                      hf_cache_decimal(&px, ttl_ms + cache->stale_limit_ms) };
    hf_cache_near_evict(cache, name_of(job));
    const hf_err err = run_quietly(job, HF_COMMAND_ACCUMULATING, &store_if_leased, keys, 2,
                                   args, 3);
    hf_cache_near_evict(cache, name_of(job));
    job->has_lease = false;
    if (err == HF_MISS) hf_metrics_inc(cache->metrics, HF_STAT_CACHE_LOADS_VOID);
    if (err) return;
    hf_replay_settle(&cache->replay, job->op.key.wire, job->ticket);
    hf_metrics_inc(cache->metrics, HF_STAT_CACHE_SETS);
    hf_metrics_add(cache->metrics, HF_STAT_CACHE_BYTES_WRITTEN,
                   (int64_t)packed->envelope.raw_size);
}

/* What cannot be packed is not stored. */
static void store_absence(struct hf_load_job *job)
{
    struct hf_cache   *cache = job->op.cache;
    const int64_t      ttl_ms = jittered(job, job->plan.negative_ttl_ms);
    unsigned char      tags[HF_TAG_BLOCK_MAX];
    unsigned char      room[HF_ENVELOPE_SIZE + HF_TAG_BLOCK_MAX + HF_ENVELOPE_SEAL_SIZE];
    struct hf_envelope e = hf_cache_envelope(cache, hf_bytes(NULL, 0), job->op.hash, ttl_ms);
    struct hf_packed   packed;
    if (!job->has_lease) return;
    add_tags(job, &e, tags);
    e.is_absent = true;
    e.sliding = false;
    if (hf_cache_pack(cache, &e, job->op.key.wire, room, sizeof room, &packed, NULL)) return;
    store(job, &packed, ttl_ms);
    hf_packed_free(&cache->packer, &packed);
}

static void offer(struct hf_load_job *job, hf_err err, struct hf_value *value,
                  const char *detail)
{
    hf_flight_offer(&job->op.cache->flights, job->flight, err, value, detail);
}

/* Takes the block over. Callers whose time is short need not wait for it to be stored. */
static hf_err use_value(struct hf_load_job *job)
{
    struct hf_cache             *cache = job->op.cache;
    struct block                *block = job->loaded.block;
    const int64_t                ttl_ms = jittered(job, job->plan.ttl_ms);
    const struct hf_value_source source = { free_block, block };
    const struct hf_bytes        body = hf_bytes(block->bytes + block->body, block->size);
    struct hf_envelope           e = hf_cache_envelope(cache, body, job->op.hash, ttl_ms);
    struct hf_packed             packed;
    struct hf_value             *value;
    e.has_metadata = block->has_metadata;
    if (job->has_lease) add_tags(job, &e, block->bytes + HF_ENVELOPE_SIZE);
    block->allocator = cache->allocator; /* Which lives as long as values may. */
    const hf_err err = hf_value_open(cache->allocator, source, &e, hf_unix_ms(), e.expires_ms,
                                     &value);
    if (err) return err;

    job->loaded.block = NULL;
    const bool is_packed = job->has_lease &&
                           hf_cache_pack(cache, &e, job->op.key.wire, block->bytes,
                                         block->body + block->size, &packed, NULL) == HF_OK;
    offer(job, HF_OK, value, "");
    if (is_packed) {
        store(job, &packed, ttl_ms);
        hf_packed_free(&cache->packer, &packed);
    }
    hf_value_release(value);
    return HF_OK;
}

/* What the loader gave, to all who wait and to Redis. */
static void conclude(struct hf_load_job *job, hf_err err)
{
    struct hf_cache *cache = job->op.cache;
    const char      *why = "the loader failed";
    job->op.limit.end = hf_later(hf_now(), job->timeout);
    hf_metrics_inc(cache->metrics, HF_STAT_CACHE_LOADS);
    if (job->is_refresh) hf_metrics_inc(cache->metrics, HF_STAT_CACHE_REFRESHES);

    if (err == HF_MISS) {
        offer(job, HF_MISS, NULL, "");
        if (job->plan.negative_ttl_ms) store_absence(job);
    } else if (err == HF_OK && !job->loaded.block) {
        err = HF_E_INVALID;
        why = "the loader gave no value";
    } else if (err == HF_OK) {
        err = use_value(job);
    }
    if (err && err != HF_MISS) {
        offer(job, err, NULL, why);
        hf_metrics_inc(cache->metrics, HF_STAT_CACHE_LOADS_FAILED);
    }
    hf_flight_finish(&cache->flights, job->flight);
    hf_load_job_close(job);
}

void hf_load_job_close(struct hf_load_job *job)
{
    release_lease(job);
    leave_flight(job);
    free_job(job);
}

/* False when there is nothing to do, because somebody else has done it or does. */
static bool begin_refresh(struct hf_load_job *job)
{
    const hf_instant end = hf_later(hf_now(), job->timeout);
    struct hf_value *newer = NULL;
    if (hf_load_job_bind(job, end)) return false;
    if (hf_load_job_look(job, end, &newer) == HF_OK) {
        offer(job, HF_OK, newer, "");
        hf_value_release(newer);
        return false;
    }
    return job->has_lease;
}

/* A copy, and without the client's endpoint: the loader may outlive both. */
static struct hf_tracer tracer_of(const struct hf_cache *cache)
{
    struct hf_tracer tracer = { 0 };
    if (cache->tracer) tracer = *cache->tracer;
    tracer.endpoint = NULL;
    return tracer;
}

/* *is_left_behind: the cache was closed meanwhile and must not be touched. */
static hf_err call_loader(struct hf_load_job *job, bool *is_left_behind)
{
    struct hf_loader_pool *pool = job->op.cache->loaders;
    const struct hf_bytes  name = name_of(job);
    job->ticket = hf_replay_ticket(&job->op.cache->replay, job->op.key.wire);
    const struct hf_tracer tracer = tracer_of(job->op.cache);
    struct hf_span         span;

    if (!job->is_here) hf_loader_pool_step_out(pool, &job->base);
    hf_tracer_start(&tracer, &span, HF_SPAN_LOAD, "cache loader", &job->op.limit.call.trace);
    const hf_err err = job->plan.load(name, &job->loaded, job->plan.ctx);
    hf_tracer_end(&tracer, &span, err);
    release_ctx(job);
    *is_left_behind = !job->is_here && !hf_loader_pool_step_in(pool, &job->base);
    return err;
}

static void run(struct hf_loader_job *base)
{
    struct hf_load_job *job = of(base);
    bool                is_left_behind;
    if (job->is_refresh && !begin_refresh(job)) {
        release_ctx(job);
        hf_load_job_close(job);
        return;
    }
    const hf_err err = call_loader(job, &is_left_behind);
    if (is_left_behind) {
        free_job(job);
    } else {
        conclude(job, err);
    }
}

void hf_load_job_run_here(struct hf_load_job *job)
{
    job->is_here = true;
    run(&job->base);
}

hf_err hf_load_job_post(struct hf_load_job *job)
{
    job->base = (struct hf_loader_job){ run, drop, abandon, NULL };
    const hf_err err = hf_loader_pool_post(job->op.cache->loaders, &job->base);
    if (err) hf_metrics_inc(job->op.cache->metrics, HF_STAT_CACHE_LOADS_REFUSED);
    return err;
}

hf_err hf_load_job_post_refresh(struct hf_load_job *job)
{
    job->is_refresh = true;
    return hf_load_job_post(job);
}
