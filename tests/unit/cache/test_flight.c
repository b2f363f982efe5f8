#include "cache/flight.h"

#include "cache/value.h"
#include "support/counting_allocator.h"
#include "support/test.h"

#include <stdio.h>

enum { FOLLOWERS = 16 };

struct fixture {
    struct counting_allocator memory;
    struct hf_flights         flights;
};

static void set_up(struct fixture *f)
{
    counting_allocator_init(&f->memory);
    hf_flights_init(&f->flights, &f->memory.base);
}

static void tear_down(struct fixture *f)
{
    hf_flights_deinit(&f->flights);
    assert_int_equal(f->memory.blocks, 0);
}

static struct hf_flight *join(struct fixture *f, const char *key, bool is_leader)
{
    struct hf_flight *flight;
    bool              leads;
    assert_int_equal(hf_flight_join(&f->flights, hf_str(key), &flight, &leads), HF_OK);
    assert_int_equal(leads, is_leader);
    return flight;
}

static void keep(void *object)
{
    (void)object;
}

static struct hf_value *make_value(struct fixture *f)
{
    const struct hf_envelope     e = { .body = hf_str("loaded"), .expires_ms = 10 };
    const struct hf_value_source source = { keep, NULL };
    struct hf_value             *value;
    assert_int_equal(hf_value_open(&f->memory.base, source, &e, 0, 10, &value), HF_OK);
    return value;
}

/* The leader's end, with this result. */
static void land(struct fixture *f, struct hf_flight *flight, hf_err err,
                 struct hf_value *value)
{
    hf_flight_offer(&f->flights, flight, err, value, "why not");
    hf_flight_finish(&f->flights, flight);
    hf_flight_leave(&f->flights, flight);
}

struct follower {
    struct fixture    *f;
    struct hf_flight  *flight;
    enum hf_flight_end end;
    hf_err             err;
    struct hf_value   *value;
    struct hf_error    error;
};

/* Of a follower who has no time to wait. */
static enum hf_flight_end look_at(struct follower *me)
{
    const enum hf_flight_end end = hf_flight_wait(&me->f->flights, me->flight, hf_now(),
                                                  &me->err, &me->value, &me->error);
    hf_flight_leave(&me->f->flights, me->flight);
    return end;
}

static void *follow(void *context)
{
    struct follower *me = context;
    me->end = hf_flight_wait(&me->f->flights, me->flight, hf_later(hf_now(), hf_seconds(60)),
                             &me->err, &me->value, NULL);
    hf_flight_leave(&me->f->flights, me->flight);
    return NULL;
}

static void all_followers_get_what_the_leader_loaded(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    struct hf_flight *leading = join(&f, "k", true);
    struct follower   followers[FOLLOWERS];
    pthread_t         threads[FOLLOWERS];
    for (int i = 0; i < FOLLOWERS; i++) {
        followers[i] = (struct follower){ .f = &f, .flight = join(&f, "k", false) };
        assert_int_equal(pthread_create(&threads[i], NULL, follow, &followers[i]), 0);
    }
    struct hf_value *value = make_value(&f);
    land(&f, leading, HF_OK, value);
    hf_value_release(value);
    for (int i = 0; i < FOLLOWERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(followers[i].end, HF_FLIGHT_LANDED);
        assert_int_equal(followers[i].err, HF_OK);
        assert_memory_equal(hf_value_data(followers[i].value).data, "loaded", 6);
        hf_value_release(followers[i].value);
    }
    tear_down(&f);
}

static void a_failed_load_fails_all_and_the_next_caller_leads(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    struct hf_flight *leading = join(&f, "k", true);
    struct follower   follower = { .f = &f, .flight = join(&f, "k", false) };
    land(&f, leading, HF_E_LOST, NULL);
    struct hf_flight *next = join(&f, "k", true);
    assert_int_equal(look_at(&follower), HF_FLIGHT_LANDED);
    assert_int_equal(follower.err, HF_E_LOST);
    assert_string_equal(follower.error.detail, "why not");
    assert_null(follower.value);
    land(&f, next, HF_MISS, NULL);
    tear_down(&f);
}

