/* The limit and the breaker together, against a simulated server that slows. */

#include "core/rng.h"
#include "resilience/admission.h"
#include "resilience/breaker.h"
#include "support/test.h"

enum { CALLERS = 64, TIMEOUT_MS = 250, HEALTH_MS = 150 };

struct caller {
    bool             is_calling;
    hf_instant       begun, wakes;
    struct hf_ticket ticket;
    struct hf_permit permit;
    enum hf_outcome  outcome;
};

/* Serves one after the other, also what was given up; the way there and back takes a while,
 * but of any number at once. Callers that were turned away come again after 10 ms. */
struct sim {
    struct hf_admission admission;
    struct hf_breaker   breaker;
    bool                is_limited;
    struct hf_rng       rng;
    hf_instant          now;
    hf_duration         service; /* On average. */
    hf_duration         way;
    hf_instant          server_free;
    hf_instant          check_ends; /* A health check is under way; {0}: none. */
    hf_instant          next_check;
    struct caller       callers[CALLERS];
    int                 answered, late, refused; /* Of the last run. */
};

static void begin(struct sim *s, bool is_limited, hf_duration service, hf_duration way)
{
    struct hf_breaker_opts opts = hf_breaker_opts_default();
    opts.seed = 3;
    *s = (struct sim){ .is_limited = is_limited, .rng = { 7 }, .now = { 1000000000 } };
    s->service = service;
    s->way = way;
    hf_admission_init(&s->admission);
    assert_int_equal(hf_breaker_init(&s->breaker, &opts), HF_OK);
    for (uint32_t i = 0; i < CALLERS; i++)
        s->callers[i].wakes = hf_later(s->now, hf_us(20 * i));
}

static void end(struct sim *s)
{
    hf_admission_deinit(&s->admission);
    hf_breaker_deinit(&s->breaker);
}

/* When the server has an answer ready to what is sent now. */
static hf_instant serve(struct sim *s, hf_duration service)
{
    const hf_instant start = hf_before(s->server_free, s->now) ? s->now : s->server_free;
    s->server_free = hf_later(start, service);
    return hf_later(s->server_free, s->way);
}

static bool is_let_in(struct sim *s, struct caller *c)
{
    c->ticket.is_counted = false;
    if (s->is_limited && hf_admission_enter(&s->admission, &c->ticket)) {
        s->refused++;
        return false;
    }
    if (hf_breaker_admit(&s->breaker, s->now, &c->permit) == HF_OK) return true;
    if (s->is_limited) {
        hf_admission_leave(&s->admission, s->now, c->ticket, HF_OUTCOME_NEUTRAL, hf_ns(0),
                           hf_ms(TIMEOUT_MS));
    }
    return false;
}

static void begin_call(struct sim *s, struct caller *c)
{
    if (!is_let_in(s, c)) {
        c->wakes = hf_later(s->now, hf_ms(10));
        return;
    }
    const int64_t    mean = s->service.ns;
    const int64_t    service = mean / 2 + (int64_t)hf_rng_below(&s->rng, (uint64_t)mean);
    const hf_instant answer = serve(s, hf_ns(service));
    const hf_instant deadline = hf_later(s->now, hf_ms(TIMEOUT_MS));
    c->outcome = hf_before(deadline, answer) ? HF_OUTCOME_FAILURE : HF_OUTCOME_SUCCESS;
    c->wakes = hf_earlier_of(answer, deadline);
    c->begun = s->now;
    c->is_calling = true;
}

static void end_call(struct sim *s, struct caller *c)
{
    const hf_duration took = hf_between(c->begun, s->now);
    if (s->is_limited) {
        hf_admission_leave(&s->admission, s->now, c->ticket, c->outcome, took,
                           hf_ms(TIMEOUT_MS));
    }
    hf_breaker_report(&s->breaker, s->now, c->permit, c->outcome, took);
    s->answered += c->outcome == HF_OUTCOME_SUCCESS;
    s->late += c->outcome == HF_OUTCOME_FAILURE;
    c->is_calling = false;
    c->wakes = hf_later(s->now, hf_us(50));
}

static void check_health(struct sim *s)
{
    if (hf_breaker_state(&s->breaker) != HF_BREAKER_OPEN) {
        s->check_ends.ns = 0;
    } else if (s->check_ends.ns == 0) {
        if (hf_before(s->now, s->next_check)) return;
        s->check_ends = serve(s, hf_ns(0));
        s->next_check = hf_later(s->now, hf_ms(HEALTH_MS));
    } else if (!hf_before(s->now, s->check_ends)) {
        hf_breaker_hint_healthy(&s->breaker, s->now);
    }
}

