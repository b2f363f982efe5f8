#include "support/fault_lane.h"

#include "support/test.h"

#include <string.h>

/* Time is made up, and what comes out is collected until something must be waited for. */

struct fixture {
    struct fault_slots slots;
    struct hf_rng      rng;
    struct fault_lane  lane;
    hf_instant         now;
    char               out[4096];
    size_t             size;
    bool               over;
    enum fault_end     end;
};

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){ .rng = { 1 }, .now = { 1000000 } };
    fault_lane_init(&f.lane, FAULT_TO_CLIENT, 1, &f.slots, &f.rng);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    fault_lane_deinit(&f->lane);
    return 0;
}

static void set(struct fixture *f, int slot, struct fault fault)
{
    f->slots.slot[slot] = (struct fault_slot){ .fault = fault, .id = (uint64_t)slot + 1 };
    fault_lane_poke(&f->lane, f->now);
}

static void put(struct fixture *f, const char *text)
{
    fault_lane_put(&f->lane, text, strlen(text), f->now);
}

/* Takes what may come out now; returns how long the rest must wait, -1 for nothing left. */
static int64_t drain(struct fixture *f)
{
    for (;;) {
        struct hf_bytes bytes;
        hf_instant      when;
        switch (fault_lane_next(&f->lane, f->now, &bytes, &f->end, &when)) {
        case FAULT_OUT_NOTHING: return -1;
        case FAULT_OUT_LATER: return hf_between(f->now, when).ns;
        case FAULT_OUT_END: f->over = true; return -1;
        case FAULT_OUT_BYTES:
            assert_in_range(bytes.size, 1, sizeof f->out - f->size - 1);
            memcpy(f->out + f->size, bytes.data, bytes.size);
            f->size += bytes.size;
            fault_lane_took(&f->lane, bytes.size, f->now);
        }
    }
}

static void assert_out(struct fixture *f, const char *text)
{
    f->out[f->size] = '\0';
    assert_string_equal(f->out, text);
}

static void a_delay_holds_each_piece_for_itself(void **state)
{
    struct fixture *f = *state;
    set(f, 0, (struct fault){ .kind = FAULT_DELAY, .delay = hf_us(100) });
    put(f, "a");
    f->now = hf_later(f->now, hf_us(60));
    put(f, "b");
    assert_int_equal(drain(f), 40000);
    f->now = hf_later(f->now, hf_us(40));
    assert_int_equal(drain(f), 60000);
    assert_out(f, "a");
    f->now = hf_later(f->now, hf_us(60));
    assert_int_equal(drain(f), -1);
    assert_out(f, "ab");
}

static void delays_add_up_and_order_survives_their_end(void **state)
{
    struct fixture *f = *state;
    set(f, 0, (struct fault){ .kind = FAULT_DELAY, .delay = hf_us(100) });
    set(f, 1, (struct fault){ .kind = FAULT_DELAY, .delay = hf_us(50) });
    put(f, "a");
    assert_int_equal(drain(f), 150000);
    f->slots.slot[0].id = f->slots.slot[1].id = 0;
    put(f, "b"); /* Not before what is under way. */
    assert_int_equal(drain(f), 150000);
    f->now = hf_later(f->now, hf_us(150));
    drain(f);
    assert_out(f, "ab");
}

static void a_pace_lets_so_many_bytes_through_each_time(void **state)
{
    struct fixture *f = *state;
    set(f, 0, (struct fault){ .kind = FAULT_TRICKLE, .delay = hf_us(10) });
    put(f, "abc");
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(drain(f), i < 3 ? 10000 : -1);
        assert_int_equal(f->size, i);
        f->now = hf_later(f->now, hf_us(10));
    }
    f->slots.slot[0].id = 0;
    set(f, 1, (struct fault){ .kind = FAULT_THROTTLE, .rate = 1000 });
    put(f, "0123456789");
    assert_int_equal(drain(f), 5000000); /* In bursts of 5. */
    assert_int_equal(f->size, 3 + 5);
}

static void takes_no_more_than_its_limit(void **state)
{
    struct fixture *f = *state;
    static char     block[1 << 20];
    memset(block, 'x', sizeof block);
    set(f, 0, (struct fault){ .kind = FAULT_DELAY, .delay = hf_seconds(1) });
    size_t size = 0;
    while (fault_lane_takes(&f->lane)) {
        fault_lane_put(&f->lane, block, sizeof block, f->now);
        size += sizeof block;
        assert_in_range(size, 0, FAULT_LANE_MAX);
    }
    assert_int_equal(size, FAULT_LANE_MAX);
}

