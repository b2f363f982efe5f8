#include "support/counting_allocator.h"
#include "support/leaks.h"
#include "support/redis_server.h"
#include "support/session.h"
#include "support/test.h"

/* One session of everything a client does, played again and again, each time with the next
 * request for memory refused, until one is played without a refusal. */

enum { REQUESTS_MAX = 2000 };

static void relent(void *memory)
{
    ((struct counting_allocator *)memory)->fail_at = 0;
}

static void torture(bool fails_on)
{
    struct redis_server      *server = redis_server_open(NULL);
    struct counting_allocator memory;
    counting_allocator_init(&memory);
    const struct session session = {
        .url = redis_server_unix_url(server),
        .allocator = &memory.base,
        .relent = fails_on ? NULL : relent,
        .ctx = &memory,
    };
    const struct leaks before = leaks_count();
    long               refused = 0;
    for (long at = 1; at < REQUESTS_MAX; at++) {
        redis_server_do(server, "SET n 0");
        memory.requests = 0;
        memory.fail_after = fails_on;
        memory.fail_at = at;
        session_play(&session);
        memory.fail_at = 0;
        if (memory.blocks) fail_msg("request %ld: %ld left", at, (long)memory.blocks);
        refused = at;
        if (memory.requests < at) break;
    }
    assert_true(refused > 10 && refused < REQUESTS_MAX - 1);
    assert_true(leaks_settle(&before));
    redis_server_close(server);
    print_message("%ld requests refused\n", refused);
}

static void one_refused_request_for_memory_costs_one_call_at_most(void **state)
{
    (void)state;
    torture(false);
}

static void without_memory_every_call_ends_and_says_so(void **state)
{
    (void)state;
    torture(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_refused_request_for_memory_costs_one_call_at_most),
        cmocka_unit_test(without_memory_every_call_ends_and_says_so),
    };
    return RUN_TESTS(tests);
}
