/* The breaker with everything around it, against a simulated endpoint: 100,000 outages of
 * many kinds, one seed each. Four callers and one dialler act as the client's engine does;
 * the decisions are those of the real breaker, dial pace, retry rules and retry budget.
 * Nothing waits: the clock jumps from event to event.
 *
 * A seed that fails is printed; HF_SEED=n plays that one alone, HF_OUTAGES=n so many. */

#include "core/error.h"
#include "resilience/breaker.h"
#include "resilience/dial_pace.h"
#include "resilience/retry.h"
#include "support/die.h"
#include "support/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CALLERS = 4,
    DIALS = 4,
    RING = 16,
    START_NS = 1000000000,
    ROUND_TRIP_US = 500,
    CONNECT_TIMEOUT_MS = 5000,
    FIRST_SUCCESS_MS = 250, /* After the server is back, callers' own pauses taken off. */
    SETTLED_MS = 1500,      /* After that everything must be as before. */
};

enum kind {
    REFUSES,  /* Killed: connections break, dials are refused. */
    HANGS,    /* Stopped or cut off: no answer to anything. */
    LOADS,    /* Killed and back, but loading: dials are answered, with LOADING. */
    STUTTERS, /* Every second command is lost on the way, dials are well. */
    KINDS,
};

struct outage {
    enum kind  kind;
    hf_instant begins, ends;
};

struct dial {
    hf_instant ends;
    hf_err     err;
};

struct caller {
    hf_instant            wakes; /* To begin a call, or because one attempt ended. */
    hf_duration           gap;   /* Between two calls. */
    bool                  is_calling;
    hf_err                err; /* How the attempt ends. */
    hf_instant            attempt_begun;
    struct hf_permit      permit;
    struct hf_retry_state retry;
    enum hf_command_class command_class;
};

struct sim {
    uint64_t               seed;
    struct hf_rng          rng;
    hf_instant             now;
    struct outage          outage;
    struct hf_breaker      breaker;
    struct hf_retry_budget budget;
    struct hf_retry_opts   retry_opts;
    hf_duration            timeout; /* Of a call. */
    struct hf_dial_pace    pace;
    struct dial            dials[DIALS];
    unsigned               dial_count;
    hf_instant             dial_starts[RING]; /* The latest ones. */
    uint64_t               dials_begun;
    bool                   is_connected;
    bool                   is_deaf; /* The server hangs and knows nothing of our commands. */
    struct caller          callers[CALLERS];
    uint64_t               calls, commands;
    hf_instant             first_success; /* After the outage; 0: none yet. */
};

/* cmocka's asserts do not know the seed. */
static void check(const struct sim *s, bool holds, const char *what)
{
    if (holds) return;
    fprintf(stderr,
            "HF_SEED=%" PRIu64 ": kind %d, %" PRId64 " ms long, at %" PRId64 " us: %s\n",
            s->seed, (int)s->outage.kind,
            hf_to_ms(hf_between(s->outage.begins, s->outage.ends)), s->now.ns / 1000, what);
    die("a promise was broken");
}

static bool is_out(const struct sim *s, hf_instant at)
{
    return !hf_before(at, s->outage.begins) && hf_before(at, s->outage.ends);
}

/* From `least` to `most`, each decade as likely as the next. */
static hf_duration span_of(struct hf_rng *rng, int64_t least_us, int64_t most_us)
{
    int64_t span = least_us;
    while (span * 10 <= most_us && hf_rng_below(rng, 3) > 0) span *= 10;
    span += (int64_t)hf_rng_below(rng, (uint64_t)span * 9);
    return hf_ns((span < most_us ? span : most_us) * 1000);
}

/* ---- The server ---------------------------------------------------------------- */

/* A command goes out now: when it ends at the latest by `until`, and how. */
static void send(struct sim *s, struct caller *c, hf_instant until)
{
    const hf_instant answer = hf_later(s->now, hf_us(ROUND_TRIP_US));
    const bool       lost = is_out(s, s->now) && s->outage.kind == STUTTERS &&
                      hf_rng_below(&s->rng, 2) == 0;
    s->commands++;
    if (s->is_deaf || lost || (is_out(s, answer) && s->outage.kind == HANGS)) {
        c->err = HF_E_TIMEOUT_SENT;
        c->wakes = until;
    } else {
        c->err = HF_OK;
        c->wakes = hf_earlier_of(answer, until);
    }
}

