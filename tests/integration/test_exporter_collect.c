#include "support/client_kit.h"
#include "support/redis_server.h"
#include "support/test.h"
#include "support/wait.h"
#include "support/web_client.h"

#include <hiredis/hiredis.h>
#include <holdfast/cache.h>
#include <holdfast/exporter.h>
#include <holdfast/tasks.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct redis_server *server;
    struct hf_client    *client;
    struct hf_exporter  *exporter;
    const char          *path; /* For says(). */
    const char          *text;
};

static void open_with(struct fixture *f, const struct hf_exporter_options *options)
{
    *f = (struct fixture){ .server = redis_server_open(NULL) };
    f->client = client_open_ready(redis_server_unix_url(f->server), NULL);
    assert_int_equal(hf_exporter_open(options, &f->exporter, NULL), HF_OK);
    assert_int_equal(hf_exporter_add(f->exporter, "one", f->client), HF_OK);
}

static void close_all(struct fixture *f)
{
    hf_exporter_close(f->exporter);
    hf_client_close(f->client);
    redis_server_close(f->server);
}

static bool says(void *ctx)
{
    const struct fixture *f = ctx;
    struct web_answer answer = web_ask(hf_exporter_port(f->exporter), "GET", f->path, NULL);
    const bool        found = strstr(answer.body, f->text) != NULL;
    web_answer_free(&answer);
    return found;
}

static bool will_say(struct fixture *f, const char *path, const char *text)
{
    f->path = path;
    f->text = text;
    return wait_until(says, f, hf_seconds(20));
}

/* How often INFO was asked for by anybody. */
static long long infos(struct redis_server *server)
{
    redisReply     *reply = redis_server_command(server, "INFO commandstats");
    const char     *at = strstr(reply->str, "cmdstat_info:calls=");
    const long long count = at ? strtoll(at + 19, NULL, 10) : 0;
    freeReplyObject(reply);
    return count;
}

static void what_redis_says_of_itself_is_shown(void **state)
{
    (void)state;
    struct fixture f;
    open_with(&f, NULL);
    redis_server_do(f.server, "CONFIG SET maxmemory 123mb");
    assert_true(will_say(&f, "/metrics",
                         "\nholdfast_redis_memory_max_bytes{client=\"one\"} 128974848\n"));
    assert_true(will_say(&f, "/stats", "\"memory_max_bytes\":128974848"));
    close_all(&f);
}

static void hot_keys_of_a_cache_are_shown(void **state)
{
    (void)state;
    const struct hf_cache_options how = { .key_prefix = "t", .access_sample = 1 };
    struct fixture                f;
    struct hf_cache              *cache;
    struct hf_value              *value;
    open_with(&f, NULL);
    assert_int_equal(hf_cache_open(f.client, &how, &cache, NULL), HF_OK);
    assert_int_equal(hf_exporter_add_cache(f.exporter, f.client, "t", cache), HF_OK);
    for (int i = 0; i < 7; i++) {
        const struct hf_bytes key = i < 4 ? hf_str("often") : hf_bytes("\xff\0b", 3);
        assert_int_equal(hf_cache_set(cache, NULL, key, hf_str("v"), NULL, NULL), HF_OK);
        assert_int_equal(hf_cache_get(cache, NULL, key, &value, NULL), HF_OK);
        hf_value_release(value);
    }
    assert_int_equal(hf_cache_access_flush(cache, NULL, NULL), HF_OK);
    assert_true(will_say(&f, "/stats",
                         "\"hot_keys\":[{\"key\":\"often\",\"reads\":4},"
                         "{\"key_base64\":\"/wBi\",\"reads\":3}]"));
    hf_exporter_remove(f.exporter, f.client);
    hf_cache_close(cache);
    close_all(&f);
}

static void tasks_are_counted_by_status(void **state)
{
    (void)state;
    const struct hf_new_task new_task = { .type = "render", .payload = hf_str("x") };
    struct fixture           f;
    struct hf_options       *options;
    struct hf_tasks         *tasks;
    char                     id[HF_TASK_ID_MAX + 1];
    open_with(&f, NULL);
    assert_int_equal(hf_options_open(&options), HF_OK);
    assert_int_equal(hf_options_set(options, "url", redis_server_unix_url(f.server), NULL),
                     HF_OK);
    hf_options_set_log(options, HF_LOG_SILENT, NULL, NULL);
    assert_int_equal(hf_tasks_open(options, NULL, &tasks, NULL), HF_OK);
    hf_options_close(options);
    struct hf_client *of_tasks = hf_tasks_client(tasks);
    assert_int_equal(hf_client_wait_ready(of_tasks, hf_seconds(30), NULL), HF_OK);
    assert_int_equal(hf_tasks_create(tasks, NULL, &new_task, id, NULL, NULL), HF_OK);

    assert_int_equal(hf_exporter_add_tasks(f.exporter, of_tasks, "tasks", tasks),
                     HF_E_INVALID); /* The client was not added. */
    assert_int_equal(hf_exporter_add(f.exporter, "jobs", of_tasks), HF_OK);
    assert_int_equal(hf_exporter_add_tasks(f.exporter, of_tasks, "", tasks), HF_E_INVALID);
    assert_int_equal(hf_exporter_add_tasks(f.exporter, of_tasks, "tasks", tasks), HF_OK);
    assert_true(will_say(&f, "/metrics",
                         "\nholdfast_tasks{client=\"jobs\",prefix=\"tasks\","
                         "status=\"pending\"} 1\n"));
    assert_true(will_say(&f, "/stats", "\"by_status\":{\"pending\":1,\"running\":0,"));
    hf_exporter_remove(f.exporter, of_tasks);
    hf_tasks_close(tasks);
    close_all(&f);
}

static void nobody_is_asked_while_nobody_looks(void **state)
{
    (void)state;
    struct fixture f;
    open_with(&f, NULL);
    const long long before = infos(f.server);
    assert_true(will_say(&f, "/livez", "ok"));
    assert_true(will_say(&f, "/readyz", "ready"));
    assert_true(will_say(&f, "/healthz", "up"));
    assert_int_equal(infos(f.server), before + 1); /* This one itself. */
    close_all(&f);

    open_with(&f, &(struct hf_exporter_options){ .is_passive = true });
    const long long passive = infos(f.server);
    assert_true(will_say(&f, "/stats", "\"redis\":null"));
    assert_int_equal(infos(f.server), passive + 1);
    close_all(&f);
}

static bool has_asked(void *ctx)
{
    const struct fixture *f = ctx;
    struct hf_health      health;
    hf_health_get(f->client, &health);
    return health.calls_under_way > 0;
}

static void removing_waits_for_the_question_at_most(void **state)
{
    (void)state;
    struct fixture f;
    open_with(&f, NULL);
    assert_true(will_say(&f, "/metrics", "holdfast_redis_memory_bytes{"));
    redis_server_pause(f.server);
    assert_true(wait_until(has_asked, &f, hf_seconds(20)));
    assert_true(will_say(&f, "/metrics", "holdfast_up{client=\"one\"}"));
    hf_exporter_remove(f.exporter, f.client);
    struct hf_health health;
    hf_health_get(f.client, &health);
    assert_int_equal(health.calls_under_way, 0);
    redis_server_resume(f.server);
    close_all(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_redis_says_of_itself_is_shown),
        cmocka_unit_test(hot_keys_of_a_cache_are_shown),
        cmocka_unit_test(tasks_are_counted_by_status),
        cmocka_unit_test(nobody_is_asked_while_nobody_looks),
        cmocka_unit_test(removing_waits_for_the_question_at_most),
    };
    return RUN_TESTS(tests);
}
