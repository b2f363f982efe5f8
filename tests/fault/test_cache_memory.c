/* One session of a cache over TLS, with credentials from a function and scripts of its own,
 * played again and again, each time with the next request for memory refused, until one is
 * played without a refusal. */

#include <holdfast/holdfast.h>

#include "support/certificates.h"
#include "support/client_kit.h"
#include "support/counting_allocator.h"
#include "support/leaks.h"
#include "support/redis_server.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGE = 20 * 1024, LONG_KEY = 1000, REQUESTS_MAX = 2000 };

struct session {
    struct redis_server      *server;
    struct certificates      *files;
    const char               *ca;
    char                      url[64];
    struct counting_allocator memory;
    char                     *large;
};

static const struct hf_call brief = { .timeout = { 300 * 1000 * 1000 } };

static void check(const char *what, hf_err err)
{
    const enum hf_category category = hf_err_category(err);
    if (err == HF_OK || err == HF_MISS || err == HF_E_NOMEM || err == HF_E_NOMEM_SENT ||
        category == HF_CATEGORY_CONNECTION || category == HF_CATEGORY_LOST ||
        category == HF_CATEGORY_TIMEOUT || category == HF_CATEGORY_REJECTED) {
        return;
    }
    fail_msg("%s: %s", what, hf_err_name(err));
}

static hf_err tell_credentials(struct hf_credentials *credentials, struct hf_error *error,
                               void *ctx)
{
    (void)error;
    (void)ctx;
    snprintf(credentials->user, sizeof credentials->user, "ann");
    snprintf(credentials->password, sizeof credentials->password, "first");
    return HF_OK;
}

static hf_err make(struct hf_bytes key, struct hf_loaded *loaded, void *ctx)
{
    (void)key;
    return hf_loaded_set(loaded, hf_bytes(ctx, LARGE));
}

static void release(hf_err err, struct hf_value *value)
{
    if (!err) hf_value_release(value);
}

static void run_script(struct hf_client *client)
{
    static const struct hf_script script = HF_SCRIPT("return redis.call('GET', KEYS[1])");
    const struct hf_bytes         key = hf_str("anything");
    struct hf_reply              *reply;
    const hf_err err = hf_client_script(client, &brief, &script, &key, 1, NULL, 0, &reply,
                                        NULL);
    check("script", err);
    if (!err) hf_reply_free(reply);
}

static void read_and_write(struct hf_cache *cache, struct session *s)
{
    const struct hf_bytes keys[] = { hf_str("a"), hf_str("b") };
    const struct hf_bytes values[] = { hf_bytes(s->large, LARGE), hf_str("small") };
    const struct hf_bytes long_key = hf_bytes(s->large, LONG_KEY);
    const struct hf_load  how = { .ttl = hf_seconds(60) };
    struct hf_value      *value, *many[2] = { NULL, NULL };
    hf_err                errs[2];
    check("set", hf_cache_set(cache, &brief, keys[0], values[0], NULL, NULL));
    hf_err err = hf_cache_get(cache, &brief, keys[0], &value, NULL);
    check("get", err);
    if (!err) assert_memory_equal(hf_value_data(value).data, s->large, LARGE);
    release(err, value);
    err = hf_cache_load(cache, &brief, hf_str("c"), &how, make, s->large, &value, NULL);
    check("load", err);
    release(err, value);
    check("set many", hf_cache_set_many(cache, &brief, keys, values, 2, NULL, errs, NULL));
    errs[0] = errs[1] = HF_MISS;
    check("get many", hf_cache_get_many(cache, &brief, keys, 2, many, errs, NULL));
    for (int i = 0; i < 2; i++) release(errs[i], many[i]);
    check("set", hf_cache_set(cache, &brief, long_key, values[1], NULL, NULL));
    check("delete", hf_cache_delete(cache, &brief, long_key, NULL));
    assert_int_not_equal(hf_cache_get(cache, &brief, long_key, &value, NULL), HF_OK);
    check("delete many", hf_cache_delete_many(cache, &brief, keys, 2, errs, NULL));
    for (int i = 0; i < 2; i++) { /* However the deletes ended. */
        assert_int_not_equal(hf_cache_get(cache, &brief, keys[i], &value, NULL), HF_OK);
    }
    check("touch", hf_cache_touch(cache, &brief, hf_str("c"), hf_seconds(60), NULL));
    check("clear", hf_cache_clear(cache, &brief, NULL));
}

