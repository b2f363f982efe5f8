#include "support/fault_proxy.h"
#include "support/tasks_fixture.h"
#include "support/test.h"
#include "support/wait.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every call there is, each with this time; all must fail, none with HF_MISS. Returns the
 * longest. */
static hf_duration call_all(struct tasks_fixture *f, hf_duration timeout)
{
    const struct hf_call        call = { .timeout = timeout };
    const struct hf_new_task    new_task = { .type = "t" };
    const struct hf_claim       waits = { .waits = true };
    const struct hf_task_change change = { .message = "m" };
    struct hf_tasks            *t = f->tasks;
    struct hf_task             *task;
    struct hf_task_list        *list;
    struct hf_task_stats       *stats;
    char                        id[HF_TASK_ID_MAX + 1], cursor[HF_TASK_CURSOR_MAX] = "";
    hf_duration                 longest = { 0 };
    for (int i = 0; i < 16; i++) {
        const hf_instant start = hf_now();
        hf_err           err = HF_OK;
        switch (i) {
        case 0: err = hf_tasks_create(t, &call, &new_task, id, NULL, NULL); break;
        case 1: err = hf_tasks_get(t, &call, "a", &task, NULL); break;
        case 2: err = hf_tasks_claim(t, &call, NULL, &task, NULL); break;
        case 3: err = hf_tasks_claim(t, &call, &waits, &task, NULL); break;
        case 4: err = hf_tasks_heartbeat(t, &call, "a", 1, -1, NULL, NULL); break;
        case 5: err = hf_tasks_complete(t, &call, "a", 1, hf_str(""), NULL); break;
        case 6: err = hf_tasks_fail(t, &call, "a", 1, hf_str(""), false, NULL, NULL); break;
        case 7: err = hf_tasks_release(t, &call, "a", 1, hf_ns(0), NULL); break;
        case 8: err = hf_tasks_cancel(t, &call, "a", NULL); break;
        case 9: err = hf_tasks_update(t, &call, "a", &change, NULL); break;
        case 10: err = hf_tasks_delete(t, &call, "a", NULL); break;
        case 11: err = hf_tasks_list(t, &call, NULL, 1, cursor, &list, NULL); break;
        case 12: err = hf_tasks_stats(t, &call, &stats, NULL); break;
        case 13: err = hf_tasks_requeue(t, &call, "a", NULL); break;
        case 14: err = hf_tasks_cleanup(t, &call, hf_ns(0), 0, NULL, NULL); break;
        default: err = hf_tasks_maintain(t, &call, NULL, NULL); break;
        }
        const hf_duration took = hf_between(start, hf_now());
        if (took.ns > longest.ns) longest = took;
        if (err == HF_OK || err == HF_MISS) fail_msg("call %d: %s", i, hf_err_name(err));
    }
    return longest;
}

static void without_redis_every_call_says_so_in_time(void **state)
{
    (void)state;
    struct tasks_fixture f;
    tasks_fixture_open(&f, NULL);
    tasks_fixture_create(&f, "a");
    redis_server_kill(f.server);
    assert_true(call_all(&f, hf_ms(300)).ns < hf_ms(900).ns);
    redis_server_spawn(f.server);
    redis_server_wait_ready(f.server);
    assert_int_equal(hf_client_wait_ready(hf_tasks_client(f.tasks), hf_seconds(10), &f.error),
                     HF_OK);
    tasks_fixture_create(&f, "a"); /* Nothing was persisted here. */
    tasks_fixture_close(&f);
}

static void while_redis_hangs_every_call_says_so_in_time(void **state)
{
    (void)state;
    struct tasks_fixture f;
    tasks_fixture_open(&f, NULL);
    redis_server_pause(f.server);
    assert_true(call_all(&f, hf_ms(200)).ns < hf_ms(800).ns);
    redis_server_resume(f.server);
    assert_int_equal(hf_client_wait_ready(hf_tasks_client(f.tasks), hf_seconds(10), &f.error),
                     HF_OK);
    tasks_fixture_close(&f);
}

