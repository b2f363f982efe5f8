#include "core/log.h"

#include "support/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, EACH = 500 };

struct seen {
    _Atomic uint64_t     count;
    _Atomic uint64_t     held_back;
    struct hf_log_record last;
    char                 text[HF_LOG_VALUE_MAX + 1];
    struct hf_log_field  fields[HF_LOG_FIELDS_MAX];
};

static void count(const struct hf_log_record *record, void *ctx)
{
    struct seen *seen = ctx;
    atomic_fetch_add(&seen->count, 1);
    atomic_fetch_add(&seen->held_back, record->held_back);
}

static void keep(const struct hf_log_record *record, void *ctx)
{
    struct seen *seen = ctx;
    count(record, ctx);
    seen->last = *record;
    snprintf(seen->text, sizeof seen->text, "%s", record->text);
    memcpy(seen->fields, record->fields, record->field_count * sizeof *record->fields);
}

static struct hf_logger logger_to(struct seen *seen, enum hf_log_level threshold,
                                  hf_log_fn write)
{
    const struct hf_log_opts opts = { .threshold = threshold, .write = write, .ctx = seen };
    struct hf_logger         logger;
    hf_logger_init(&logger, &opts, "unix:/run/redis");
    return logger;
}

static void a_record_carries_the_event_its_fields_and_the_endpoint(void **state)
{
    (void)state;
    struct seen               seen = { 0 };
    struct hf_logger          logger = logger_to(&seen, HF_LOG_INFO, keep);
    const struct hf_log_field fields[] = { hf_log_text("from", "closed"),
                                           hf_log_number("attempts", 3) };
    hf_log(&logger, HF_EVENT_BREAKER_OPENED, fields, 2, "%s -> %s", "closed", "open");
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.last.level, HF_LOG_WARN);
    assert_int_equal(seen.last.event, HF_EVENT_BREAKER_OPENED);
    assert_string_equal(seen.last.part, "breaker");
    assert_string_equal(seen.text, "closed -> open");
    assert_int_equal(seen.last.field_count, 3);
    assert_string_equal(seen.fields[0].name, "endpoint");
    assert_string_equal(seen.fields[0].text, "unix:/run/redis");
    assert_string_equal(seen.fields[1].text, "closed");
    assert_null(seen.fields[2].text);
    assert_int_equal(seen.fields[2].number, 3);
    assert_true(seen.last.unix_ms > INT64_C(1700000000000));
}

static void what_is_below_the_threshold_is_not_said(void **state)
{
    (void)state;
    const struct {
        enum hf_log_level threshold;
        uint64_t          said; /* Of one DEBUG, INFO, WARN and ERROR. */
    } cases[] = {
        { HF_LOG_DEBUG, 4 }, { HF_LOG_INFO, 3 },   { HF_LOG_WARN, 2 },
        { HF_LOG_ERROR, 1 }, { HF_LOG_SILENT, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct seen      seen = { 0 };
        struct hf_logger logger = logger_to(&seen, cases[i].threshold, count);
        hf_log(&logger, HF_EVENT_TLS_CONNECTED, NULL, 0, "debug");
        hf_log(&logger, HF_EVENT_CONNECTED, NULL, 0, "info");
        hf_log(&logger, HF_EVENT_BREAKER_OPENED, NULL, 0, "warn");
        hf_log(&logger, HF_EVENT_TLS_FILES_REFUSED, NULL, 0, "error");
        assert_int_equal(seen.count, cases[i].said);
        assert_int_equal(logger.dropped, 0);
    }
}

static void a_long_sentence_is_cut_between_characters_and_says_so(void **state)
{
    (void)state;
    for (size_t size = HF_LOG_VALUE_MAX - 1; size <= HF_LOG_VALUE_MAX + 4; size++) {
        const bool       is_long = size > HF_LOG_VALUE_MAX;
        struct seen      seen = { 0 };
        struct hf_logger logger = logger_to(&seen, HF_LOG_INFO, keep);
        char             text[HF_LOG_VALUE_MAX + 16] = "";
        memset(text, 'x', size);
        memcpy(text + size - 6, "\xe2\x82\xac\xe2\x82\xac", 6); /* Two euro signs. */
        hf_log(&logger, HF_EVENT_CONNECTED, NULL, 0, "%s", text);
        const size_t kept = strlen(seen.text);
        assert_int_equal(seen.last.is_cut, is_long);
        assert_memory_equal(seen.text, text, kept);
        assert_true(is_long ? kept >= HF_LOG_VALUE_MAX - 4 : kept == size);
        if (is_long) assert_true(((unsigned char)text[kept] & 0xc0) != 0x80);
    }
}

static void a_window_holds_so_many_records_and_the_next_tells_of_the_rest(void **state)
{
    (void)state;
    const hf_duration   window = hf_seconds(HF_LOG_WINDOW_S);
    struct hf_log_quota quota = { 0 };
    hf_instant          now = { 7 * window.ns };
    uint64_t            held_back = 42;
    for (int i = 0; i < HF_LOG_BURST; i++) {
        assert_true(hf_log_quota_take(&quota, now, &held_back));
        assert_int_equal(held_back, 0);
    }
    for (int i = 0; i < 5; i++) {
        now.ns = 8 * window.ns - 1;
        held_back = 42;
        assert_false(hf_log_quota_take(&quota, now, &held_back));
        assert_int_equal(held_back, 42);
    }
    now.ns = 8 * window.ns;
    assert_true(hf_log_quota_take(&quota, now, &held_back));
    assert_int_equal(held_back, 5);
    assert_true(hf_log_quota_take(&quota, now, &held_back));
    assert_int_equal(held_back, 0);
}

static void a_clock_that_goes_back_grants_nothing_anew(void **state)
{
    (void)state;
    const hf_duration   window = hf_seconds(HF_LOG_WINDOW_S);
    struct hf_log_quota quota = { 0 };
    uint64_t            held_back;
    for (int i = 0; i < HF_LOG_BURST; i++)
        assert_true(hf_log_quota_take(&quota, (hf_instant){ 9 * window.ns }, &held_back));
    assert_false(hf_log_quota_take(&quota, (hf_instant){ 8 * window.ns }, &held_back));
    assert_false(hf_log_quota_take(&quota, (hf_instant){ 9 * window.ns }, &held_back));
}

static void *repeat(void *logger)
{
    for (int i = 0; i < EACH; i++)
        hf_log(logger, HF_EVENT_DELETE_QUEUED, NULL, 0, "number %d", i);
    return NULL;
}

static void each_record_of_many_threads_is_written_or_counted(void **state)
{
    (void)state;
    struct seen      seen = { 0 };
    struct hf_logger logger = logger_to(&seen, HF_LOG_INFO, count);
    pthread_t        threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, repeat, &logger), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);

    assert_int_equal(seen.count + logger.dropped, THREADS * EACH);
    assert_int_equal(seen.held_back + logger.quotas[HF_EVENT_DELETE_QUEUED].held_back,
                     logger.dropped);
    assert_in_range(seen.count, HF_LOG_BURST, 3 * HF_LOG_BURST); /* A window may end. */

    const uint64_t before = seen.count; /* Other events have their own. */
    hf_log(&logger, HF_EVENT_BREAKER_OPENED, NULL, 0, "open");
    assert_int_equal(seen.count, before + 1);
}

