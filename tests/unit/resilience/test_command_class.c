#include "resilience/command_class.h"

#include "support/test.h"

#include <stdio.h>

enum { ARGS_MAX = 16 };

/* "SET k v NX", split at spaces. */
static struct hf_command_traits traits_of(const char *command)
{
    struct hf_bytes argv[ARGS_MAX];
    size_t          argc = 0;
    for (const char *at = command; *at && argc < ARGS_MAX;) {
        const size_t size = strcspn(at, " ");
        argv[argc++] = hf_bytes(at, size);
        at += size + (at[size] == ' ');
    }
    return hf_command_traits(argv, argc);
}

struct expected {
    const char           *command;
    enum hf_command_class command_class;
};

static void assert_classes(const struct expected *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const enum hf_command_class class_ = traits_of(rows[i].command).command_class;
        if (class_ != rows[i].command_class) fprintf(stderr, "%s\n", rows[i].command);
        assert_int_equal(class_, rows[i].command_class);
    }
}

static void commands_have_the_class_of_the_manual(void **state)
{
    (void)state;
    static const struct expected rows[] = {
        { "GET k", HF_COMMAND_READ },
        { "PING", HF_COMMAND_READ },
        { "ZREVRANGEBYSCORE k 1 0", HF_COMMAND_READ },
        { "GEORADIUSBYMEMBER_RO k m 1 km", HF_COMMAND_READ },
        { "EVAL_RO s 0", HF_COMMAND_READ },
        { "SET k v", HF_COMMAND_IDEMPOTENT },
        { "DEL k", HF_COMMAND_IDEMPOTENT },
        { "SETEX k 1 v", HF_COMMAND_IDEMPOTENT },
        { "HSET k f v", HF_COMMAND_IDEMPOTENT },
        { "FLUSHDB", HF_COMMAND_IDEMPOTENT },
        { "INCR k", HF_COMMAND_ACCUMULATING },
        { "LPUSH k v", HF_COMMAND_ACCUMULATING },
        { "APPEND k v", HF_COMMAND_ACCUMULATING },
        { "PUBLISH c m", HF_COMMAND_ACCUMULATING },
        { "EVAL s 0", HF_COMMAND_ACCUMULATING },
        { "EXEC", HF_COMMAND_ACCUMULATING },
        { "LTRIM k 1 -1", HF_COMMAND_ACCUMULATING },
        { "ZREMRANGEBYRANK k 0 0", HF_COMMAND_ACCUMULATING },
        { "NOSUCHCOMMAND", HF_COMMAND_ACCUMULATING },
    };
    assert_classes(rows, sizeof rows / sizeof rows[0]);
}

static void answers_that_would_lie_the_second_time_accumulate(void **state)
{
    (void)state;
    static const struct expected rows[] = {
        { "SETNX k v", HF_COMMAND_ACCUMULATING },
        { "MSETNX k v", HF_COMMAND_ACCUMULATING },
        { "HSETNX k f v", HF_COMMAND_ACCUMULATING },
        { "GETDEL k", HF_COMMAND_ACCUMULATING },
        { "GETSET k v", HF_COMMAND_ACCUMULATING },
        { "SETBIT k 1 1", HF_COMMAND_ACCUMULATING },
        { "RENAME a b", HF_COMMAND_ACCUMULATING },
        { "MOVE k 1", HF_COMMAND_ACCUMULATING },
        { "XADD s 5-1 f v", HF_COMMAND_ACCUMULATING },
        { "XADD s * f v", HF_COMMAND_ACCUMULATING },
        { "SPOP k", HF_COMMAND_ACCUMULATING },
    };
    assert_classes(rows, sizeof rows / sizeof rows[0]);
}

static void arguments_decide_where_they_matter(void **state)
{
    (void)state;
    static const struct expected rows[] = {
        { "SET k v EX 10", HF_COMMAND_IDEMPOTENT },
        { "SET k v XX KEEPTTL", HF_COMMAND_IDEMPOTENT },
        { "SET k v NX", HF_COMMAND_ACCUMULATING },
        { "SET k v EX 10 nx", HF_COMMAND_ACCUMULATING },
        { "SET k v GET", HF_COMMAND_ACCUMULATING },
        { "SET k NX", HF_COMMAND_IDEMPOTENT },
        { "SET GET NX", HF_COMMAND_IDEMPOTENT },
        { "ZADD z 1 m", HF_COMMAND_IDEMPOTENT },
        { "ZADD z GT CH 1 m", HF_COMMAND_IDEMPOTENT },
        { "ZADD z INCR 1 m", HF_COMMAND_ACCUMULATING },
        { "EXPIRE k 10", HF_COMMAND_IDEMPOTENT },
        { "PEXPIREAT k 10 GT", HF_COMMAND_IDEMPOTENT },
        { "EXPIRE k 10 NX", HF_COMMAND_ACCUMULATING },
        { "COPY a b", HF_COMMAND_ACCUMULATING },
        { "COPY a b DB 1 REPLACE", HF_COMMAND_IDEMPOTENT },
        { "RESTORE k 0 REPLACE", HF_COMMAND_IDEMPOTENT },
        { "RESTORE k 0 x", HF_COMMAND_ACCUMULATING },
        { "SORT k ALPHA", HF_COMMAND_READ },
        { "SORT k BY w LIMIT 0 1 STORE d", HF_COMMAND_ACCUMULATING },
        { "GEORADIUS k 1 1 1 km", HF_COMMAND_READ },
        { "GEORADIUS k 1 1 1 km STOREDIST d", HF_COMMAND_ACCUMULATING },
    };
    assert_classes(rows, sizeof rows / sizeof rows[0]);
}

