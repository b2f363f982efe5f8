#include "support/tasks_fixture.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

static hf_err move(struct tasks_fixture *f, const char *id, enum hf_task_status status,
                   uint64_t token)
{
    const struct hf_task_change change = { .sets_status = true,
                                           .status = status,
                                           .token = token };
    return hf_tasks_update(f->tasks, NULL, id, &change, &f->error);
}

static hf_err create(struct tasks_fixture *f, const struct hf_new_task *new_task)
{
    char id[HF_TASK_ID_MAX + 1];
    return hf_tasks_create(f->tasks, NULL, new_task, id, NULL, &f->error);
}

static void the_same_id_again_is_the_same_task(void **state)
{
    (void)state;
    struct tasks_fixture f;
    tasks_fixture_open(&f, NULL);
    tasks_fixture_create(&f, "a");
    const struct hf_new_task again = { .id = "a", .type = "other", .payload = hf_str("no") };
    char                     id[HF_TASK_ID_MAX + 1];
    bool                     is_new = true;
    assert_int_equal(hf_tasks_create(f.tasks, NULL, &again, id, &is_new, &f.error), HF_OK);
    assert_false(is_new);
    assert_string_equal(id, "a");

    struct hf_task *task = tasks_fixture_claim(&f);
    assert_string_equal(task->type, "t");
    assert_int_equal(hf_tasks_create(f.tasks, NULL, &again, id, &is_new, &f.error), HF_OK);
    assert_false(is_new);
    assert_int_equal(tasks_fixture_status(&f, "a"), HF_TASK_RUNNING);
    assert_null(tasks_fixture_claim(&f));
    hf_task_free(task);
    tasks_fixture_close(&f);
}

static void a_unique_key_has_one_live_task(void **state)
{
    (void)state;
    struct tasks_fixture     f;
    const struct hf_new_task first = { .id = "a", .type = "t", .unique = "report/7" };
    const struct hf_new_task second = { .id = "b", .type = "t", .unique = "report/7" };
    char                     id[HF_TASK_ID_MAX + 1];
    bool                     is_new;
    tasks_fixture_open(&f, NULL);
    assert_int_equal(hf_tasks_create(f.tasks, NULL, &first, id, &is_new, &f.error), HF_OK);
    assert_int_equal(hf_tasks_create(f.tasks, NULL, &second, id, &is_new, &f.error), HF_OK);
    assert_false(is_new);
    assert_string_equal(id, "a");

    /* Running still counts; dead does not. */
    struct hf_task *task = tasks_fixture_claim(&f);
    assert_int_equal(hf_tasks_create(f.tasks, NULL, &second, id, &is_new, &f.error), HF_OK);
    assert_string_equal(id, "a");
    assert_int_equal(
        hf_tasks_fail(f.tasks, NULL, "a", task->token, hf_str("no"), true, NULL, &f.error),
        HF_OK);
    assert_int_equal(hf_tasks_create(f.tasks, NULL, &second, id, &is_new, &f.error), HF_OK);
    assert_true(is_new);
    assert_string_equal(id, "b");

    /* And the dead one cannot come back beside it. */
    assert_int_equal(hf_tasks_requeue(f.tasks, NULL, "a", &f.error), HF_E_TASK_UNIQUE);
    assert_int_equal(hf_tasks_delete(f.tasks, NULL, "b", &f.error), HF_OK);
    assert_int_equal(hf_tasks_requeue(f.tasks, NULL, "a", &f.error), HF_OK);
    assert_int_equal(hf_tasks_create(f.tasks, NULL, &second, id, &is_new, &f.error), HF_OK);
    assert_string_equal(id, "a");
    hf_task_free(task);
    tasks_fixture_close(&f);
}

