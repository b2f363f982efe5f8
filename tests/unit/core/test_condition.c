#include "core/condition.h"

#include "support/test.h"

struct shared {
    pthread_mutex_t lock;
    pthread_cond_t  changed;
    bool            is_ready;
};

static void open_shared(struct shared *s)
{
    *s = (struct shared){ 0 };
    pthread_mutex_init(&s->lock, NULL);
    hf_condition_init(&s->changed);
}

static void close_shared(struct shared *s)
{
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
}

static void *make_ready(void *ctx)
{
    struct shared *s = ctx;
    pthread_mutex_lock(&s->lock);
    s->is_ready = true;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void a_signal_ends_the_wait(void **state)
{
    (void)state;
    struct shared    s;
    pthread_t        other;
    const hf_instant end = hf_later(hf_now(), hf_seconds(60));
    bool             in_time = true;
    open_shared(&s);
    pthread_mutex_lock(&s.lock);
    assert_int_equal(pthread_create(&other, NULL, make_ready, &s), 0);
    while (!s.is_ready && in_time) in_time = hf_condition_wait(&s.changed, &s.lock, end);
    pthread_mutex_unlock(&s.lock);
    pthread_join(other, NULL);
    assert_true(in_time);
    close_shared(&s);
}

static void it_is_over_at_the_instant_and_not_before(void **state)
{
    (void)state;
    struct shared    s;
    const hf_instant end = hf_later(hf_now(), hf_ms(20));
    open_shared(&s);
    pthread_mutex_lock(&s.lock);
    while (hf_condition_wait(&s.changed, &s.lock, end))
        assert_true(hf_before(hf_now(), hf_later(end, hf_seconds(20))));
    assert_false(hf_before(hf_now(), end));
    assert_false(hf_condition_wait(&s.changed, &s.lock, end)); /* One that is past. */
    pthread_mutex_unlock(&s.lock);
    close_shared(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_ends_the_wait),
        cmocka_unit_test(it_is_over_at_the_instant_and_not_before),
    };
    return RUN_TESTS(tests);
}