static void tasks_survive_a_killed_server(void **state)
{
    (void)state;
    static const char *const args[] = { "--appendonly", "yes", "--appendfsync", "always",
                                        NULL };
    struct tasks_fixture     f;
    tasks_fixture_open_with(&f, NULL, args);
    tasks_fixture_create(&f, "a");
    tasks_fixture_create(&f, "b");
    struct hf_task *task = tasks_fixture_claim(&f);
    redis_server_restart(f.server);
    assert_int_equal(hf_client_wait_ready(hf_tasks_client(f.tasks), hf_seconds(10), &f.error),
                     HF_OK);
    tasks_fixture_check(&f);
    assert_int_equal(hf_tasks_complete(f.tasks, NULL, "a", task->token, hf_str(""), &f.error),
                     HF_OK);
    struct hf_task *next = tasks_fixture_claim(&f);
    assert_string_equal(next->id, "b");
    assert_true(next->token > task->token);
    hf_task_free(next);
    hf_task_free(task);
    tasks_fixture_close(&f);
}

static void tokens_grow_even_when_their_counter_was_lost(void **state)
{
    (void)state;
    struct tasks_fixture f;
    tasks_fixture_open(&f, NULL);
    tasks_fixture_create(&f, "a");
    struct hf_task *first = tasks_fixture_claim(&f);
    redis_server_do(f.server, "FLUSHALL");
    redis_server_do(f.server, "SCRIPT FLUSH");
    tasks_fixture_create(&f, "a");
    struct hf_task *second = tasks_fixture_claim(&f);
    assert_true(second->token > first->token);
    assert_int_equal(hf_tasks_complete(f.tasks, NULL, "a", first->token, hf_str(""), NULL),
                     HF_E_TASK_TOKEN);
    hf_task_free(first);
    hf_task_free(second);
    tasks_fixture_close(&f);
}

static void at_maxmemory_tasks_can_be_ended_but_not_made(void **state)
{
    (void)state;
    struct tasks_fixture     f;
    const struct hf_new_task new_task = { .type = "t", .payload = hf_str("p") };
    char                     id[HF_TASK_ID_MAX + 1];
    tasks_fixture_open(&f, NULL);
    tasks_fixture_create(&f, "a");
    tasks_fixture_create(&f, "b");
    tasks_fixture_create(&f, "c");
    struct hf_task *a = tasks_fixture_claim(&f);
    struct hf_task *b = tasks_fixture_claim(&f);
    redis_server_do(f.server, "CONFIG SET maxmemory 1");

    assert_int_equal(hf_tasks_create(f.tasks, NULL, &new_task, id, NULL, &f.error), HF_E_OOM);
    assert_int_equal(hf_tasks_heartbeat(f.tasks, NULL, "a", a->token, 0.5, "on", &f.error),
                     HF_OK);
    assert_int_equal(hf_tasks_complete(f.tasks, NULL, "a", a->token, hf_str("r"), &f.error),
                     HF_OK);
    assert_int_equal(
        hf_tasks_fail(f.tasks, NULL, "b", b->token, hf_str("e"), false, NULL, &f.error),
        HF_OK);
    struct hf_task *c = tasks_fixture_claim(&f);
    assert_int_equal(hf_tasks_release(f.tasks, NULL, "c", c->token, hf_ns(0), &f.error),
                     HF_OK);
    assert_int_equal(hf_tasks_cancel(f.tasks, NULL, "c", &f.error), HF_OK);
    assert_int_equal(hf_tasks_delete(f.tasks, NULL, "c", &f.error), HF_OK);
    assert_int_equal(hf_tasks_cleanup(f.tasks, NULL, hf_ns(0), 0, NULL, &f.error), HF_OK);

    redis_server_do(f.server, "CONFIG SET maxmemory 0");
    hf_task_free(a);
    hf_task_free(b);
    hf_task_free(c);
    tasks_fixture_close(&f);
}

/* Each call once through a proxy that cuts the connection in the middle of its answer: the
 * server has done it, the caller has not heard so. */
