#include "core/rng.h"
#include "support/history_play.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

/* A fixed number of operations, with a seed from the system: a failing one is printed, and
 * HF_SEED plays the same again. ./dev soak does it for long. */

enum { OPERATIONS = 16000 };

static void play(bool near)
{
    const char           *given = getenv("HF_SEED");
    const uint64_t        seed = given ? strtoull(given, NULL, 10) : hf_rng_seed();
    struct history_report report;
    printf("HF_SEED=%llu\n", (unsigned long long)seed);
    fflush(stdout);
    history_play(
        &(struct history_plan){ .seed = seed, .operations = OPERATIONS, .near = near },
        &report);
    printf("  %zu deeds in %ld storms and %ld outages; counted %ld, of which %ld were "
           "acknowledged and %ld unknown\n",
           report.deeds, report.storms, report.outages, report.counted, report.acknowledged,
           report.unknown);
    assert_true(history_holds(&report));
}

static void what_callers_were_told_can_have_been(void **state)
{
    (void)state;
    play(false);
}

static void so_it_can_with_a_near_cache(void **state)
{
    (void)state;
    play(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_callers_were_told_can_have_been),
        cmocka_unit_test(so_it_can_with_a_near_cache),
    };
    return RUN_TESTS(tests);
}