/* A task that dies of a crash frees its key; its worker may still be alive. */
static void who_was_cut_off_yields_to_the_next_task_of_its_unique_key(void **state)
{
    (void)state;
    struct tasks_fixture     f;
    const struct hf_new_task first = {
        .id = "a", .type = "t", .unique = "report/7", .crash_limit = -1
    };
    const struct hf_new_task second = { .id = "b", .type = "t", .unique = "report/7" };
    char                     id[HF_TASK_ID_MAX + 1];
    bool                     is_new;
    tasks_fixture_open(&f, NULL);
    assert_int_equal(hf_tasks_create(f.tasks, NULL, &first, id, &is_new, &f.error), HF_OK);
    struct hf_task *task = tasks_fixture_claim(&f);
    tasks_fixture_expire(&f, "a");
    assert_int_equal(tasks_fixture_status(&f, "a"), HF_TASK_FAILURE);
    assert_int_equal(hf_tasks_create(f.tasks, NULL, &second, id, &is_new, &f.error), HF_OK);
    assert_string_equal(id, "b");

    assert_int_equal(hf_tasks_heartbeat(f.tasks, NULL, "a", task->token, -1, NULL, &f.error),
                     HF_E_TASK_TOKEN);
    assert_int_equal(hf_tasks_release(f.tasks, NULL, "a", task->token, hf_ns(0), &f.error),
                     HF_E_TASK_TOKEN);
    assert_int_equal(
        hf_tasks_fail(f.tasks, NULL, "a", task->token, hf_str("no"), false, NULL, &f.error),
        HF_E_TASK_TOKEN);
    assert_int_equal(tasks_fixture_status(&f, "a"), HF_TASK_FAILURE);

    /* Its work can be done all the same, and the key stays the other's. */
    assert_int_equal(
        hf_tasks_complete(f.tasks, NULL, "a", task->token, hf_str("late"), &f.error), HF_OK);
    assert_string_equal(tasks_fixture_ask(&f, "HGET {tasks}:unique report/7"), "b");
    hf_task_free(task);
    tasks_fixture_close(&f);
}

static void a_newer_record_keeps_its_unique_key(void **state)
{
    (void)state;
    struct tasks_fixture     f;
    const struct hf_new_task first = { .id = "a", .type = "t", .unique = "u" };
    const struct hf_new_task second = { .id = "b", .type = "t", .unique = "u" };
    char                     id[HF_TASK_ID_MAX + 1];
    bool                     is_new;
    tasks_fixture_open(&f, NULL);
    assert_int_equal(hf_tasks_create(f.tasks, NULL, &first, id, &is_new, &f.error), HF_OK);
    tasks_fixture_ask(&f, "HSET {tasks}:t:a f 2");
    assert_int_equal(hf_tasks_create(f.tasks, NULL, &second, id, &is_new, &f.error),
                     HF_E_TASK_NEWER);
    tasks_fixture_ask(&f, "HSET {tasks}:t:a f 1");
    assert_int_equal(hf_tasks_create(f.tasks, NULL, &second, id, &is_new, &f.error), HF_OK);
    assert_string_equal(id, "a");

    /* Nor does one that lives again take it. */
    assert_int_equal(hf_tasks_cancel(f.tasks, NULL, "a", &f.error), HF_OK);
    assert_int_equal(hf_tasks_create(f.tasks, NULL, &second, id, &is_new, &f.error), HF_OK);
    assert_string_equal(id, "b");
    tasks_fixture_ask(&f, "HSET {tasks}:t:b f 2");
    assert_int_equal(hf_tasks_requeue(f.tasks, NULL, "a", &f.error), HF_E_TASK_UNIQUE);
    assert_int_equal(tasks_fixture_status(&f, "a"), HF_TASK_CANCELLED);
    tasks_fixture_ask(&f, "HSET {tasks}:t:b f 1"); /* So that it can be counted. */
    tasks_fixture_close(&f);
}

static void a_damaged_record_keeps_neither_its_unique_key_nor_its_owner(void **state)
{
    (void)state;
    struct tasks_fixture     f;
    const struct hf_new_task bad = { .id = "a", .type = "t", .unique = "u", .owner = "ada" };
    char                     id[HF_TASK_ID_MAX + 1];
    tasks_fixture_open(&f, NULL);
    assert_int_equal(hf_tasks_create(f.tasks, NULL, &bad, id, NULL, &f.error), HF_OK);
    tasks_fixture_ask(&f, "HSET {tasks}:t:a v x");
    assert_null(tasks_fixture_claim(&f));
    assert_string_equal(tasks_fixture_ask(&f, "ZCARD {tasks}:aside"), "1");
    assert_string_equal(tasks_fixture_ask(&f, "EXISTS {tasks}:unique"), "0");
    assert_string_equal(tasks_fixture_ask(&f, "EXISTS {tasks}:owner:ada"), "0");
    tasks_fixture_close(&f);
}

