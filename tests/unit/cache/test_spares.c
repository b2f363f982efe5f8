#include "cache/spares.h"

#include "support/test.h"

#include <pthread.h>

static void what_was_put_is_taken_once(void **state)
{
    (void)state;
    struct hf_spares spares = { { NULL } };
    int              objects[HF_SPARES_MAX + 1], taken[HF_SPARES_MAX] = { 0 };
    assert_null(hf_spares_take(&spares));
    for (int i = 0; i < HF_SPARES_MAX; i++) assert_true(hf_spares_put(&spares, &objects[i]));
    assert_false(hf_spares_put(&spares, &objects[HF_SPARES_MAX]));
    for (int i = 0; i < HF_SPARES_MAX; i++) {
        const int *object = hf_spares_take(&spares);
        assert_non_null(object);
        taken[object - objects]++;
    }
    for (int i = 0; i < HF_SPARES_MAX; i++) assert_int_equal(taken[i], 1);
    assert_null(hf_spares_take(&spares));
}

enum { THREADS = 4, ROUNDS = 20000 };

struct worker {
    struct hf_spares *spares;
    int               own; /* The object it began with. */
    long              misused;
};

/* Whoever has an object has it alone. */
static void *work(void *arg)
{
    struct worker *me = arg;
    int           *object = &me->own;
    for (int i = 0; i < ROUNDS; i++) {
        if (object && (*object)++ != 0) me->misused++;
        if (object) (*object)--;
        if (object && !hf_spares_put(me->spares, object)) me->misused++;
        object = hf_spares_take(me->spares);
    }
    if (object && !hf_spares_put(me->spares, object)) me->misused++;
    return NULL;
}

static void no_two_threads_have_the_same(void **state)
{
    (void)state;
    struct hf_spares spares = { { NULL } };
    struct worker    workers[THREADS] = { 0 };
    pthread_t        threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        workers[i].spares = &spares;
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < THREADS; i++) assert_int_equal(workers[i].misused, 0);
    int left = 0;
    while (hf_spares_take(&spares)) left++;
    assert_int_equal(left, THREADS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_taken_once),
        cmocka_unit_test(no_two_threads_have_the_same),
    };
    return RUN_TESTS(tests);
}
