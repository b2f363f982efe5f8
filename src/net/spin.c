#include "net/spin.h"

#include <sched.h>

enum {
    SLOW_YIELD_NS = 1000000,
    PENALTY_MIN_NS = 20000000,
    PENALTY_MAX_NS = 1000000000,
    VAIN_ROUNDS_FREE = 8, /* In a row, before rounds become rarer. */
    SKIP_MAX = 63,
};

#define GET(field)        atomic_load_explicit(&spin->field, memory_order_relaxed)
#define SET(field, value) atomic_store_explicit(&spin->field, value, memory_order_relaxed)

static uint32_t rounds_to_skip(uint32_t vain_rounds)
{
    if (vain_rounds < VAIN_ROUNDS_FREE) return 0;
    const uint32_t excess = vain_rounds - VAIN_ROUNDS_FREE;
    return excess >= 6 ? SKIP_MAX : (1u << excess) - 1;
}

bool hf_spin_begin(struct hf_spin *spin)
{
    const int64_t off_until = GET(off_until_ns);
    if (off_until != 0) {
        if (hf_now().ns < off_until) return false;
        SET(off_until_ns, 0);
    }
    const uint32_t skipped = GET(skipped);
    if (skipped < rounds_to_skip(GET(vain_rounds))) {
        SET(skipped, skipped + 1);
        return false;
    }
    return true;
}

bool hf_spin_yield(struct hf_spin *spin)
{
    const hf_instant before = hf_now();
    sched_yield();
    const hf_instant after = hf_now();
    if (hf_between(before, after).ns < SLOW_YIELD_NS) return true;

    int64_t penalty = GET(penalty_ns) * 2;
    if (penalty < PENALTY_MIN_NS) penalty = PENALTY_MIN_NS;
    if (penalty > PENALTY_MAX_NS) penalty = PENALTY_MAX_NS;
    SET(penalty_ns, penalty);
    SET(off_until_ns, after.ns + penalty);
    return false;
}

void hf_spin_end(struct hf_spin *spin, bool found)
{
    if (found) {
        if (GET(vain_rounds)) SET(vain_rounds, 0);
        return;
    }
    const uint32_t vain = GET(vain_rounds);
    if (vain < VAIN_ROUNDS_FREE + 6) SET(vain_rounds, vain + 1);
    SET(skipped, 0);
}
