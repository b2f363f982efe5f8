#include <holdfast/batch.h>
#include <holdfast/holdfast.h>

#include "support/client_kit.h"
#include "support/counting_allocator.h"
#include "support/leaks.h"
#include "support/redis_server.h"
#include "support/test.h"
#include "support/wait.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* One session of everything a client does, played again and again, each time with the next
 * request for memory refused, until one is played without a refusal. */

enum { LARGE = 100 * 1024, REQUESTS_MAX = 2000, CLOSE_MS = 2000 };

struct session {
    struct redis_server      *server;
    struct counting_allocator memory;
    char                     *large;
    bool                      fails_on; /* All requests after the first refused one too. */
};

static bool is_told_honestly(hf_err err)
{
    const enum hf_category category = hf_err_category(err);
    return err == HF_OK || err == HF_E_NOMEM || err == HF_E_NOMEM_SENT ||
           category == HF_CATEGORY_CONNECTION || category == HF_CATEGORY_LOST ||
           category == HF_CATEGORY_TIMEOUT || category == HF_CATEGORY_REJECTED;
}

static void check(hf_err err)
{
    if (!is_told_honestly(err)) fail_msg("%s", hf_err_name(err));
}

static void note(hf_err err, struct hf_reply *reply, const struct hf_error *error, void *ctx)
{
    (void)error;
    if (!err) hf_reply_free(reply);
    atomic_store((atomic_int *)ctx, is_told_honestly(err) ? 1 : 2);
}

static bool is_called_back(void *ctx)
{
    return atomic_load((atomic_int *)ctx) != 0;
}

static void command(struct hf_client *client, const struct hf_bytes *argv, size_t argc)
{
    const struct hf_call call = { .timeout = hf_ms(300) };
    struct hf_reply     *reply = NULL;
    const hf_err         err = hf_client_command(client, &call, argv, argc, &reply, NULL);
    check(err);
    if (!err) hf_reply_free(reply);
}

static void batch(struct hf_client *client, bool is_transaction)
{
    const struct hf_bytes get[] = { hf_str("GET"), hf_str("large") };
    const struct hf_bytes ping[] = { hf_str("PING") };
    const struct hf_call  call = { .timeout = hf_ms(300) };
    struct hf_batch      *made;
    hf_err                err = hf_batch_open(client, &made);
    check(err);
    if (err) return;
    err = hf_batch_add(made, get, 2);
    if (!err) err = hf_batch_add(made, ping, 1);
    if (!err) {
        err = is_transaction ? hf_client_transaction(client, &call, made, NULL)
                             : hf_client_batch(client, &call, made, NULL);
    }
    check(err);
    hf_batch_close(made);
}

static void asynchronous(struct hf_client *client)
{
    const struct hf_bytes get[] = { hf_str("GET"), hf_str("large") };
    const struct hf_call  call = { .timeout = hf_ms(300) };
    atomic_int            end = 0;
    const hf_err          err = hf_client_command_async(client, &call, get, 2, note, &end);
    check(err);
    if (err) return;
    assert_true(wait_until(is_called_back, &end, hf_seconds(5)));
    assert_int_equal(end, 1);
}

/* Counts what must have been applied, and what may have been. */
static void increment(struct hf_client *client, int64_t *least, int64_t *most)
{
    const struct hf_bytes argv[] = { hf_str("INCR"), hf_str("n") };
    const struct hf_call  call = { .timeout = hf_ms(300) };
    struct hf_reply      *reply = NULL;
    const hf_err          err = hf_client_command(client, &call, argv, 2, &reply, NULL);
    check(err);
    if (!err) hf_reply_free(reply);
    *least += err == HF_OK;
    *most += err == HF_OK || hf_err_outcome_unknown(err);
}

static struct hf_client *open_client(struct session *s)
{
    struct hf_options *options;
    struct hf_client  *client = NULL;
    hf_err             err = hf_options_open(&options);
    assert_int_equal(err, HF_OK);
    assert_int_equal(hf_options_set(options, "url", redis_server_unix_url(s->server), NULL),
                     HF_OK);
    hf_options_set_log(options, HF_LOG_SILENT, NULL, NULL);
    hf_options_set_allocator(options, &s->memory.base);
    err = hf_client_open(options, &client, NULL);
    hf_options_close(options);
    check(err);
    return err ? NULL : client;
}

static void play(struct session *s)
{
    const struct hf_bytes set[] = { hf_str("SET"), hf_str("large"),
                                    hf_bytes(s->large, LARGE) };
    const struct hf_bytes get[] = { hf_str("GET"), hf_str("large") };
    int64_t               least = 0, most = 0;
    redis_server_do(s->server, "SET n 0");
    struct hf_client *client = open_client(s);
    if (!client) return;
    check(hf_client_wait_ready(client, hf_ms(300), NULL));
    increment(client, &least, &most);
    command(client, set, 3);
    command(client, get, 2);
    batch(client, false);
    batch(client, true);
    asynchronous(client);
    increment(client, &least, &most);
    if (!s->fails_on) { /* One refusal is over soon, and all is well again. */
        s->memory.fail_at = 0;
        const hf_instant end = hf_later(hf_now(), hf_seconds(5));
        while (client_do(client, "PING", NULL) && hf_before(hf_now(), end)) continue;
        assert_int_equal(client_do(client, "PING", NULL), HF_OK);
        const int64_t counted = client_int(client, "INCRBY", "n", "0", NULL);
        assert_in_range(counted, least, most);
    }
    const hf_instant from = hf_now();
    hf_client_close(client);
    assert_true(hf_to_ms(hf_between(from, hf_now())) < CLOSE_MS);
}

static void torture(bool fails_on)
{
    struct session s = { .fails_on = fails_on, .server = redis_server_open(NULL) };
    s.large = malloc(LARGE);
    assert_non_null(s.large);
    memset(s.large, 'x', LARGE);
    counting_allocator_init(&s.memory);
    const struct leaks before = leaks_count();
    long               refused = 0;
    for (long at = 1; at < REQUESTS_MAX; at++) {
        s.memory.requests = 0;
        s.memory.fail_after = fails_on;
        s.memory.fail_at = at;
        play(&s);
        s.memory.fail_at = 0;
        if (s.memory.blocks) fail_msg("request %ld: %ld left", at, (long)s.memory.blocks);
        refused = at;
        if (s.memory.requests < at) break;
    }
    assert_true(refused > 10 && refused < REQUESTS_MAX - 1);
    assert_true(leaks_settle(&before));
    free(s.large);
    redis_server_close(s.server);
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
