#include "core/brief_lock.h"

#include "support/test.h"
#include "support/wait.h"

#include <pthread.h>
#include <stdbool.h>

enum { THREADS = 4, TURNS = 20000 };

struct shared {
    struct hf_brief_lock lock;
    long                 count; /* Guarded by it, and nothing else. */
    atomic_bool          is_through;
};

static void *count(void *ctx)
{
    struct shared *shared = ctx;
    for (int i = 0; i < TURNS; i++) {
        hf_brief_lock(&shared->lock);
        shared->count++;
        hf_brief_unlock(&shared->lock);
    }
    return NULL;
}

static void only_one_holds_it(void **state)
{
    (void)state;
    struct shared shared = { 0 };
    pthread_t     threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count, &shared), 0);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(shared.count, THREADS * TURNS);
}

static void *pass(void *ctx)
{
    struct shared *shared = ctx;
    hf_brief_lock(&shared->lock);
    atomic_store(&shared->is_through, true);
    hf_brief_unlock(&shared->lock);
    return NULL;
}

static bool is_waiting(void *ctx)
{
    return !atomic_load(&((struct shared *)ctx)->is_through);
}

static void who_finds_it_held_waits_however_long(void **state)
{
    (void)state;
    struct shared shared = { 0 };
    pthread_t     thread;
    hf_brief_lock(&shared.lock);
    assert_int_equal(pthread_create(&thread, NULL, pass, &shared), 0);
    assert_true(stays_true(is_waiting, &shared, hf_ms(20)));
    hf_brief_unlock(&shared.lock);
    pthread_join(thread, NULL);
    assert_true(shared.is_through);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_one_holds_it),
        cmocka_unit_test(who_finds_it_held_waits_however_long),
    };
    return RUN_TESTS(tests);
}