static void a_black_hole_takes_nothing_and_lets_nothing_out(void **state)
{
    struct fixture *f = *state;
    put(f, "before");
    set(f, 0, (struct fault){ .kind = FAULT_BLACK_HOLE });
    assert_false(fault_lane_takes(&f->lane));
    assert_int_equal(drain(f), -1);
    assert_out(f, "");
    f->slots.slot[0].id = 0;
    assert_true(fault_lane_takes(&f->lane));
    drain(f);
    assert_out(f, "before");
}

static void faults_for_others_do_not_concern_it(void **state)
{
    struct fixture *f = *state;
    set(f, 0, (struct fault){ .kind = FAULT_CUT, .direction = FAULT_TO_SERVER });
    set(f, 1, (struct fault){ .kind = FAULT_CUT, .connection = 2 });
    set(f, 2, (struct fault){ .kind = FAULT_CUT, .after_bytes = 1, .times = 1 });
    f->slots.slot[2].struck = 1; /* Somewhere else. */
    put(f, "+OK\r\n");
    drain(f);
    assert_out(f, "+OK\r\n");
    assert_false(f->over);
}

#define STREAM "+one\r\n$3\r\ntwo\r\n*2\r\n:3\r\n+x\r\n+four\r\n"

/* What comes out of STREAM under a fault, and whether it ends there. */
static const struct {
    struct fault fault;
    const char  *out;
    bool         over;
} cases[] = {
    { { .kind = FAULT_CUT }, "", true },
    { { .kind = FAULT_CUT, .after_bytes = 1 }, "+", true },
    { { .kind = FAULT_CUT, .after_bytes = 6 }, "+one\r\n", true },
    { { .kind = FAULT_CUT, .after_messages = 1 }, "+one\r\n", true },
    { { .kind = FAULT_CUT, .after_messages = 2, .after_bytes = 7 },
      "+one\r\n$3\r\ntwo\r\n*2\r\n:3\r",
      true },
    { { .kind = FAULT_CUT, .after_messages = 4 }, STREAM, true },
    { { .kind = FAULT_CUT, .after_messages = 5 }, STREAM, false },
    { { .kind = FAULT_CUT, .after_bytes = 1000 }, STREAM, false },
    { { .kind = FAULT_CORRUPT, .after_messages = 1, .after_bytes = 5 },
      "+one\r\n$3\r\ntgo\r\n*2\r\n:3\r\n+x\r\n+four\r\n",
      false },
    { { .kind = FAULT_DUPLICATE }, "+one\r\n" STREAM, false },
    { { .kind = FAULT_DUPLICATE, .after_messages = 2 },
      "+one\r\n$3\r\ntwo\r\n*2\r\n:3\r\n+x\r\n*2\r\n:3\r\n+x\r\n+four\r\n",
      false },
    { { .kind = FAULT_INJECT, .after_messages = 3, .data = { "!", 1 } },
      "+one\r\n$3\r\ntwo\r\n*2\r\n:3\r\n+x\r\n!+four\r\n",
      false },
    { { .kind = FAULT_INJECT, .data = { "!", 1 } }, "!" STREAM, false },
};

static void strikes_at_the_same_byte_however_the_bytes_arrive(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t step = 1; step <= strlen(STREAM); step++) {
            set_up(state);
            set(f, 0, cases[i].fault);
            for (size_t at = 0; at < strlen(STREAM); at += step) {
                const size_t left = strlen(STREAM) - at;
                fault_lane_put(&f->lane, &STREAM[at], left < step ? left : step, f->now);
            }
            drain(f);
            assert_out(f, cases[i].out);
            assert_int_equal(f->over, cases[i].over);
            assert_int_equal(f->lane.bytes, strlen(STREAM));
            assert_int_equal(f->lane.messages, 4);
            tear_down(state);
        }
    }
}

static void after_an_end_nothing_more_goes_in_or_comes_out(void **state)
{
    struct fixture *f = *state;
    put(f, "abc");
    fault_lane_put_end(&f->lane, FAULT_RESET_END, f->now);
    assert_false(fault_lane_takes(&f->lane));
    put(f, "def");
    fault_lane_put_end(&f->lane, FAULT_CLOSE, f->now);
    drain(f);
    assert_out(f, "abc");
    assert_true(f->over);
    assert_int_equal(f->end, FAULT_RESET_END);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(a_delay_holds_each_piece_for_itself),
        WITH_FIXTURE(delays_add_up_and_order_survives_their_end),
        WITH_FIXTURE(a_pace_lets_so_many_bytes_through_each_time),
        WITH_FIXTURE(takes_no_more_than_its_limit),
        WITH_FIXTURE(a_black_hole_takes_nothing_and_lets_nothing_out),
        WITH_FIXTURE(faults_for_others_do_not_concern_it),
        WITH_FIXTURE(strikes_at_the_same_byte_however_the_bytes_arrive),
        WITH_FIXTURE(after_an_end_nothing_more_goes_in_or_comes_out),
    };
    return RUN_TESTS(tests);
}
