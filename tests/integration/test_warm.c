#include "support/cache_fixture.h"
#include "support/test.h"

#include <holdfast/warm.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { N = 2500, FAILURES_MAX = 16 };

/* Entries "key:I" from first to last, each with its own number as value. */
struct list {
    int             next, last;
    int             bad;      /* This one cannot be had. */
    struct hf_bytes large;    /* The value of number 3, if it is any. */
    char            text[24]; /* Only that of the latest entry is kept. */
};

static hf_err give(struct hf_warm_entry *entry, struct hf_error *error, void *ctx)
{
    struct list *l = ctx;
    if (l->next > l->last) return HF_MISS;
    const int i = l->next++;
    if (i == l->bad) {
        snprintf(error->detail, sizeof error->detail, "row %d is gone", i);
        return HF_E_SYSTEM;
    }
    snprintf(l->text, sizeof l->text, "key:%d", i);
    entry->key = hf_str(l->text);
    entry->value = i == 3 && l->large.size ? l->large : entry->key;
    return HF_OK;
}

struct watch {
    struct cache_fixture   *f;
    int                     failures;
    uint64_t                positions[FAILURES_MAX];
    hf_err                  errs[FAILURES_MAX];
    char                    details[FAILURES_MAX][128];
    uint64_t                end_at; /* Progress says to end when it is at this; 0: never. */
    uint64_t                kill_at;
    struct hf_warm_progress seen;
};

static void note_failure(const struct hf_warm_failure *failure, void *ctx)
{
    struct watch *w = ctx;
    assert_true(w->failures < FAILURES_MAX);
    w->positions[w->failures] = failure->position;
    w->errs[w->failures] = failure->err;
    snprintf(w->details[w->failures++], sizeof w->details[0], "%s", failure->detail);
}

static bool note_progress(const struct hf_warm_progress *progress, void *ctx)
{
    struct watch *w = ctx;
    assert_true(progress->position >= w->seen.position);
    assert_true(progress->stored + progress->present + progress->failed <=
                progress->position + 1);
    w->seen = *progress;
    if (w->kill_at && progress->position >= w->kill_at) {
        redis_server_kill(w->f->server);
        w->kill_at = 0;
    }
    return w->end_at == 0 || progress->position < w->end_at;
}

static struct hf_warm how_of(struct watch *w)
{
    return (struct hf_warm){ .failure = note_failure, .progress = note_progress, .ctx = w };
}

static void expect_all(struct cache_fixture *f, int first, int last)
{
    char key[24];
    for (int i = first; i <= last; i += 1 + (last - first) / 40) {
        snprintf(key, sizeof key, "key:%d", i);
        assert_int_equal(cache_fixture_expect(f, key, key), HF_OK);
    }
}

static void stores_every_entry_however_many_batches_are_under_way(void **state)
{
    (void)state;
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    for (uint32_t concurrency = 0; concurrency <= 5; concurrency++) {
        struct watch            watch = { .f = &f };
        struct hf_warm          how = how_of(&watch);
        struct list             list = { .next = 1, .last = N };
        struct hf_warm_progress done = { 0 };
        how.concurrency = concurrency;
        assert_int_equal(hf_cache_clear(f.cache, NULL, &f.error), HF_OK);
        assert_int_equal(hf_cache_warm(f.cache, NULL, &how, give, &list, &done, &f.error),
                         HF_OK);
        assert_int_equal(done.stored, N);
        assert_int_equal(done.position, N);
        assert_int_equal(done.failed, 0);
        assert_true(watch.seen.position > 0);
        expect_all(&f, 1, N);
    }
    cache_fixture_close(&f);
}

static void only_what_is_missing_is_stored_when_that_is_wanted(void **state)
{
    (void)state;
    struct cache_fixture    f;
    const struct hf_warm    how = { .only_missing = true };
    struct list             list = { .next = 1, .last = 300 };
    struct hf_warm_progress done = { 0 };
    cache_fixture_open(&f, NULL);
    assert_int_equal(cache_fixture_set(&f, "key:7", "newer"), HF_OK);
    assert_int_equal(cache_fixture_set(&f, "key:250", "newer"), HF_OK);
    assert_int_equal(hf_cache_warm(f.cache, NULL, &how, give, &list, &done, &f.error), HF_OK);
    assert_int_equal(done.stored, 298);
    assert_int_equal(done.present, 2);
    assert_int_equal(cache_fixture_expect(&f, "key:7", "newer"), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "key:8", "key:8"), HF_OK);
    cache_fixture_close(&f);
}