static void a_lost_answer_does_nothing_twice(void **state)
{
    (void)state;
    struct tasks_fixture f;
    tasks_fixture_open(&f, NULL);
    struct fault_proxy *proxy = fault_proxy_start(redis_server_socket(f.server));
    struct hf_tasks    *far = tasks_fixture_another(&f, NULL, fault_proxy_url(proxy));
    const struct fault  cut = { .kind = FAULT_CUT,
                                .direction = FAULT_TO_CLIENT,
                                .after_bytes = 2,
                                .times = 1,
                                .end = FAULT_CLOSE };
    char                id[HF_TASK_ID_MAX + 1];
    struct hf_task     *task;
    assert_int_equal(hf_client_wait_ready(hf_tasks_client(far), hf_seconds(10), NULL), HF_OK);

    static const char *const ends[] = { "complete", "fail", "release" };
    for (int i = 0; i < 3; i++) {
        /* The scripts are known to the server by now, but for the first time. */
        const struct hf_new_task new_task = { .type = "t" };
        fault_proxy_set(proxy, &cut);
        assert_int_equal(hf_tasks_create(far, NULL, &new_task, id, NULL, &f.error), HF_OK);
        assert_string_equal(tasks_fixture_ask(&f, "ZCARD {tasks}:in:0"), "1");

        fault_proxy_set(proxy, &cut);
        assert_int_equal(hf_tasks_claim(far, NULL, NULL, &task, &f.error), HF_OK);
        assert_string_equal(task->id, id);
        assert_int_equal(task->starts, 1);
        assert_string_equal(tasks_fixture_ask(&f, "ZCARD {tasks}:leases"), "1");

        fault_proxy_set(proxy, &cut);
        hf_err err = HF_OK;
        if (i == 0) err = hf_tasks_complete(far, NULL, id, task->token, hf_str("r"), NULL);
        if (i == 1) {
            err = hf_tasks_fail(far, NULL, id, task->token, hf_str(""), false, NULL, NULL);
        }
        if (i == 2) err = hf_tasks_release(far, NULL, id, task->token, hf_ns(0), NULL);
        if (err) fail_msg("%s: %s", ends[i], hf_err_name(err));
        hf_task_free(task);
        task = tasks_fixture_get(&f, id);
        assert_int_equal(task->version, 3);
        assert_int_equal(task->retries, i == 1);
        assert_int_equal(task->crashes, 0);
        hf_task_free(task);
        assert_int_equal(hf_tasks_delete(f.tasks, NULL, id, &f.error), HF_OK);
    }
    assert_true(fault_proxy_counts(proxy).struck >= 9);
    hf_tasks_close(far);
    fault_proxy_close(proxy);
    tasks_fixture_close(&f);
}

/* ---- Claims whose answer is lost --------------------------------------------------- */

/* A handle behind a proxy, and a task "a" that was made after its first, empty claim. */
struct far_claimer {
    struct tasks_fixture f;
    struct fault_proxy  *proxy;
    struct hf_tasks     *tasks;
};

static void far_wait_ready(struct far_claimer *far)
{
    assert_int_equal(hf_client_wait_ready(hf_tasks_client(far->tasks), hf_seconds(10), NULL),
                     HF_OK);
}

/* The settings are for the end of the URL. */
static void far_open(struct far_claimer *far, const char *settings)
{
    char            url[256];
    struct hf_task *task;
    tasks_fixture_open(&far->f, NULL);
    far->proxy = fault_proxy_start(redis_server_socket(far->f.server));
    snprintf(url, sizeof url, "%s%s", fault_proxy_url(far->proxy), settings);
    far->tasks = tasks_fixture_another(&far->f, NULL, url);
    far_wait_ready(far);
    assert_int_equal(hf_tasks_claim(far->tasks, NULL, NULL, &task, NULL), HF_MISS);
    tasks_fixture_create(&far->f, "a");
}

static void far_close(struct far_claimer *far)
{
    hf_tasks_close(far->tasks);
    fault_proxy_close(far->proxy);
    tasks_fixture_close(&far->f);
}

/* One that fails. */
static hf_err far_claim_in_vain(struct far_claimer *far)
{
    const struct hf_call brief = { .timeout = hf_ms(200) };
    struct hf_task      *task;
    const hf_err         err = hf_tasks_claim(far->tasks, &brief, NULL, &task, &far->f.error);
    assert_true(err != HF_OK && err != HF_MISS);
    return err;
}

/* The server has given "a" out, and nobody has heard so. */
static void assert_is_unheard(struct far_claimer *far, hf_err err)
{
    if (!hf_err_outcome_unknown(err)) {
        fail_msg("%s: %s", hf_err_name(err), far->f.error.detail);
    }
    assert_int_equal(tasks_fixture_status(&far->f, "a"), HF_TASK_RUNNING);
}

static void far_claim_unheard(struct far_claimer *far)
{
    fault_proxy_set(far->proxy, &(struct fault){ .kind = FAULT_BLACK_HOLE,
                                                 .direction = FAULT_TO_CLIENT });
    assert_is_unheard(far, far_claim_in_vain(far));
}

static void assert_claims(struct far_claimer *far, const char *id)
{
    struct hf_task *task;
    assert_int_equal(hf_tasks_claim(far->tasks, NULL, NULL, &task, &far->f.error), HF_OK);
    assert_string_equal(task->id, id);
    assert_int_equal(task->starts, 1);
    hf_task_free(task);
}

