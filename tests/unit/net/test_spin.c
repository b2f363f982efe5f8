#include "net/spin.h"

#include "support/test.h"

enum { ROUNDS = 1000 };

/* Plays a round to its end; returns how many times it yielded. */
static int play_as_is(struct hf_spin *spin, enum hf_spin_role role, bool found)
{
    struct hf_spin_round round;
    int                  yields = 0;
    hf_spin_begin(&round, spin, role);
    while (hf_spin_yield(&round)) yields++;
    hf_spin_end(&round, found);
    return yields;
}

/* The same, whatever a busy machine has made the spin think of its neighbours. */
static int play(struct hf_spin *spin, enum hf_spin_role role, bool found)
{
    spin->off_until_ns = 0;
    return play_as_is(spin, role, found);
}

static int played(struct hf_spin *spin, enum hf_spin_role role, bool found)
{
    int count = 0;
    for (int i = 0; i < ROUNDS; i++) count += play(spin, role, found) > 0;
    return count;
}

static void a_round_yields_and_ends(void **state)
{
    (void)state;
    struct hf_spin spin = { 0 };
    assert_true(play(&spin, HF_SPIN_LEADER, true) >= 1);
    assert_true(play(&spin, HF_SPIN_FOLLOWER, true) >= 1);
}

static void an_ended_round_yields_no_more_and_counts_once(void **state)
{
    (void)state;
    struct hf_spin       spin = { 0 };
    struct hf_spin_round round;
    hf_spin_begin(&round, &spin, HF_SPIN_LEADER);
    while (hf_spin_yield(&round)) {
    }
    for (int i = 0; i < ROUNDS; i++) hf_spin_end(&round, false);
    assert_false(hf_spin_yield(&round));
    assert_int_equal(spin.roles[HF_SPIN_LEADER].vain_rounds, 1);
}

static void vain_rounds_become_rare_for_their_role_only(void **state)
{
    (void)state;
    struct hf_spin spin = { 0 };
    assert_true(played(&spin, HF_SPIN_FOLLOWER, false) <= ROUNDS / 20);
    assert_true(play(&spin, HF_SPIN_LEADER, true) >= 1);
}

static void one_round_that_pays_brings_all_back(void **state)
{
    (void)state;
    struct hf_spin spin = { 0 };
    (void)played(&spin, HF_SPIN_LEADER, false);
    int skipped = 0;
    while (play(&spin, HF_SPIN_LEADER, true) == 0) {
        if (++skipped > 64) fail_msg("it never tries again");
    }
    assert_true(play(&spin, HF_SPIN_LEADER, true) >= 1);
}

static void what_comes_without_a_yield_says_nothing(void **state)
{
    (void)state;
    struct hf_spin spin = { 0 };
    (void)played(&spin, HF_SPIN_LEADER, false);
    const uint32_t       vain = spin.roles[HF_SPIN_LEADER].vain_rounds;
    struct hf_spin_round round;
    hf_spin_begin(&round, &spin, HF_SPIN_LEADER);
    hf_spin_end(&round, true);
    assert_int_equal(spin.roles[HF_SPIN_LEADER].vain_rounds, vain);
}

static void while_switched_off_no_round_is_played(void **state)
{
    (void)state;
    struct hf_spin spin = { 0 };
    spin.off_until_ns = hf_later(hf_now(), hf_seconds(3600)).ns;
    assert_int_equal(play_as_is(&spin, HF_SPIN_LEADER, false), 0);
    assert_int_equal(spin.roles[HF_SPIN_LEADER].vain_rounds, 0);

    spin.off_until_ns = hf_now().ns;
    assert_true(play_as_is(&spin, HF_SPIN_LEADER, false) >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_round_yields_and_ends),
        cmocka_unit_test(an_ended_round_yields_no_more_and_counts_once),
        cmocka_unit_test(vain_rounds_become_rare_for_their_role_only),
        cmocka_unit_test(one_round_that_pays_brings_all_back),
        cmocka_unit_test(what_comes_without_a_yield_says_nothing),
        cmocka_unit_test(while_switched_off_no_round_is_played),
    };
    return RUN_TESTS(tests);
}