/* As when the answer is lost: an update without a version is sent again. */
static void a_failure_by_update_that_is_told_twice_is_one(void **state)
{
    (void)state;
    struct tasks_fixture f;
    tasks_fixture_open(&f, NULL);
    tasks_fixture_create(&f, "a");
    struct hf_task             *task = tasks_fixture_claim(&f);
    const struct hf_task_change failure = {
        .sets_status = true, .status = HF_TASK_FAILURE, .token = task->token, .message = "no"
    };
    for (int i = 0; i < 2; i++) {
        assert_int_equal(hf_tasks_update(f.tasks, NULL, "a", &failure, &f.error), HF_OK);
    }
    hf_task_free(task);
    task = tasks_fixture_get(&f, "a");
    assert_int_equal(task->status, HF_TASK_PENDING);
    assert_int_equal(task->retries, 1);
    hf_task_free(task);
    tasks_fixture_close(&f);
}

/* What each status move comes to, without a token where there is no lease. */
static void only_legal_moves_are_made(void **state)
{
    (void)state;
    static const struct {
        enum hf_task_status from, to;
        hf_err              err;
    } moves[] = {
        { HF_TASK_PENDING, HF_TASK_PENDING, HF_OK },
        { HF_TASK_PENDING, HF_TASK_RUNNING, HF_E_TASK_MOVE },
        { HF_TASK_PENDING, HF_TASK_SUCCESS, HF_E_TASK_MOVE },
        { HF_TASK_PENDING, HF_TASK_FAILURE, HF_E_TASK_MOVE },
        { HF_TASK_PENDING, HF_TASK_CANCELLED, HF_OK },
        { HF_TASK_RUNNING, HF_TASK_PENDING, HF_OK },
        { HF_TASK_RUNNING, HF_TASK_RUNNING, HF_OK },
        { HF_TASK_RUNNING, HF_TASK_SUCCESS, HF_OK },
        { HF_TASK_RUNNING, HF_TASK_CANCELLED, HF_OK },
        { HF_TASK_SUCCESS, HF_TASK_PENDING, HF_E_TASK_MOVE },
        { HF_TASK_SUCCESS, HF_TASK_RUNNING, HF_E_TASK_MOVE },
        { HF_TASK_SUCCESS, HF_TASK_SUCCESS, HF_OK },
        { HF_TASK_SUCCESS, HF_TASK_FAILURE, HF_E_TASK_MOVE },
        { HF_TASK_SUCCESS, HF_TASK_CANCELLED, HF_E_TASK_MOVE },
        { HF_TASK_FAILURE, HF_TASK_PENDING, HF_OK },
        { HF_TASK_FAILURE, HF_TASK_RUNNING, HF_E_TASK_MOVE },
        { HF_TASK_FAILURE, HF_TASK_SUCCESS, HF_E_TASK_MOVE },
        { HF_TASK_FAILURE, HF_TASK_CANCELLED, HF_E_TASK_MOVE },
        { HF_TASK_CANCELLED, HF_TASK_PENDING, HF_OK },
        { HF_TASK_CANCELLED, HF_TASK_RUNNING, HF_E_TASK_MOVE },
        { HF_TASK_CANCELLED, HF_TASK_SUCCESS, HF_E_TASK_MOVE },
        { HF_TASK_CANCELLED, HF_TASK_FAILURE, HF_E_TASK_MOVE },
    };
    struct tasks_fixture f;
    tasks_fixture_open(&f, NULL);
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        struct hf_task *task = NULL;
        tasks_fixture_create(&f, "a");
        if (moves[i].from == HF_TASK_CANCELLED) {
            assert_int_equal(hf_tasks_cancel(f.tasks, NULL, "a", &f.error), HF_OK);
        } else if (moves[i].from != HF_TASK_PENDING) {
            task = tasks_fixture_claim(&f);
            assert_non_null(task);
        }
        const uint64_t token = task ? task->token : 0;
        if (moves[i].from == HF_TASK_SUCCESS) {
            assert_int_equal(move(&f, "a", HF_TASK_SUCCESS, token), HF_OK);
        }
        if (moves[i].from == HF_TASK_FAILURE) {
            assert_int_equal(
                hf_tasks_fail(f.tasks, NULL, "a", token, hf_str("no"), true, NULL, &f.error),
                HF_OK);
        }
        assert_int_equal(tasks_fixture_status(&f, "a"), moves[i].from);
        if (move(&f, "a", moves[i].to, token) != moves[i].err) {
            fail_msg("from %s to %s: %s", hf_task_status_name(moves[i].from),
                     hf_task_status_name(moves[i].to), f.error.detail);
        }
        assert_int_equal(tasks_fixture_status(&f, "a"),
                         moves[i].err ? moves[i].from : moves[i].to);
        tasks_fixture_check(&f);
        hf_task_free(task);
        if (tasks_fixture_status(&f, "a") == HF_TASK_RUNNING) {
            assert_int_equal(hf_tasks_cancel(f.tasks, NULL, "a", &f.error), HF_OK);
        }
        assert_int_equal(hf_tasks_delete(f.tasks, NULL, "a", &f.error), HF_OK);
    }
    tasks_fixture_close(&f);
}