static void an_entry_that_cannot_be_stored_is_told_and_the_rest_goes_on(void **state)
{
    (void)state;
    static char             large[1024 * 1024 + 1]; /* One over the limit of the fixture. */
    struct cache_fixture    f;
    struct watch            watch = { .f = &f };
    struct hf_warm          how = how_of(&watch);
    struct list             list = { .next = 1, .last = 300, .bad = 200 };
    struct hf_warm_progress done = { 0 };
    list.large = hf_bytes(large, sizeof large);
    cache_fixture_open(&f, NULL);
    assert_int_equal(hf_cache_warm(f.cache, NULL, &how, give, &list, &done, &f.error), HF_OK);
    assert_int_equal(done.stored, 298);
    assert_int_equal(done.failed, 2);
    assert_int_equal(done.position, 300);
    assert_int_equal(watch.failures, 2);
    assert_int_equal(watch.positions[0], 3);
    assert_int_equal(watch.errs[0], HF_E_TOO_LARGE);
    assert_int_equal(watch.positions[1], 200);
    assert_string_equal(watch.details[1], "row 200 is gone");

    /* The largest that is allowed goes by itself. */
    list = (struct list){ .next = 1, .last = 5, .large = hf_bytes(large, sizeof large - 1) };
    done = watch.seen = (struct hf_warm_progress){ 0 };
    assert_int_equal(hf_cache_warm(f.cache, NULL, &how, give, &list, &done, &f.error), HF_OK);
    assert_int_equal(done.stored, 5);
    assert_int_equal(done.bytes, 4 * strlen("key:1") + sizeof large - 1);
    cache_fixture_close(&f);
}

static void goes_on_where_it_was_ended(void **state)
{
    (void)state;
    struct cache_fixture    f;
    struct watch            watch = { .f = &f, .end_at = 400 };
    struct hf_warm          how = how_of(&watch);
    struct list             list = { .next = 1, .last = N };
    struct hf_warm_progress done = { 0 };
    cache_fixture_open(&f, NULL);
    assert_int_equal(hf_cache_warm(f.cache, NULL, &how, give, &list, &done, &f.error),
                     HF_MISS);
    assert_true(done.position >= 400 && done.position < N);
    expect_all(&f, 1, (int)done.position);

    watch.end_at = 0;
    list.next = 1;
    assert_int_equal(hf_cache_warm(f.cache, NULL, &how, give, &list, &done, &f.error), HF_OK);
    assert_int_equal(done.position, N);
    assert_int_equal(done.stored, N);
    expect_all(&f, 1, N);
    cache_fixture_close(&f);
}

static void ends_when_the_server_goes_and_all_before_the_position_is_there(void **state)
{
    (void)state;
    struct cache_fixture    f;
    struct watch            watch = { .f = &f, .kill_at = 500 };
    struct hf_warm          how = how_of(&watch);
    struct list             list = { .next = 1, .last = N };
    struct hf_warm_progress done = { 0 };
    const struct hf_call    call = { .timeout = hf_ms(300) };
    how.concurrency = 4;
    cache_fixture_open(&f, NULL);
    const hf_err err = hf_cache_warm(f.cache, &call, &how, give, &list, &done, &f.error);
    assert_true(err != HF_OK && err != HF_MISS);
    assert_true(done.position >= 500 && done.position < N);
    assert_int_equal(done.failed, 0);

    redis_server_restart(f.server); /* Empty. */
    assert_int_equal(hf_client_wait_ready(f.client, hf_seconds(30), &f.error), HF_OK);
    const int before = (int)done.position;
    list.next = 1;
    assert_int_equal(hf_cache_warm(f.cache, NULL, &how, give, &list, &done, &f.error), HF_OK);
    assert_int_equal(done.stored, N);
    expect_all(&f, before + 1, N);
    cache_fixture_close(&f);
}

static void a_full_server_ends_it(void **state)
{
    (void)state;
    struct cache_fixture    f;
    struct list             list = { .next = 1, .last = N };
    struct hf_warm_progress done = { 0 };
    cache_fixture_open(&f, NULL);
    assert_int_equal(cache_fixture_set(&f, "first", "entry"), HF_OK);
    redis_server_do(f.server, "CONFIG SET maxmemory 1");
    assert_int_equal(hf_cache_warm(f.cache, NULL, NULL, give, &list, &done, &f.error),
                     HF_E_OOM);
    assert_int_equal(done.position, 0);
    cache_fixture_close(&f);
}

static void the_rate_is_kept(void **state)
{
    (void)state;
    struct cache_fixture    f;
    const struct hf_warm    how = { .rate = 500 };
    struct list             list = { .next = 1, .last = 150 };
    struct hf_warm_progress done = { 0 };
    cache_fixture_open(&f, NULL);
    const hf_instant begun = hf_now();
    assert_int_equal(hf_cache_warm(f.cache, NULL, &how, give, &list, &done, &f.error), HF_OK);
    /* 150 at 500 a second, but for the last batch of 26, which nobody waits for. */
    assert_true(hf_between(begun, hf_now()).ns >= hf_ms(248).ns);
    assert_int_equal(done.stored, 150);
    cache_fixture_close(&f);
}

