/* The table of commands against what a real server says of its own. */

#include "resilience/command_class.h"

#include "support/redis_server.h"
#include "support/test.h"

#include <hiredis/hiredis.h>
#include <stdio.h>

/* Where COMMAND says what. */
enum { NAME = 0, FLAGS = 2, SUBCOMMANDS = 9 };

static bool has_flag(const redisReply *command, const char *flag)
{
    const redisReply *flags = command->element[FLAGS];
    for (size_t i = 0; i < flags->elements; i++) {
        if (strcmp(flags->element[i]->str, flag) == 0) return true;
    }
    return false;
}

static bool has_admin_part(const redisReply *command)
{
    const redisReply *parts = command->element[SUBCOMMANDS];
    for (size_t i = 0; i < parts->elements; i++) {
        if (has_flag(parts->element[i], "admin")) return true;
    }
    return has_flag(command, "admin");
}

static struct hf_command_traits traits_of(const redisReply *command)
{
    const struct hf_bytes name = hf_str(command->element[NAME]->str);
    return hf_command_traits(&name, 1);
}

static void check(const redisReply *command)
{
    const char                    *name = command->element[NAME]->str;
    const struct hf_command_traits t = traits_of(command);
    const bool                     is_write = has_flag(command, "write");
    const bool                     is_read = has_flag(command, "readonly");
    const bool has_options = strcmp(name, "xread") == 0 || strcmp(name, "xreadgroup") == 0;
    const bool may_only_read = strcmp(name, "sort") == 0 || strcmp(name, "georadius") == 0 ||
                               strcmp(name, "georadiusbymember") == 0;

    if (is_read) assert_int_equal(t.command_class, HF_COMMAND_READ);
    if (is_write && !may_only_read) assert_int_not_equal(t.command_class, HF_COMMAND_READ);
    assert_int_equal(t.is_admin, has_admin_part(command));
    if (strcmp(name, "wait") != 0 && !has_options) {
        assert_int_equal(t.is_blocking, has_flag(command, "blocking"));
    }
    if (has_flag(command, "pubsub") && strstr(name, "subscribe")) assert_true(t.is_session);
}

static void every_command_of_the_server_is_in_the_table_as_the_server_sees_it(void **state)
{
    (void)state;
    struct redis_server *server = redis_server_open(NULL);
    redisReply          *reply = redis_server_command(server, "COMMAND");
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    assert_true(reply->elements > 200);
    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply     *command = reply->element[i];
        const struct hf_bytes name = hf_str(command->element[NAME]->str);
        if (!hf_command_is_known(name)) fprintf(stderr, "%s\n", command->element[NAME]->str);
        assert_true(hf_command_is_known(name));
        check(command);
    }
    freeReplyObject(reply);
    redis_server_close(server);
}

static void every_subcommand_is_as_administrative_as_the_server_says(void **state)
{
    (void)state;
    struct redis_server *server = redis_server_open(NULL);
    redisReply          *reply = redis_server_command(server, "COMMAND");
    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply *parts = reply->element[i]->element[SUBCOMMANDS];
        for (size_t k = 0; k < parts->elements; k++) {
            const char                    *full = parts->element[k]->element[NAME]->str;
            const char                    *bar = strchr(full, '|');
            const struct hf_bytes          argv[] = { hf_bytes(full, (size_t)(bar - full)),
                                                      hf_str(bar + 1) };
            const struct hf_command_traits t = hf_command_traits(argv, 2);
            if (has_flag(parts->element[k], "admin")) assert_true(t.is_admin);
            if (has_flag(parts->element[k], "write")) {
                assert_int_not_equal(t.command_class, HF_COMMAND_READ);
            }
        }
    }
    freeReplyObject(reply);
    redis_server_close(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_of_the_server_is_in_the_table_as_the_server_sees_it),
        cmocka_unit_test(every_subcommand_is_as_administrative_as_the_server_says),
    };
    return RUN_TESTS(tests);
}
