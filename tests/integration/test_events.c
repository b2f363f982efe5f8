/* What a client says while a real server goes and comes back. */

#include "support/client_kit.h"
#include "support/redis_server.h"
#include "support/test.h"
#include "support/wait.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { BOUND_S = 20, CALLERS = 4, TEXT_MAX = 256 * 1024, DELETES = 3 * HF_LOG_BURST };

static const char password[] = "open-sesame-4711";

/* All that was said, once as lines of each kind. */
static struct {
    pthread_mutex_t           lock;
    struct hf_client *_Atomic client; /* Called back into, if not NULL. */
    atomic_uint               counts[HF_EVENT_COUNT];
    atomic_uint               calls_back;
    size_t                    size;
    char                      text[TEXT_MAX];
} said = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void append(const char *line)
{
    pthread_mutex_lock(&said.lock);
    const size_t size = strlen(line);
    if (said.size + size + 2 < TEXT_MAX) {
        memcpy(said.text + said.size, line, size);
        memcpy(said.text + said.size + size, "\n", 2);
        said.size += size + 1;
    }
    pthread_mutex_unlock(&said.lock);
}

/* A user that asks, and even tries a command, in the middle of it all. */
static void call_back(struct hf_client *client)
{
    struct hf_health health;
    struct hf_stats  stats;
    hf_health_get(client, &health);
    hf_stats_get(client, &stats);
    (void)client_do(client, "PING", NULL);
    atomic_fetch_add(&said.calls_back, 1);
}

static void take(const struct hf_log_record *record, void *ctx)
{
    char line[HF_LOG_LINE_MAX];
    (void)ctx;
    hf_log_line(record, HF_LOG_LOGFMT, line);
    append(line);
    hf_log_line(record, HF_LOG_JSON, line);
    append(line);
    atomic_fetch_add(&said.counts[record->event], 1);
    struct hf_client *const client = atomic_load(&said.client);
    if (client) call_back(client);
}

static unsigned count(enum hf_event event)
{
    return atomic_load(&said.counts[event]);
}

static void forget_all(void)
{
    atomic_store(&said.client, NULL);
    pthread_mutex_lock(&said.lock);
    said.size = 0;
    said.text[0] = '\0';
    pthread_mutex_unlock(&said.lock);
    atomic_store(&said.calls_back, 0);
    for (int i = 0; i < HF_EVENT_COUNT; i++) atomic_store(&said.counts[i], 0);
}

static struct hf_client *open_client(const char *url, const char *given_password)
{
    struct hf_options *options;
    struct hf_client  *client;
    struct hf_error    error;
    assert_int_equal(hf_options_open(&options), HF_OK);
    assert_int_equal(hf_options_set(options, "url", url, &error), HF_OK);
    assert_int_equal(hf_options_set(options, "password", given_password, &error), HF_OK);
    assert_int_equal(hf_options_set(options, "socket_timeout", "2", &error), HF_OK);
    hf_options_set_log(options, HF_LOG_DEBUG, take, NULL);
    assert_int_equal(hf_client_open(options, &client, &error), HF_OK);
    hf_options_close(options);
    return client;
}

static struct redis_server *open_server(void)
{
    return redis_server_open(&(struct redis_server_options){ .password = password });
}

static bool has_event(void *event)
{
    return count(*(enum hf_event *)event) > 0;
}

static void wait_for(enum hf_event event)
{
    if (!wait_until(has_event, &event, hf_seconds(BOUND_S)))
        fail_msg("no %s after %d s:\n%s", hf_event_name(event), BOUND_S, said.text);
}

static void wait_ready(struct hf_client *client)
{
    struct hf_error error;
    assert_int_equal(hf_client_wait_ready(client, hf_seconds(BOUND_S), &error), HF_OK);
}

struct callers {
    struct hf_client *client;
    atomic_bool       is_over;
};

static void *keep_calling(void *arg)
{
    struct callers *callers = arg;
    while (!atomic_load(&callers->is_over))
        (void)client_do(callers->client, "GET", "k", NULL);
    return NULL;
}

