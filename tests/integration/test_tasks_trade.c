#include "support/tasks_fixture.h"
#include "support/test.h"
#include "tasks/claim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void create(struct tasks_fixture *f, const char *id, const char *type,
                   enum hf_task_priority priority, struct hf_bytes payload)
{
    const struct hf_new_task new_task = {
        .id = id, .type = type, .priority = priority, .payload = payload
    };
    char given[HF_TASK_ID_MAX + 1];
    assert_int_equal(hf_tasks_create(f->tasks, NULL, &new_task, given, NULL, &f->error),
                     HF_OK);
}

/* The ids of up to so many, one after the other. */
static const char *claim(struct tasks_fixture *f, const struct hf_claim *how, size_t wanted)
{
    static char     ids[512];
    struct hf_task *tasks[HF_TRADE_MAX];
    size_t          count = 0;
    ids[0] = '\0';
    const hf_err err = hf_tasks_trade(f->tasks, NULL, how, NULL, 0, tasks, wanted, &count,
                                      &f->error);
    if (err && err != HF_MISS) fail_msg("%s: %s", hf_err_name(err), f->error.detail);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(tasks[i]->status, HF_TASK_RUNNING);
        assert_int_equal(tasks[i]->starts, 1);
        strcat(strcat(ids, ids[0] ? " " : ""), tasks[i]->id);
        hf_task_free(tasks[i]);
    }
    return ids;
}

static void each_completion_has_an_outcome_of_its_own(void **state)
{
    (void)state;
    struct tasks_fixture f;
    struct hf_task      *held[5], *next[HF_TRADE_MAX];
    size_t               count;
    tasks_fixture_open(&f, NULL);
    for (int i = 0; i < 5; i++) {
        tasks_fixture_create(&f, (const char *[]){ "a", "b", "c", "d", "e" }[i]);
        held[i] = tasks_fixture_claim(&f);
    }
    tasks_fixture_create(&f, "f");
    assert_int_equal(hf_tasks_cancel(f.tasks, NULL, "b", &f.error), HF_OK);
    tasks_fixture_expire(&f, "d"); /* Its token is as good as before: it is the newest. */
    tasks_fixture_ask(&f, "HSET {tasks}:t:e s 9");

    struct hf_completion completions[] = {
        { .id = "a", .token = held[0]->token, .result = hf_str("one"), .message = "on\n" },
        { .id = "b", .token = held[1]->token },
        { .id = "c", .token = held[2]->token - 1 },
        { .id = "d", .token = held[3]->token, .result = hf_str("late") },
        { .id = "e", .token = held[4]->token },
        { .id = "none", .token = 1 },
    };
    for (int again = 0; again < 2; again++) { /* As if the answer had been lost. */
        const hf_err err = hf_tasks_trade(f.tasks, NULL, NULL, completions, 6, next, 3,
                                          &count, &f.error);
        assert_int_equal(err, again ? HF_MISS : HF_OK);
        assert_int_equal(completions[0].err, HF_OK);
        assert_int_equal(completions[1].err, HF_E_TASK_CANCELLED);
        assert_int_equal(completions[2].err, HF_E_TASK_TOKEN);
        assert_int_equal(completions[3].err, HF_OK);
        assert_int_equal(completions[4].err, HF_E_TASK_DAMAGED);
        assert_int_equal(completions[5].err, HF_E_TASK_UNKNOWN);
        if (again) break;
        assert_int_equal(count, 1);
        assert_string_equal(next[0]->id, "f");
        hf_task_free(next[0]);
    }

    struct hf_task *done = tasks_fixture_get(&f, "a");
    assert_int_equal(done->status, HF_TASK_SUCCESS);
    assert_true(done->progress == 1);
    assert_string_equal(done->message, "on ");
    assert_memory_equal(done->result.data, "one", 4);
    hf_task_free(done);
    assert_int_equal(tasks_fixture_status(&f, "c"), HF_TASK_RUNNING);
    assert_int_equal(tasks_fixture_status(&f, "d"), HF_TASK_SUCCESS);
    tasks_fixture_ask(&f, "HSET {tasks}:t:e s 1");
    for (int i = 0; i < 5; i++) hf_task_free(held[i]);
    tasks_fixture_close(&f);
}

