#include "core/rng.h"
#include "support/history_play.h"
#include "support/test.h"

#include <holdfast/time.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ./dev soak MINUTES [SEED]: round after round of random operations under random faults, each
 * judged by the history checker, until the time is over. Ends at the first round that cannot
 * have been, with the seed that plays it again. */

enum { OPERATIONS = 40000, MINUTES_MAX = 7 * 24 * 60 };

static struct {
    double   minutes;
    uint64_t seed;
    bool     seed_is_given;
} wanted;

static void show(unsigned round, uint64_t seed, const struct history_report *r, double left)
{
    printf("round %u, seed %llu: %zu deeds in %ld storms and %ld outages, %ld increments of "
           "unknown outcome; %.1f minutes left\n",
           round, (unsigned long long)seed, r->deeds, r->storms, r->outages, r->unknown,
           left);
    fflush(stdout);
}

static void every_round_can_have_been(void **state)
{
    (void)state;
    const hf_instant end = hf_later(hf_now(), hf_ms((uint32_t)(wanted.minutes * 60000)));
    for (unsigned round = 1; hf_before(hf_now(), end); round++) {
        struct history_report     report;
        const uint64_t            seed = wanted.seed_is_given ? wanted.seed : hf_rng_seed();
        const struct history_plan plan = { .seed = seed,
                                           .operations = OPERATIONS,
                                           .near = round % 2 == 0 };
        history_play(&plan, &report);
        show(round, seed, &report, (double)hf_between(hf_now(), end).ns / 60e9);
        if (!history_holds(&report)) {
            fail_msg("round %u cannot have been: counted %ld, of which %ld acknowledged and "
                     "%ld unknown; %zu reads wrong. Again: ./dev soak %g %llu",
                     round, report.counted, report.acknowledged, report.unknown, report.wrong,
                     wanted.minutes, (unsigned long long)seed);
        }
    }
}

int main(int argc, char **argv)
{
    char *rest = NULL;
    if (argc == 2 || argc == 3) wanted.minutes = strtod(argv[1], &rest);
    if (!rest || *rest || !(wanted.minutes > 0 && wanted.minutes <= MINUTES_MAX)) {
        fprintf(stderr, "use: soak MINUTES [SEED], with up to %d minutes\n", MINUTES_MAX);
        return 2;
    }
    wanted.seed_is_given = argc == 3;
    if (argc == 3) wanted.seed = strtoull(argv[2], &rest, 10);
    if (argc == 3 && *rest) {
        fprintf(stderr, "soak: '%s' is no seed: a number, as it was printed\n", argv[2]);
        return 2;
    }
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_round_can_have_been) };
    return RUN_TESTS(tests);
}