static struct caller *next_to_wake(struct sim *s)
{
    struct caller *next = &s->callers[0];
    for (int i = 1; i < CALLERS; i++) {
        if (hf_before(s->callers[i].wakes, next->wakes)) next = &s->callers[i];
    }
    return next;
}

static void run(struct sim *s, uint32_t seconds)
{
    const hf_instant stop = hf_later(s->now, hf_seconds(seconds));
    struct caller   *c;
    s->answered = s->refused = s->late = 0;
    while (c = next_to_wake(s), hf_before(c->wakes, stop)) {
        s->now = c->wakes;
        check_health(s);
        if (c->is_calling) {
            end_call(s, c);
        } else {
            begin_call(s, c);
        }
    }
    s->now = stop;
}

static void while_calls_are_quick_nobody_is_refused(void **state)
{
    (void)state;
    struct sim s;
    begin(&s, true, hf_us(1000), hf_us(100)); /* A mean call takes 64 of its 250 ms. */
    run(&s, 5);
    assert_int_equal(s.refused + s.late, 0);
    assert_int_equal(atomic_load(&s.admission.limit), 0);
    end(&s);
}

/* Eight runs: the answers that a server gives which 64 callers want too much of. */
static void when_the_server_slows_it_gives_all_the_answers_that_it_can(void **state)
{
    (void)state;
    static const uint32_t services_us[] = { 4000, 6000, 10000, 20000 };
    for (size_t i = 0; i < sizeof services_us / sizeof services_us[0]; i++) {
        struct sim without, with;
        begin(&without, false, hf_us(100), hf_us(100));
        begin(&with, true, hf_us(100), hf_us(100));
        run(&without, 3);
        run(&with, 3);
        without.service = with.service = hf_us(services_us[i]);
        run(&without, 3);
        run(&with, 3);
        run(&without, 20);
        run(&with, 20);
        const int possible = 20000000 / (int)services_us[i];
        print_message("%5u us a call: of %d possible answers %d with the limit, %d without\n",
                      services_us[i], possible, with.answered, without.answered);
        assert_true(with.answered > possible * 9 / 10);
        assert_true(with.late < possible / 20);
        assert_int_equal(hf_breaker_state(&with.breaker), HF_BREAKER_CLOSED);
        assert_true(without.answered < possible * 3 / 4);

        with.service = hf_us(100);
        run(&with, 1);
        run(&with, 1);
        assert_int_equal(with.refused + with.late, 0);
        assert_true(with.answered > 9000);
        end(&without);
        end(&with);
    }
}

/* Slower than that, a few calls fill the time allowed, and the breaker has the word; the
 * limit must at least do no harm. */
static void a_server_slower_than_the_deadline_is_no_trap(void **state)
{
    (void)state;
    static const uint32_t services_ms[] = { 50, 400 };
    for (size_t i = 0; i < sizeof services_ms / sizeof services_ms[0]; i++) {
        struct sim s;
        begin(&s, true, hf_us(100), hf_us(100));
        run(&s, 3);
        s.service = hf_ms(services_ms[i]);
        run(&s, 60);
        s.service = hf_us(100);
        s.server_free = s.now;
        s.check_ends.ns = 0;
        run(&s, 1);
        run(&s, 1);
        assert_int_equal(s.refused + s.late, 0);
        assert_true(s.answered > 9000);
        end(&s);
    }
}

static void a_long_way_is_not_taken_for_a_queue(void **state)
{
    (void)state;
    static const uint32_t ways_ms[] = { 100, 150, 200 };
    for (size_t i = 0; i < sizeof ways_ms / sizeof ways_ms[0]; i++) {
        struct sim s;
        begin(&s, true, hf_us(10), hf_ms(ways_ms[i]));
        run(&s, 60);
        const int possible = CALLERS * 60 * 1000 / (int)ways_ms[i];
        print_message("%u ms away: of %d possible answers %d\n", ways_ms[i], possible,
                      s.answered);
        assert_true(s.answered > possible * 9 / 10);
        end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(while_calls_are_quick_nobody_is_refused),
        cmocka_unit_test(when_the_server_slows_it_gives_all_the_answers_that_it_can),
        cmocka_unit_test(a_server_slower_than_the_deadline_is_no_trap),
        cmocka_unit_test(a_long_way_is_not_taken_for_a_queue),
    };
    return RUN_TESTS(tests);
}