static void a_running_task_moves_only_with_its_token(void **state)
{
    (void)state;
    struct tasks_fixture f;
    tasks_fixture_open(&f, NULL);
    tasks_fixture_create(&f, "a");
    struct hf_task *task = tasks_fixture_claim(&f);
    assert_int_equal(move(&f, "a", HF_TASK_SUCCESS, 0), HF_E_TASK_TOKEN);
    assert_int_equal(move(&f, "a", HF_TASK_SUCCESS, task->token - 1), HF_E_TASK_TOKEN);
    assert_int_equal(move(&f, "a", HF_TASK_FAILURE, task->token), HF_OK);
    assert_int_equal(tasks_fixture_status(&f, "a"), HF_TASK_PENDING); /* To be retried. */
    hf_task_free(task);
    tasks_fixture_close(&f);
}

static void an_update_is_made_at_one_version_only(void **state)
{
    (void)state;
    struct tasks_fixture  f;
    struct hf_task_change change = { .version = 1,
                                     .sets_progress = true,
                                     .progress = 0.25,
                                     .message = "begun",
                                     .sets_result = true,
                                     .result = hf_str("draft"),
                                     .sets_metadata = true,
                                     .metadata = hf_str("m") };
    tasks_fixture_open(&f, NULL);
    tasks_fixture_create(&f, "a");
    assert_int_equal(hf_tasks_update(f.tasks, NULL, "a", &change, &f.error), HF_OK);
    change.message = "lost";
    assert_int_equal(hf_tasks_update(f.tasks, NULL, "a", &change, &f.error),
                     HF_E_TASK_VERSION);

    struct hf_task *task = tasks_fixture_get(&f, "a");
    assert_int_equal(task->version, 2);
    assert_true(task->progress == 0.25);
    assert_string_equal(task->message, "begun");
    assert_memory_equal(task->result.data, "draft", 6);
    assert_memory_equal(task->metadata.data, "m", 2);
    hf_task_free(task);
    tasks_fixture_close(&f);
}