static void what_it_is_told_is_checked(void **state)
{
    (void)state;
    struct cache_fixture    f;
    struct list             list = { .next = 1, .last = 1 };
    struct hf_warm_progress done = { 0 };
    cache_fixture_open(&f, NULL);
    struct hf_warm how = { .concurrency = HF_WARM_CONCURRENCY_MAX + 1 };
    assert_int_equal(hf_cache_warm(f.cache, NULL, &how, give, &list, &done, &f.error),
                     HF_E_RANGE);
    how = (struct hf_warm){ .ttl = hf_ns(-1) };
    assert_int_equal(hf_cache_warm(f.cache, NULL, &how, give, &list, &done, &f.error),
                     HF_E_RANGE);
    assert_int_equal(hf_cache_warm_file(f.cache, NULL, NULL, "/nowhere", &done, &f.error),
                     HF_E_SYSTEM);
    assert_int_equal(hf_cache_warm_file(f.cache, NULL, NULL, "/tmp", &done, &f.error),
                     HF_E_SYSTEM);
    assert_int_equal(done.position, 0);
    cache_fixture_close(&f);
}

static hf_err warm_text(struct cache_fixture *f, struct watch *w, const char *text,
                        size_t size, struct hf_warm_progress *done)
{
    char                 path[] = "/tmp/holdfast-warm.XXXXXX";
    const struct hf_warm how = how_of(w);
    const int            fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, size), size);
    close(fd);
    const hf_err err = hf_cache_warm_file(f->cache, NULL, &how, path, done, &f->error);
    unlink(path);
    return err;
}

static void a_broken_line_is_told_by_its_number_and_the_rest_goes_on(void **state)
{
    (void)state;
    static const char lines[] =
        "{\"key\":\"a\",\"value\":\"A\"}\n"
        "{\"key\":\"b\",\"value\":\n"
        "\n"
        "{\"key\":\"c\",\"value\":\"C\",\"tll\":5}\r\n"
        "{\"key\":\"d\",\"value_base64\":\"!!!!\"}\n"
        "{\"key\":\"e\",\"value\":5}\n"
        "{\"key\":\"f\",\"value\":\"F\",\"value_base64\":\"Rg==\"}\n"
        "{\"value\":\"G\"}\n"
        "[1]\n"
        "{\"key\":\"h\",\"value\":\"H\",\"ttl\":0}\n"
        "{\"key\":\"\",\"value\":\"I\"}\n"
        "{\"key\":\"j\",\"value\":\"J\\u0000J\",\"ttl\":\"1.5h\"}\r\n"
        "{\"key_base64\":\"/w==\",\"value_base64\":\"AP8=\",\"ttl\":100.5}\n"
        "\xff\xfe\n"
        "{\"key\":\"k\",\"key\":\"k\",\"value\":\"K\"}\n"
        "{\"key\":\"l\",\"value\":\"L\",\"ttl\":1e300}\n"
        "{\"key\":\"m\",\"value\":\"M\"}";
    static const uint64_t   bad[] = { 2, 4, 5, 6, 7, 8, 9, 10, 14, 15, 16, 11 };
    struct cache_fixture    f;
    struct watch            watch = { .f = &f };
    struct hf_warm_progress done = { 0 };
    cache_fixture_open(&f, NULL);
    assert_int_equal(warm_text(&f, &watch, lines, sizeof lines - 1, &done), HF_OK);
    assert_int_equal(done.stored, 4);
    assert_int_equal(done.position, 17);
    assert_int_equal(done.offset, sizeof lines - 1);
    assert_int_equal(done.failed, sizeof bad / sizeof bad[0]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(watch.positions[i], bad[i]);
    }
    assert_non_null(strstr(watch.details[0], "broken JSON, column"));
    assert_string_equal(watch.details[1], "unknown member \"tll\"");
    assert_string_equal(watch.details[5], "neither \"key\" nor \"key_base64\"");
    assert_int_equal(cache_fixture_expect(&f, "a", "A"), HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "m", "M"), HF_OK);

    struct hf_value *value;
    hf_duration      ttl;
    assert_int_equal(hf_cache_get(f.cache, NULL, hf_str("j"), &value, &f.error), HF_OK);
    assert_int_equal(hf_value_data(value).size, 3);
    assert_memory_equal(hf_value_data(value).data, "J\0J", 3);
    hf_value_release(value);
    assert_int_equal(hf_cache_ttl(f.cache, NULL, hf_str("j"), &ttl, &f.error), HF_OK);
    assert_true(ttl.ns > hf_seconds(5000).ns && ttl.ns <= hf_seconds(5400).ns);
    assert_int_equal(hf_cache_get(f.cache, NULL, hf_bytes("\xff", 1), &value, &f.error),
                     HF_OK);
    assert_memory_equal(hf_value_data(value).data, "\0\xff", 2);
    hf_value_release(value);
    cache_fixture_close(&f);
}