static void a_claim_that_was_not_heard_is_given_out_again(void **state)
{
    (void)state;
    struct far_claimer far;
    far_open(&far, "");
    tasks_fixture_create(&far.f, "b");
    far_claim_unheard(&far);
    fault_proxy_clear(far.proxy);
    fault_proxy_cut(far.proxy, 0, FAULT_CLOSE);
    far_wait_ready(&far);
    assert_claims(&far, "a");
    assert_claims(&far, "b");
    far_close(&far);
}

/* Not heard, and then refused: that Redis was not even asked says nothing of the first. */
static void a_claim_that_is_refused_forgets_nothing(void **state)
{
    (void)state;
    struct far_claimer far;
    far_open(&far, "");
    far_claim_unheard(&far);
    fault_proxy_set(far.proxy, &(struct fault){ .kind = FAULT_RESET });
    fault_proxy_cut(far.proxy, 0, FAULT_CLOSE);
    for (int refused = 0; refused < 3;) {
        refused += !hf_err_outcome_unknown(far_claim_in_vain(&far));
    }
    fault_proxy_clear(far.proxy);
    far_wait_ready(&far);
    assert_claims(&far, "a");
    far_close(&far);
}

/* The answer is cut off, and who asks once more is refused: what was refused does not undo
 * what the first may have done. */
static void a_refused_second_try_leaves_the_doubt_of_the_first(void **state)
{
    (void)state;
    struct far_claimer far;
    far_open(&far, "?breaker_threshold=1");
    fault_proxy_set(far.proxy, &(struct fault){ .kind = FAULT_RESET });
    fault_proxy_set(far.proxy, &(struct fault){ .kind = FAULT_CUT,
                                                .direction = FAULT_TO_CLIENT,
                                                .after_bytes = 2,
                                                .times = 1,
                                                .end = FAULT_CLOSE });
    assert_is_unheard(&far, far_claim_in_vain(&far));
    fault_proxy_clear(far.proxy);
    far_wait_ready(&far);
    assert_claims(&far, "a");
    far_close(&far);
}

static bool sees_eviction(void *ctx)
{
    struct hf_tasks_health health;
    hf_tasks_health(ctx, &health);
    return health.may_evict;
}

static void a_policy_that_may_evict_tasks_is_warned_of(void **state)
{
    (void)state;
    static const char *const      args[] = { "--maxmemory-policy", "allkeys-lru", NULL };
    const struct hf_tasks_options living = { .name = "living" };
    struct tasks_fixture          f;
    tasks_fixture_open_with(&f, &living, args);
    assert_true(wait_until(sees_eviction, f.tasks, hf_seconds(10)));
    tasks_fixture_close(&f);
}

static void all_keys_lie_in_one_slot(void **state)
{
    (void)state;
    struct tasks_fixture     f;
    const struct hf_new_task new_task = {
        .id = "x", .type = "t", .owner = "o", .unique = "u"
    };
    char id[HF_TASK_ID_MAX + 1];
    tasks_fixture_open(&f, NULL);
    assert_int_equal(hf_tasks_create(f.tasks, NULL, &new_task, id, NULL, &f.error), HF_OK);
    hf_task_free(tasks_fixture_claim(&f));
    assert_string_equal(
        tasks_fixture_eval(&f, "for _, key in ipairs(redis.call('KEYS', '*')) do "
                               "if string.sub(key, 1, 8) ~= '{tasks}:' then return key end "
                               "end return 'all'"),
        "all");
    tasks_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_redis_every_call_says_so_in_time),
        cmocka_unit_test(while_redis_hangs_every_call_says_so_in_time),
        cmocka_unit_test(tasks_survive_a_killed_server),
        cmocka_unit_test(tokens_grow_even_when_their_counter_was_lost),
        cmocka_unit_test(at_maxmemory_tasks_can_be_ended_but_not_made),
        cmocka_unit_test(a_lost_answer_does_nothing_twice),
        cmocka_unit_test(a_claim_that_was_not_heard_is_given_out_again),
        cmocka_unit_test(a_claim_that_is_refused_forgets_nothing),
        cmocka_unit_test(a_refused_second_try_leaves_the_doubt_of_the_first),
        cmocka_unit_test(a_policy_that_may_evict_tasks_is_warned_of),
        cmocka_unit_test(all_keys_lie_in_one_slot),
    };
    return RUN_TESTS(tests);
}
