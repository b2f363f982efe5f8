#include "step.h"

#include "histogram.h"

double ns_per_step(hf_duration slice, void (*round)(void *ctx), void *ctx)
{
    struct histogram rounds = { 0 };
    hf_instant       begun = hf_now();
    const hf_instant end = hf_later(begun, slice);
    while (rounds.total == 0 || hf_before(begun, end)) {
        round(ctx);
        const hf_instant ended = hf_now();
        histogram_add(&rounds, (uint64_t)hf_between(begun, ended).ns);
        begun = ended;
    }
    return histogram_quantile(&rounds, 0.5) / STEP_ROUND;
}
