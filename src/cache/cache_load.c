#include "cache/cache.h"
#include "cache/load_job.h"
#include "core/cancel.h"
#include "core/error.h"

#include <inttypes.h>
#include <time.h>

enum {
    LEASE_S = 10,
    JITTER_PERCENT_MAX = 50,
    EARLY_SHARE = 10, /* The last tenth. */
    FIRST_LOOK_MS = 4,
    LAST_LOOK_MS = 64,
};

/* One call. */
struct load {
    struct hf_cache_op    op;
    const struct hf_load *how;
    struct hf_load_plan   plan;
    struct hf_bytes       name;        /* The key as the user knows it. */
    struct hf_value      *in_hand;     /* Stale, or about to be; NULL without. */
    bool                  is_down;     /* Redis failed at the first look. */
    bool                  has_passed;  /* The loader's context is a job's now. */
    hf_instant            patient_end; /* Until when to wait for a load. */
};

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
    if (how->soft_timeout.ns < 0)
        return hf_fail(error, HF_E_RANGE, "cache load: soft_timeout");
    const hf_err unfit = hf_cache_check_tags(how->tags, how->tag_count, error);
    if (unfit) return hf_fail_in(error, unfit, "cache load");
    l->plan.tags = how->tags;
    l->plan.tag_count = how->tag_count;
    l->plan.jitter_percent = how->jitter_percent;
    l->plan.release_ctx = how->release_ctx;
    hf_err err = option_ms(how->ttl, l->op.cache->default_ttl, &l->plan.ttl_ms, "ttl", error);
    if (err) return err;
    err = option_ms(how->lease, hf_seconds(LEASE_S), &l->plan.lease_ms, "lease", error);
    if (err || how->negative_ttl.ns == 0) return err;
    return option_ms(how->negative_ttl, how->negative_ttl, &l->plan.negative_ttl_ms,
                     "negative_ttl", error);
}

/* The nearer the expiry, the likelier. */
static bool is_due_early(const struct load *l, const struct hf_value *value)
{
    const int64_t left = hf_value_ttl(value).ns;
    const int64_t window = (left + hf_value_age(value).ns) / EARLY_SHARE;
    if (!l->how->refresh_early || left >= window) return false;
    if (hf_value_is_sliding(value)) return false; /* Being read prolongs it already. */
    return (int64_t)hf_load_below((uint64_t)window) >= left;
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
    if (hf_value_is_absent(found) || hf_value_is_large(found)) {
        hf_value_release(found);
    } else {
        l->in_hand = found;
    }
    return HF_MISS;
}

static void sleep_for(hf_duration d)
{
    const struct timespec t = { d.ns / 1000000000, d.ns % 1000000000 };
    nanosleep(&t, NULL);
}

/* Until half of what is left has passed, so that a server that hangs leaves time to load. */
static hf_instant half_way(hf_instant end)
{
    const hf_instant now = hf_now();
    return hf_later(now, hf_ns(hf_between(now, end).ns / 2));
}

/* HF_OK with another's value; HF_MISS: load; HF_E_TIMEOUT while another process loads. */
static hf_err wait_for_lease(struct load *l, struct hf_load_job *job, struct hf_value **value)
{
    const hf_instant end = l->patient_end;
    bool             was_taken = false;
    for (uint32_t pause_ms = FIRST_LOOK_MS;;) {
        const hf_err      err = hf_load_job_look(job, half_way(end), value);
        const hf_duration left = hf_between(hf_now(), end);
        const bool        is_taken = err == HF_E_OVERLOAD;
        if (err == HF_OK) return err;
        if (left.ns == 0 && (is_taken || was_taken)) return HF_E_TIMEOUT;
        if (!is_taken) return err;

        was_taken = true;
        const hf_duration pause = hf_us(
            (uint32_t)(pause_ms * 500 + hf_load_below(pause_ms * 1000)));
        sleep_for(pause.ns < left.ns ? pause : left);
        if (pause_ms < LAST_LOOK_MS) pause_ms *= 2;
    }
}

static void offer(struct load *l, struct hf_flight *flight, hf_err err,
                  struct hf_value *value, const char *detail)
{
    hf_flight_offer(&l->op.cache->flights, flight, err, value, detail);
}

/* Ends the flight, sooner or later. */
static void start(struct load *l, struct hf_load_job *job, struct hf_flight *flight)
{
    l->has_passed = true;
    if (l->how->in_caller) {
        hf_load_job_run_here(job);
        return;
    }
    const hf_err err = hf_load_job_post(job);
    if (!err) return;

    l->has_passed = false;
    offer(l, flight, err, NULL, "no room for one more load");
    hf_load_job_close(job);
}

/* The part of the one caller in this process who sees to it that the key is loaded. */
static void lead(struct load *l, struct hf_flight *flight)
{
    struct hf_flights  *flights = &l->op.cache->flights;
    struct hf_load_job *job;
    hf_err err = hf_load_job_open(l->op.cache, &l->op.limit.call, l->name, &l->plan, flight,
                                  l->in_hand, &job);
    if (err) {
        offer(l, flight, err, NULL, "load");
        hf_flight_finish(flights, flight);
        return;
    }
    struct hf_value *value = NULL;
    err = HF_MISS;
    if (!l->is_down && hf_load_job_bind(job, half_way(l->patient_end)) == HF_OK) {
        err = wait_for_lease(l, job, &value);
    }
    if (err == HF_MISS) {
        start(l, job, flight);
        return;
    }
    if (err == HF_OK) offer(l, flight, HF_OK, value, "");
    hf_value_release(value);
    hf_load_job_close(job);
}

