#include "support/tasks_fixture.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 230 };

/* How often task number i was listed. */
static void walk(struct tasks_fixture *f, const struct hf_task_filter *filter, size_t limit,
                 int seen[N])
{
    char cursor[HF_TASK_CURSOR_MAX] = "";
    int  pages = 0;
    memset(seen, 0, N * sizeof seen[0]);
    do {
        struct hf_task_list *list;
        const hf_err         err = hf_tasks_list(f->tasks, NULL, filter, limit, cursor, &list,
                                                 &f->error);
        if (err) fail_msg("%s: %s", hf_err_name(err), f->error.detail);
        assert_true(list->count <= limit);
        for (size_t i = 0; i < list->count; i++) {
            assert_int_equal(list->tasks[i]->payload.size, 0);
            seen[atoi(list->tasks[i]->id)]++;
        }
        hf_task_list_free(list);
        assert_true(++pages <= N + 1);
    } while (cursor[0]);
}

/* Number i: priority i % 3, type "even" or "odd", owner "ada" or none; every fifth runs. */
static void fill(struct tasks_fixture *f)
{
    for (int i = 0; i < N; i++) {
        char id[16], given[HF_TASK_ID_MAX + 1];
        snprintf(id, sizeof id, "%d", i);
        const struct hf_new_task new_task = {
            .id = id,
            .type = i % 2 ? "odd" : "even",
            .priority = (enum hf_task_priority)(i % 3),
            .owner = i % 4 ? NULL : "ada",
            .payload = hf_str("some bytes"),
        };
        assert_int_equal(hf_tasks_create(f->tasks, NULL, &new_task, given, NULL, &f->error),
                         HF_OK);
        if (i % 5) continue;
        const struct hf_claim claim = { .id = id };
        struct hf_task       *task;
        assert_int_equal(hf_tasks_claim(f->tasks, NULL, &claim, &task, &f->error), HF_OK);
        hf_task_free(task);
    }
}

static void pages_hold_each_task_once(void **state)
{
    (void)state;
    struct tasks_fixture f;
    int                  seen[N];
    tasks_fixture_open(&f, NULL);
    fill(&f);
    static const size_t limits[] = { 1, 7, 100, 1000 };
    for (size_t l = 0; l < 4; l++) {
        walk(&f, NULL, limits[l], seen);
        for (int i = 0; i < N; i++) assert_int_equal(seen[i], 1);
    }
    const struct hf_task_filter filters[] = {
        { .by_status = true, .status = HF_TASK_RUNNING },
        { .by_priority = true, .priority = HF_TASK_LOW },
        { .type = "odd" },
        { .owner = "ada" },
        { .by_status = true, .status = HF_TASK_PENDING, .owner = "ada", .type = "even" },
        { .owner = "nobody" },
        { .by_status = true, .status = HF_TASK_FAILURE },
    };
    for (size_t k = 0; k < sizeof filters / sizeof filters[0]; k++) {
        walk(&f, &filters[k], 9, seen);
        for (int i = 0; i < N; i++) {
            const bool wanted[] = { i % 5 == 0, i % 3 == HF_TASK_LOW, i % 2 == 1,
                                    i % 4 == 0, i % 4 == 0 && i % 5,  false,
                                    false };
            assert_int_equal(seen[i], wanted[k]);
        }
    }
    tasks_fixture_close(&f);
}

static void the_newest_comes_first_and_new_ones_do_not_disturb(void **state)
{
    (void)state;
    struct tasks_fixture f;
    struct hf_task_list *list;
    char                 cursor[HF_TASK_CURSOR_MAX] = "";
    tasks_fixture_open(&f, NULL);
    tasks_fixture_create(&f, "1");
    tasks_fixture_create(&f, "2");
    tasks_fixture_create(&f, "3");
    assert_int_equal(hf_tasks_list(f.tasks, NULL, NULL, 1, cursor, &list, &f.error), HF_OK);
    assert_string_equal(list->tasks[0]->id, "3");
    hf_task_list_free(list);
    tasks_fixture_create(&f, "4");
    assert_int_equal(hf_tasks_list(f.tasks, NULL, NULL, 2, cursor, &list, &f.error), HF_OK);
    assert_int_equal(list->count, 2);
    assert_string_equal(list->tasks[0]->id, "2");
    assert_string_equal(list->tasks[1]->id, "1");
    hf_task_list_free(list);
    tasks_fixture_close(&f);
}

static void tasks_of_one_microsecond_are_told_apart(void **state)
{
    (void)state;
    struct tasks_fixture f;
    int                  seen[N];
    tasks_fixture_open(&f, NULL);
    for (int i = 0; i < 20; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        tasks_fixture_create(&f, id);
        tasks_fixture_ask(&f, "ZADD {tasks}:in:0 XX 1700000000000000 %s", id);
    }
    walk(&f, NULL, 3, seen);
    for (int i = 0; i < N; i++) assert_int_equal(seen[i], i < 20);
    tasks_fixture_close(&f);
}