static void a_forked_child_says_nothing(void **state)
{
    (void)state;
    struct seen      seen = { 0 };
    struct hf_logger logger = logger_to(&seen, HF_LOG_INFO, count);
    const pid_t      child = fork();
    if (child == 0) {
        hf_log(&logger, HF_EVENT_BREAKER_OPENED, NULL, 0, "open");
        _exit(seen.count == 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Standard error is a pipe meanwhile; returns what came. */
static size_t capture(enum hf_log_format format, char *line, size_t size)
{
    struct hf_logger         logger;
    const struct hf_log_opts opts = { .threshold = HF_LOG_INFO, .format = format };
    int                      ends[2];
    const int                real = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    hf_logger_init(&logger, &opts, "unix:/run/redis");
    hf_log(&logger, HF_EVENT_CONNECTED, NULL, 0, "two\nlines");
    dup2(real, STDERR_FILENO);
    close(real);
    close(ends[1]);
    const ssize_t got = read(ends[0], line, size - 1);
    close(ends[0]);
    assert_true(got > 0);
    line[got] = '\0';
    return (size_t)got;
}

static void without_a_callback_a_line_goes_to_standard_error(void **state)
{
    (void)state;
    char line[HF_LOG_LINE_MAX];
    capture(HF_LOG_AUTO, line, sizeof line);
    assert_non_null(strstr(line, "Z level=info part=endpoint event=connected "
                                 "msg=\"two\\nlines\" endpoint=unix:/run/redis\n"));
    const size_t size = capture(HF_LOG_JSON, line, sizeof line);
    assert_int_equal(line[0], '{');
    assert_string_equal(line + size - 2, "}\n");
}

static void events_are_whole_and_their_names_differ(void **state)
{
    (void)state;
    for (int i = 0; i < HF_EVENT_COUNT; i++) {
        const char *name = hf_event_name((enum hf_event)i);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
        for (int j = 0; j < i; j++)
            assert_string_not_equal(name, hf_event_name((enum hf_event)j));
    }
    assert_string_equal(hf_event_name(HF_EVENT_COUNT), "unknown");
}

/* docs/guide/logging.md has one row for each event, as it is, and no other. */
static void the_guide_has_the_same_table(void **state)
{
    (void)state;
    static const char *const rows[] = {
#define X(id, name, level, part, fields, help)                                               \
    "| `" name "` | " #level " | " part " | " fields " | " help " |\n",
        HF_EVENT_MAP(X)
#undef X
    };
    char   path[4096], line[512];
    size_t at = 0;
    snprintf(path, sizeof path, "%.*s/../../../docs/guide/logging.md",
             (int)(strrchr(__FILE__, '/') - __FILE__), __FILE__);
    FILE *guide = fopen(path, "r");
    assert_non_null(guide);
    while (fgets(line, sizeof line, guide)) {
        if (strncmp(line, "| `", 3) != 0) continue;
        assert_true(at < HF_EVENT_COUNT);
        assert_string_equal(line, rows[at++]);
    }
    fclose(guide);
    assert_int_equal(at, HF_EVENT_COUNT);
}

int main(void)
{
    unsetenv("JOURNAL_STREAM");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_carries_the_event_its_fields_and_the_endpoint),
        cmocka_unit_test(what_is_below_the_threshold_is_not_said),
        cmocka_unit_test(a_long_sentence_is_cut_between_characters_and_says_so),
        cmocka_unit_test(a_window_holds_so_many_records_and_the_next_tells_of_the_rest),
        cmocka_unit_test(a_clock_that_goes_back_grants_nothing_anew),
        cmocka_unit_test(each_record_of_many_threads_is_written_or_counted),
        cmocka_unit_test(a_forked_child_says_nothing),
        cmocka_unit_test(without_a_callback_a_line_goes_to_standard_error),
        cmocka_unit_test(events_are_whole_and_their_names_differ),
        cmocka_unit_test(the_guide_has_the_same_table),
    };
    return RUN_TESTS(tests);
}
