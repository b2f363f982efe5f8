#include "net/server_error.h"

#include "core/error.h"
#include "support/test.h"

#include <string.h>

struct row {
    const char *text;
    hf_err      code;
};

/* clang-format off */

/* As servers of the versions 5 to 7 write them. */
static const struct row rows[] = {
    { "MOVED 3999 127.0.0.1:6381", HF_E_MOVED },
    { "ASK 3999 127.0.0.1:6381", HF_E_ASK },
    { "LOADING Redis is loading the dataset in memory", HF_E_LOADING },
    { "READONLY You can't write against a read only replica.", HF_E_READONLY },
    { "READONLY Can not run script with write flag on readonly replica", HF_E_READONLY },
    { "NOSCRIPT No matching script. Please use EVAL.", HF_E_NOSCRIPT },
    { "WRONGTYPE Operation against a key holding the wrong kind of value", HF_E_WRONGTYPE },
    { "BUSY Redis is busy running a script. You can only call SCRIPT KILL or "
      "SHUTDOWN NOSAVE.",
      HF_E_SERVER_BUSY },
    { "TRYAGAIN Multiple keys request during rehashing of slot", HF_E_TRYAGAIN },
    { "CLUSTERDOWN Hash slot not served", HF_E_CLUSTERDOWN },
    { "CLUSTERDOWN The cluster is down", HF_E_CLUSTERDOWN },
    { "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
      HF_E_MASTERDOWN },
    { "MISCONF Redis is configured to save RDB snapshots, but it's currently "
      "unable to persist",
      HF_E_MISCONF },
    { "MISCONF Errors writing to the AOF file: No space left on device", HF_E_MISCONF },
    { "NOREPLICAS Not enough good replicas to write.", HF_E_NOREPLICAS },
    { "EXECABORT Transaction discarded because of previous errors.", HF_E_EXECABORT },
    { "NOAUTH Authentication required.", HF_E_AUTH },
    { "WRONGPASS invalid username-password pair or user is disabled.", HF_E_AUTH },
    { "ERR invalid password", HF_E_AUTH },
    { "ERR Client sent AUTH, but no password is set", HF_E_AUTH },
    { "ERR AUTH <password> called without any password configured for the default user. Are",
      HF_E_AUTH },
    { "DENIED Redis is running in protected mode because protected mode is "
      "enabled", HF_E_AUTH },
    { "NOPERM this user has no permissions to run the 'set' command", HF_E_NOPERM },
    { "ERR max number of clients reached", HF_E_MAX_CLIENTS },
    { "ERR max number of clients + cluster connections reached", HF_E_MAX_CLIENTS },

    /* Out of memory: before anything was done, or in the middle of a script. */
    { "OOM command not allowed when used memory > 'maxmemory'.", HF_E_OOM },
    { "OOM allow-oom flag is not set on the script, can not run it when used "
      "memory > 'maxmemory'",
      HF_E_OOM },
    { "OOM command not allowed when used memory > 'maxmemory'. script: "
      "abebb51017ada20fb1093f14a60eea4e2519f1c1, on @user_script:1.", HF_E_OOM_SCRIPT },
    { "ERR Error running script (call to f_abeb): @user_script:1: "
      "@user_script: 1: -OOM command "
      "not allowed when used memory > 'maxmemory'.", HF_E_OOM_SCRIPT },
    { "ERR Error running script (call to f_abeb): @user_script:1: "
      "@user_script: 1: -READONLY You "
      "can't write against a read only replica.", HF_E_READONLY },
    { "ERR Error running script (call to f_abeb): @user_script:1: boom", HF_E_REPLY },
    { "ERR Error running script (call to f_abeb): @user_script:1: -MYERR boom", HF_E_REPLY },

    /* All others refuse this one command. */
    { "ERR unknown command 'nosuch', with args beginning with: ", HF_E_REPLY },
    { "ERR value is not an integer or out of range", HF_E_REPLY },
    { "BUSYKEY Target key name already exists.", HF_E_REPLY },
    { "BUSYGROUP Consumer Group name already exists", HF_E_REPLY },
    { "NOPROTO unsupported protocol version", HF_E_REPLY },
    { "CROSSSLOT Keys in request don't hash to the same slot", HF_E_REPLY },
    { "ERR OOM", HF_E_REPLY },
    { "LOADINGX", HF_E_REPLY },
    { "loading", HF_E_REPLY },
    { "no code", HF_E_REPLY },
    { "LOADING", HF_E_LOADING },
    { "LOADIN", HF_E_REPLY },
    { "ERR", HF_E_REPLY },
    { " ", HF_E_REPLY },
    { "", HF_E_REPLY },
};

/* clang-format on */

static void every_text_means_what_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const hf_err code = hf_server_error(hf_str(rows[i].text));
        if (code != rows[i].code) fail_msg("%s: %s", rows[i].text, hf_err_name(code));
    }
}

static void looks_at_no_byte_past_the_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t size = 0; size <= strlen(rows[i].text); size++) {
            char *cut = test_malloc(size + 1); /* Guarded: an access past it is found. */
            memcpy(cut, rows[i].text, size);
            cut[size] = '!';
            const hf_err code = hf_server_error(hf_bytes(cut, size));
            assert_true(code != HF_OK && code != HF_MISS);
            test_free(cut);
        }
    }
    assert_int_equal(hf_server_error(hf_bytes(NULL, 0)), HF_E_REPLY);
    assert_int_equal(hf_server_error(hf_bytes("OOMOOM", 3)), HF_E_OOM);
    assert_int_equal(hf_server_error(hf_bytes("BUSY KEY", 4)), HF_E_SERVER_BUSY);
}

static void binary_texts_are_read_as_they_are(void **state)
{
    (void)state;
    assert_int_equal(hf_server_error(hf_bytes("OOM\0x script: y", 15)), HF_E_REPLY);
    assert_int_equal(hf_server_error(hf_bytes("OOM \0 script: y", 15)), HF_E_OOM_SCRIPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_text_means_what_the_table_says),
        cmocka_unit_test(looks_at_no_byte_past_the_end),
        cmocka_unit_test(binary_texts_are_read_as_they_are),
    };
    return RUN_TESTS(tests);
}
