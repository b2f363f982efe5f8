#include "resilience/breaker.h"

#include "core/alloc.h"
#include "core/assert.h"
#include "core/error.h"

#include <string.h>

/* What callers find. The first two let calls pass with the word itself as their permit. */
enum gate {
    GATE_CLOSED,
    GATE_METRICS_ONLY,
    GATE_RAMP, /* CLOSED too, on its way to letting all pass. */
    GATE_OPEN,
    GATE_HALF_OPEN,
    GATE_FORCED_OPEN,
    GATE_DISABLED,
    GATE_PROBE, /* Of permits only. */
};

enum {
    GATE_BITS = 4,
    RAMP_FREE = 10,      /* Calls that pass at the start of a ramp, whatever the share. */
    SHARE_ALL = 1 << 16, /* All calls, in shares of the ramp. */
    SHARE_FIRST = 6554,  /* A tenth. */
};

static const enum hf_breaker_state state_of_gate[] = {
    [GATE_CLOSED] = HF_BREAKER_CLOSED,       [GATE_METRICS_ONLY] = HF_BREAKER_METRICS_ONLY,
    [GATE_RAMP] = HF_BREAKER_CLOSED,         [GATE_OPEN] = HF_BREAKER_OPEN,
    [GATE_HALF_OPEN] = HF_BREAKER_HALF_OPEN, [GATE_FORCED_OPEN] = HF_BREAKER_FORCED_OPEN,
    [GATE_DISABLED] = HF_BREAKER_DISABLED,
};

#define BIT(state) (1u << (state))
#define BY_HAND                                                                              \
    (BIT(HF_BREAKER_FORCED_OPEN) | BIT(HF_BREAKER_DISABLED) | BIT(HF_BREAKER_METRICS_ONLY))
#define BY_RESET BIT(HF_BREAKER_CLOSED)

static const unsigned legal_moves[] = {
    [HF_BREAKER_CLOSED] = BIT(HF_BREAKER_OPEN) | BY_RESET | BY_HAND,
    [HF_BREAKER_OPEN] = BIT(HF_BREAKER_HALF_OPEN) | BY_RESET | BY_HAND,
    [HF_BREAKER_HALF_OPEN] = BIT(HF_BREAKER_CLOSED) | BIT(HF_BREAKER_OPEN) | BY_HAND,
    [HF_BREAKER_FORCED_OPEN] = BY_RESET | BY_HAND,
    [HF_BREAKER_DISABLED] = BY_RESET | BY_HAND,
    [HF_BREAKER_METRICS_ONLY] = BY_RESET | BY_HAND,
};

static uint64_t word_of(uint64_t number, enum gate gate)
{
    return number << GATE_BITS | gate;
}

static enum gate gate_of(uint64_t word)
{
    return (enum gate)(word & ((1u << GATE_BITS) - 1));
}

static uint64_t number_of(uint64_t word)
{
    return word >> GATE_BITS;
}

static uint64_t word_now(const struct hf_breaker *b)
{
    return atomic_load_explicit(&b->word, memory_order_acquire);
}

static enum hf_breaker_state state_now(const struct hf_breaker *b)
{
    return state_of_gate[gate_of(word_now(b))];
}

static struct hf_breaker_shard *my_shard(struct hf_breaker *b)
{
    const uint64_t thread = (uintptr_t)__builtin_thread_pointer();
    return &b->shards[thread * UINT64_C(0x9E3779B97F4A7C15) >> 60];
}

/* Not a read-modify-write, which would double the cost of a call: see Counts in the header.
 */
static void count_success(struct hf_breaker *b)
{
    _Atomic uint64_t *successes = &my_shard(b)->successes;
    const uint64_t    before = atomic_load_explicit(successes, memory_order_relaxed);
    atomic_store_explicit(successes, before + 1, memory_order_relaxed);
}

static hf_err refuse(struct hf_breaker *b)
{
    atomic_fetch_add_explicit(&my_shard(b)->refused, 1, memory_order_relaxed);
    return HF_E_BREAKER_OPEN;
}

/* How long no call passes. A wait that no rest explains comes from a clock that jumped back,
 * and is over. */
