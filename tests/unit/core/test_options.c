#include "core/options.h"

#include "support/counting_allocator.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct hf_options *open_options(void)
{
    struct hf_options *o;
    assert_int_equal(hf_options_open(&o), HF_OK);
    return o;
}

static hf_err set(struct hf_options *o, const char *name, const char *value)
{
    struct hf_error error;
    return hf_options_set(o, name, value, &error);
}

static void defaults_are_those_the_manual_names(void **state)
{
    (void)state;
    struct hf_options *o = open_options();
    char               url[HF_URL_DESCRIBE_MAX];
    hf_url_describe(&o->url, url, sizeof url);
    assert_string_equal(url, "redis://127.0.0.1:6379/0");
    assert_null(o->user);
    assert_null(o->password);
    assert_null(o->url.password);
    assert_int_equal(o->max_connections, 20);
    assert_int_equal(o->socket_timeout.ns, 5000000000);
    assert_int_equal(o->socket_connect_timeout.ns, 5000000000);
    assert_int_equal(o->attempt_timeout.ns, 0);
    assert_true(o->retry_on_timeout);
    assert_int_equal(o->health_check_interval.ns, 30000000000);
    assert_int_equal(o->compression_threshold, 512);
    assert_int_equal(o->breaker_threshold, 5);
    assert_int_equal(o->breaker_timeout.ns, 60000000000);
    assert_int_equal(o->value_size_max, 64 << 20);
    assert_int_equal(o->large_size_max, 512 << 20);
    assert_int_equal(o->log.threshold, HF_LOG_WARN);
    assert_int_equal(hf_options_check(o, NULL), HF_OK);
    hf_options_close(o);
}

/* Numeric ranges are written "LOW to HIGH unit"; both ends must be accepted. */
static void the_range_in_the_help_is_the_range_that_is_enforced(void **state)
{
    (void)state;
    struct hf_options *o = open_options();
    int                tried = 0;
    for (size_t i = 0; hf_option_at(i); i++) {
        const struct hf_option_info *info = hf_option_at(i);
        char                         low[32], high[32], beyond[40];
        if (strcmp(info->kind, "count") && strcmp(info->kind, "size") &&
            strcmp(info->kind, "duration")) {
            continue;
        }
        assert_int_equal(sscanf(info->range, "%31s to %31[^ ,]", low, high), 2);
        assert_int_equal(set(o, info->name, low), HF_OK);
        assert_int_equal(set(o, info->name, high), HF_OK);

        char        *unit;
        const double end = strtod(high, &unit);
        snprintf(beyond, sizeof beyond, "%.0f%s", end + 1, unit);
        assert_int_equal(set(o, info->name, beyond), HF_E_RANGE);
        if (strcmp(low, "1") == 0 && !strstr(info->range, "or 0")) {
            assert_int_equal(set(o, info->name, "0"), HF_E_RANGE);
        }
        if (strncmp(low, "0.0", 3) == 0) {
            assert_int_equal(set(o, info->name, "0.0009999"), HF_E_RANGE);
        }
        tried++;
    }
    assert_true(tried >= 12);
    hf_options_close(o);
}

static void a_refused_value_changes_nothing_and_is_named_with_its_range(void **state)
{
    (void)state;
    struct hf_options *o = open_options();
    struct hf_error    error;
    assert_int_equal(hf_options_set(o, "max_connections", "1001", &error), HF_E_RANGE);
    assert_string_equal(error.detail,
                        "max_connections: \"1001\" is out of range; allowed: 1 to 1000");
    assert_int_equal(hf_options_set(o, "socket_timeout", "soon", &error), HF_E_INVALID);
    assert_string_equal(
        error.detail, "socket_timeout: \"soon\" is not understood; allowed: 0.001 to 3600 s");
    assert_int_equal(hf_options_set(o, "key_prefix", "a b", &error), HF_E_INVALID);
    assert_int_equal(hf_options_set(o, "nonsense", "1", &error), HF_E_INVALID);
    assert_string_equal(error.detail, "unknown option \"nonsense\"");
    assert_int_equal(o->max_connections, 20);
    assert_int_equal(o->socket_timeout.ns, 5000000000);
    assert_string_equal(o->key_prefix, "holdfast");
    hf_options_close(o);
}

static void a_url_sets_options_all_or_none(void **state)
{
    (void)state;
    struct hf_options *o = open_options();
    struct hf_error    error;
    assert_int_equal(set(o, "url", "redis://a?socket_timeout=250ms&retry_on_timeout=no"), 0);
    assert_int_equal(o->socket_timeout.ns, 250000000);
    assert_false(o->retry_on_timeout);

    assert_int_equal(
        hf_options_set(o, "url", "redis://b?max_connections=7&calls_max=0", &error),
        HF_E_RANGE);
    assert_string_equal(
        error.detail,
        "url: parameter calls_max: \"0\" is out of range; allowed: 1 to 1000000");
    assert_string_equal(o->url.host, "a");
    assert_int_equal(o->max_connections, 20);

    assert_int_equal(set(o, "url", "redis://b?max_conections=7"), HF_E_INVALID);
    assert_int_equal(set(o, "url", "redis://b?password=x"), HF_E_INVALID);
    assert_int_equal(set(o, "url", "redis://b?url=redis://c"), HF_E_INVALID);
    assert_string_equal(o->url.host, "a");
    hf_options_close(o);
}

