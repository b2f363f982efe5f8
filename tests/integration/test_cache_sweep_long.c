/* A hundred thousand entries deleted by pattern: no command holds the server up for 5 ms, and
 * the client's memory stays flat. */

#include "support/cache_fixture.h"
#include "support/test.h"

#include <hiredis/hiredis.h>

enum { MANY = 100000, ATTEMPTS = 20 };

/* How many commands took the server 5 ms or longer meanwhile. */
static long long stalls_of_a_sweep(struct cache_fixture *f)
{
    struct hf_sweep sweep = { 0 };
    redis_server_do(f->server, "DEBUG POPULATE %d t@0:user 64", MANY);
    redis_server_do(f->server, "SLOWLOG RESET");
    const long before = atomic_load(&f->memory.bytes);
    atomic_store(&f->memory.bytes_peak, before);
    assert_int_equal(hf_cache_delete_matching(f->cache, NULL, hf_str("user:*"), &sweep, NULL,
                                              NULL, &f->error),
                     HF_OK);
    assert_int_equal(sweep.deleted, MANY);
    assert_in_range(atomic_load(&f->memory.bytes_peak) - before, 0, 1024 * 1024);

    redisReply     *reply = redis_server_command(f->server, "SLOWLOG LEN");
    const long long stalls = reply->integer;
    freeReplyObject(reply);
    return stalls;
}

/* A server that is taken off its processor looks slow: one undisturbed sweep of several is
 * enough to show that it is not the sweep. */
static void a_hundred_thousand_keys_go_without_a_stall_in_flat_memory(void **state)
{
    (void)state;
    struct cache_fixture     f;
    static const char *const args[] = { "--enable-debug-command",
                                        "yes",
                                        "--slowlog-log-slower-than",
                                        "5000",
                                        "--slowlog-max-len",
                                        "1000000",
                                        NULL };
    cache_fixture_open_with(&f, NULL, args);
    int attempts = 0;
    while (stalls_of_a_sweep(&f) > 0) assert_true(++attempts < ATTEMPTS);
    cache_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_thousand_keys_go_without_a_stall_in_flat_memory),
    };
    return RUN_TESTS(tests);
}
