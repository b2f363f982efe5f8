#include "support/session.h"

#include "support/client_kit.h"
#include "support/test.h"
#include "support/wait.h"

#include <holdfast/batch.h>
#include <holdfast/holdfast.h>
#include <stdatomic.h>

enum { LARGE = 100 * 1024, CLOSE_MS = 2000 };

/* Of this process, or of the connection that failed for its sake. */
static bool is_told_honestly(hf_err err)
{
    const enum hf_category category = hf_err_category(err);
    return err == HF_OK || err == HF_E_NOMEM || err == HF_E_NOMEM_SENT ||
           err == HF_E_SYSTEM || category == HF_CATEGORY_CONNECTION ||
           category == HF_CATEGORY_LOST || category == HF_CATEGORY_TIMEOUT ||
           category == HF_CATEGORY_REJECTED;
}

static void check(hf_err err)
{
    if (!is_told_honestly(err)) fail_msg("%s", hf_err_name(err));
}

static atomic_int open_spans;

static void start_span(struct hf_span *span, void *ctx)
{
    (void)span;
    atomic_fetch_add((atomic_int *)ctx, 1);
}

static void end_span(struct hf_span *span, void *ctx)
{
    (void)span;
    atomic_fetch_sub((atomic_int *)ctx, 1);
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

static struct hf_client *open_client(const struct session *s)
{
    struct hf_options *options;
    struct hf_client  *client = NULL;
    hf_err             err = hf_options_open(&options);
    assert_int_equal(err, HF_OK);
    assert_int_equal(hf_options_set(options, "url", s->url, NULL), HF_OK);
    hf_options_set_log(options, HF_LOG_SILENT, NULL, NULL);
    hf_options_set_trace(options, start_span, end_span, &open_spans);
    hf_options_set_allocator(options, s->allocator);
    err = hf_client_open(options, &client, NULL);
    hf_options_close(options);
    check(err);
    return err ? NULL : client;
}

static void expect_service(struct hf_client *client, int64_t least, int64_t most)
{
    const hf_instant end = hf_later(hf_now(), hf_seconds(5));
    while (client_do(client, "PING", NULL) && hf_before(hf_now(), end)) continue;
    assert_int_equal(client_do(client, "PING", NULL), HF_OK);
    const int64_t counted = client_int(client, "INCRBY", "n", "0", NULL);
    assert_in_range(counted, least, most);
}

void session_play(const struct session *s)
{
    static char           large[LARGE];
    const struct hf_bytes set[] = { hf_str("SET"), hf_str("large"),
                                    hf_bytes(large, sizeof large) };
    const struct hf_bytes get[] = { hf_str("GET"), hf_str("large") };
    int64_t               least = 0, most = 0;
    struct hf_client     *client = open_client(s);
    if (!client) return;

    check(hf_client_wait_ready(client, hf_ms(300), NULL));
    increment(client, &least, &most);
    command(client, set, 3);
    command(client, get, 2);
    batch(client, false);
    batch(client, true);
    asynchronous(client);
    increment(client, &least, &most);
    if (s->relent) {
        s->relent(s->ctx);
        expect_service(client, least, most);
    }
    const hf_instant from = hf_now();
    hf_client_close(client);
    assert_int_equal(atomic_load(&open_spans), 0); /* Each start had its end. */
    assert_true(hf_to_ms(hf_between(from, hf_now())) < CLOSE_MS);
}
