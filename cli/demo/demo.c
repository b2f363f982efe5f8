#include "demo.h"

#include <stdarg.h>
#include <stdio.h>

static void HF_PRINTF(4, 5)
    tell(struct demo *d, hf_instant at, bool bad, const char *format, ...)
{
    struct event *e = &d->events[d->event_count++ % EVENTS_MAX];
    e->at = hf_between(d->started, at);
    e->bad = bad;
    va_list args;
    va_start(args, format);
    vsnprintf(e->text, sizeof e->text, format, args);
    va_end(args);
}

void demo_init(struct demo *d, struct hf_client *client)
{
    *d = (struct demo){ .client = client, .started = hf_now(), .fault_seen = -1 };
    hf_health_get(client, &d->health);
}

int demo_fault(const struct demo *d)
{
    return atomic_load(&d->faults.current);
}

static enum breaker breaker_of(enum hf_breaker_state state)
{
    switch (state) {
    case HF_BREAKER_OPEN:
    case HF_BREAKER_FORCED_OPEN: return BREAKER_OPEN;
    case HF_BREAKER_HALF_OPEN: return BREAKER_HALF_OPEN;
    case HF_BREAKER_CLOSED:
    case HF_BREAKER_DISABLED:
    case HF_BREAKER_METRICS_ONLY: break;
    }
    return BREAKER_CLOSED;
}

static void follow_transition(struct demo *d, const struct hf_breaker_transition *t)
{
    const enum breaker to = breaker_of(t->to);
    if (to > d->breaker_worst) d->breaker_worst = to;
    if (to == BREAKER_OPEN) {
        d->breaker_opened++;
        tell(d, t->at, true, "breaker opens: %s", t->why);
    } else if (to == BREAKER_CLOSED) {
        d->breaker_closed++;
        tell(d, t->at, false, "breaker closes: %s", t->why);
    }
}

static void watch_breaker(struct demo *d)
{
    const struct hf_breaker_snapshot *b = &d->health.breaker;
    const uint64_t                    seen = b->transitions;
    hf_health_get(d->client, &d->health);

    uint64_t fresh = b->transitions - seen;
    if (fresh > b->history_count) fresh = b->history_count;
    for (uint64_t i = b->history_count - fresh; i < b->history_count; i++) {
        follow_transition(d, &b->history[i]);
    }
    d->breaker = breaker_of(b->state);
    if (d->breaker > d->breaker_worst) d->breaker_worst = d->breaker;
}

static void watch_fault(struct demo *d, size_t index)
{
    struct fault           *fault = &d->faults.each[index];
    const enum fault_phase  phase = atomic_load(&fault->phase);
    const enum fault_phase  before = d->phases[index];
    const struct fault_info info = *fault_info(index);
    if (phase == FAULT_UNDER_WAY || phase == FAULT_RECOVERY) d->fault_seen = (int)index;
    if (phase == before) return;
    d->fault_seen = (int)index;
    d->phases[index] = phase;

    const hf_instant began = { atomic_load(&fault->began_ns) };
    const hf_instant back = { atomic_load(&fault->back_ns) };
    const hf_instant hit = { atomic_load(&fault->hit_ns) };
    if (phase == FAULT_FAILED) {
        tell(d, hf_now(), true, "%s could not be made, or nothing came back", info.name);
        return;
    }
    if (before < FAULT_UNDER_WAY) tell(d, began, true, "%s: %s", info.name, info.story);
    if (before < FAULT_RECOVERY && phase >= FAULT_RECOVERY) {
        tell(d, back, false, "Redis is back");
    }
    if (phase == FAULT_OVER) {
        tell(d, hit, false, "first cache hit, %.1f ms later",
             (double)fault_recovery(fault).ns / 1e6);
    }
}

void demo_watch(struct demo *d)
{
    for (size_t i = 0; i < FAULT_COUNT; i++) watch_fault(d, i);
    watch_breaker(d);
}

void demo_step(struct demo *d)
{
    const struct tally earlier = d->total;
    const int          fault = d->fault_seen;
    app_read(&d->app, &d->total);
    history_add(&d->history, &d->total, &earlier, d->breaker_worst, fault);
    meter_accumulate(fault < 0 ? &d->healthy : &d->hurt[fault], &d->total, &earlier);

    if (earlier.max.ns > d->total.max.ns) d->total.max = earlier.max;
    d->breaker_worst = d->breaker;
    d->fault_seen = -1;
    d->elapsed = hf_between(d->started, hf_now());
}