static void lines_that_are_done_need_not_be_right(void **state)
{
    (void)state;
    static const char       lines[] = "broken\n\n{\"key\":\"a\",\"value\":\"A\"}\n"
                                      "{\"key\":\"b\",\"value\":\"B\"}\nbroken";
    struct cache_fixture    f;
    struct watch            watch = { .f = &f };
    struct hf_warm_progress done = { .position = 3 };
    cache_fixture_open(&f, NULL);
    watch.seen = done;
    assert_int_equal(warm_text(&f, &watch, lines, sizeof lines - 1, &done), HF_OK);
    assert_int_equal(done.stored, 1);
    assert_int_equal(watch.failures, 1);
    assert_int_equal(watch.positions[0], 5);
    assert_int_equal(cache_fixture_expect(&f, "a", "A"), HF_MISS);
    assert_int_equal(cache_fixture_expect(&f, "b", "B"), HF_OK);
    cache_fixture_close(&f);
}

static void a_line_without_end_takes_no_more_memory_than_allowed(void **state)
{
    (void)state;
    static const char       last[] = "\n{\"key\":\"a\",\"value\":\"A\"}\n";
    const size_t            size = HF_WARM_LINE_MAX + 1 + sizeof last - 1;
    char                   *lines = malloc(size);
    struct cache_fixture    f;
    struct watch            watch = { .f = &f };
    struct hf_warm_progress done = { 0 };
    assert_non_null(lines);
    memset(lines, 'x', size);
    memcpy(lines + HF_WARM_LINE_MAX + 1, last, sizeof last - 1);
    cache_fixture_open(&f, NULL);
    assert_int_equal(warm_text(&f, &watch, lines, size, &done), HF_OK);
    assert_int_equal(done.stored, 1);
    assert_int_equal(done.offset, size);
    assert_int_equal(watch.failures, 1);
    assert_int_equal(watch.positions[0], 1);
    assert_int_equal(watch.errs[0], HF_E_TOO_LARGE);
    assert_true(atomic_load(&f.memory.bytes_peak) < HF_WARM_LINE_MAX * 3L / 2);
    free(lines);
    cache_fixture_close(&f);
}

static void any_request_for_memory_may_fail(void **state)
{
    (void)state;
    static const char    lines[] = "{\"key\":\"a\",\"value_base64\":\"QUFB\"}\n"
                                   "{\"key\":\"b\",\"value\":\"B\"}\n";
    struct cache_fixture f;
    cache_fixture_open(&f, NULL);
    hf_err err = HF_E_NOMEM;
    for (long nth = 1; err && nth < 200; nth++) {
        struct watch            watch = { .f = &f };
        struct hf_warm_progress done = { 0 };
        atomic_store(&f.memory.fail_at, atomic_load(&f.memory.requests) + nth);
        err = warm_text(&f, &watch, lines, sizeof lines - 1, &done);
        if (!err && done.failed) err = HF_E_NOMEM;
        atomic_store(&f.memory.fail_at, 0);
    }
    assert_int_equal(err, HF_OK);
    assert_int_equal(cache_fixture_expect(&f, "a", "AAA"), HF_OK);
    cache_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stores_every_entry_however_many_batches_are_under_way),
        cmocka_unit_test(only_what_is_missing_is_stored_when_that_is_wanted),
        cmocka_unit_test(an_entry_that_cannot_be_stored_is_told_and_the_rest_goes_on),
        cmocka_unit_test(goes_on_where_it_was_ended),
        cmocka_unit_test(ends_when_the_server_goes_and_all_before_the_position_is_there),
        cmocka_unit_test(a_full_server_ends_it),
        cmocka_unit_test(the_rate_is_kept),
        cmocka_unit_test(what_it_is_told_is_checked),
        cmocka_unit_test(a_broken_line_is_told_by_its_number_and_the_rest_goes_on),
        cmocka_unit_test(lines_that_are_done_need_not_be_right),
        cmocka_unit_test(a_line_without_end_takes_no_more_memory_than_allowed),
        cmocka_unit_test(any_request_for_memory_may_fail),
    };
    return RUN_TESTS(tests);
}