static void another_owner_can_do_nothing(void **state)
{
    (void)state;
    struct tasks_fixture        f;
    struct hf_task             *task;
    const struct hf_task_change change = { .message = "mine" };
    const struct hf_new_task    new_task = { .id = "a", .type = "t", .owner = "ada" };
    tasks_fixture_open(&f, NULL);
    assert_int_equal(create(&f, &new_task), HF_OK);

    static const struct {
        const char *owner;
        hf_err      err;
    } others[] = { { "bob", HF_E_TASK_OWNER }, { NULL, HF_E_INVALID }, { "", HF_E_INVALID } };
    for (size_t i = 0; i < 3; i++) {
        const char  *owner = others[i].owner;
        const hf_err err = others[i].err;
        assert_int_equal(hf_tasks_get_as(f.tasks, NULL, owner, "a", &task, NULL), err);
        assert_int_equal(hf_tasks_update_as(f.tasks, NULL, owner, "a", &change, NULL), err);
        assert_int_equal(hf_tasks_delete_as(f.tasks, NULL, owner, "a", NULL), err);
        assert_int_equal(hf_tasks_cancel_as(f.tasks, NULL, owner, "a", NULL), err);
        assert_int_equal(hf_tasks_requeue_as(f.tasks, NULL, owner, "a", NULL), err);
        assert_int_equal(hf_tasks_schedule_as(f.tasks, NULL, owner, "a", hf_seconds(1), NULL),
                         err);
    }
    task = tasks_fixture_get(&f, "a");
    assert_int_equal(task->version, 1);
    hf_task_free(task);

    assert_int_equal(hf_tasks_update_as(f.tasks, NULL, "ada", "a", &change, NULL), HF_OK);
    assert_int_equal(hf_tasks_schedule_as(f.tasks, NULL, "ada", "a", hf_ns(0), NULL), HF_OK);
    assert_int_equal(hf_tasks_cancel_as(f.tasks, NULL, "ada", "a", NULL), HF_OK);
    assert_int_equal(hf_tasks_requeue_as(f.tasks, NULL, "ada", "a", NULL), HF_OK);
    assert_int_equal(hf_tasks_get_as(f.tasks, NULL, "ada", "a", &task, NULL), HF_OK);
    assert_string_equal(task->message, "mine");
    hf_task_free(task);
    assert_int_equal(hf_tasks_delete_as(f.tasks, NULL, "ada", "a", NULL), HF_OK);
    tasks_fixture_close(&f);
}

static void deleting_leaves_nothing_behind(void **state)
{
    (void)state;
    struct tasks_fixture     f;
    const struct hf_new_task new_task = {
        .id = "a", .type = "t", .owner = "ada", .unique = "u", .payload = hf_str("p")
    };
    tasks_fixture_open(&f, NULL);
    assert_int_equal(create(&f, &new_task), HF_OK);
    struct hf_task *task = tasks_fixture_claim(&f);
    assert_int_equal(hf_tasks_delete(f.tasks, NULL, "a", &f.error), HF_E_TASK_MOVE);
    assert_int_equal(hf_tasks_complete(f.tasks, NULL, "a", task->token, hf_str("r"), NULL),
                     HF_OK);
    assert_int_equal(hf_tasks_delete(f.tasks, NULL, "a", &f.error), HF_OK);
    assert_int_equal(hf_tasks_delete(f.tasks, NULL, "a", &f.error), HF_E_TASK_UNKNOWN);
    hf_task_free(task);

    /* The audit stream, the token's counter, and who is to be woken. */
    assert_string_equal(tasks_fixture_ask(&f, "EXISTS {tasks}:audit"), "1");
    assert_string_equal(tasks_fixture_ask(&f, "EXISTS {tasks}:meta"), "1");
    assert_string_equal(tasks_fixture_ask(&f, "UNLINK {tasks}:wake: {tasks}:wake:t"), "2");
    assert_string_equal(tasks_fixture_ask(&f, "DBSIZE"), "2");
    tasks_fixture_close(&f);
}

