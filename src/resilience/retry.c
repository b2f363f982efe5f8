#include "resilience/retry.h"

#include "core/assert.h"
#include "core/error.h"
#include "resilience/backoff.h"

/* A lost connection is replaced within a few milliseconds; a server that is busy or loading
 * wants more. */
static const struct hf_backoff pauses = { .base = { 4000000 }, .cap = { 250000000 } };

static void check_invariant(const struct hf_retry_state *s)
{
    hf_assert(s->command_class != HF_COMMAND_AUTO);
    hf_assert(s->retries <= HF_RETRIES_MAX);
}

static bool may_be_applied_twice(const struct hf_retry_state *s)
{
    return s->command_class != HF_COMMAND_ACCUMULATING;
}

void hf_retry_begin(struct hf_retry_state *s, const struct hf_retry_opts *opts,
                    enum hf_command_class command_class, hf_instant now, hf_instant deadline)
{
    *s = (struct hf_retry_state){ opts, command_class, now, deadline, 0 };
    check_invariant(s);
}

hf_instant hf_retry_attempt_deadline(const struct hf_retry_state *s, hf_instant now)
{
    check_invariant(s);
    if (!s->opts->retry_on_timeout || !may_be_applied_twice(s)) return s->deadline;
    if (s->retries == HF_RETRIES_MAX) return s->deadline;

    const hf_duration whole = hf_between(s->begun, s->deadline);
    const hf_duration wished = s->opts->attempt_timeout;
    if (wished.ns > 0 && wished.ns < whole.ns) {
        return hf_earlier_of(s->deadline, hf_later(now, wished));
    }
    if (s->retries > 0) return s->deadline;
    return hf_earlier_of(s->deadline, hf_later(now, hf_ns(whole.ns / 2)));
}

static bool is_allowed(const struct hf_retry_state *s, hf_err err)
{
    if (hf_err_category(err) == HF_CATEGORY_TIMEOUT && !s->opts->retry_on_timeout)
        return false;
    switch (hf_err_retry(err)) {
    case HF_RETRY_ANY: return true;
    case HF_RETRY_SAFE: return may_be_applied_twice(s) || !hf_err_outcome_unknown(err);
    case HF_RETRY_NO: return false;
    }
    return false;
}

bool hf_retry_again(struct hf_retry_state *s, hf_err err, hf_instant now,
                    struct hf_retry_budget *budget, hf_duration *pause)
{
    check_invariant(s);
    const hf_duration left = hf_between(now, s->deadline);
    if (left.ns == 0 || s->retries == HF_RETRIES_MAX || !is_allowed(s, err)) return false;
    if (hf_err_category(err) != HF_CATEGORY_CONNECTION && !hf_retry_budget_spend(budget)) {
        return false;
    }

    struct hf_rng rng = hf_retry_budget_rng(budget);
    s->retries++;
    *pause = hf_backoff_pause(pauses, s->retries, &rng);
    if (pause->ns > left.ns / 2) pause->ns = left.ns / 2;
    return true;
}
