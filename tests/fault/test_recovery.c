#include "support/outage.h"
#include "support/test.h"

/* Each outage lasts long enough to open the breaker; test_recovery_long.c has the long ones.
 */

static void service_is_back_in_bounds_after_each_kind_of_outage(void **state)
{
    (void)state;
    for (enum outage outage = 0; outage < OUTAGES; outage++) outage_play(outage, hf_ms(1500));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(service_is_back_in_bounds_after_each_kind_of_outage),
    };
    return RUN_TESTS(tests);
}