static void a_leader_that_hangs_holds_nobody_past_his_time(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    struct hf_flight *leading = join(&f, "k", true);
    struct follower   follower = { .f = &f, .flight = join(&f, "k", false) };
    assert_int_equal(look_at(&follower), HF_FLIGHT_DELAYED);
    land(&f, leading, HF_MISS, NULL);
    tear_down(&f);
}

static void whose_time_is_up_takes_what_is_offered(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    struct hf_flight *leading = join(&f, "k", true);
    struct follower   follower = { .f = &f, .flight = join(&f, "k", false) };
    struct hf_value  *value = make_value(&f);
    hf_flight_offer(&f.flights, leading, HF_OK, value, "");
    assert_int_equal(look_at(&follower), HF_FLIGHT_LANDED);
    assert_int_equal(follower.err, HF_OK);
    assert_ptr_equal(follower.value, value);
    hf_value_release(follower.value);
    hf_flight_leave(&f.flights, join(&f, "k", false)); /* Not finished: shared still. */
    hf_flight_finish(&f.flights, leading);
    hf_flight_leave(&f.flights, leading);
    hf_value_release(value);
    tear_down(&f);
}

static void a_flight_that_comes_to_nothing_says_so(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    struct hf_flight *leading = join(&f, "k", true);
    struct follower   follower = { .f = &f, .flight = join(&f, "k", false) };
    hf_flight_finish(&f.flights, leading);
    hf_flight_leave(&f.flights, leading);
    assert_int_equal(look_at(&follower), HF_FLIGHT_CRASHED);
    tear_down(&f);
}

static void a_task_handed_over_keeps_the_flight(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    struct hf_flight *leading = join(&f, "k", true);
    hf_flight_acquire(&f.flights, leading);
    hf_flight_leave(&f.flights, leading);
    land(&f, leading, HF_MISS, NULL);
    tear_down(&f);
}

static void other_keys_fly_apart(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    char              names[600][8];
    struct hf_flight *flights[600];
    for (int i = 0; i < 600; i++) {
        snprintf(names[i], sizeof names[i], "%d", i);
        flights[i] = join(&f, names[i], true);
    }
    for (int i = 0; i < 600; i++) {
        struct hf_flight *again = join(&f, names[i], false);
        assert_ptr_equal(again, flights[i]);
        hf_flight_leave(&f.flights, again);
        land(&f, flights[i], HF_MISS, NULL);
    }
    tear_down(&f);
}

static void nobody_joins_what_was_forgotten(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    struct hf_flight *old = join(&f, "k", true);
    struct hf_flight *other = join(&f, "other", true);
    hf_flight_forget(&f.flights, hf_str("k"));
    hf_flight_forget(&f.flights, hf_str("never there"));
    struct hf_flight *fresh = join(&f, "k", true);
    land(&f, old, HF_MISS, NULL);
    struct hf_flight *joined = join(&f, "k", false);
    hf_flight_leave(&f.flights, joined);
    hf_flight_forget_all(&f.flights);
    struct hf_flight *third = join(&f, "k", true);
    struct hf_flight *all[] = { fresh, other, third };
    for (int i = 0; i < 3; i++) land(&f, all[i], HF_MISS, NULL);
    tear_down(&f);
}

static void without_memory_there_is_no_flight(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    struct hf_flight *flight = NULL;
    bool              leads = false;
    f.memory.fail_at = f.memory.requests + 1;
    assert_int_equal(hf_flight_join(&f.flights, hf_str("k"), &flight, &leads), HF_E_NOMEM);
    assert_null(flight);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_followers_get_what_the_leader_loaded),
        cmocka_unit_test(a_failed_load_fails_all_and_the_next_caller_leads),
        cmocka_unit_test(a_leader_that_hangs_holds_nobody_past_his_time),
        cmocka_unit_test(whose_time_is_up_takes_what_is_offered),
        cmocka_unit_test(a_flight_that_comes_to_nothing_says_so),
        cmocka_unit_test(a_task_handed_over_keeps_the_flight),
        cmocka_unit_test(other_keys_fly_apart),
        cmocka_unit_test(nobody_joins_what_was_forgotten),
        cmocka_unit_test(without_memory_there_is_no_flight),
    };
    return RUN_TESTS(tests);
}