/* Ten a second while dials fail, and never more than the cap. */
static void check_dial_rate(const struct sim *s, bool is_failing)
{
    const hf_duration since_start = hf_between((hf_instant){ START_NS }, s->now);
    check(s,
          s->dials_begun <=
              HF_DIALS_AT_ONCE + (uint64_t)hf_to_ms(since_start) * HF_DIALS_PER_SECOND / 1000,
          "more dials than the cap");
    if (s->dials_begun < 11 || !is_failing) return;
    const hf_instant before = s->dial_starts[(s->dials_begun - 11) % RING];
    check(s, hf_between(before, s->now).ns >= hf_seconds(1).ns, "too many dials a second");
}

static void begin_dial(struct sim *s)
{
    if (s->dial_count == DIALS) {
        memmove(&s->dials[1], &s->dials[2], 2 * sizeof s->dials[0]);
        s->dial_count--;
    }
    struct dial *d = &s->dials[s->dial_count++];
    const bool   out = is_out(s, s->now);
    *d = (struct dial){ .ends = hf_later(s->now, hf_us(ROUND_TRIP_US)) };
    if (out && s->outage.kind == REFUSES) d->err = HF_E_CONNECT;
    if (out && s->outage.kind == LOADS) d->err = HF_E_LOADING;
    if (out && s->outage.kind == HANGS) {
        d->err = HF_E_CONNECT_TIMEOUT;
        d->ends = hf_later(s->now, hf_ms(CONNECT_TIMEOUT_MS));
    }

    check_dial_rate(s, out && s->outage.kind != STUTTERS);
    s->dial_starts[s->dials_begun++ % RING] = s->now;
    hf_dial_pace_started(&s->pace, s->now);
}

static void break_connection(struct sim *s)
{
    for (int i = 0; i < CALLERS; i++) {
        struct caller *c = &s->callers[i];
        if (!c->is_calling || !hf_before(s->now, c->wakes)) continue;
        c->wakes = s->now;
        c->err = HF_E_LOST;
    }
    if (s->is_connected) hf_breaker_hint_failed(&s->breaker, s->now);
    s->is_connected = false;
    s->is_deaf = false;
    hf_dial_pace_hurry(&s->pace);
}

static void begin_outage(struct sim *s)
{
    if (s->outage.kind == REFUSES || s->outage.kind == LOADS) break_connection(s);
    if (s->outage.kind != HANGS) return;
    s->is_deaf = true;
    for (int i = 0; i < CALLERS; i++) {
        struct caller *c = &s->callers[i];
        if (!c->is_calling) continue;
        c->err = HF_E_TIMEOUT_SENT;
        c->wakes = hf_retry_attempt_deadline(&c->retry, c->attempt_begun);
    }
}

/* ---- The engine ---------------------------------------------------------------- */

static bool wants_connection(const struct sim *s)
{
    return !s->is_connected || hf_breaker_state(&s->breaker) == HF_BREAKER_OPEN;
}

static void end_dial(struct sim *s, unsigned index)
{
    const hf_err err = s->dials[index].err;
    s->dial_count--;
    memmove(&s->dials[index], &s->dials[index + 1],
            (s->dial_count - index) * sizeof s->dials[0]);
    hf_dial_pace_ended(&s->pace, s->now, err);
    if (!wants_connection(s)) return;
    if (err) {
        if (hf_err_counts_against_endpoint(err)) hf_breaker_hint_failed(&s->breaker, s->now);
        return;
    }
    if (s->is_connected) break_connection(s);
    s->is_connected = true;
    s->is_deaf = is_out(s, s->now) && s->outage.kind == HANGS;
    hf_breaker_hint_healthy(&s->breaker, s->now);
}

static void end_call(struct sim *s, struct caller *c)
{
    c->is_calling = false;
    c->wakes = hf_later(s->now, c->gap);
}