/* The server is killed while threads call, and comes back. */
static void suffer_an_outage(struct redis_server *server, struct hf_client *client)
{
    struct callers callers = { .client = client };
    pthread_t      threads[CALLERS];
    for (int i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, keep_calling, &callers), 0);
    redis_server_kill(server);
    wait_for(HF_EVENT_CONNECTION_LOST);
    wait_for(HF_EVENT_CONNECT_FAILED);
    wait_for(HF_EVENT_BREAKER_OPENED);
    wait_for(HF_EVENT_HEALTH_DOWN);
    redis_server_spawn(server);
    redis_server_wait_ready(server);
    wait_for(HF_EVENT_RECONNECTED);
    wait_for(HF_EVENT_BREAKER_CLOSED);
    atomic_store(&callers.is_over, true);
    for (int i = 0; i < CALLERS; i++) pthread_join(threads[i], NULL);
}

static void an_outage_is_told_once_from_its_beginning_to_its_end(void **state)
{
    (void)state;
    forget_all();
    struct redis_server *server = open_server();
    struct hf_client    *client = open_client(redis_server_unix_url(server), password);
    wait_ready(client);
    wait_for(HF_EVENT_HEALTH_UP);
    forget_all();

    suffer_an_outage(server, client);
    wait_for(HF_EVENT_HEALTH_UP);
    assert_int_equal(count(HF_EVENT_CONNECTION_LOST), 1);
    assert_int_equal(count(HF_EVENT_BREAKER_OPENED), 1);
    assert_int_equal(count(HF_EVENT_RECONNECTED), 1);
    assert_int_equal(count(HF_EVENT_BREAKER_CLOSED), 1);
    assert_int_equal(count(HF_EVENT_HEALTH_DOWN), 1);
    assert_int_equal(count(HF_EVENT_HEALTH_UP), 1);
    assert_int_equal(count(HF_EVENT_CONNECTED), 0);

    hf_client_close(client);
    redis_server_close(server);
    assert_non_null(strstr(said.text, "event=breaker_opened"));
    assert_non_null(strstr(said.text, " from=closed to=open reason="));
    assert_null(strstr(said.text, password));
}

static bool answers(void *client)
{
    return client_do(client, "PING", NULL) == HF_OK;
}

static void a_function_that_calls_back_holds_nothing_up(void **state)
{
    (void)state;
    forget_all();
    struct redis_server *server = open_server();
    struct hf_client    *client = open_client(redis_server_unix_url(server), password);
    wait_ready(client);
    wait_for(HF_EVENT_HEALTH_UP);
    atomic_store(&said.client, client);
    const hf_instant begun = hf_now();
    suffer_an_outage(server, client);
    assert_true(atomic_load(&said.calls_back) > 4);
    assert_true(hf_between(begun, hf_now()).ns < hf_seconds(BOUND_S).ns);
    assert_true(wait_until(answers, client, hf_seconds(BOUND_S)));
    hf_client_close(client);
    redis_server_close(server);
}

static void a_refused_password_is_told_of_and_not_told(void **state)
{
    (void)state;
    forget_all();
    struct redis_server *server = open_server();
    struct hf_client    *client = open_client(redis_server_unix_url(server),
                                              "wrong-sesame-0815");
    wait_for(HF_EVENT_CONNECT_FAILED);
    hf_client_close(client);
    redis_server_close(server);
    assert_non_null(strstr(said.text, " error=authentication "));
    assert_null(strstr(said.text, "wrong-sesame"));
}