static hf_duration wait_at(const struct hf_breaker *b, hf_instant now)
{
    const hf_instant  wake_at = { atomic_load_explicit(&b->wake_at, memory_order_relaxed) };
    const hf_duration wait = hf_between(now, wake_at);
    return wait.ns > b->wait_max.ns ? hf_ns(0) : wait;
}

/* ---- Under the lock ------------------------------------------------------------ */

static void check_invariant(const struct hf_breaker *b)
{
    const enum hf_breaker_state state = state_now(b);
    uint32_t                    probes = 0;
    for (unsigned i = 0; i < HF_BREAKER_PROBES_MAX; i++)
        probes += b->locked.probes[i].token != 0;

    hf_assert(b->locked.number > 0);
    hf_assert(number_of(word_now(b)) <= b->locked.number);
    hf_assert(probes <= b->opts.probes_max);
    hf_assert(probes == 0 || state == HF_BREAKER_HALF_OPEN);
    hf_assert(b->locked.probe_successes < b->opts.successes_to_close);
    hf_assert(b->locked.stretch >= 1 && b->locked.stretch <= b->opts.open_growth_max);
    hf_assert(b->locked.told <= b->locked.moves);
    if (state == HF_BREAKER_CLOSED)
        hf_assert(b->failures_in_a_row < b->opts.failures_to_open);
    if (state == HF_BREAKER_OPEN) hf_assert(b->failures_in_a_row == 0);
}

static uint64_t successes_total(const struct hf_breaker *b)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < HF_BREAKER_SHARDS; i++) {
        sum += atomic_load_explicit(&b->shards[i].successes, memory_order_relaxed);
    }
    return sum;
}

/* Successes since the last look belong to the bucket that was the current one till now. */
static void turn_window(struct hf_breaker *b, hf_instant now)
{
    const uint64_t successes = successes_total(b);
    const uint64_t seen = b->locked.successes_seen;
    hf_window_add(&b->locked.window, (struct hf_window_counts){
                                         .calls = successes > seen ? successes - seen : 0 });
    hf_window_turn(&b->locked.window, now);
    b->locked.successes_seen = successes;
    atomic_store_explicit(&b->bucket_end, hf_window_bucket_end(&b->locked.window).ns,
                          memory_order_relaxed);
}

static void clear_window(struct hf_breaker *b, hf_instant now)
{
    b->locked.successes_seen = successes_total(b);
    hf_window_clear(&b->locked.window, now);
    atomic_store_explicit(&b->bucket_end, hf_window_bucket_end(&b->locked.window).ns,
                          memory_order_relaxed);
}

static void move(struct hf_breaker *b, hf_instant now, enum gate next, const char *why)
{
    const enum hf_breaker_state from = state_now(b), to = state_of_gate[next];
    hf_assert(legal_moves[from] & BIT(to));

    b->locked.history[b->locked.moves++ % HF_BREAKER_HISTORY_MAX] =
        (struct hf_breaker_transition){ .at = now, .from = from, .to = to, .why = why };
    memset(b->locked.probes, 0, sizeof b->locked.probes);
    b->locked.probe_successes = 0;
    b->locked.number++;
    if (to != HF_BREAKER_OPEN && to != HF_BREAKER_HALF_OPEN) b->locked.stretch = 1;
    if (to == HF_BREAKER_CLOSED || to == HF_BREAKER_METRICS_ONLY) clear_window(b, now);
    atomic_store_explicit(&b->failures_in_a_row, 0, memory_order_relaxed);
    atomic_store_explicit(&b->word, word_of(b->locked.number, next), memory_order_release);
    check_invariant(b);
}

static void open(struct hf_breaker *b, hf_instant now, const char *why)
{
    const double share = (double)(hf_rng_next(&b->locked.rng) >> 11) * 0x1p-53;
    const double rest = (double)b->opts.open_for.ns * b->locked.stretch *
                        (1 - b->opts.open_jitter * share);
    atomic_store_explicit(&b->wake_at, hf_later(now, hf_ns((int64_t)rest)).ns,
                          memory_order_relaxed);
    move(b, now, GATE_OPEN, why);
}