static void the_environment_is_read_row_by_row_and_named_in_errors(void **state)
{
    (void)state;
    struct hf_options *o = open_options();
    struct hf_error    error;
    setenv("REDIS_URL", "redis://:hunter2@env/4", 1);
    setenv("REDIS_MAX_CONNECTIONS", "33", 1);
    setenv("REDIS_CIRCUIT_BREAKER_TIMEOUT", "1.5", 1);
    setenv("REDIS_SOCKET_TIMEOUT", "", 1);
    assert_int_equal(hf_options_from_environment(o, &error), HF_OK);
    assert_string_equal(o->url.host, "env");
    assert_string_equal(o->url.password, "hunter2");
    assert_int_equal(o->max_connections, 33);
    assert_int_equal(o->breaker_timeout.ns, 1500000000);
    assert_int_equal(o->socket_timeout.ns, 5000000000);

    setenv("REDIS_CIRCUIT_BREAKER_THRESHOLD", "0", 1);
    assert_int_equal(hf_options_from_environment(o, &error), HF_E_RANGE);
    assert_string_equal(
        error.detail,
        "REDIS_CIRCUIT_BREAKER_THRESHOLD: \"0\" is out of range; allowed: 1 to 1000000");

    setenv("REDIS_URL", "redis://:hunter2@env:70000", 1);
    assert_int_equal(hf_options_from_environment(o, &error), HF_E_RANGE);
    assert_non_null(strstr(error.detail, "REDIS_URL: \"redis://***@env:70000\""));
    assert_null(strstr(error.detail, "hunter2"));
    for (size_t i = 0; hf_option_at(i); i++) unsetenv(hf_option_at(i)->env);
    hf_options_close(o);
}

static void credentials_set_later_win_and_a_url_with_its_own_drops_them(void **state)
{
    (void)state;
    struct hf_options *o = open_options(), *copy;
    assert_int_equal(set(o, "url", "redis://joe:old@h"), HF_OK);
    assert_int_equal(set(o, "password", "new secret"), HF_OK);
    assert_int_equal(hf_options_copy(o, &copy), HF_OK);
    assert_string_equal(copy->url.user, "joe");
    assert_string_equal(copy->url.password, "new secret");
    assert_null(copy->password);
    hf_options_close(copy);

    assert_int_equal(set(o, "url", "redis://:own@h2"), HF_OK);
    assert_int_equal(hf_options_copy(o, &copy), HF_OK);
    assert_null(copy->url.user);
    assert_string_equal(copy->url.password, "own");
    hf_options_close(copy);

    assert_int_equal(set(o, "url", "redis://h3"), HF_OK);
    assert_int_equal(hf_options_copy(o, &copy), HF_OK);
    assert_null(copy->url.password);
    hf_options_close(copy);
    hf_options_close(o);
}

static void a_password_out_of_range_is_not_shown(void **state)
{
    (void)state;
    struct hf_options *o = open_options();
    struct hf_error    error;
    char               password[4098];
    memset(password, 'x', sizeof password);
    password[4097] = '\0';
    assert_int_equal(hf_options_set(o, "password", password, &error), HF_E_RANGE);
    assert_null(strstr(error.detail, "xxx"));
    password[4096] = '\0';
    assert_int_equal(hf_options_set(o, "password", password, &error), HF_OK);
    hf_options_close(o);
}

static void contradictions_are_named(void **state)
{
    (void)state;
    struct hf_options *o = open_options();
    struct hf_error    error;
    assert_int_equal(set(o, "socket_timeout", "0.1"), HF_OK);
    assert_int_equal(hf_options_check(o, &error), HF_OK);
    assert_int_equal(set(o, "attempt_timeout", "0.1"), HF_OK);
    assert_int_equal(hf_options_check(o, &error), HF_OK);
    assert_int_equal(set(o, "attempt_timeout", "0.2"), HF_OK);
    assert_int_equal(hf_options_check(o, &error), HF_E_INVALID);
    assert_string_equal(error.detail,
                        "attempt_timeout (0.2 s) is above socket_timeout (0.1 s)");

    assert_int_equal(set(o, "attempt_timeout", "0"), HF_OK);
    assert_int_equal(set(o, "bytes_in_flight_max", "1mb"), HF_OK);
    assert_int_equal(hf_options_check(o, &error), HF_E_INVALID);
    assert_non_null(strstr(error.detail, "bytes_in_flight_max"));
    assert_int_equal(set(o, "value_size_max", "1mb"), HF_OK);
    assert_int_equal(set(o, "reply_size_max", "64kb"), HF_OK);
    assert_int_equal(hf_options_check(o, &error), HF_E_INVALID);
    assert_int_equal(set(o, "reply_size_max", "1mb"), HF_OK);
    assert_int_equal(set(o, "user", "joe"), HF_OK);
    assert_int_equal(hf_options_check(o, &error), HF_E_INVALID);
    assert_int_equal(set(o, "user", ""), HF_OK);
    assert_int_equal(hf_options_check(o, &error), HF_OK);
    hf_options_close(o);
}