static bool is_well(struct hf_client *client, struct hf_cache *cache)
{
    struct hf_value *value;
    if (client_do(client, "PING", NULL)) return false;
    if (hf_cache_set(cache, &brief, hf_str("k"), hf_str("v"), NULL, NULL)) return false;
    const hf_err err = hf_cache_get(cache, &brief, hf_str("k"), &value, NULL);
    release(err, value);
    return !err;
}

static void play(struct session *s)
{
    struct hf_options *options;
    struct hf_client  *client;
    struct hf_cache   *cache;
    redis_server_do(s->server, "FLUSHALL"); /* And with it the lease of a load that failed. */
    assert_int_equal(hf_options_open(&options), HF_OK);
    assert_int_equal(hf_options_set(options, "url", s->url, NULL), HF_OK);
    assert_int_equal(hf_options_set(options, "tls_ca_file", s->ca, NULL), HF_OK);
    hf_options_set_log(options, HF_LOG_SILENT, NULL, NULL);
    hf_options_set_credentials(options, tell_credentials, NULL);
    hf_options_set_allocator(options, &s->memory.base);
    hf_err err = hf_client_open(options, &client, NULL);
    hf_options_close(options);
    check("open", err);
    if (err) return;
    check("wait", hf_client_wait_ready(client, hf_ms(300), NULL));
    err = hf_cache_open(client, NULL, &cache, NULL);
    check("open cache", err);
    if (!err) {
        run_script(client);
        read_and_write(cache, s);
        s->memory.fail_at = 0;
        const hf_instant end = hf_later(hf_now(), hf_seconds(5));
        while (!is_well(client, cache) && hf_before(hf_now(), end)) continue;
        assert_true(is_well(client, cache));
        hf_cache_close(cache);
    }
    hf_client_close(client);
}

static void one_refused_request_for_memory_leaves_all_well(void **state)
{
    (void)state;
    struct session s = { .files = certificates_open(), .large = malloc(LARGE) };
    assert_non_null(s.large);
    for (size_t i = 0; i < LARGE; i++) s.large[i] = (char)(i * 2654435761u >> 9);
    s.ca = certificates_path(s.files, "ca.crt");
    const char *const args[] = { "--tls-cert-file",
                                 certificates_path(s.files, "server.crt"),
                                 "--tls-key-file",
                                 certificates_path(s.files, "server.key"),
                                 "--tls-ca-cert-file",
                                 s.ca,
                                 "--tls-auth-clients",
                                 "no",
                                 NULL };
    s.server = redis_server_open(
        &(struct redis_server_options){ .tcp = true, .tls = true, .args = args });
    redis_server_do(s.server, "ACL SETUSER ann on >first ~* +@all");
    snprintf(s.url, sizeof s.url, "rediss://127.0.0.1:%d/0", redis_server_tls_port(s.server));
    counting_allocator_init(&s.memory);
    play(&s); /* What OpenSSL and the process keep for good. */
    const struct leaks before = leaks_count();
    long               at = 0;
    do {
        s.memory.requests = 0;
        s.memory.fail_at = ++at;
        play(&s);
        s.memory.fail_at = 0;
        if (s.memory.blocks) fail_msg("request %ld: %ld left", at, (long)s.memory.blocks);
    } while (s.memory.requests >= at && at < REQUESTS_MAX);
    assert_true(at > 40 && at < REQUESTS_MAX);
    assert_true(leaks_settle(&before));
    free(s.large);
    redis_server_close(s.server);
    certificates_close(s.files);
    print_message("%ld requests refused\n", at - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_refused_request_for_memory_leaves_all_well),
    };
    return RUN_TESTS(tests);
}