static void half_open(struct hf_breaker *b, hf_instant now, const char *why)
{
    atomic_store_explicit(&b->wake_at, INT64_MIN, memory_order_relaxed);
    move(b, now, GATE_HALF_OPEN, why);
}

static void close_with_ramp(struct hf_breaker *b, hf_instant now)
{
    atomic_store_explicit(&b->ramp_began, now.ns, memory_order_relaxed);
    atomic_store_explicit(&b->ramp_seen, 0, memory_order_relaxed);
    move(b, now, b->opts.ramp.ns > 0 ? GATE_RAMP : GATE_CLOSED, "probes succeeded");
}

static const char *reason_to_open(const struct hf_breaker *b)
{
    const struct hf_window_counts sum = hf_window_sum(&b->locked.window);
    const double                  calls = (double)sum.calls;

    if (b->failures_in_a_row >= b->opts.failures_to_open) return "failures in a row";
    if (sum.calls < b->opts.calls_min) return NULL;
    if (b->opts.failure_rate > 0 && (double)sum.failures >= b->opts.failure_rate * calls) {
        return "share of failures";
    }
    if (b->opts.slow_rate > 0 && (double)sum.slow >= b->opts.slow_rate * calls) {
        return "share of slow calls";
    }
    return NULL;
}

/* A failure, or a success that was slow. */
static void count_trouble(struct hf_breaker *b, hf_instant now, bool failed, bool slow)
{
    turn_window(b, now);
    hf_window_add(&b->locked.window,
                  (struct hf_window_counts){ .calls = 1, .failures = failed, .slow = slow });
    b->locked.failures += failed;
    b->locked.slow += slow;
    if (!failed) {
        count_success(b);
        b->locked.successes_seen++;
        atomic_store_explicit(&b->failures_in_a_row, 0, memory_order_relaxed);
    } else if (b->failures_in_a_row < UINT32_MAX) {
        atomic_fetch_add_explicit(&b->failures_in_a_row, 1, memory_order_relaxed);
    }
    const char *why = reason_to_open(b);
    if (why && state_now(b) == HF_BREAKER_CLOSED) open(b, now, why);
}

static bool is_silent(const struct hf_breaker *b, const struct hf_breaker_probe *p,
                      hf_instant now)
{
    const hf_duration left = hf_between(now, p->expires);
    return left.ns == 0 || left.ns > b->opts.probe_timeout.ns;
}

/* Now if a place is free, else when the first silent probe loses its own. */
static void note_next_probe(struct hf_breaker *b)
{
    hf_instant wake_at = hf_never();
    for (unsigned i = 0; i < b->opts.probes_max; i++) {
        const struct hf_breaker_probe *p = &b->locked.probes[i];
        if (p->token == 0) wake_at.ns = INT64_MIN;
        wake_at = hf_earlier_of(wake_at, p->expires);
    }
    atomic_store_explicit(&b->wake_at, wake_at.ns, memory_order_relaxed);
}

static bool start_probe(struct hf_breaker *b, hf_instant now, struct hf_permit *permit)
{
    for (unsigned i = 0; i < b->opts.probes_max; i++) {
        struct hf_breaker_probe *p = &b->locked.probes[i];
        if (p->token != 0 && !is_silent(b, p, now)) continue;

        p->token = permit->token = word_of(++b->locked.number, GATE_PROBE);
        p->expires = hf_later(now, b->opts.probe_timeout);
        note_next_probe(b);
        return true;
    }
    return false;
}

static void end_probe(struct hf_breaker *b, hf_instant now, uint64_t token,
                      enum hf_outcome outcome, bool slow)
{
    unsigned i = 0;
    while (i < b->opts.probes_max && b->locked.probes[i].token != token) i++;
    if (i == b->opts.probes_max) return;

    b->locked.probes[i].token = 0;
    note_next_probe(b);
    if (outcome == HF_OUTCOME_NEUTRAL) return;