static void a_copy_survives_the_original_and_each_failed_allocation(void **state)
{
    (void)state;
    struct counting_allocator memory;
    struct hf_options        *o = open_options(), *copy = NULL;
    counting_allocator_init(&memory);
    hf_options_set_allocator(o, &memory.base);
    assert_int_equal(set(o, "url", "redis://u:p@h:1/2"), HF_OK);
    assert_int_equal(set(o, "user", "u2"), HF_OK);
    assert_int_equal(set(o, "password", "p2"), HF_OK);

    int failed = 0;
    for (long fail_at = 1; !copy; fail_at++) {
        memory.requests = 0;
        memory.fail_at = fail_at;
        const hf_err err = hf_options_copy(o, &copy);
        if (!err) break;
        assert_int_equal(err, HF_E_NOMEM);
        assert_int_equal(memory.blocks, 0);
        failed++;
    }
    assert_int_equal(failed, 14); /* The struct, two of the URL, eleven texts. */
    hf_options_close(o);
    assert_string_equal(copy->url.host, "h");
    assert_string_equal(copy->url.user, "u2");
    assert_string_equal(copy->key_prefix, "holdfast");
    hf_options_close(copy);
    assert_int_equal(memory.blocks, 0);
}

static void rows_are_whole_and_their_names_agree(void **state)
{
    (void)state;
    for (size_t i = 0; hf_option_at(i); i++) {
        const struct hf_option_info *a = hf_option_at(i);
        assert_true(a->name && a->env && a->kind && a->range && a->default_value && a->help);
        assert_int_equal(strncmp(a->env, "REDIS_", 6), 0);
        if (a->flag) {
            char flag[64];
            snprintf(flag, sizeof flag, "--%s", a->name);
            for (char *c = flag; *c; c++) {
                if (*c == '_') *c = '-';
            }
            assert_string_equal(a->flag, flag);
        }
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(a->name, hf_option_at(j)->name);
            assert_string_not_equal(a->env, hf_option_at(j)->env);
        }
    }
}

/* docs/guide/options.md has one row for each option, as it is, and no other. */
static void the_guide_has_the_same_table(void **state)
{
    (void)state;
    char   path[4096], line[512];
    size_t rows = 0;
    snprintf(path, sizeof path, "%.*s/../../../docs/guide/options.md",
             (int)(strrchr(__FILE__, '/') - __FILE__), __FILE__);
    FILE *guide = fopen(path, "r");
    assert_non_null(guide);
    while (fgets(line, sizeof line, guide)) {
        char                         expected[512];
        const struct hf_option_info *a = hf_option_at(rows);
        if (strncmp(line, "| `", 3) != 0) continue;
        assert_non_null(a);
        const char *quote = a->default_value[0] ? "`" : "";
        snprintf(expected, sizeof expected, "| `%s` | `%s` | %s | %s | %s%s%s | %s |\n",
                 a->name, a->env, a->kind, a->range, quote,
                 a->default_value[0] ? a->default_value : "none", quote,
                 a->in_url ? "yes" : "no");
        assert_string_equal(line, expected);
        rows++;
    }
    fclose(guide);
    assert_null(hf_option_at(rows));
}

int main(void)
{
    for (size_t i = 0; hf_option_at(i); i++) unsetenv(hf_option_at(i)->env);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_the_manual_names),
        cmocka_unit_test(the_range_in_the_help_is_the_range_that_is_enforced),
        cmocka_unit_test(a_refused_value_changes_nothing_and_is_named_with_its_range),
        cmocka_unit_test(a_url_sets_options_all_or_none),
        cmocka_unit_test(the_environment_is_read_row_by_row_and_named_in_errors),
        cmocka_unit_test(credentials_set_later_win_and_a_url_with_its_own_drops_them),
        cmocka_unit_test(a_password_out_of_range_is_not_shown),
        cmocka_unit_test(contradictions_are_named),
        cmocka_unit_test(a_copy_survives_the_original_and_each_failed_allocation),
        cmocka_unit_test(rows_are_whole_and_their_names_agree),
        cmocka_unit_test(the_guide_has_the_same_table),
    };
    return RUN_TESTS(tests);
}
