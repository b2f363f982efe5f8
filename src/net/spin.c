#include "net/spin.h"

#include <sched.h>
#include <time.h>

enum {
    SLOW_YIELD_NS = 1000000,
    SAMPLE_NS = 4000000,
    SHARE_MIN_PERCENT = 25, /* Of one processor. */
    PENALTY_MIN_NS = 20000000,
    PENALTY_MAX_NS = 1000000000,
    VAIN_ROUNDS_FREE = 8, /* In a row, before rounds become rarer. */
    SKIP_MAX = 63,
};

/* A round is over when it has had both. Alone, a yield takes 0.3 us; in a crowd it takes as
 * long as all the others need. */
struct stamina {
    uint32_t yields;
    int64_t  spent_ns;
};

static const struct stamina stamina[HF_SPIN_ROLES] = {
    [HF_SPIN_ALONE] = { 10, 12000 },
    [HF_SPIN_LEADER] = { 10, 50000 },
    [HF_SPIN_FOLLOWER] = { 12, 50000 },
};

#define GET(field)        atomic_load_explicit(&spin->field, memory_order_relaxed)
#define SET(field, value) atomic_store_explicit(&spin->field, value, memory_order_relaxed)

static uint32_t rounds_to_skip(uint32_t vain_rounds)
{
    if (vain_rounds < VAIN_ROUNDS_FREE) return 0;
    const uint32_t excess = vain_rounds - VAIN_ROUNDS_FREE;
    return excess >= 6 ? SKIP_MAX : (1u << excess) - 1;
}

static bool is_off(struct hf_spin *spin)
{
    const int64_t off_until = GET(off_until_ns);
    if (off_until == 0) return false;
    if (hf_now().ns < off_until) return true;
    SET(off_until_ns, 0);
    return false;
}

void hf_spin_begin(struct hf_spin_round *round, struct hf_spin *spin, enum hf_spin_role role)
{
    const uint32_t skipped = GET(roles[role].skipped);
    const bool     skips = skipped < rounds_to_skip(GET(roles[role].vain_rounds));
    if (skips) SET(roles[role].skipped, skipped + 1);
    const bool is_played = !skips && !is_off(spin);
    *round = (struct hf_spin_round){
        .spin = spin,
        .role = role,
        .is_played = is_played,
        .is_over = !is_played,
    };
}

static int64_t process_cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* After a slow yield: did this process run meanwhile, or others? True when it may go on. */
static bool has_its_share(struct hf_spin *spin, hf_instant now)
{
    int64_t sampled = GET(sampled_ns);
    if (now.ns - sampled < SAMPLE_NS) return true;
    if (!atomic_compare_exchange_strong(&spin->sampled_ns, &sampled, now.ns)) return true;

    const int64_t cpu = process_cpu_ns();
    const int64_t used = cpu - atomic_exchange(&spin->cpu_ns, cpu);
    if (now.ns - sampled > PENALTY_MAX_NS) return true; /* Too long ago to mean anything. */
    if (used * 100 >= (now.ns - sampled) * SHARE_MIN_PERCENT) {
        SET(penalty_ns, GET(penalty_ns) / 2);
        return true;
    }
    return false;
}

static void switch_off(struct hf_spin *spin, hf_instant now)
{
    int64_t penalty = GET(penalty_ns) * 2;
    if (penalty < PENALTY_MIN_NS) penalty = PENALTY_MIN_NS;
    if (penalty > PENALTY_MAX_NS) penalty = PENALTY_MAX_NS;
    SET(penalty_ns, penalty);
    SET(off_until_ns, now.ns + penalty);
}

/* Returns how long it took. */
static int64_t yield_once(struct hf_spin *spin)
{
    const hf_instant before = hf_now();
    sched_yield();
    const hf_instant after = hf_now();
    const int64_t    took = hf_between(before, after).ns;
    if (took >= SLOW_YIELD_NS && !has_its_share(spin, after)) switch_off(spin, after);
    return took;
}

bool hf_spin_yield(struct hf_spin_round *round)
{
    const struct stamina *limit = &stamina[round->role];
    if (round->is_over) return false;

    round->spent_ns += yield_once(round->spin);
    round->yields++;
    round->is_over = (round->yields >= limit->yields && round->spent_ns >= limit->spent_ns) ||
                     is_off(round->spin);
    return true;
}

void hf_spin_end(struct hf_spin_round *round, bool found)
{
    struct hf_spin         *spin = round->spin;
    const enum hf_spin_role role = round->role;
    if (!round->is_played || round->yields == 0) return;
    round->is_played = false;

    const uint32_t vain = GET(roles[role].vain_rounds);
    if (found) {
        if (vain) SET(roles[role].vain_rounds, 0);
        return;
    }
    if (vain < VAIN_ROUNDS_FREE + 6) SET(roles[role].vain_rounds, vain + 1);
    SET(roles[role].skipped, 0);
}

void hf_spin_step_aside(struct hf_spin *spin)
{
    if (!is_off(spin)) (void)yield_once(spin);
}
