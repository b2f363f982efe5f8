#include "core/error.h"
#include "resilience/breaker.h"

#include <inttypes.h>

struct hf_breaker_opts hf_breaker_opts_default(void)
{
    return (struct hf_breaker_opts){
        .failures_to_open = 5,
        .failure_rate = 0.5,
        .calls_min = 10,
        .window = hf_seconds(10),
        .open_for = hf_seconds(60),
        .open_jitter = 0.2,
        .open_growth = 2,
        .open_growth_max = 4,
        .probes_max = 3,
        .successes_to_close = 1,
        .probe_timeout = hf_seconds(5),
        .ramp = hf_ms(300),
    };
}

static hf_err check_count(struct hf_error *error, const char *name, uint32_t value,
                          uint32_t max)
{
    if (value >= 1 && value <= max) return HF_OK;
    return hf_fail(error, HF_E_INVALID, "breaker: %s is %" PRIu32 ", not 1 to %" PRIu32, name,
                   value, max);
}

/* NaN is in no range. */
static hf_err check_real(struct hf_error *error, const char *name, double value, double min,
                         double max)
{
    if (value >= min && value <= max) return HF_OK;
    return hf_fail(error, HF_E_INVALID, "breaker: %s is %g, not %g to %g", name, value, min,
                   max);
}

static hf_err check_span(struct hf_error *error, const char *name, hf_duration value,
                         hf_duration min, hf_duration max)
{
    if (value.ns >= min.ns && value.ns <= max.ns) return HF_OK;
    return hf_fail(error, HF_E_INVALID,
                   "breaker: %s is %" PRId64 " ns, not %" PRId64 " ms to %" PRId64 " ms",
                   name, value.ns, hf_to_ms(min), hf_to_ms(max));
}

hf_err hf_breaker_opts_check(const struct hf_breaker_opts *o, struct hf_error *error)
{
    const hf_duration none = hf_ns(0), hour = hf_seconds(3600);
    hf_err            err;

    if ((err = check_count(error, "failures_to_open", o->failures_to_open, UINT32_MAX)) ||
        (err = check_real(error, "failure_rate", o->failure_rate, 0, 1)) ||
        (err = check_real(error, "slow_rate", o->slow_rate, 0, 1)) ||
        (err = check_count(error, "calls_min", o->calls_min, UINT32_MAX)) ||
        (err = check_span(error, "window", o->window, hf_ms(10), hour)) ||
        (err = check_span(error, "slow_after", o->slow_after, none, hour)) ||
        (err = check_span(error, "open_for", o->open_for, hf_ms(1), hf_seconds(86400))) ||
        (err = check_real(error, "open_jitter", o->open_jitter, 0, 0.9)) ||
        (err = check_real(error, "open_growth", o->open_growth, 1, 10)) ||
        (err = check_real(error, "open_growth_max", o->open_growth_max, 1, 100)) ||
        (err = check_count(error, "probes_max", o->probes_max, HF_BREAKER_PROBES_MAX)) ||
        (err = check_count(error, "successes_to_close", o->successes_to_close, 1000)) ||
        (err = check_span(error, "probe_timeout", o->probe_timeout, hf_ms(1), hour)) ||
        (err = check_span(error, "ramp", o->ramp, none, hf_seconds(60)))) {
        return err;
    }
    if (o->slow_rate > 0 && o->slow_after.ns == 0) {
        return hf_fail(error, HF_E_INVALID,
                       "breaker: slow_rate is %g, but slow_after does not say what is slow",
                       o->slow_rate);
    }
    return HF_OK;
}

const char *hf_breaker_state_name(enum hf_breaker_state state)
{
    switch (state) {
    case HF_BREAKER_CLOSED: return "closed";
    case HF_BREAKER_OPEN: return "open";
    case HF_BREAKER_HALF_OPEN: return "half_open";
    case HF_BREAKER_FORCED_OPEN: return "forced_open";
    case HF_BREAKER_DISABLED: return "disabled";
    case HF_BREAKER_METRICS_ONLY: return "metrics_only";
    }
    return "unknown";
}