static void many_are_claimed_in_the_order_of_their_making(void **state)
{
    (void)state;
    struct tasks_fixture f;
    char                 id[16];
    tasks_fixture_open(&f, NULL);
    for (int i = 0; i < 12; i++) {
        snprintf(id, sizeof id, "%d", i);
        create(&f, id, i % 3 ? "most" : "few", HF_TASK_NORMAL, hf_str(""));
    }
    assert_string_equal(claim(&f, NULL, 5), "0 1 2 3 4");

    const char *const     types[] = { "none", "few", "most" };
    const struct hf_claim few = { .types = types, .type_count = 2 };
    const struct hf_claim both = { .types = types, .type_count = 3 };
    assert_string_equal(claim(&f, &both, 3), "5 6 7");
    assert_string_equal(claim(&f, &few, 16), "9");
    assert_string_equal(claim(&f, NULL, 16), "8 10 11");
    assert_string_equal(claim(&f, NULL, 16), "");
    tasks_fixture_close(&f);
}

static void of_ten_at_once_six_are_high_three_normal_one_low(void **state)
{
    (void)state;
    struct tasks_fixture f;
    char                 id[16];
    tasks_fixture_open(&f, NULL);
    for (int i = 0; i < 90; i++) {
        snprintf(id, sizeof id, "%c%d", "nhl"[i % 3], i);
        create(&f, id, "t", (enum hf_task_priority)(i % 3), hf_str(""));
    }
    for (int round = 0; round < 3; round++) {
        int         count[256] = { 0 };
        const char *ids = claim(&f, NULL, 10);
        for (const char *at = ids; *at; at++) count[(unsigned char)*at]++;
        assert_int_equal(count['h'], 6);
        assert_int_equal(count['n'], 3);
        assert_int_equal(count['l'], 1);
    }
    tasks_fixture_close(&f);
}

static void what_cannot_be_claimed_is_in_nobodys_way(void **state)
{
    (void)state;
    struct tasks_fixture  f;
    struct hf_task_stats *stats;
    char                  id[16];
    tasks_fixture_open(&f, NULL);
    for (int i = 0; i < 8; i++) {
        snprintf(id, sizeof id, "%d", i);
        tasks_fixture_create(&f, id);
    }
    tasks_fixture_ask(&f, "HSET {tasks}:t:1 v x");
    tasks_fixture_ask(&f, "HSET {tasks}:t:2 f 2");
    tasks_fixture_ask(&f, "DEL {tasks}:t:4");
    assert_string_equal(claim(&f, NULL, 4), "0 3 5 6");
    assert_string_equal(claim(&f, NULL, 4), "7");
    assert_int_equal(hf_tasks_stats(f.tasks, NULL, &stats, &f.error), HF_OK);
    assert_int_equal(stats->set_aside, 1);
    hf_task_stats_free(stats);
    tasks_fixture_ask(&f, "HSET {tasks}:t:2 f 1");
    tasks_fixture_ask(&f, "ZADD {tasks}:q:0:t %s 2",
                      tasks_fixture_ask(&f, "HGET {tasks}:t:2 d"));
    tasks_fixture_ask(&f, "ZADD {tasks}:heads:0 %s t",
                      tasks_fixture_ask(&f, "HGET {tasks}:t:2 d"));
    tasks_fixture_close(&f);
}

static void large_payloads_do_not_come_all_at_once(void **state)
{
    (void)state;
    enum { SIZE = 100 * 1024 };
    static char          payload[SIZE];
    struct tasks_fixture f;
    char                 id[16];
    tasks_fixture_open(&f, NULL);
    for (int i = 0; i < 5; i++) {
        snprintf(id, sizeof id, "%d", i);
        create(&f, id, "t", HF_TASK_NORMAL, hf_bytes(payload, SIZE));
    }
    assert_string_equal(claim(&f, NULL, 16), "0 1 2");
    assert_string_equal(claim(&f, NULL, 16), "3 4");
    tasks_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_completion_has_an_outcome_of_its_own),
        cmocka_unit_test(many_are_claimed_in_the_order_of_their_making),
        cmocka_unit_test(of_ten_at_once_six_are_high_three_normal_one_low),
        cmocka_unit_test(what_cannot_be_claimed_is_in_nobodys_way),
        cmocka_unit_test(large_payloads_do_not_come_all_at_once),
    };
    return RUN_TESTS(tests);
}
