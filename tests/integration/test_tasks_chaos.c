#include "support/chaos.h"
#include "support/test.h"

static void workers_and_server_are_killed_and_every_task_is_done_once(void **state)
{
    (void)state;
    chaos_play(&(struct chaos_plan){
        .tasks = 400, .kills = 8, .hangs = 1, .restarts = 1, .seed = chaos_seed() });
}

static void connections_are_reset_too_and_every_task_is_done_once(void **state)
{
    (void)state;
    chaos_play(&(struct chaos_plan){ .tasks = 300,
                                     .kills = 5,
                                     .hangs = 1,
                                     .restarts = 1,
                                     .proxy = true,
                                     .seed = chaos_seed() });
}

int main(int argc, char **argv)
{
    if (chaos_is_worker(argc, argv)) return chaos_work(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_and_server_are_killed_and_every_task_is_done_once),
        cmocka_unit_test(connections_are_reset_too_and_every_task_is_done_once),
    };
    return RUN_TESTS(tests);
}
