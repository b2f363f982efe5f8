#include "observe/histogram.h"

#include "core/rng.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

struct fixture {
    struct hf_histogram      histogram;
    struct hf_histogram_view view;
};

static void set_up(struct fixture *f)
{
    memset(f, 0, sizeof *f);
}

static void record(struct fixture *f, int64_t ns)
{
    hf_histogram_record(&f->histogram, hf_ns(ns));
}

static int64_t quantile(struct fixture *f, double q)
{
    memset(&f->view, 0, sizeof f->view);
    hf_histogram_add_to(&f->histogram, &f->view);
    return hf_histogram_quantile(&f->view, q).ns;
}

static void empty_says_zero(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(quantile(&f, 0.5), 0);
    assert_int_equal(quantile(&f, 1), 0);
    assert_int_equal(f.view.count, 0);
}

/* At each edge of a power of two and of a step, alone and with a larger value above it so
 * that the maximum does not hide the bucket's width. */
static void one_value_comes_back_within_a_32nd(void **state)
{
    (void)state;
    for (int bits = 0; bits < HF_HISTOGRAM_TOP_BITS; bits++) {
        for (int64_t near = -2; near <= 2; near++) {
            const int64_t  value = (INT64_C(1) << bits) + near;
            struct fixture f;
            if (value < 0 || value >> HF_HISTOGRAM_TOP_BITS) continue;
            set_up(&f);
            record(&f, value);
            assert_int_equal(quantile(&f, 1), value);
            record(&f, value * 2 + 2);
            const int64_t answer = quantile(&f, 0.5);
            assert_true(answer >= value);
            assert_true(answer - value <= value / 32);
        }
    }
}

static int compare(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Goal: the error that the header promises. Method: values spread over nine decades, each
 * quantile against the sorted list. */
static void quantiles_agree_with_a_sorted_list(void **state)
{
    (void)state;
    enum { N = 20000 };
    static int64_t values[N];
    struct fixture f;
    struct hf_rng  rng = { 7 };
    set_up(&f);
    for (int i = 0; i < N; i++) {
        const uint64_t spread = hf_rng_below(&rng, 30);
        values[i] = (int64_t)hf_rng_below(&rng, UINT64_C(2) << spread);
        record(&f, values[i]);
    }
    qsort(values, N, sizeof values[0], compare);
    for (int percent = 1; percent <= 100; percent++) {
        const int64_t truth = values[(N * percent + 99) / 100 - 1];
        const int64_t answer = quantile(&f, percent / 100.0);
        assert_true(answer >= truth);
        assert_true(answer - truth <= truth / 32);
    }
}

static void what_is_too_long_is_counted_and_its_maximum_kept(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    record(&f, 5);
    record(&f, INT64_C(1) << HF_HISTOGRAM_TOP_BITS);
    record(&f, INT64_MAX);
    assert_int_equal(quantile(&f, 0.3), 5);
    assert_int_equal(quantile(&f, 0.9), INT64_MAX);
    assert_int_equal(f.view.count, 3);
    assert_int_equal(f.view.max_ns, INT64_MAX);
}

static void views_add_up(void **state)
{
    (void)state;
    static struct hf_histogram      a, b;
    static struct hf_histogram_view view;
    for (int64_t i = 1; i <= 10; i++) hf_histogram_record(&a, hf_ns(i));
    for (int64_t i = 11; i <= 20; i++) hf_histogram_record(&b, hf_ns(i));
    hf_histogram_add_to(&b, &view);
    hf_histogram_add_to(&a, &view);
    assert_int_equal(view.count, 20);
    assert_int_equal(view.sum_ns, 210);
    assert_int_equal(view.max_ns, 20);
    assert_int_equal(hf_histogram_quantile(&view, 0.5).ns, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_says_zero),
        cmocka_unit_test(one_value_comes_back_within_a_32nd),
        cmocka_unit_test(quantiles_agree_with_a_sorted_list),
        cmocka_unit_test(what_is_too_long_is_counted_and_its_maximum_kept),
        cmocka_unit_test(views_add_up),
    };
    return RUN_TESTS(tests);
}