    b->locked.failures += outcome == HF_OUTCOME_FAILURE;
    b->locked.slow += slow;
    if (outcome == HF_OUTCOME_SUCCESS) count_success(b);
    if (outcome == HF_OUTCOME_FAILURE || (slow && b->opts.slow_rate > 0)) {
        const double stretch = b->locked.stretch * b->opts.open_growth;
        b->locked.stretch = stretch < b->opts.open_growth_max ? stretch
                                                              : b->opts.open_growth_max;
        open(b, now, outcome == HF_OUTCOME_FAILURE ? "probe failed" : "probe was slow");
    } else if (b->locked.probe_successes + 1 == b->opts.successes_to_close) {
        close_with_ramp(b, now);
    } else {
        b->locked.probe_successes++;
    }
}

/* Unlocks, and tells the listener what has happened, unless somebody is doing so already:
 * then that one will see it. */
static void unlock_and_tell(struct hf_breaker *b)
{
    check_invariant(b);
    while (b->locked.told < b->locked.moves && !b->locked.is_telling) {
        if (b->locked.moves - b->locked.told > HF_BREAKER_HISTORY_MAX) {
            b->locked.told = b->locked.moves - HF_BREAKER_HISTORY_MAX;
        }
        const struct hf_breaker_transition transition =
            b->locked.history[b->locked.told++ % HF_BREAKER_HISTORY_MAX];
        const hf_breaker_fn listener = b->locked.listener;
        void *const         ctx = b->locked.listener_ctx;
        if (!listener) continue;

        b->locked.is_telling = true;
        pthread_mutex_unlock(&b->lock);
        listener(&transition, ctx);
        pthread_mutex_lock(&b->lock);
        b->locked.is_telling = false;
    }
    pthread_mutex_unlock(&b->lock);
}

/* ---- Opening and closing ------------------------------------------------------- */

static void set_up(struct hf_breaker *b, const struct hf_breaker_opts *opts)
{
    const hf_duration rest_max = { (int64_t)((double)opts->open_for.ns *
                                             opts->open_growth_max) };
    memset(b, 0, sizeof *b);
    b->opts = *opts;
    b->slow_after = opts->slow_after.ns > 0 ? opts->slow_after.ns : INT64_MAX;
    b->wait_max = rest_max.ns > opts->probe_timeout.ns ? rest_max : opts->probe_timeout;
    b->locked.number = 1;
    b->locked.stretch = 1;
    b->locked.rng.state = opts->seed ? opts->seed : hf_rng_seed();
    hf_window_init(&b->locked.window, opts->window);
    atomic_init(&b->word, word_of(1, GATE_CLOSED));
    pthread_mutex_init(&b->lock, NULL);
    check_invariant(b);
}

hf_err hf_breaker_init(struct hf_breaker *b, const struct hf_breaker_opts *opts)
{
    const hf_err err = hf_breaker_opts_check(opts, NULL);
    if (!err) set_up(b, opts);
    return err;
}

void hf_breaker_deinit(struct hf_breaker *b)
{
    pthread_mutex_destroy(&b->lock);
}

hf_err hf_breaker_open(const struct hf_breaker_opts *opts, struct hf_breaker **breaker,
                       struct hf_error *error)
{
    struct hf_breaker_opts all = opts ? *opts : hf_breaker_opts_default();
    if (!all.allocator) all.allocator = &hf_allocator_default;
    const hf_err err = hf_breaker_opts_check(&all, error);
    if (err) return err;

    struct hf_breaker *b = hf_alloc(all.allocator, sizeof *b);
    if (!b) return hf_fail(error, HF_E_NOMEM, "breaker");
    set_up(b, &all);
    *breaker = b;
    return HF_OK;
}

void hf_breaker_close(struct hf_breaker *b)
{
    if (!b) return;
    hf_breaker_deinit(b);
    hf_free(b->opts.allocator, b);
}

void hf_breaker_set_listener(struct hf_breaker *b, hf_breaker_fn listener, void *ctx)
{
    pthread_mutex_lock(&b->lock);
    b->locked.listener = listener;
    b->locked.listener_ctx = ctx;
    unlock_and_tell(b);
}

/* ---- Calls --------------------------------------------------------------------- */

/* One call at a time gets the next place in a sequence that fills [0, SHARE_ALL) evenly, so
 * that the share of those below `share` is just that. */