static enum hf_outcome outcome_of(hf_err err)
{
    if (!err) return HF_OUTCOME_SUCCESS;
    if (hf_err_category(err) == HF_CATEGORY_LOST) return HF_OUTCOME_NEUTRAL;
    return hf_err_counts_against_endpoint(err) ? HF_OUTCOME_FAILURE : HF_OUTCOME_NEUTRAL;
}

static void begin_attempt(struct sim *s, struct caller *c)
{
    c->attempt_begun = s->now;
    if (hf_breaker_admit(&s->breaker, s->now, &c->permit)) {
        end_call(s, c);
    } else if (!s->is_connected) {
        hf_breaker_report(&s->breaker, s->now, c->permit, HF_OUTCOME_NEUTRAL, hf_ns(0));
        end_call(s, c);
    } else {
        c->is_calling = true;
        send(s, c, hf_retry_attempt_deadline(&c->retry, s->now));
    }
}

static void end_attempt(struct sim *s, struct caller *c)
{
    hf_duration pause;
    const bool  again = c->err &&
                       hf_retry_again(&c->retry, c->err, s->now, &s->budget, &pause);
    check(s, !hf_before(c->retry.deadline, s->now), "a call past its deadline");
    hf_breaker_report(&s->breaker, s->now, c->permit,
                      again ? HF_OUTCOME_NEUTRAL : outcome_of(c->err),
                      hf_between(c->attempt_begun, s->now));
    if (!c->err && s->first_success.ns == 0 && !hf_before(c->attempt_begun, s->outage.ends)) {
        s->first_success = s->now;
    }
    if (again) {
        begin_attempt(s, c);
    } else {
        end_call(s, c);
    }
}

static void wake_caller(struct sim *s, struct caller *c)
{
    if (c->is_calling) {
        end_attempt(s, c);
        return;
    }
    s->calls++;
    hf_retry_budget_earn(&s->budget);
    hf_retry_begin(&c->retry, &s->retry_opts, c->command_class, s->now,
                   hf_later(s->now, s->timeout));
    begin_attempt(s, c);
}

/* ---- The simulation ------------------------------------------------------------ */

static void init(struct sim *s, uint64_t seed)
{
    memset(s, 0, sizeof *s);
    s->seed = seed;
    s->rng.state = seed;
    s->now = (hf_instant){ START_NS };
    s->outage.kind = (enum kind)hf_rng_below(&s->rng, KINDS);
    s->outage.begins = hf_later(s->now, span_of(&s->rng, 10000, 1000000));
    s->outage.ends = hf_later(s->outage.begins, span_of(&s->rng, 1000, 60000000));
    s->timeout = span_of(&s->rng, 10000, 1000000);
    s->retry_opts.retry_on_timeout = hf_rng_below(&s->rng, 2);

    struct hf_breaker_opts opts = hf_breaker_opts_default();
    opts.seed = hf_rng_next(&s->rng) | 1;
    assert_int_equal(hf_breaker_init(&s->breaker, &opts), HF_OK);
    hf_retry_budget_init(&s->budget, hf_rng_next(&s->rng));
    hf_dial_pace_init(&s->pace, hf_rng_next(&s->rng));
    s->is_connected = true;
    for (int i = 0; i < CALLERS; i++) {
        struct caller *c = &s->callers[i];
        c->gap = span_of(&s->rng, 5000, 200000);
        c->wakes = hf_later(s->now, hf_ns((int64_t)hf_rng_below(&s->rng, 10000000)));
        c->command_class = HF_COMMAND_READ + (unsigned)hf_rng_below(&s->rng, 3);
    }
}

static hf_instant next_event(const struct sim *s)
{
    hf_instant next = hf_never();
    if (hf_before(s->now, s->outage.begins)) next = s->outage.begins;
    if (hf_before(s->now, s->outage.ends)) next = hf_earlier_of(next, s->outage.ends);
    for (unsigned i = 0; i < s->dial_count; i++) next = hf_earlier_of(next, s->dials[i].ends);
    for (int i = 0; i < CALLERS; i++) next = hf_earlier_of(next, s->callers[i].wakes);
    if (wants_connection(s)) next = hf_earlier_of(next, hf_dial_pace_next(&s->pace));
    return hf_before(next, s->now) ? s->now : next;
}

