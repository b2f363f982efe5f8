#include "resilience/admission.h"

#include "core/assert.h"

#include <string.h>

enum {
    OFF_DUTY = 0,
    UNLIMITED = UINT16_MAX,
    ROUND_CALLS = 64,    /* A round is over after so many ... */
    ROUND_CALLS_MIN = 8, /* ... or so many and ... */
    ROUND_MS = 500,      /* ... so long. */
    QUIET_ROUNDS = 4,
    LIFTED_SECONDS = 5,
};

static const double share_wanted = 0.5;
static const double shrink_most = 0.5;
static const double shrink_least = 0.75;

static void check_invariant(const struct hf_admission *a)
{
    hf_assert(atomic_load(&a->limit) <= UNLIMITED);
    hf_assert(a->locked.calls < ROUND_CALLS);
    hf_assert(a->locked.quiet < QUIET_ROUNDS);
}

void hf_admission_init(struct hf_admission *a)
{
    memset(a, 0, sizeof *a);
    pthread_mutex_init(&a->lock, NULL);
}

void hf_admission_deinit(struct hf_admission *a)
{
    pthread_mutex_destroy(&a->lock);
}

hf_err hf_admission_enter(struct hf_admission *a, struct hf_ticket *ticket)
{
    const uint32_t limit = atomic_load_explicit(&a->limit, memory_order_relaxed);
    if (limit == OFF_DUTY) {
        ticket->is_counted = false;
        return HF_OK;
    }
    uint32_t inside = atomic_load_explicit(&a->inside, memory_order_relaxed);
    do {
        if (inside >= limit) {
            atomic_fetch_add_explicit(&a->refused, 1, memory_order_relaxed);
            return HF_E_OVERLOAD;
        }
    } while (!atomic_compare_exchange_weak_explicit(
        &a->inside, &inside, inside + 1, memory_order_relaxed, memory_order_relaxed));
    ticket->is_counted = true;
    return HF_OK;
}

/* ---- Under the lock ------------------------------------------------------------ */

static void begin_round(struct hf_admission *a, hf_instant now, uint32_t limit)
{
    atomic_store_explicit(&a->limit, limit, memory_order_relaxed);
    a->locked.began = now;
    a->locked.calls = 0;
    a->locked.answers = 0;
    a->locked.peak = 0;
    a->locked.shares = 0;
}

/* A clock that jumped back does not prolong it. */
static bool is_lifted(const struct hf_admission *a, hf_instant now)
{
    const hf_duration left = hf_between(now, a->locked.lifted_until);
    return left.ns > 0 && left.ns <= hf_seconds(LIFTED_SECONDS).ns;
}

/* From as many as there really were inside; the answers due are halfway between those of a
 * queue, which stay as many, and those of a long way, which become fewer in proportion. */
static uint32_t shrink(struct hf_admission *a, uint32_t limit, double share,
                       double answers_per_second)
{
    const uint32_t used = a->locked.peak < limit ? a->locked.peak : limit;
    double         factor = share_wanted / share;
    if (factor < shrink_most) factor = shrink_most;
    if (factor > shrink_least) factor = shrink_least;

    const uint32_t next = (uint32_t)(used * factor);
    if (next == 0) return 1;
    a->locked.answers_due = answers_per_second * (1 + factor) / 2;
    return next;
}

static uint32_t next_limit(struct hf_admission *a, hf_instant now)
{
    const uint32_t limit = atomic_load_explicit(&a->limit, memory_order_relaxed);
    const double   seconds = (double)hf_between(a->locked.began, now).ns / 1e9;
    const double   answers_per_second = a->locked.answers / (seconds > 0 ? seconds : 1e-9);
    const double   share = a->locked.shares / a->locked.calls;
    const bool     was_wrong = answers_per_second < a->locked.answers_due;

    a->locked.answers_due = 0;
    if (was_wrong) {
        a->locked.lifted_until = hf_later(now, hf_seconds(LIFTED_SECONDS));
        return UNLIMITED;
    }
    if (share > share_wanted) {
        a->locked.quiet = 0;
        return is_lifted(a, now) ? UNLIMITED : shrink(a, limit, share, answers_per_second);
    }
    if (a->locked.peak >= limit) {
        const bool     is_quick = share < share_wanted / 4;
        const uint32_t grown = is_quick ? 2 * limit : limit + limit / 8 + 1;
        a->locked.quiet = 0;
        return grown < UNLIMITED ? grown : UNLIMITED;
    }
    if (++a->locked.quiet < QUIET_ROUNDS) return limit;
    a->locked.quiet = 0;
    return OFF_DUTY;
}

static bool is_round_over(const struct hf_admission *a, hf_instant now)
{
    if (a->locked.calls >= ROUND_CALLS) return true;
    return a->locked.calls >= ROUND_CALLS_MIN &&
           hf_between(a->locked.began, now).ns >= hf_ms(ROUND_MS).ns;
}

static void add_call(struct hf_admission *a, hf_instant now, uint32_t inside,
                     enum hf_outcome outcome, hf_duration took, double share)
{
    if (hf_before(now, a->locked.began)) {
        begin_round(a, now, atomic_load_explicit(&a->limit, memory_order_relaxed));
    }
    if (inside > a->locked.peak) a->locked.peak = inside;
    a->locked.answers += outcome == HF_OUTCOME_SUCCESS;
    if (took.ns > hf_between(a->locked.began, now).ns) return;

    a->locked.calls++;
    a->locked.shares += share;
    if (is_round_over(a, now)) begin_round(a, now, next_limit(a, now));
}

/* ------------------------------------------------------------------------------------ */

/* A call that was not answered has used up its time, however early it was given up. */
static double share_of(enum hf_outcome outcome, hf_duration took, hf_duration timeout)
{
    if (outcome == HF_OUTCOME_FAILURE || took.ns >= timeout.ns) return 1;
    return (double)took.ns / (double)timeout.ns;
}

void hf_admission_leave(struct hf_admission *a, hf_instant now, struct hf_ticket ticket,
                        enum hf_outcome outcome, hf_duration took, hf_duration timeout)
{
    uint32_t inside = 0;
    if (ticket.is_counted) {
        inside = atomic_fetch_sub_explicit(&a->inside, 1, memory_order_relaxed);
        hf_assert(inside > 0);
    }
    if (outcome == HF_OUTCOME_NEUTRAL) return;

    const double share = share_of(outcome, took, timeout);
    const bool   on_duty = atomic_load_explicit(&a->limit, memory_order_relaxed) != OFF_DUTY;
    if (on_duty ? !ticket.is_counted : share <= share_wanted) return;

    pthread_mutex_lock(&a->lock);
    if (atomic_load_explicit(&a->limit, memory_order_relaxed) == OFF_DUTY) {
        if (share > share_wanted) begin_round(a, now, UNLIMITED);
    } else if (ticket.is_counted) {
        add_call(a, now, inside, outcome, took, share);
    }
    check_invariant(a);
    pthread_mutex_unlock(&a->lock);
}