static bool passes_ramp(struct hf_breaker *b, hf_instant now, uint64_t word)
{
    const hf_instant began = { atomic_load_explicit(&b->ramp_began, memory_order_relaxed) };
    const int64_t    ramp = b->opts.ramp.ns;
    const int64_t    passed = hf_between(began, now).ns;

    if (passed >= ramp || hf_between(now, began).ns >= ramp) {
        atomic_compare_exchange_strong(&b->word, &word,
                                       word_of(number_of(word), GATE_CLOSED));
        return true;
    }
    const uint32_t seen = atomic_fetch_add_explicit(&b->ramp_seen, 1, memory_order_relaxed);
    const int64_t  share = SHARE_FIRST + (SHARE_ALL - SHARE_FIRST) * passed / ramp;
    return seen < RAMP_FREE || (int64_t)(seen * UINT32_C(2654435769) >> 16) < share;
}

static hf_err admit_probe(struct hf_breaker *b, hf_instant now, struct hf_permit *permit)
{
    bool is_let_in = false;
    pthread_mutex_lock(&b->lock);
    if (state_now(b) == HF_BREAKER_OPEN && wait_at(b, now).ns == 0) {
        half_open(b, now, "rest is over");
    }
    if (state_now(b) == HF_BREAKER_HALF_OPEN) is_let_in = start_probe(b, now, permit);
    unlock_and_tell(b);
    return is_let_in ? HF_OK : refuse(b);
}

/* Kept out of line, so that the closed path saves no registers. */
__attribute__((noinline)) static hf_err admit_unless_closed(struct hf_breaker *b,
                                                            hf_instant now, uint64_t word,
                                                            struct hf_permit *permit)
{
    switch (gate_of(word)) {
    case GATE_DISABLED: permit->token = 0; return HF_OK;
    case GATE_OPEN:
    case GATE_HALF_OPEN:
        if (wait_at(b, now).ns > 0) return refuse(b);
        return admit_probe(b, now, permit);
    case GATE_RAMP:
        if (!passes_ramp(b, now, word)) return refuse(b);
        permit->token = word_of(number_of(word), GATE_CLOSED);
        return HF_OK;
    default: return refuse(b);
    }
}

hf_err hf_breaker_admit(struct hf_breaker *b, hf_instant now, struct hf_permit *permit)
{
    const uint64_t word = word_now(b);
    if (gate_of(word) > GATE_METRICS_ONLY) return admit_unless_closed(b, now, word, permit);
    permit->token = word;
    return HF_OK;
}

/* Whether calls are counted in the state that the permit was issued in, and it still holds.
 */
static bool is_current(const struct hf_breaker *b, uint64_t token)
{
    const uint64_t word = word_now(b);
    return number_of(token) == number_of(word) && gate_of(word) <= GATE_RAMP;
}

/* A success, while another state than plainly closed holds or something is to be done. */
static void report_success(struct hf_breaker *b, hf_instant now)
{
    count_success(b);
    atomic_store_explicit(&b->failures_in_a_row, 0, memory_order_relaxed);
    if (now.ns < atomic_load_explicit(&b->bucket_end, memory_order_relaxed)) return;
    if (pthread_mutex_trylock(&b->lock)) return;
    turn_window(b, now);
    pthread_mutex_unlock(&b->lock);
}

__attribute__((noinline)) static void report_news(struct hf_breaker *b, hf_instant now,
                                                  uint64_t token, enum hf_outcome outcome,
                                                  bool slow)
{
    const bool is_probe = gate_of(token) == GATE_PROBE;
    if (!is_probe) {
        if (outcome == HF_OUTCOME_NEUTRAL || !is_current(b, token)) return;
        if (outcome == HF_OUTCOME_SUCCESS && !slow) {
            report_success(b, now);
            return;
        }
    }
    pthread_mutex_lock(&b->lock);
    if (is_probe) {
        end_probe(b, now, token, outcome, slow);
    } else if (is_current(b, token)) {
        count_trouble(b, now, outcome == HF_OUTCOME_FAILURE, slow);
    }
    unlock_and_tell(b);
}

