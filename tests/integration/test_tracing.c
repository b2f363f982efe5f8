/* Spans of operations on a real server, and who is whose parent. */

#include "support/client_kit.h"
#include "support/redis_server.h"
#include "support/test.h"
#include "support/wait.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BOUND_S = 20, SPANS_MAX = 256, THREADS = 4 };

static const char of_request[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/* What was seen at the end of each span, in the order of ends. */
struct seen {
    struct hf_span span;
    char           name[32];
    uint64_t       own, parent; /* Ids: those that start gave, and those it found. */
};

static struct {
    pthread_mutex_t  lock;
    size_t           count;
    struct seen      ended[SPANS_MAX];
    atomic_ullong    ids;
    atomic_uint      open;
    struct hf_cache *cache; /* Used in the functions, if not NULL. */
} traced = { .lock = PTHREAD_MUTEX_INITIALIZER };

static _Thread_local bool is_inside;

struct note {
    uint64_t own, parent;
};

/* Waits for ever where the library holds a lock. */
static void use_cache(void)
{
    struct hf_value *value;
    if (!traced.cache || is_inside) return;
    is_inside = true;
    (void)!hf_cache_set(traced.cache, NULL, hf_str("k"), hf_str("v"), NULL, NULL);
    if (!hf_cache_get(traced.cache, NULL, hf_str("k"), &value, NULL)) hf_value_release(value);
    (void)!hf_cache_delete(traced.cache, NULL, hf_str("k"), NULL);
    is_inside = false;
}

/* As an application would: an id of its own becomes the parent of what is inside. */
static void start(struct hf_span *span, void *ctx)
{
    struct note *note = malloc(sizeof *note);
    (void)ctx;
    note->own = atomic_fetch_add(&traced.ids, 1) + 1;
    memcpy(&note->parent, span->context.parent_id, 8);
    memcpy(span->context.parent_id, &note->own, 8);
    span->user = note;
    atomic_fetch_add(&traced.open, 1);
    use_cache();
}

static void end(struct hf_span *span, void *ctx)
{
    struct note *note = span->user;
    (void)ctx;
    pthread_mutex_lock(&traced.lock);
    if (traced.count < SPANS_MAX) {
        struct seen *seen = &traced.ended[traced.count++];
        seen->span = *span;
        seen->own = note->own;
        seen->parent = note->parent;
        snprintf(seen->name, sizeof seen->name, "%s", span->name);
    }
    pthread_mutex_unlock(&traced.lock);
    free(note);
    use_cache();
    atomic_fetch_sub(&traced.open, 1);
}

static const struct seen *find(const char *name)
{
    const struct seen *found = NULL;
    pthread_mutex_lock(&traced.lock);
    for (size_t i = 0; i < traced.count && !found; i++) {
        if (strcmp(traced.ended[i].name, name) == 0) found = &traced.ended[i];
    }
    pthread_mutex_unlock(&traced.lock);
    if (!found) fail_msg("no span %s", name);
    return found;
}

static void forget_all(void)
{
    pthread_mutex_lock(&traced.lock);
    traced.count = 0;
    pthread_mutex_unlock(&traced.lock);
}

static size_t count_of(const char *name)
{
    size_t count = 0;
    pthread_mutex_lock(&traced.lock);
    for (size_t i = 0; i < traced.count; i++) {
        if (strcmp(traced.ended[i].name, name) == 0) count++;
    }
    pthread_mutex_unlock(&traced.lock);
    return count;
}

static struct redis_server *server;

static struct hf_client *open_client(const char *timeout)
{
    struct hf_options *options;
    struct hf_client  *client;
    struct hf_error    error;
    assert_int_equal(hf_options_open(&options), HF_OK);
    assert_int_equal(hf_options_set(options, "url", redis_server_unix_url(server), &error),
                     HF_OK);
    assert_int_equal(hf_options_set(options, "socket_timeout", timeout, &error), HF_OK);
    hf_options_set_log(options, HF_LOG_SILENT, NULL, NULL);
    hf_options_set_trace(options, start, end, NULL);
    assert_int_equal(hf_client_open(options, &client, &error), HF_OK);
    hf_options_close(options);
    assert_int_equal(hf_client_wait_ready(client, hf_seconds(BOUND_S), &error), HF_OK);
    forget_all();
    traced.cache = NULL;
    return client;
}

static void close_client(struct hf_client *client)
{
    hf_client_close(client);
    assert_int_equal(atomic_load(&traced.open), 0); /* Every start had its end. */
}

static struct hf_call call_of_request(void)
{
    struct hf_call call = { 0 };
    assert_int_equal(hf_trace_parse(of_request, &call.trace), HF_OK);
    return call;
}

/* The id of the request, as memcpy reads it. */
static uint64_t request_id(void)
{
    const struct hf_call call = call_of_request();
    uint64_t             id;
    memcpy(&id, call.trace.parent_id, 8);
    return id;
}

static void a_command_is_a_span_with_all_its_facts(void **state)
{
    (void)state;
    struct hf_client     *client = open_client("5");
    const struct hf_call  call = call_of_request();
    const struct hf_bytes argv[] = { hf_str("get"), hf_str("a-private-key") };
    struct hf_reply      *reply;
    assert_int_equal(hf_client_command(client, &call, argv, 2, &reply, NULL), HF_OK);
    hf_reply_free(reply);

    const struct seen *get = find("GET");
    assert_int_equal(get->span.kind, HF_SPAN_COMMAND);
    assert_int_equal(get->span.err, HF_OK);
    assert_int_equal(get->span.attempts, 1);
    assert_int_equal(get->span.commands, 1);
    assert_int_equal(get->span.bytes, strlen("*2\r\n$3\r\nget\r\n$13\r\na-private-key\r\n"));
    assert_true(hf_before(get->span.begun, get->span.ended));
    assert_int_equal(get->parent, request_id());
    assert_memory_equal(get->span.context.trace_id, call.trace.trace_id, 16);

    assert_int_equal(client_do(client, "SET", "k", "v", NULL), HF_OK);
    assert_int_equal(client_do(client, "INCR", "k", NULL), HF_E_REPLY);
    assert_int_equal(find("SET")->parent, 0);
    assert_false(hf_trace_is_set(&find("SET")->span.context));
    assert_int_equal(find("INCR")->span.err, HF_E_REPLY);
    close_client(client);
}

static void a_batch_and_a_transaction_are_one_span_each(void **state)
{
    (void)state;
    struct hf_client     *client = open_client("5");
    const struct hf_call  call = call_of_request();
    const struct hf_bytes argv[] = { hf_str("INCR"), hf_str("n") };
    struct hf_batch      *batch;
    assert_int_equal(hf_batch_open(client, &batch), HF_OK);
    for (int i = 0; i < 3; i++) assert_int_equal(hf_batch_add(batch, argv, 2), HF_OK);
    assert_int_equal(hf_client_batch(client, &call, batch, NULL), HF_OK);
    assert_int_equal(hf_client_transaction(client, &call, batch, NULL), HF_OK);
    hf_batch_close(batch);
    assert_int_equal(traced.count, 2);
    assert_int_equal(find("batch")->span.commands, 3);
    assert_int_equal(find("batch")->parent, request_id());
    assert_int_equal(find("transaction")->span.commands, 5);
    close_client(client);
}

static void count_reply(hf_err err, struct hf_reply *reply, const struct hf_error *error,
                        void *ctx)
{
    (void)error;
    /* Its span has ended before. */
    if (!err && count_of("ECHO") == 1) atomic_store((atomic_int *)ctx, 1);
    hf_reply_free(reply);
}

static bool is_set(void *flag)
{
    return atomic_load((atomic_int *)flag) == 1;
}

static void an_asynchronous_command_ends_before_its_callback(void **state)
{
    (void)state;
    struct hf_client     *client = open_client("5");
    const struct hf_call  call = call_of_request();
    const struct hf_bytes argv[] = { hf_str("ECHO"), hf_str("x") };
    atomic_int            flag = 0;
    assert_int_equal(hf_client_command_async(client, &call, argv, 2, count_reply, &flag),
                     HF_OK);
    assert_true(wait_until(is_set, &flag, hf_seconds(BOUND_S)));
    assert_int_equal(find("ECHO")->span.kind, HF_SPAN_ASYNC);
    assert_int_equal(find("ECHO")->parent, request_id());
    assert_int_equal(find("ECHO")->span.attempts, 1);
    close_client(client);
}

static hf_err load(struct hf_bytes key, struct hf_loaded *loaded, void *ctx)
{
    (void)key;
    (void)ctx;
    return hf_loaded_set(loaded, hf_str("loaded"));
}

static void what_is_inside_an_operation_has_it_as_parent(void **state)
{
    (void)state;
    struct hf_client    *client = open_client("5");
    const struct hf_call call = call_of_request();
    struct hf_cache     *cache;
    struct hf_value     *value;
    struct hf_error      error;
    assert_int_equal(hf_cache_open(client, NULL, &cache, &error), HF_OK);
    assert_int_equal(hf_cache_set(cache, &call, hf_str("k"), hf_str("v"), NULL, &error),
                     HF_OK);
    assert_int_equal(find("cache set")->parent, request_id());
    assert_int_equal(find("SET")->parent, find("cache set")->own);

    assert_int_equal(hf_cache_get(cache, &call, hf_str("k"), &value, &error), HF_OK);
    hf_value_release(value);
    assert_int_equal(find("GET")->parent, find("cache get")->own);
    assert_int_equal(hf_cache_get(cache, &call, hf_str("none"), &value, &error), HF_MISS);
    assert_int_equal(traced.ended[traced.count - 1].span.err, HF_MISS);
    assert_int_equal(hf_cache_delete(cache, &call, hf_str("k"), &error), HF_OK);
    assert_int_equal(find("cache delete")->parent, request_id());

    assert_int_equal(
        hf_cache_load(cache, &call, hf_str("l"), NULL, load, NULL, &value, &error), HF_OK);
    hf_value_release(value);
    hf_cache_close(cache); /* Waits for the loader's thread. */
    assert_int_equal(find("cache loader")->parent, find("cache load")->own);
    assert_int_equal(find("cache loader")->span.kind, HF_SPAN_LOAD);
    assert_null(find("cache loader")->span.endpoint);
    for (size_t i = 0; i < traced.count; i++)
        assert_memory_equal(traced.ended[i].span.context.trace_id, call.trace.trace_id, 16);
    close_client(client);
}

static void many_keys_are_one_operation(void **state)
{
    (void)state;
    struct hf_client     *client = open_client("5");
    const struct hf_call  call = call_of_request();
    const struct hf_bytes keys[] = { hf_str("a"), hf_str("b") };
    const struct hf_bytes texts[] = { hf_str("1"), hf_str("2") };
    struct hf_cache      *cache;
    struct hf_value      *values[2];
    hf_err                errs[2];
    assert_int_equal(hf_cache_open(client, NULL, &cache, NULL), HF_OK);
    assert_int_equal(hf_cache_set_many(cache, &call, keys, texts, 2, NULL, errs, NULL),
                     HF_OK);
    assert_int_equal(hf_cache_get_many(cache, &call, keys, 2, values, errs, NULL), HF_OK);
    for (int i = 0; i < 2; i++) hf_value_release(values[i]);
    assert_int_equal(find("cache get_many")->parent, request_id());
    assert_int_equal(find("cache set_many")->parent, request_id());
    hf_cache_close(cache);
    close_client(client);
}

static bool reads_near(void *ctx)
{
    struct hf_cache *cache = ctx;
    struct hf_value *value;
    const size_t     before = count_of("MGET") + count_of("GET") + count_of("batch");
    if (hf_cache_get(cache, NULL, hf_str("n"), &value, NULL)) return false;
    hf_value_release(value);
    return before == count_of("MGET") + count_of("GET") + count_of("batch");
}

static void a_near_hit_is_an_operation_without_a_command(void **state)
{
    (void)state;
    const struct hf_cache_options near = { .near_bytes = 1 << 20 };
    struct hf_client             *client = open_client("5");
    const struct hf_call          call = call_of_request();
    struct hf_cache              *cache;
    struct hf_value              *value;
    assert_int_equal(hf_cache_open(client, &near, &cache, NULL), HF_OK);
    assert_int_equal(hf_cache_set(cache, NULL, hf_str("n"), hf_str("v"), NULL, NULL), HF_OK);
    assert_true(wait_until(reads_near, cache, hf_seconds(BOUND_S)));
    forget_all();
    assert_int_equal(hf_cache_get(cache, &call, hf_str("n"), &value, NULL), HF_OK);
    hf_value_release(value);
    assert_int_equal(traced.count, 1);
    assert_int_equal(find("cache get")->parent, request_id());
    hf_cache_close(cache);
    close_client(client);
}

static atomic_bool may_end;

static bool is_allowed(void *ctx)
{
    (void)ctx;
    return atomic_load(&may_end);
}

static hf_err hang(struct hf_bytes key, struct hf_loaded *loaded, void *ctx)
{
    (void)key;
    (void)loaded;
    (void)ctx;
    return wait_until(is_allowed, NULL, hf_seconds(BOUND_S)) ? HF_MISS : HF_E_TIMEOUT;
}

static bool none_is_open(void *ctx)
{
    (void)ctx;
    return atomic_load(&traced.open) == 0;
}

static void a_loader_that_outlives_client_and_cache_has_an_end_too(void **state)
{
    (void)state;
    struct hf_client    *client = open_client("5");
    const struct hf_call call = { .timeout = hf_ms(50) };
    struct hf_cache     *cache;
    struct hf_value     *value;
    assert_int_equal(hf_cache_open(client, NULL, &cache, NULL), HF_OK);
    assert_int_equal(hf_cache_load(cache, &call, hf_str("h"), NULL, hang, NULL, &value, NULL),
                     HF_E_TIMEOUT);
    hf_cache_close(cache);
    hf_client_close(client);
    assert_int_equal(atomic_load(&traced.open), 1);
    atomic_store(&may_end, true);
    assert_true(wait_until(none_is_open, NULL, hf_seconds(BOUND_S)));
    assert_int_equal(find("cache loader")->span.err, HF_MISS);
}

static void a_failed_call_tells_how_often_it_was_tried(void **state)
{
    (void)state;
    struct hf_client *client = open_client("0.5");
    redis_server_pause(server);
    assert_int_not_equal(client_do(client, "GET", "k", NULL), HF_OK);
    redis_server_resume(server);
    assert_int_equal(hf_err_category(find("GET")->span.err), HF_CATEGORY_TIMEOUT);
    assert_in_range(find("GET")->span.attempts, 1, 10);
    const hf_duration took = hf_between(find("GET")->span.begun, find("GET")->span.ended);
    assert_true(hf_to_ms(took) >= 400);

    assert_int_equal(hf_health_force_breaker(client, HF_BREAKER_FORCED_OPEN), HF_OK);
    assert_int_equal(client_do(client, "EXISTS", "k", NULL), HF_E_BREAKER_OPEN);
    assert_int_equal(find("EXISTS")->span.attempts, 0);

    const struct hf_bytes argv[] = { hf_str("TYPE"), hf_str("k") };
    assert_int_equal(hf_client_command_async(client, NULL, argv, 2, count_reply, NULL),
                     HF_E_BREAKER_OPEN);
    assert_int_equal(find("TYPE")->span.err, HF_E_BREAKER_OPEN);
    assert_int_equal(find("TYPE")->span.attempts, 0);
    close_client(client);
}

static void *call_much(void *ctx)
{
    for (int i = 0; i < 20; i++) {
        struct hf_cache *cache = ctx;
        struct hf_value *value;
        (void)!hf_cache_set(cache, NULL, hf_str("m"), hf_str("v"), NULL, NULL);
        if (!hf_cache_get(cache, NULL, hf_str("m"), &value, NULL)) hf_value_release(value);
        if (!hf_cache_load(cache, NULL, hf_str("k"), NULL, load, NULL, &value, NULL))
            hf_value_release(value);
        (void)!hf_cache_delete(cache, NULL, hf_str("k"), NULL);
    }
    return NULL;
}

static void the_functions_may_use_the_cache_they_are_called_from(void **state)
{
    (void)state;
    const struct hf_cache_options near = { .near_bytes = 1 << 20 };
    struct hf_client             *client = open_client("5");
    struct hf_cache              *cache;
    pthread_t                     threads[THREADS];
    atomic_int                    flag = 0;
    assert_int_equal(hf_cache_open(client, &near, &cache, NULL), HF_OK);
    traced.cache = cache;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_much, cache), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    const struct hf_bytes argv[] = { hf_str("ECHO"), hf_str("x") };
    forget_all();
    assert_int_equal(hf_client_command_async(client, NULL, argv, 2, count_reply, &flag),
                     HF_OK);
    assert_true(wait_until(is_set, &flag, hf_seconds(BOUND_S)));
    traced.cache = NULL;
    hf_cache_close(cache);
    close_client(client);
}

static int open_server(void **state)
{
    (void)state;
    server = redis_server_open(NULL);
    return 0;
}

static int close_server(void **state)
{
    (void)state;
    redis_server_close(server);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_a_span_with_all_its_facts),
        cmocka_unit_test(a_batch_and_a_transaction_are_one_span_each),
        cmocka_unit_test(an_asynchronous_command_ends_before_its_callback),
        cmocka_unit_test(what_is_inside_an_operation_has_it_as_parent),
        cmocka_unit_test(many_keys_are_one_operation),
        cmocka_unit_test(a_near_hit_is_an_operation_without_a_command),
        cmocka_unit_test(a_loader_that_outlives_client_and_cache_has_an_end_too),
        cmocka_unit_test(a_failed_call_tells_how_often_it_was_tried),
        cmocka_unit_test(the_functions_may_use_the_cache_they_are_called_from),
    };
    return cmocka_run_group_tests(tests, open_server, close_server);
}
