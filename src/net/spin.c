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

bool hf_spin_yield(struct hf_spin *spin)
{
    const hf_instant before = hf_now();
    sched_yield();
    const hf_instant after = hf_now();
    if (hf_between(before, after).ns < SLOW_YIELD_NS) return true;
    if (has_its_share(spin, after)) return true;

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
