#include "core/url.h"

#include "support/counting_allocator.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Collects "name=value;" of the parameters, and refuses one called "bad". */
static hf_err collect(const char *name, const char *value, struct hf_error *error, void *ctx)
{
    char *all = ctx;
    (void)error;
    if (strcmp(name, "bad") == 0) return HF_E_RANGE;
    snprintf(all + strlen(all), 200 - strlen(all), "%s=%s;", name, value);
    return HF_OK;
}

struct fixture {
    struct counting_allocator memory;
    struct hf_url             url;
    struct hf_error           error;
    char                      parameters[200];
};

static hf_err parse(struct fixture *f, const char *text)
{
    *f = (struct fixture){ 0 };
    counting_allocator_init(&f->memory);
    return hf_url_parse(&f->url, &f->memory.base, text, &f->error, collect, f->parameters);
}

static void done(struct fixture *f)
{
    hf_url_deinit(&f->url, &f->memory.base);
    assert_int_equal(f->memory.blocks, 0);
}

static void good_urls_are_read_and_described(void **state)
{
    (void)state;
    const struct {
        const char *text, *described, *user, *password;
    } cases[] = {
        { "redis://h", "redis://h:6379/0", NULL, NULL },
        { "redis://h/", "redis://h:6379/0", NULL, NULL },
        { "REDISS://h:1/9999", "rediss://h:1/9999", NULL, NULL },
        { "redis://:secret@h:65535/3", "redis://h:65535/3", NULL, "secret" },
        { "redis://joe:a%40b%3Ac%2f@h", "redis://h:6379/0", "joe", "a@b:c/" },
        { "redis://joe:p@ss:word@h", "redis://h:6379/0", "joe", "p@ss:word" },
        { "redis://joe:@h", "redis://h:6379/0", "joe", "" },
        { "redis://joe@h", "redis://h:6379/0", "joe", NULL },
        { "redis://[::1]:7000/1", "redis://[::1]:7000/1", NULL, NULL },
        { "redis://[fe80::1]", "redis://[fe80::1]:6379/0", NULL, NULL },
        { "unix:/run/redis.sock?db=2", "unix:/run/redis.sock?db=2", NULL, NULL },
        { "unix:///run/a%20b", "unix:/run/a b", NULL, NULL },
        { "redis+unix://u:p@/run/s", "unix:/run/s", "u", "p" },
        { "embedded:", "embedded:", NULL, NULL },
        { "embedded:/data/x", "embedded:/data/x", NULL, NULL },
        { "embedded:///data/x?db=1", "embedded:/data/x?db=1", NULL, NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture f;
        char           described[HF_URL_DESCRIBE_MAX];
        assert_int_equal(parse(&f, cases[i].text), HF_OK);
        hf_url_describe(&f.url, described, sizeof described);
        assert_string_equal(described, cases[i].described);
        if (cases[i].user) assert_string_equal(f.url.user, cases[i].user);
        if (!cases[i].user) assert_null(f.url.user);
        if (cases[i].password) assert_string_equal(f.url.password, cases[i].password);
        if (!cases[i].password) assert_null(f.url.password);
        done(&f);
    }
}

static void bad_urls_are_refused_with_one_line_that_says_why(void **state)
{
    (void)state;
    const struct {
        const char *text;
        hf_err      err;
        const char *says;
    } cases[] = {
        { "", HF_E_INVALID, "begins with redis://" },
        { "localhost:6379", HF_E_INVALID, "begins with redis://" },
        { "http://h", HF_E_INVALID, "\"http://h\"" },
        { "redis:h", HF_E_INVALID, "//" },
        { "redis://", HF_E_INVALID, "no host" },
        { "redis://:6379", HF_E_INVALID, "no host" },
        { "redis://h:0", HF_E_RANGE,
          "\"redis://h:0\": the port is out of range, 1 to 65535" },
        { "redis://h:70000", HF_E_RANGE, "1 to 65535" },
        { "redis://h:99999999999999999999999999", HF_E_RANGE, "1 to 65535" },
        { "redis://h:-1", HF_E_INVALID, "port" },
        { "redis://h:", HF_E_INVALID, "port" },
        { "redis://h:6379x", HF_E_INVALID, "port" },
        { "redis://h/10000", HF_E_RANGE, "db is out of range, 0 to 9999" },
        { "redis://h/99999999999999999999", HF_E_RANGE, "0 to 9999" },
        { "redis://h/-1", HF_E_INVALID, "db must be a number" },
        { "redis://h/1/2", HF_E_INVALID, "db must be a number" },
        { "redis://h/x", HF_E_INVALID, "db" },
        { "redis://u:%zz@h", HF_E_INVALID, "percent escape" },
        { "redis://u:%4@h", HF_E_INVALID, "percent escape" },
        { "redis://u:%00@h", HF_E_INVALID, "percent escape" },
        { "unix:/a%", HF_E_INVALID, "percent escape" },
        { "redis://h h", HF_E_INVALID, "host" },
        { "redis://h%41", HF_E_INVALID, "host" },
        { "redis://[::1", HF_E_INVALID, "IPv6" },
        { "redis://[zz]", HF_E_INVALID, "IPv6" },
        { "redis://[::1]x", HF_E_INVALID, "]" },
        { "redis://h#frag", HF_E_INVALID, "%23" },
        { "redis://h?x", HF_E_INVALID, "name=value" },
        { "redis://h?=1", HF_E_INVALID, "name=value" },
        { "redis://h?a=%f", HF_E_INVALID, "percent escape" },
        { "redis://h?a=1&bad=2", HF_E_RANGE, "" },
        { "unix:", HF_E_INVALID, "absolute" },
        { "unix:relative", HF_E_INVALID, "absolute" },
        { "unix://host/path", HF_E_INVALID, "absolute" },
        { "embedded:relative", HF_E_INVALID, "absolute" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture f;
        assert_int_equal(parse(&f, cases[i].text), cases[i].err);
        if (!strstr(f.error.detail, cases[i].says)) fail_msg("%s", f.error.detail);
        assert_null(strchr(f.error.detail, '\n'));
        assert_int_equal(f.memory.blocks, 0);
    }
}

static void no_error_shows_a_password_even_if_the_url_is_a_mess(void **state)
{
    (void)state;
    const char *const messes[] = {
        "redis://:hunter2",         "redis://:hunter2@",
        "redis://:hun/ter2@h",      "redis://u:hunter2@h:70000",
        "redis://u:hunter2@h/x",    "redis://u:hunter2",
        "redis://u:%hunter2@h",     "http://u:hunter2@h",
        "redis:u:hunter2@h",        "u:hunter2@h",
        "redis://u:hunter2#1@h",    "redis://u:hunter2@h:x/0",
        "redis://u:a?b=hunter2@h",  "redis://u:hunter2@h h",
        "unix://u:hunter2@/a%",     "redis://u:hunter2/hunter2@",
        "redis://u:hunter2@h?q=%x", "unix://u:hunter2@h",
    };
    for (size_t i = 0; i < sizeof messes / sizeof messes[0]; i++) {
        struct fixture f;
        assert_int_not_equal(parse(&f, messes[i]), HF_OK);
        if (strstr(f.error.detail, "hunter2") || strstr(f.error.detail, "ter2")) {
            fail_msg("%s", f.error.detail);
        }
    }
}

static void a_socket_path_may_have_107_bytes_and_no_more(void **state)
{
    (void)state;
    struct fixture f;
    char           text[128];
    snprintf(text, sizeof text, "unix:/%0106d", 0);
    assert_int_equal(parse(&f, text), HF_OK);
    done(&f);
    snprintf(text, sizeof text, "unix:/%0107d", 0);
    assert_int_equal(parse(&f, text), HF_E_RANGE);
}

static void a_url_has_a_largest_size(void **state)
{
    (void)state;
    struct fixture f;
    char          *text = malloc(HF_URL_SIZE_MAX + 2);
    snprintf(text, HF_URL_SIZE_MAX + 2, "redis://:%0*d@h", HF_URL_SIZE_MAX - 11, 0);
    assert_int_equal(strlen(text), HF_URL_SIZE_MAX);
    assert_int_equal(parse(&f, text), HF_OK);
    done(&f);
    strcat(text, "h");
    assert_int_equal(parse(&f, text), HF_E_INVALID);
    free(text);
}

static void parameters_arrive_decoded_and_in_order(void **state)
{
    (void)state;
    struct fixture f;
    assert_int_equal(parse(&f, "redis://h/1?a=1&b=%32&a=&"), HF_OK);
    assert_string_equal(f.parameters, "a=1;b=2;a=;");
    done(&f);
}

static void control_characters_never_reach_the_error(void **state)
{
    (void)state;
    struct fixture f;
    assert_int_equal(parse(&f, "redis://h\n\033[31m"), HF_E_INVALID);
    for (const char *c = f.error.detail; *c; c++) assert_true((unsigned char)*c >= 0x20);
}

static void every_failed_allocation_leaves_nothing_behind(void **state)
{
    (void)state;
    struct fixture f;
    for (long fail_at = 1; fail_at <= 3; fail_at++) {
        counting_allocator_init(&f.memory);
        f.memory.fail_at = fail_at;
        assert_int_equal(hf_url_parse(&f.url, &f.memory.base, "redis://u:p@h", NULL, collect,
                                      f.parameters),
                         HF_E_NOMEM);
        assert_int_equal(f.memory.blocks, 0);
    }
    assert_int_equal(parse(&f, "redis://u:p@h"), HF_OK);
    const long before = f.memory.requests;
    for (long fail_at = 1; fail_at <= 3; fail_at++) {
        struct hf_url copy;
        f.memory.fail_at = f.memory.requests + fail_at;
        assert_int_equal(hf_url_copy(&f.url, &f.memory.base, &copy), HF_E_NOMEM);
        assert_int_equal(f.memory.blocks, before);
    }
    done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_urls_are_read_and_described),
        cmocka_unit_test(bad_urls_are_refused_with_one_line_that_says_why),
        cmocka_unit_test(no_error_shows_a_password_even_if_the_url_is_a_mess),
        cmocka_unit_test(a_socket_path_may_have_107_bytes_and_no_more),
        cmocka_unit_test(a_url_has_a_largest_size),
        cmocka_unit_test(parameters_arrive_decoded_and_in_order),
        cmocka_unit_test(control_characters_never_reach_the_error),
        cmocka_unit_test(every_failed_allocation_leaves_nothing_behind),
    };
    return RUN_TESTS(tests);
}
