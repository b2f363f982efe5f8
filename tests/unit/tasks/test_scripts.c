#include "tasks/scripts.h"

#include "support/test.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

/* A wrong one would go unnoticed: the script would be sent whole each time. */
static void each_script_bears_its_own_sha1(void **state)
{
    (void)state;
    static const struct hf_tasks_script *const scripts[] = {
        &hf_tasks_lua_cancel,    &hf_tasks_lua_claim,   &hf_tasks_lua_complete,
        &hf_tasks_lua_create,    &hf_tasks_lua_delete,  &hf_tasks_lua_fail,
        &hf_tasks_lua_heartbeat, &hf_tasks_lua_list,    &hf_tasks_lua_maintain,
        &hf_tasks_lua_pause,     &hf_tasks_lua_release, &hf_tasks_lua_requeue,
        &hf_tasks_lua_schedule,  &hf_tasks_lua_stats,   &hf_tasks_lua_update,
    };
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        const struct hf_script *lua = &scripts[i]->lua;
        unsigned char           digest[EVP_MAX_MD_SIZE];
        char                    hex[41];
        unsigned                size;
        assert_int_equal(EVP_Digest(lua->source, lua->size, digest, &size, EVP_sha1(), NULL),
                         1);
        for (unsigned b = 0; b < 20; b++) snprintf(hex + 2 * b, 3, "%02x", digest[b]);
        assert_string_equal(scripts[i]->sha1, hex);
        assert_memory_equal(lua->source, "#!lua", 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_script_bears_its_own_sha1),
    };
    return RUN_TESTS(tests);
}
