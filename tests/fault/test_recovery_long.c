#include "support/outage.h"
#include "support/test.h"

static void service_is_back_in_bounds_after_outages_of_up_to_a_minute(void **state)
{
    (void)state;
    static const uint32_t lengths_ms[] = { 300, 5000, 15000, 60000 };
    for (size_t i = 0; i < sizeof lengths_ms / sizeof lengths_ms[0]; i++) {
        for (enum outage outage = 0; outage < OUTAGES; outage++) {
            outage_play(outage, hf_ms(lengths_ms[i]));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(service_is_back_in_bounds_after_outages_of_up_to_a_minute),
    };
    return RUN_TESTS(tests);
}
