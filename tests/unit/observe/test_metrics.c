#include "observe/metrics.h"

#include "support/counting_allocator.h"
#include "support/test.h"

#include <pthread.h>
#include <string.h>

enum { THREADS = 8, ROUNDS = 20000 };

struct fixture {
    struct counting_allocator memory;
    struct hf_metrics        *metrics;
    struct hf_stats           stats;
};

static void set_up(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    counting_allocator_init(&f->memory);
    assert_int_equal(hf_metrics_open(&f->memory.base, &f->metrics), HF_OK);
}

static void tear_down(struct fixture *f)
{
    hf_metrics_close(f->metrics);
    assert_int_equal(f->memory.blocks, 0);
}

static void *count(void *metrics)
{
    for (int i = 0; i < ROUNDS; i++) {
        hf_metrics_inc(metrics, HF_STAT_CALLS_OK);
        hf_metrics_add(metrics, HF_STAT_CALLS_IN_FLIGHT, 1);
        hf_metrics_record(metrics, HF_LATENCY_CALL, hf_ns(i));
        hf_metrics_add(metrics, HF_STAT_CALLS_IN_FLIGHT, -1);
    }
    return NULL;
}

static void no_count_is_lost_between_threads(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count, f.metrics), 0);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);

    struct hf_latency latency;
    hf_metrics_read(f.metrics, &f.stats);
    hf_metrics_latency(f.metrics, HF_LATENCY_CALL, &latency);
    assert_int_equal(f.stats.calls, THREADS * ROUNDS);
    assert_int_equal(f.stats.calls_in_flight, 0);
    assert_int_equal(latency.count, THREADS * ROUNDS);
    assert_int_equal(latency.sum.ns, (int64_t)THREADS * ROUNDS * (ROUNDS - 1) / 2);
    assert_int_equal(latency.max.ns, ROUNDS - 1);
    tear_down(&f);
}

static void each_category_has_a_row_of_its_own(void **state)
{
    (void)state;
    static const hf_err errs[] = {
#define X(code, category, applied, text) HF_##code,
        HF_ERR_MAP(X)
#undef X
    };
    for (size_t i = 0; i < sizeof errs / sizeof errs[0]; i++) {
        struct fixture f;
        set_up(&f);
        hf_metrics_error(f.metrics, errs[i]);
        hf_metrics_read(f.metrics, &f.stats);
        const enum hf_category category = hf_err_category(errs[i]);
        uint64_t               total = 0;
        for (size_t row = 0; hf_stat_at(row); row++) total += hf_stat_value(&f.stats, row);
        const uint64_t counted = category == HF_CATEGORY_NONE ? 0 : 1;
        assert_int_equal(f.stats.calls, counted);
        assert_int_equal(total - f.stats.calls, counted);
        tear_down(&f);
    }
}

static void an_error_of_a_cache_counts_as_one_and_by_its_category(void **state)
{
    (void)state;
    static const hf_err errs[] = {
#define X(code, category, applied, text) HF_##code,
        HF_ERR_MAP(X)
#undef X
    };
    for (size_t i = 0; i < sizeof errs / sizeof errs[0]; i++) {
        struct fixture f;
        set_up(&f);
        hf_metrics_cache_error(f.metrics, errs[i]);
        hf_metrics_read(f.metrics, &f.stats);
        const uint64_t counted = hf_err_category(errs[i]) == HF_CATEGORY_NONE ? 0 : 1;
        uint64_t       total = 0;
        for (size_t row = 0; hf_stat_at(row); row++) total += hf_stat_value(&f.stats, row);
        assert_int_equal(f.stats.cache_errors, counted);
        assert_int_equal(total, 2 * counted);
        tear_down(&f);
    }
}

static void the_row_of_a_timeout_is_the_timeouts(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    hf_metrics_error(f.metrics, HF_E_TIMEOUT_SENT);
    hf_metrics_error(f.metrics, HF_E_REPLY);
    hf_metrics_cache_error(f.metrics, HF_E_TIMEOUT);
    hf_metrics_read(f.metrics, &f.stats);
    assert_int_equal(f.stats.errors_timeout, 1);
    assert_int_equal(f.stats.errors_reply, 1);
    assert_int_equal(f.stats.cache_errors_timeout, 1);
    tear_down(&f);
}

static void a_gauge_below_zero_reads_zero(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    hf_metrics_add(f.metrics, HF_STAT_CONNECTIONS_OPEN, -1);
    hf_metrics_read(f.metrics, &f.stats);
    assert_int_equal(f.stats.connections_open, 0);
    hf_metrics_add(f.metrics, HF_STAT_CONNECTIONS_OPEN, 3);
    hf_metrics_read(f.metrics, &f.stats);
    assert_int_equal(f.stats.connections_open, 2);
    tear_down(&f);
}

static void shards_begin_on_a_cache_line(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal((uintptr_t)f.metrics->shards % 64, 0);
    tear_down(&f);
}

static void running_out_of_memory_is_an_error(void **state)
{
    (void)state;
    struct counting_allocator memory;
    struct hf_metrics        *metrics = NULL;
    counting_allocator_init(&memory);
    memory.fail_at = 1;
    assert_int_equal(hf_metrics_open(&memory.base, &metrics), HF_E_NOMEM);
    assert_null(metrics);
    assert_int_equal(memory.blocks, 0);
}

static void the_table_names_every_field_once(void **state)
{
    (void)state;
    struct hf_stats stats = { .calls = 11, .cache_bytes_written = 12 };
    size_t          rows = 0;
    for (; hf_stat_at(rows); rows++) {
        assert_true(strlen(hf_stat_at(rows)->help) > 0);
        for (size_t other = 0; other < rows; other++) {
            assert_string_not_equal(hf_stat_at(other)->name, hf_stat_at(rows)->name);
        }
    }
    assert_int_equal(rows, HF_STAT_COUNT);
    assert_string_equal(hf_stat_at(HF_STAT_CALLS)->name, "calls");
    assert_int_equal(hf_stat_value(&stats, HF_STAT_CALLS), 11);
    assert_int_equal(hf_stat_value(&stats, HF_STAT_CACHE_BYTES_WRITTEN), 12);
    assert_int_equal(hf_stat_value(&stats, rows), 0);
    assert_string_equal(hf_latency_name(HF_LATENCY_CACHE_GET), "cache_get");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_count_is_lost_between_threads),
        cmocka_unit_test(each_category_has_a_row_of_its_own),
        cmocka_unit_test(an_error_of_a_cache_counts_as_one_and_by_its_category),
        cmocka_unit_test(the_row_of_a_timeout_is_the_timeouts),
        cmocka_unit_test(a_gauge_below_zero_reads_zero),
        cmocka_unit_test(shards_begin_on_a_cache_line),
        cmocka_unit_test(running_out_of_memory_is_an_error),
        cmocka_unit_test(the_table_names_every_field_once),
    };
    return RUN_TESTS(tests);
}
