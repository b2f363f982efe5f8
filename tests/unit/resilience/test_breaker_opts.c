#include "resilience/breaker.h"

#include "support/counting_allocator.h"
#include "support/test.h"

#include <math.h>
#include <string.h>

static void defaults_are_those_of_the_manual(void **state)
{
    (void)state;
    const struct hf_breaker_opts o = hf_breaker_opts_default();
    assert_int_equal(hf_breaker_opts_check(&o, NULL), HF_OK);
    assert_int_equal(o.failures_to_open, 5);
    assert_true(o.failure_rate == 0.5);
    assert_int_equal(o.calls_min, 10);
    assert_int_equal(hf_to_ms(o.window), 10000);
    assert_int_equal(o.slow_after.ns, 0);
    assert_true(o.slow_rate == 0);
    assert_int_equal(hf_to_ms(o.open_for), 60000);
    assert_true(o.open_jitter == 0.2);
    assert_true(o.open_growth == 2);
    assert_true(o.open_growth_max == 4);
    assert_int_equal(o.probes_max, 3);
    assert_int_equal(o.successes_to_close, 1);
    assert_int_equal(hf_to_ms(o.probe_timeout), 5000);
    assert_int_equal(hf_to_ms(o.ramp), 300);
}

static void the_ends_of_the_ranges_are_in_them(void **state)
{
    (void)state;
    struct hf_breaker_opts o = hf_breaker_opts_default();
    o.failures_to_open = o.calls_min = UINT32_MAX;
    o.failure_rate = 1;
    o.window = o.slow_after = o.probe_timeout = hf_seconds(3600);
    o.open_for = hf_seconds(86400);
    o.open_jitter = 0.9;
    o.open_growth = 10;
    o.open_growth_max = 100;
    o.probes_max = HF_BREAKER_PROBES_MAX;
    o.successes_to_close = 1000;
    o.ramp = hf_seconds(60);
    assert_int_equal(hf_breaker_opts_check(&o, NULL), HF_OK);

    o.failures_to_open = o.calls_min = o.probes_max = o.successes_to_close = 1;
    o.failure_rate = o.open_jitter = 0;
    o.open_growth = o.open_growth_max = 1;
    o.window = hf_ms(10);
    o.open_for = o.probe_timeout = hf_ms(1);
    o.slow_after = o.ramp = hf_ns(0);
    assert_int_equal(hf_breaker_opts_check(&o, NULL), HF_OK);
}

enum kind { COUNT, REAL, SPAN };

/* clang-format off */

#define AT(field) #field, offsetof(struct hf_breaker_opts, field)

static const struct bad {
    const char *name;
    size_t      at;
    enum kind   kind;
    double      value; /* Durations in seconds. */
} bad_options[] = {
    { AT(failures_to_open),   COUNT, 0 },
    { AT(failure_rate),       REAL,  1.01 },
    { AT(failure_rate),       REAL,  -0.1 },
    { AT(failure_rate),       REAL,  (double)NAN },
    { AT(slow_rate),          REAL,  0.5 }, /* Without slow_after. */
    { AT(slow_after),         SPAN,  -1 },
    { AT(calls_min),          COUNT, 0 },
    { AT(window),             SPAN,  0 },
    { AT(window),             SPAN,  -10 },
    { AT(window),             SPAN,  3601 },
    { AT(open_for),           SPAN,  0 },
    { AT(open_for),           SPAN,  -60 },
    { AT(open_for),           SPAN,  9e9 },
    { AT(open_jitter),        REAL,  1 },
    { AT(open_growth),        REAL,  0.5 },
    { AT(open_growth_max),    REAL,  0 },
    { AT(open_growth_max),    REAL,  (double)INFINITY },
    { AT(probes_max),         COUNT, 0 },
    { AT(probes_max),         COUNT, HF_BREAKER_PROBES_MAX + 1 },
    { AT(successes_to_close), COUNT, 0 },
    { AT(probe_timeout),      SPAN,  0 },
    { AT(ramp),               SPAN,  -1 },
    { AT(ramp),               SPAN,  61 },
};

/* clang-format on */

static struct hf_breaker_opts with(const struct bad *bad)
{
    struct hf_breaker_opts o = hf_breaker_opts_default();
    char *const            field = (char *)&o + bad->at;
    switch (bad->kind) {
    case COUNT: *(uint32_t *)field = (uint32_t)bad->value; break;
    case REAL: *(double *)field = bad->value; break;
    case SPAN: *(hf_duration *)field = hf_ns((int64_t)(bad->value * 1e9)); break;
    }
    return o;
}

static void options_out_of_range_are_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_options / sizeof bad_options[0]; i++) {
        const struct hf_breaker_opts o = with(&bad_options[i]);
        struct hf_error              error;
        struct hf_breaker           *handle = NULL;
        struct hf_breaker            embedded;
        assert_int_equal(hf_breaker_open(&o, &handle, &error), HF_E_INVALID);
        assert_null(handle);
        assert_non_null(strstr(error.detail, bad_options[i].name));
        assert_int_equal(hf_breaker_init(&embedded, &o), HF_E_INVALID);
    }
}

static void the_handle_takes_one_block_and_gives_it_back(void **state)
{
    (void)state;
    struct counting_allocator memory;
    counting_allocator_init(&memory);
    struct hf_breaker_opts o = hf_breaker_opts_default();
    struct hf_breaker     *b = NULL;
    o.allocator = &memory.base;
    assert_int_equal(hf_breaker_open(&o, &b, NULL), HF_OK);
    assert_int_equal(memory.blocks, 1);
    hf_breaker_close(b);
    assert_int_equal(memory.blocks, 0);

    counting_allocator_init(&memory);
    memory.fail_at = 1;
    b = NULL;
    assert_int_equal(hf_breaker_open(&o, &b, NULL), HF_E_NOMEM);
    assert_null(b);

    assert_int_equal(hf_breaker_open(NULL, &b, NULL), HF_OK);
    hf_breaker_close(b);
    hf_breaker_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_manual),
        cmocka_unit_test(the_ends_of_the_ranges_are_in_them),
        cmocka_unit_test(options_out_of_range_are_refused_by_name),
        cmocka_unit_test(the_handle_takes_one_block_and_gives_it_back),
    };
    return RUN_TESTS(tests);
}