/* Has the key loaded by nobody's waiting; best effort, and once at a time. */
static void refresh(struct load *l)
{
    struct hf_flights  *flights = &l->op.cache->flights;
    struct hf_flight   *flight;
    struct hf_load_job *job;
    bool                is_leader;
    if (l->is_down || hf_flight_join(flights, l->op.key.wire, &flight, &is_leader)) return;

    if (is_leader) {
        if (hf_load_job_open(l->op.cache, &l->op.limit.call, l->name, &l->plan, flight,
                             l->in_hand, &job)) {
            hf_flight_finish(flights, flight);
        } else if (hf_load_job_post_refresh(job)) {
            hf_load_job_close(job);
        } else {
            l->has_passed = true;
        }
    }
    hf_flight_leave(flights, flight);
}

static bool is_content(const struct load *l)
{
    return l->in_hand && (l->how->stale_while_loading || !hf_value_is_stale(l->in_hand));
}

/* One flight, to its end or ours. */
static enum hf_flight_end fly(struct load *l, hf_err *err, struct hf_value **value)
{
    struct hf_flights *flights = &l->op.cache->flights;
    struct hf_flight  *flight;
    bool               is_leader;
    *err = hf_flight_join(flights, l->op.key.wire, &flight, &is_leader);
    if (*err) {
        hf_fail(l->op.error, *err, "load");
        return HF_FLIGHT_LANDED;
    }
    if (is_leader) lead(l, flight);

    const bool               is_idle = !is_leader && is_content(l);
    const hf_instant         end = is_idle ? l->op.start : l->patient_end;
    const enum hf_flight_end how = hf_flight_wait(flights, flight, end, err, value,
                                                  l->op.error);
    hf_flight_leave(flights, flight);
    if (how == HF_FLIGHT_LANDED && !is_leader) {
        hf_metrics_inc(l->op.cache->metrics, HF_STAT_CACHE_LOADS_SHARED);
    }
    return how;
}

static hf_err load_once(struct load *l, struct hf_value **value)
{
    const hf_duration soft = l->how->soft_timeout;
    l->patient_end = l->op.limit.end;
    if (l->in_hand && soft.ns && hf_before(hf_later(l->op.start, soft), l->patient_end)) {
        l->patient_end = hf_later(l->op.start, soft);
    }
    for (;;) {
        hf_err                   err;
        const enum hf_flight_end end = fly(l, &err, value);
        if (end == HF_FLIGHT_LANDED) return err;
        if (end == HF_FLIGHT_DELAYED || !hf_before(hf_now(), l->patient_end)) {
            return hf_fail(l->op.error, HF_E_TIMEOUT, "not loaded in time");
        }
    }
}

static hf_err take_in_hand(struct load *l, struct hf_value **value)
{
    if (hf_value_is_stale(l->in_hand)) hf_cache_count_stale(l->op.cache, l->in_hand);
    *value = l->in_hand;
    l->in_hand = NULL;
    return HF_OK;
}

static hf_err get_or_load(struct load *l, struct hf_value **value)
{
    struct hf_value *near = hf_cache_near_look(l->op.cache, l->name);
    const bool       is_enough = near && !is_due_early(l, near);
    hf_cache_near_count(l->op.cache, is_enough ? near : NULL);
    if (is_enough) {
        *value = near;
        return hf_cache_take_plain(HF_OK, value);
    }
    hf_value_release(near);
    hf_err err = look_first(l, value);
    if (!err) return hf_cache_count_read(l->op.cache, hf_cache_take_plain(err, value));
    if (err == HF_E_FORKED || err == HF_E_CLOSED) return err;

    l->is_down = err != HF_MISS;
    if (is_content(l) && !l->how->in_caller) {
        refresh(l);
        return hf_cache_count_read(l->op.cache, take_in_hand(l, value));
    }
    hf_cache_count_read(l->op.cache, HF_MISS);
    err = load_once(l, value);
    if (err && err != HF_MISS && l->in_hand) err = take_in_hand(l, value);
    return hf_cache_take_plain(err, value);
}

static hf_err load(struct load *l, const struct hf_call *call, struct hf_bytes key,
                   struct hf_value **value)
{
    struct hf_error *error = l->op.error;
    hf_err           err = read_options(l, error);
    if (err) return err;
    err = hf_cache_op_begin(&l->op, call, key);
    if (err) return err;

    struct hf_value *found = NULL;
    const int cancels = hf_cancel_defer(); /* Others may wait for what this one loads. */
    err = get_or_load(l, &found);
    hf_cancel_restore(cancels);
    hf_value_release(l->in_hand);
    if (!err) *value = found;
    if (!err && l->op.cache->access) hf_cache_access_note(l->op.cache->access, key);
    return hf_cache_op_end(&l->op, err);
}

hf_err hf_cache_load(struct hf_cache *cache, const struct hf_call *call, struct hf_bytes key,
                     const struct hf_load *how, hf_load_fn loader, void *ctx,
                     struct hf_value **value, struct hf_error *error)
{
    static const struct hf_load defaults = { 0 };
    struct load                 l = {
                        .op = { .cache = cache,
                                .name = "cache load",
                                .latency = HF_LATENCY_CACHE_LOAD,
                                .error = error },
                        .how = how ? how : &defaults,
                        .plan = { .load = loader, .ctx = ctx },
                        .name = key,
    };
    const hf_err err = load(&l, call, key, value);
    if (l.how->release_ctx && !l.has_passed) l.how->release_ctx(ctx);
    return err;
}
