/* breaker_fixture.h - a breaker that three failures open, and a time of its own.
 *
 * It rests 100 ms and lets two probes out at a time; no jitter, no growth and no ramp unless
 * the test asks for them between configure() and begin(). Time is what the fixture says. */

#ifndef HF_TESTS_BREAKER_FIXTURE_H
#define HF_TESTS_BREAKER_FIXTURE_H

#include "resilience/breaker.h"
#include "support/test.h"

#include <string.h>

struct fixture {
    struct hf_breaker_opts     opts;
    struct hf_breaker          breaker;
    struct hf_breaker_snapshot seen;
    struct hf_permit           permit; /* The latest one issued. */
    hf_instant                 now;
};

static inline void begin(struct fixture *f)
{
    assert_int_equal(hf_breaker_init(&f->breaker, &f->opts), HF_OK);
}

static inline void configure(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    f->now = (hf_instant){ 1000000000 };
    f->opts = hf_breaker_opts_default();
    f->opts.failures_to_open = 3;
    f->opts.open_for = hf_ms(100);
    f->opts.open_jitter = 0;
    f->opts.open_growth = 1;
    f->opts.open_growth_max = 1;
    f->opts.probes_max = 2;
    f->opts.probe_timeout = hf_ms(50);
    f->opts.ramp = hf_ms(0);
    f->opts.seed = 1;
}

static inline void set_up(struct fixture *f)
{
    configure(f);
    begin(f);
}

static inline void tear_down(struct fixture *f)
{
    hf_breaker_deinit(&f->breaker);
}

static inline void advance(struct fixture *f, uint32_t ms)
{
    f->now = hf_later(f->now, hf_ms(ms));
}

static inline hf_err admit(struct fixture *f)
{
    return hf_breaker_admit(&f->breaker, f->now, &f->permit);
}

static inline void report(struct fixture *f, enum hf_outcome outcome)
{
    hf_breaker_report(&f->breaker, f->now, f->permit, outcome, hf_ns(0));
}

static inline void call(struct fixture *f, enum hf_outcome outcome)
{
    assert_int_equal(admit(f), HF_OK);
    report(f, outcome);
}

static inline void calls(struct fixture *f, int count, enum hf_outcome outcome)
{
    for (int i = 0; i < count; i++) call(f, outcome);
}

static inline const struct hf_breaker_snapshot *look(struct fixture *f)
{
    hf_breaker_snapshot(&f->breaker, f->now, &f->seen);
    return &f->seen;
}

#define assert_state(f, expected)                                                            \
    assert_string_equal(hf_breaker_state_name(hf_breaker_state(&(f)->breaker)),              \
                        hf_breaker_state_name(expected))

static inline void trip(struct fixture *f)
{
    calls(f, (int)f->opts.failures_to_open, HF_OUTCOME_FAILURE);
    assert_state(f, HF_BREAKER_OPEN);
}

#endif