void hf_breaker_report(struct hf_breaker *b, hf_instant now, struct hf_permit permit,
                       enum hf_outcome outcome, hf_duration took)
{
    const bool slow = took.ns > b->slow_after;
    if (outcome == HF_OUTCOME_SUCCESS && !slow && permit.token == word_now(b) &&
        gate_of(permit.token) <= GATE_METRICS_ONLY &&
        atomic_load_explicit(&b->failures_in_a_row, memory_order_relaxed) == 0 &&
        now.ns < atomic_load_explicit(&b->bucket_end, memory_order_relaxed)) {
        count_success(b);
    } else {
        report_news(b, now, permit.token, outcome, slow);
    }
}

/* ---- From beside the calls ----------------------------------------------------- */

void hf_breaker_hint_healthy(struct hf_breaker *b, hf_instant now)
{
    if (state_now(b) != HF_BREAKER_OPEN) return;
    pthread_mutex_lock(&b->lock);
    if (state_now(b) == HF_BREAKER_OPEN) half_open(b, now, "health check succeeded");
    unlock_and_tell(b);
}

void hf_breaker_hint_failed(struct hf_breaker *b, hf_instant now)
{
    if (gate_of(word_now(b)) > GATE_RAMP) return;
    pthread_mutex_lock(&b->lock);
    if (gate_of(word_now(b)) <= GATE_RAMP) count_trouble(b, now, true, false);
    unlock_and_tell(b);
}

hf_err hf_breaker_force(struct hf_breaker *b, hf_instant now, enum hf_breaker_state state)
{
    enum gate next;
    switch (state) {
    case HF_BREAKER_FORCED_OPEN: next = GATE_FORCED_OPEN; break;
    case HF_BREAKER_DISABLED: next = GATE_DISABLED; break;
    case HF_BREAKER_METRICS_ONLY: next = GATE_METRICS_ONLY; break;
    default: return HF_E_INVALID;
    }
    pthread_mutex_lock(&b->lock);
    if (state_now(b) != state) move(b, now, next, "by hand");
    unlock_and_tell(b);
    return HF_OK;
}

void hf_breaker_reset(struct hf_breaker *b, hf_instant now)
{
    pthread_mutex_lock(&b->lock);
    move(b, now, GATE_CLOSED, "reset by hand");
    unlock_and_tell(b);
}

enum hf_breaker_state hf_breaker_state(const struct hf_breaker *b)
{
    return state_now(b);
}

void hf_breaker_snapshot(struct hf_breaker *b, hf_instant now,
                         struct hf_breaker_snapshot *snapshot)
{
    struct hf_breaker_snapshot s = { 0 };
    pthread_mutex_lock(&b->lock);
    turn_window(b, now);
    const struct hf_window_counts sum = hf_window_sum(&b->locked.window);
    const uint64_t                moves = b->locked.moves;

    s.state = state_now(b);
    if (s.state == HF_BREAKER_OPEN || s.state == HF_BREAKER_HALF_OPEN) {
        s.next_probe_in = wait_at(b, now);
    }
    s.failures_in_a_row = b->failures_in_a_row;
    s.failures_to_open = b->opts.failures_to_open;
    for (unsigned i = 0; i < b->opts.probes_max; i++) {
        s.probes_out += b->locked.probes[i].token != 0;
    }
    s.window_calls = sum.calls;
    s.window_failures = sum.failures;
    s.window_slow = sum.slow;
    s.successes = b->locked.successes_seen;
    s.failures = b->locked.failures;
    s.slow = b->locked.slow;
    for (unsigned i = 0; i < HF_BREAKER_SHARDS; i++) s.refused += b->shards[i].refused;
    s.transitions = moves;
    s.history_count = moves < HF_BREAKER_HISTORY_MAX ? (uint32_t)moves
                                                     : HF_BREAKER_HISTORY_MAX;
    for (uint32_t i = 0; i < s.history_count; i++) {
        s.history[i] =
            b->locked.history[(moves - s.history_count + i) % HF_BREAKER_HISTORY_MAX];
    }
    if (moves > 0) s.since = s.history[s.history_count - 1].at;
    unlock_and_tell(b);
    *snapshot = s;
}
