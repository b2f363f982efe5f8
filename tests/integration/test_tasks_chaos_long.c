#include "support/chaos.h"
#include "support/test.h"

static void ten_thousand_tasks_are_done_once_each(void **state)
{
    (void)state;
    chaos_play(&(struct chaos_plan){
        .tasks = 10000, .kills = 100, .hangs = 8, .restarts = 8, .seed = chaos_seed() });
}

static void ten_thousand_tasks_are_done_once_each_over_a_proxy_that_resets(void **state)
{
    (void)state;
    chaos_play(&(struct chaos_plan){ .tasks = 10000,
                                     .kills = 100,
                                     .hangs = 8,
                                     .restarts = 8,
                                     .proxy = true,
                                     .seed = chaos_seed() });
}

int main(int argc, char **argv)
{
    if (chaos_is_worker(argc, argv)) return chaos_work(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_tasks_are_done_once_each),
        cmocka_unit_test(ten_thousand_tasks_are_done_once_each_over_a_proxy_that_resets),
    };
    return RUN_TESTS(tests);
}