static void deletes_that_fail_are_told_of_until_they_are_made_up_for(void **state)
{
    (void)state;
    forget_all();
    struct redis_server *server = open_server();
    struct hf_client    *client = open_client(redis_server_unix_url(server), password);
    struct hf_cache     *cache;
    struct hf_error      error;
    wait_ready(client);
    assert_int_equal(hf_cache_open(client, NULL, &cache, &error), HF_OK);
    redis_server_kill(server);
    for (int i = 0; i < DELETES; i++) {
        char key[32];
        snprintf(key, sizeof key, "key-of-somebody-%d", i);
        assert_int_not_equal(hf_cache_delete(cache, NULL, hf_str(key), &error), HF_OK);
    }
    assert_in_range(count(HF_EVENT_DELETE_QUEUED), HF_LOG_BURST, DELETES - 1);
    struct hf_stats stats;
    hf_stats_get(client, &stats);
    assert_int_equal(stats.logs_dropped, DELETES - count(HF_EVENT_DELETE_QUEUED));
    redis_server_spawn(server);
    wait_for(HF_EVENT_DELETES_DONE);
    hf_cache_close(cache);
    hf_client_close(client);
    redis_server_close(server);
    assert_null(strstr(said.text, "key-of-somebody"));
}

static void writing_what_was_to_be_deleted_is_told_of_as_its_end(void **state)
{
    (void)state;
    forget_all();
    struct redis_server *server = open_server();
    struct hf_client    *client = open_client(redis_server_unix_url(server), password);
    struct hf_cache     *cache;
    struct hf_error      error;
    wait_ready(client);
    assert_int_equal(hf_cache_open(client, NULL, &cache, &error), HF_OK);
    redis_server_kill(server);
    assert_int_not_equal(hf_cache_delete(cache, NULL, hf_str("k"), &error), HF_OK);
    wait_for(HF_EVENT_BREAKER_OPENED); /* By then it is tried less and less often. */
    redis_server_spawn(server);
    wait_ready(client);
    assert_int_equal(hf_cache_set(cache, NULL, hf_str("k"), hf_str("v"), NULL, &error),
                     HF_OK);
    wait_for(HF_EVENT_DELETES_DONE);
    hf_cache_close(cache);
    hf_client_close(client);
    redis_server_close(server);
    assert_int_equal(count(HF_EVENT_DELETES_DONE), 1);
}

static void a_server_that_hangs_is_told_of_with_the_reason(void **state)
{
    (void)state;
    forget_all();
    struct redis_server *server = open_server();
    struct hf_client    *client = open_client(redis_server_unix_url(server), password);
    const struct hf_call call = { .timeout = hf_ms(50) };
    struct hf_reply     *reply;
    wait_ready(client);
    wait_for(HF_EVENT_HEALTH_UP);
    redis_server_pause(server);
    for (int i = 0; i < 100 && count(HF_EVENT_HEALTH_DOWN) == 0; i++)
        assert_int_not_equal(client_ask(client, &call, &reply, "GET", "k", NULL), HF_OK);
    wait_for(HF_EVENT_CONNECTION_LOST);
    wait_for(HF_EVENT_HEALTH_DOWN);
    redis_server_resume(server);
    hf_client_close(client);
    redis_server_close(server);
    assert_non_null(strstr(said.text, "event=health_down"));
    assert_null(strstr(said.text, "not connected yet"));
}

/* Many times, since what would tell is another thread. */
static void a_client_that_is_closed_is_no_outage(void **state)
{
    (void)state;
    struct redis_server *server = open_server();
    for (int i = 0; i < 100; i++) {
        forget_all();
        struct hf_client *client = open_client(redis_server_unix_url(server), password);
        wait_ready(client);
        wait_for(HF_EVENT_HEALTH_UP);
        assert_true(client_do(client, "PING", NULL) == HF_OK);
        hf_client_close(client);
        assert_int_equal(count(HF_EVENT_HEALTH_DOWN), 0);
        assert_int_equal(count(HF_EVENT_CONNECTION_LOST), 0);
    }
    redis_server_close(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_outage_is_told_once_from_its_beginning_to_its_end),
        cmocka_unit_test(a_function_that_calls_back_holds_nothing_up),
        cmocka_unit_test(a_client_that_is_closed_is_no_outage),
        cmocka_unit_test(a_refused_password_is_told_of_and_not_told),
        cmocka_unit_test(deletes_that_fail_are_told_of_until_they_are_made_up_for),
        cmocka_unit_test(writing_what_was_to_be_deleted_is_told_of_as_its_end),
        cmocka_unit_test(a_server_that_hangs_is_told_of_with_the_reason),
    };
    return RUN_TESTS(tests);
}