static void bad_input_has_statuses_of_its_own(void **state)
{
    (void)state;
    struct tasks_fixture  f;
    struct hf_task       *task;
    struct hf_new_task    n = { .id = "a", .type = "t" };
    struct hf_task_change c = { .sets_progress = true, .progress = 1.5 };
    tasks_fixture_open(&f, NULL);
    char *large = malloc(HF_TASK_PAYLOAD_MAX + 1);
    assert_non_null(large);
    memset(large, 'x', HF_TASK_PAYLOAD_MAX + 1);

    assert_int_equal(hf_tasks_get(f.tasks, NULL, "nosuch", &task, NULL), HF_E_TASK_UNKNOWN);
    assert_int_equal(hf_tasks_cancel(f.tasks, NULL, "nosuch", NULL), HF_E_TASK_UNKNOWN);
    assert_int_equal(hf_tasks_complete(f.tasks, NULL, "nosuch", 1, hf_str(""), NULL),
                     HF_E_TASK_UNKNOWN);
    static const char *const odd[] = { "", "a b", "a\n", "\xC3\xA4", "a{b", "a/b", "a*" };
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        n.id = odd[i];
        assert_int_equal(create(&f, &n), HF_E_INVALID);
        assert_int_equal(hf_tasks_get(f.tasks, NULL, odd[i], &task, NULL), HF_E_INVALID);
    }
    char id[HF_TASK_ID_MAX + 2] = "";
    memset(id, 'i', HF_TASK_ID_MAX + 1);
    n.id = id;
    assert_int_equal(create(&f, &n), HF_E_INVALID);
    id[HF_TASK_ID_MAX] = '\0';
    assert_int_equal(create(&f, &n), HF_OK);

    n = (struct hf_new_task){ .id = "a" };
    assert_int_equal(create(&f, &n), HF_E_INVALID);
    n = (struct hf_new_task){ .id = "a", .type = "t", .owner = "two words" };
    assert_int_equal(create(&f, &n), HF_E_INVALID);
    n = (struct hf_new_task){ .id = "a", .type = "t", .retry_limit = HF_TASK_LIMIT_MAX + 1 };
    assert_int_equal(create(&f, &n), HF_E_RANGE);
    n = (struct hf_new_task){ .id = "a", .type = "t", .priority = HF_TASK_PRIORITIES };
    assert_int_equal(create(&f, &n), HF_E_INVALID);
    n = (struct hf_new_task){ .id = "a", .type = "t", .delay = hf_ns(-1) };
    assert_int_equal(create(&f, &n), HF_E_RANGE);
    n = (struct hf_new_task){ .id = "a", .type = "t", .not_before_ms = -1 };
    assert_int_equal(create(&f, &n), HF_E_RANGE);
    n = (struct hf_new_task){ .id = "a",
                              .type = "t",
                              .payload = hf_bytes(large, HF_TASK_PAYLOAD_MAX + 1) };
    assert_int_equal(create(&f, &n), HF_E_TOO_LARGE);
    n.payload.size = HF_TASK_PAYLOAD_MAX;
    assert_int_equal(create(&f, &n), HF_OK);
    task = tasks_fixture_get(&f, "a");
    assert_int_equal(task->payload.size, HF_TASK_PAYLOAD_MAX);
    hf_task_free(task);

    assert_int_equal(hf_tasks_update(f.tasks, NULL, "a", &c, NULL), HF_E_RANGE);
    assert_int_equal(hf_tasks_heartbeat(f.tasks, NULL, "a", 1, 1.5, NULL, NULL), HF_E_RANGE);
    assert_int_equal(hf_tasks_complete(f.tasks, NULL, "a", 1,
                                       hf_bytes(large, HF_TASK_PAYLOAD_MAX + 1), NULL),
                     HF_E_TOO_LARGE);
    c = (struct hf_task_change){ .sets_status = true, .status = HF_TASK_STATUSES };
    assert_int_equal(hf_tasks_update(f.tasks, NULL, "a", &c, NULL), HF_E_INVALID);
    free(large);
    tasks_fixture_close(&f);
}

/* Each of these is claimed first, and then the good one behind it. */
static void damaged_records_are_set_aside_and_counted(void **state)
{
    (void)state;
    static const char *const damages[] = {
        "HSET {tasks}:t:bad f x",      "HSET {tasks}:t:bad f 0",  "HDEL {tasks}:t:bad f",
        "HSET {tasks}:t:bad s 7",      "HSET {tasks}:t:bad p -1", "HDEL {tasks}:t:bad t",
        "HSET {tasks}:t:bad v 1e9",    "HSET {tasks}:t:bad r -1", "SET {tasks}:t:bad text",
        "HSET {tasks}:t:bad d 2020-1", "HDEL {tasks}:t:bad c",
    };
    struct tasks_fixture  f;
    struct hf_task_stats *stats;
    struct hf_task       *task;
    tasks_fixture_open(&f, NULL);
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        tasks_fixture_create(&f, "bad");
        tasks_fixture_create(&f, "good");
        tasks_fixture_ask(&f, "%s", damages[i]);
        assert_int_equal(hf_tasks_get(f.tasks, NULL, "bad", &task, NULL), HF_E_TASK_DAMAGED);
        assert_int_equal(hf_tasks_cancel(f.tasks, NULL, "bad", NULL), HF_E_TASK_DAMAGED);

        task = tasks_fixture_claim(&f);
        assert_non_null(task);
        assert_string_equal(task->id, "good");
        assert_null(tasks_fixture_claim(&f));
        assert_int_equal(hf_tasks_stats(f.tasks, NULL, &stats, &f.error), HF_OK);
        assert_int_equal(stats->set_aside, 1);
        assert_int_equal(stats->by_status[HF_TASK_PENDING], 0);
        hf_task_stats_free(stats);
        tasks_fixture_check(&f);

        assert_int_equal(
            hf_tasks_complete(f.tasks, NULL, "good", task->token, hf_str(""), &f.error),
            HF_OK);
        assert_int_equal(hf_tasks_delete(f.tasks, NULL, "good", &f.error), HF_OK);
        tasks_fixture_ask(&f, "UNLINK {tasks}:t:bad {tasks}:aside");
        hf_task_free(task);
    }
    tasks_fixture_close(&f);
}

