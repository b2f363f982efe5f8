#include "support/breaker_fixture.h"

struct listener {
    struct fixture       *f;
    enum hf_breaker_state told[64];
    int                   count;
    int                   depth;
    bool                  resets;
};

static void listen(const struct hf_breaker_transition *transition, void *ctx)
{
    struct listener *l = ctx;
    assert_int_equal(l->depth++, 0);
    l->told[l->count++] = transition->to;
    struct hf_permit permit;
    if (hf_breaker_admit(&l->f->breaker, l->f->now, &permit) == HF_OK) {
        hf_breaker_report(&l->f->breaker, l->f->now, permit, HF_OUTCOME_NEUTRAL, hf_ns(0));
    }
    look(l->f);
    if (l->resets && transition->to == HF_BREAKER_OPEN) {
        hf_breaker_reset(&l->f->breaker, l->f->now);
        assert_int_equal(hf_breaker_state(&l->f->breaker), HF_BREAKER_CLOSED);
    }
    l->depth--;
}

static void a_listener_may_call_back_and_is_told_in_order(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    struct listener l = { .f = &f, .resets = true };
    hf_breaker_set_listener(&f.breaker, listen, &l);
    calls(&f, 3, HF_OUTCOME_FAILURE);
    assert_int_equal(l.count, 2);
    assert_int_equal(l.told[0], HF_BREAKER_OPEN);
    assert_int_equal(l.told[1], HF_BREAKER_CLOSED);
    assert_state(&f, HF_BREAKER_CLOSED);
    tear_down(&f);
}

static void a_listener_hears_nothing_of_before_and_after_its_time(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    struct listener l = { .f = &f };
    trip(&f);
    hf_breaker_set_listener(&f.breaker, listen, &l);
    assert_int_equal(l.count, 0);
    advance(&f, 100);
    call(&f, HF_OUTCOME_SUCCESS);
    assert_int_equal(l.count, 2);
    hf_breaker_set_listener(&f.breaker, NULL, NULL);
    trip(&f);
    assert_int_equal(l.count, 2);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listener_may_call_back_and_is_told_in_order),
        cmocka_unit_test(a_listener_hears_nothing_of_before_and_after_its_time),
    };
    return RUN_TESTS(tests);
}