static void step(struct sim *s)
{
    const hf_instant before = s->now;
    s->now = next_event(s);
    if (hf_before(before, s->now) && s->now.ns == s->outage.begins.ns) begin_outage(s);
    if (!hf_before(s->now, s->outage.ends)) s->is_deaf = false;
    for (unsigned i = 0; i < s->dial_count;) {
        if (hf_before(s->now, s->dials[i].ends)) {
            i++;
        } else {
            end_dial(s, i);
        }
    }
    if (wants_connection(s) && !hf_before(s->now, hf_dial_pace_next(&s->pace))) begin_dial(s);
    for (int i = 0; i < CALLERS; i++) {
        if (!hf_before(s->now, s->callers[i].wakes)) wake_caller(s, &s->callers[i]);
    }
}

static void play(struct sim *s)
{
    const hf_instant settled = hf_later(s->outage.ends, hf_ms(SETTLED_MS));
    uint64_t         steps = 0;
    while (hf_before(s->now, settled)) {
        step(s);
        check(s, ++steps < 1000000, "no progress");
    }
}

/* How long callers pause at most by their own will: a call that began before the server was
 * back may wait for its deadline first. */
static hf_duration own_pause(const struct sim *s)
{
    hf_duration least = s->callers[0].gap;
    for (int i = 1; i < CALLERS; i++) {
        if (s->callers[i].gap.ns < least.ns) least = s->callers[i].gap;
    }
    return hf_ns(least.ns + s->timeout.ns);
}

static void play_seed(uint64_t seed)
{
    struct sim                 s;
    struct hf_breaker_snapshot seen;
    init(&s, seed);
    play(&s);

    const int64_t recovery = hf_to_ms(hf_between(s.outage.ends, s.first_success));
    check(&s, s.first_success.ns > 0, "no success after the outage");
    check(&s, recovery <= FIRST_SUCCESS_MS + hf_to_ms(own_pause(&s)), "a slow recovery");
    check(&s, hf_breaker_state(&s.breaker) == HF_BREAKER_CLOSED, "not closed at the end");
    check(&s, s.commands <= s.calls + s.calls / HF_RETRY_CALLS + HF_RETRY_BURST,
          "more retries than the budget");
    hf_breaker_snapshot(&s.breaker, s.now, &seen);
    check(&s, seen.next_probe_in.ns == 0 && seen.probes_out == 0, "left-over probes");
    hf_breaker_deinit(&s.breaker);
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void after_any_outage_service_is_back_soon_and_nothing_stormed(void **state)
{
    (void)state;
    if (getenv("HF_SEED")) {
        play_seed(from_environment("HF_SEED", 0));
        return;
    }
    const uint64_t outages = from_environment("HF_OUTAGES", 100000);
    for (uint64_t seed = 1; seed <= outages; seed++) play_seed(seed);
}

/* Two hundred processes whose breakers opened at the same moment, without health checks. */
static void many_clients_do_not_reopen_in_step(void **state)
{
    (void)state;
    enum { CLIENTS = 200, SLOT_MS = 100, SLOTS = 60000 / SLOT_MS };
    const hf_instant begin = { 1000000000 };
    int              slots[SLOTS + 1] = { 0 };
    for (uint64_t seed = 1; seed <= CLIENTS; seed++) {
        struct hf_breaker_opts     opts = hf_breaker_opts_default();
        struct hf_breaker          b;
        struct hf_breaker_snapshot seen;
        opts.seed = seed;
        assert_int_equal(hf_breaker_init(&b, &opts), HF_OK);
        for (uint32_t i = 0; i < opts.failures_to_open; i++)
            hf_breaker_hint_failed(&b, begin);
        hf_breaker_snapshot(&b, begin, &seen);
        assert_int_equal(seen.state, HF_BREAKER_OPEN);
        slots[hf_to_ms(seen.next_probe_in) / SLOT_MS]++;
        hf_breaker_deinit(&b);
    }
    for (int i = 0; i <= SLOTS; i++) assert_in_range(slots[i], 0, CLIENTS / 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_any_outage_service_is_back_soon_and_nothing_stormed),
        cmocka_unit_test(many_clients_do_not_reopen_in_step),
    };
    return RUN_TESTS(tests);
}