static void damaged_records_are_left_out_of_lists(void **state)
{
    (void)state;
    struct tasks_fixture f;
    int                  seen[N];
    tasks_fixture_open(&f, NULL);
    tasks_fixture_create(&f, "1");
    tasks_fixture_create(&f, "2");
    tasks_fixture_create(&f, "3");
    tasks_fixture_ask(&f, "HSET {tasks}:t:1 g nonsense");
    tasks_fixture_ask(&f, "HSET {tasks}:t:2 s nonsense");
    walk(&f, NULL, 10, seen);
    assert_int_equal(seen[1] + seen[2], 0);
    assert_int_equal(seen[3], 1);
    tasks_fixture_ask(&f, "HSET {tasks}:t:2 s 0");
    tasks_fixture_close(&f);
}

static void a_cursor_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "x",     "0",       "0/",     "0/1",
                                       "9/1/a", "0/1e5/a", "00/1/a", "0//a" };
    struct tasks_fixture     f;
    struct hf_task_list     *list;
    tasks_fixture_open(&f, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char cursor[HF_TASK_CURSOR_MAX];
        snprintf(cursor, sizeof cursor, "%s", bad[i]);
        assert_int_equal(hf_tasks_list(f.tasks, NULL, NULL, 1, cursor, &list, NULL),
                         HF_E_INVALID);
        assert_string_equal(cursor, bad[i]);
    }
    char cursor[HF_TASK_CURSOR_MAX] = "";
    assert_int_equal(
        hf_tasks_list(f.tasks, NULL, NULL, HF_TASK_PAGE_MAX + 1, cursor, &list, NULL),
        HF_E_RANGE);
    tasks_fixture_close(&f);
}

static void statistics_count_what_there_is(void **state)
{
    (void)state;
    struct tasks_fixture  f;
    struct hf_task_stats *s;
    tasks_fixture_open(&f, NULL);
    assert_int_equal(hf_tasks_stats(f.tasks, NULL, &s, &f.error), HF_OK);
    assert_int_equal(s->by_status[HF_TASK_PENDING], 0);
    assert_int_equal(s->type_count, 0);
    hf_task_stats_free(s);

    fill(&f);
    assert_int_equal(hf_tasks_pause(f.tasks, NULL, "later", &f.error), HF_OK);
    assert_int_equal(hf_tasks_stats(f.tasks, NULL, &s, &f.error), HF_OK);
    assert_int_equal(s->by_status[HF_TASK_RUNNING], N / 5);
    assert_int_equal(s->by_status[HF_TASK_PENDING], N - N / 5);
    assert_int_equal(s->leases, N / 5);
    assert_int_equal(s->by_priority[HF_TASK_HIGH], (N + 1) / 3);
    assert_true(s->oldest[HF_TASK_PENDING].ns > 0);
    assert_true(s->overdue.ns > 0);
    assert_int_equal(s->oldest[HF_TASK_SUCCESS].ns, 0);
    assert_int_equal(s->type_count, 3);
    uint64_t total = 0;
    for (size_t i = 0; i < s->type_count; i++) {
        assert_int_equal(s->types[i].is_paused, strcmp(s->types[i].type, "later") == 0);
        for (int status = 0; status < HF_TASK_STATUSES; status++) {
            for (int p = 0; p < HF_TASK_PRIORITIES; p++)
                total += s->types[i].count[status][p];
        }
    }
    assert_int_equal(total, N);
    hf_task_stats_free(s);
    tasks_fixture_close(&f);
}

static void a_status_or_a_priority_that_is_none_is_refused(void **state)
{
    (void)state;
    const struct hf_task_filter wrong[] = {
        { .by_status = true, .status = (enum hf_task_status)HF_TASK_STATUSES },
        { .by_priority = true, .priority = (enum hf_task_priority)HF_TASK_PRIORITIES },
    };
    struct tasks_fixture f;
    tasks_fixture_open(&f, NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct hf_task_list *list;
        char                 cursor[HF_TASK_CURSOR_MAX] = "";
        assert_int_equal(hf_tasks_list(f.tasks, NULL, &wrong[i], 1, cursor, &list, &f.error),
                         HF_E_INVALID);
    }
    tasks_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_hold_each_task_once),
        cmocka_unit_test(the_newest_comes_first_and_new_ones_do_not_disturb),
        cmocka_unit_test(tasks_of_one_microsecond_are_told_apart),
        cmocka_unit_test(damaged_records_are_left_out_of_lists),
        cmocka_unit_test(a_cursor_that_is_none_is_refused),
        cmocka_unit_test(a_status_or_a_priority_that_is_none_is_refused),
        cmocka_unit_test(statistics_count_what_there_is),
    };
    return RUN_TESTS(tests);
}