static void assert_aside(struct tasks_fixture *f, const char *count)
{
    assert_int_equal(hf_tasks_maintain(f->tasks, NULL, NULL, &f->error), HF_OK);
    assert_string_equal(tasks_fixture_ask(f, "ZCARD {tasks}:aside"), count);
}

static void a_damaged_record_can_be_deleted_and_is_not_counted_then(void **state)
{
    (void)state;
    static const char *const ids[] = { "gone", "mended", "kept" };
    struct tasks_fixture     f;
    tasks_fixture_open(&f, NULL);
    for (size_t i = 0; i < 3; i++) {
        tasks_fixture_create(&f, ids[i]);
        tasks_fixture_ask(&f, "HSET {tasks}:t:%s v x", ids[i]);
    }
    assert_null(tasks_fixture_claim(&f));
    assert_null(tasks_fixture_claim(&f));
    assert_aside(&f, "3");

    /* By hand. */
    tasks_fixture_ask(&f, "UNLINK {tasks}:t:gone");
    assert_aside(&f, "2");
    tasks_fixture_ask(&f, "HSET {tasks}:t:mended v 1");
    assert_aside(&f, "1");

    /* By the call, before and after it was set aside; an owner has no say in it. */
    assert_int_equal(hf_tasks_delete_as(f.tasks, NULL, "ada", "kept", NULL),
                     HF_E_TASK_DAMAGED);
    assert_int_equal(hf_tasks_delete(f.tasks, NULL, "kept", &f.error), HF_OK);
    assert_int_equal(hf_tasks_delete(f.tasks, NULL, "kept", NULL), HF_E_TASK_UNKNOWN);
    assert_aside(&f, "0");
    tasks_fixture_create(&f, "early");
    tasks_fixture_ask(&f, "HSET {tasks}:t:early v x");
    assert_int_equal(hf_tasks_delete(f.tasks, NULL, "early", &f.error), HF_OK);
    assert_null(tasks_fixture_claim(&f));
    assert_aside(&f, "0");
    tasks_fixture_ask(&f, "UNLINK {tasks}:t:mended");
    tasks_fixture_close(&f);
}

static void a_newer_record_waits_for_a_newer_worker(void **state)
{
    (void)state;
    struct tasks_fixture f;
    struct hf_task      *task;
    tasks_fixture_open(&f, NULL);
    tasks_fixture_create(&f, "new");
    tasks_fixture_create(&f, "good");
    tasks_fixture_ask(&f, "HSET {tasks}:t:new f 2");
    assert_int_equal(hf_tasks_get(f.tasks, NULL, "new", &task, NULL), HF_E_TASK_NEWER);
    assert_int_equal(hf_tasks_delete(f.tasks, NULL, "new", NULL), HF_E_TASK_NEWER);
    task = tasks_fixture_claim(&f);
    assert_string_equal(task->id, "good");
    assert_null(tasks_fixture_claim(&f));
    assert_string_equal(tasks_fixture_ask(&f, "HGET {tasks}:t:new f"), "2");
    assert_string_equal(tasks_fixture_ask(&f, "ZCARD {tasks}:q:0:t"), "1");
    hf_task_free(task);
    tasks_fixture_ask(&f, "HSET {tasks}:t:new f 1");
    assert_int_equal(hf_tasks_schedule(f.tasks, NULL, "new", hf_ns(0), NULL), HF_OK);
    tasks_fixture_close(&f);
}