static void subcommands_have_a_class_of_their_own(void **state)
{
    (void)state;
    static const struct expected rows[] = {
        { "CONFIG GET x", HF_COMMAND_READ },
        { "config set x 1", HF_COMMAND_IDEMPOTENT },
        { "CONFIG", HF_COMMAND_ACCUMULATING },
        { "SCRIPT LOAD x", HF_COMMAND_IDEMPOTENT },
        { "CLUSTER COUNTKEYSINSLOT 1", HF_COMMAND_READ },
        { "CLUSTER RESET", HF_COMMAND_ACCUMULATING },
        { "CLIENT KILL ID 5", HF_COMMAND_ACCUMULATING },
        { "OBJECT ENCODING k", HF_COMMAND_READ },
        { "CLUSTER ABCDEFGHIJKLMNOPQRSTUVWXYZ", HF_COMMAND_ACCUMULATING },
    };
    assert_classes(rows, sizeof rows / sizeof rows[0]);
}

static void case_does_not_matter(void **state)
{
    (void)state;
    assert_int_equal(traits_of("get k").command_class, HF_COMMAND_READ);
    assert_int_equal(traits_of("GeT k").command_class, HF_COMMAND_READ);
    assert_int_equal(traits_of("bzPopMin k 0").command_class, HF_COMMAND_ACCUMULATING);
    assert_true(traits_of("bzPopMin k 0").is_blocking);
    assert_int_equal(traits_of("restore-asking k 0 x").command_class,
                     HF_COMMAND_ACCUMULATING);
}

/* Short names are looked for in another way than long ones. */
static void names_of_eight_bytes_and_of_nine_are_told_apart(void **state)
{
    (void)state;
    static const struct expected rows[] = {
        { "BITFIELD k", HF_COMMAND_ACCUMULATING },
        { "bitfield_ro k", HF_COMMAND_READ },
        { "GETRANGE k 0 1", HF_COMMAND_READ },
        { "EXPIREAT k 1", HF_COMMAND_IDEMPOTENT },
        { "PEXPIREAT k 1", HF_COMMAND_IDEMPOTENT },
        { "GETRANG k 0 1", HF_COMMAND_ACCUMULATING },
        { "GETRANGES k 0 1", HF_COMMAND_ACCUMULATING },
    };
    assert_classes(rows, sizeof rows / sizeof rows[0]);
    assert_false(hf_command_is_known(hf_str("ACL CAT")));
    assert_false(hf_command_is_known(hf_bytes("GETRANGE", 7)));
    assert_false(hf_command_is_known(hf_bytes("GET\0\0\0\0\0", 8)));
}

static void names_that_only_resemble_commands_are_unknown(void **state)
{
    (void)state;
    static const char *const names[] = { "GE",
                                         "GETT",
                                         "GET\x01",
                                         "\x07\x05\x14",
                                         "0",
                                         "zzz",
                                         "ZREVRANGEBYSCORE_RO",
                                         "CONFIGURATIONCONFIGURATION" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct hf_command_traits t = traits_of(names[i]);
        assert_int_equal(t.command_class, HF_COMMAND_ACCUMULATING);
        assert_false(t.is_admin || t.is_blocking || t.is_session);
    }
    const struct hf_bytes strange[] = { hf_bytes("", 0), hf_bytes("GET\0", 4),
                                        hf_str("CONFIG GET") };
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        assert_false(hf_command_is_known(strange[i]));
    }
}

static void what_waits_for_others_is_blocking(void **state)
{
    (void)state;
    assert_true(traits_of("BLPOP k 0").is_blocking);
    assert_true(traits_of("WAIT 1 0").is_blocking);
    assert_true(traits_of("XREAD BLOCK 0 STREAMS s $").is_blocking);
    assert_true(traits_of("XREAD COUNT 1 BLOCK 0 STREAMS s $").is_blocking);
    assert_true(traits_of("XREADGROUP GROUP g c block 0 STREAMS s >").is_blocking);
    assert_false(traits_of("XREAD STREAMS s 0").is_blocking);
    assert_false(traits_of("LPOP k").is_blocking);
}

static void what_changes_the_connection_is_of_the_session(void **state)
{
    (void)state;
    static const char *const commands[] = {
        "SELECT 1", "MULTI", "WATCH k", "SUBSCRIBE c",      "MONITOR",
        "RESET",    "QUIT",  "HELLO 3", "CLIENT REPLY OFF", "CLIENT TRACKING ON"
    };
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        assert_true(traits_of(commands[i]).is_session);
    }
    assert_false(traits_of("CLIENT LIST").is_session);
    assert_false(traits_of("GET k").is_session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_have_the_class_of_the_manual),
        cmocka_unit_test(answers_that_would_lie_the_second_time_accumulate),
        cmocka_unit_test(arguments_decide_where_they_matter),
        cmocka_unit_test(subcommands_have_a_class_of_their_own),
        cmocka_unit_test(case_does_not_matter),
        cmocka_unit_test(names_of_eight_bytes_and_of_nine_are_told_apart),
        cmocka_unit_test(names_that_only_resemble_commands_are_unknown),
        cmocka_unit_test(what_waits_for_others_is_blocking),
        cmocka_unit_test(what_changes_the_connection_is_of_the_session),
    };
    return RUN_TESTS(tests);
}