static void every_change_is_in_the_audit_stream(void **state)
{
    (void)state;
    struct tasks_fixture          f;
    const struct hf_tasks_options options = { .name = "worker-7",
                                              .is_passive = true,
                                              .audit_max = 100 };
    const struct hf_new_task      new_task = { .id = "a", .type = "t", .owner = "ada" };
    tasks_fixture_open(&f, &options);
    assert_int_equal(create(&f, &new_task), HF_OK);
    struct hf_task *task = tasks_fixture_claim(&f);
    assert_int_equal(hf_tasks_complete(f.tasks, NULL, "a", task->token, hf_str(""), NULL),
                     HF_OK);
    assert_int_equal(hf_tasks_delete_as(f.tasks, NULL, "ada", "a", NULL), HF_OK);
    hf_task_free(task);

    assert_string_equal(
        tasks_fixture_eval(&f,
                           "local out = '' "
                           "for _, e in ipairs(redis.call('XRANGE', '{tasks}:audit', '-', "
                           "'+')) do "
                           "out = out .. e[2][2] .. ':' .. e[2][4] .. ':' .. e[2][6] .. ' ' "
                           "end return out"),
        "a:create:worker-7 a:claim:worker-7 a:complete:worker-7 a:delete:ada ");

    /* A failure on behalf of the owner is the owner's, be it a retry or the end. */
    const struct hf_new_task frail = {
        .id = "b", .type = "t", .owner = "ada", .retry_limit = 1
    };
    assert_int_equal(create(&f, &frail), HF_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(hf_tasks_schedule(f.tasks, NULL, "b", hf_ns(0), NULL), HF_OK);
        task = tasks_fixture_claim(&f);
        const struct hf_task_change fails = { .sets_status = true,
                                              .status = HF_TASK_FAILURE,
                                              .token = task->token };
        assert_int_equal(hf_tasks_update_as(f.tasks, NULL, "ada", "b", &fails, NULL), HF_OK);
        hf_task_free(task);
        assert_string_equal(tasks_fixture_eval(&f, "return redis.call('XREVRANGE', "
                                                   "'{tasks}:audit', '+', '-', 'COUNT', 1)"
                                                   "[1][2][6]"),
                            "ada");
    }
    assert_int_equal(tasks_fixture_status(&f, "b"), HF_TASK_FAILURE);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(hf_tasks_pause(f.tasks, NULL, "t", NULL), HF_OK);
        assert_int_equal(hf_tasks_resume(f.tasks, NULL, "t", NULL), HF_OK);
    }
    assert_in_range(atoi(tasks_fixture_ask(&f, "XLEN {tasks}:audit")), 100, 300);
    tasks_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_id_again_is_the_same_task),
        cmocka_unit_test(a_unique_key_has_one_live_task),
        cmocka_unit_test(who_was_cut_off_yields_to_the_next_task_of_its_unique_key),
        cmocka_unit_test(a_newer_record_keeps_its_unique_key),
        cmocka_unit_test(a_damaged_record_keeps_neither_its_unique_key_nor_its_owner),
        cmocka_unit_test(a_failure_by_update_that_is_told_twice_is_one),
        cmocka_unit_test(only_legal_moves_are_made),
        cmocka_unit_test(a_running_task_moves_only_with_its_token),
        cmocka_unit_test(an_update_is_made_at_one_version_only),
        cmocka_unit_test(another_owner_can_do_nothing),
        cmocka_unit_test(deleting_leaves_nothing_behind),
        cmocka_unit_test(bad_input_has_statuses_of_its_own),
        cmocka_unit_test(damaged_records_are_set_aside_and_counted),
        cmocka_unit_test(a_damaged_record_can_be_deleted_and_is_not_counted_then),
        cmocka_unit_test(a_newer_record_waits_for_a_newer_worker),
        cmocka_unit_test(every_change_is_in_the_audit_stream),
    };
    return RUN_TESTS(tests);
}
