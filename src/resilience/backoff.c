#include "resilience/backoff.h"

#include "core/assert.h"

hf_duration hf_backoff_ceiling(struct hf_backoff b, uint32_t failures)
{
    hf_assert(failures >= 1 && b.base.ns > 0 && b.cap.ns >= b.base.ns);

    const uint32_t doublings = failures - 1;
    if (doublings >= 63 || b.base.ns > b.cap.ns >> doublings) return b.cap;
    return hf_ns(b.base.ns << doublings);
}

hf_duration hf_backoff_pause(struct hf_backoff b, uint32_t failures, struct hf_rng *rng)
{
    const uint64_t ceiling = (uint64_t)hf_backoff_ceiling(b, failures).ns;
    return hf_ns((int64_t)hf_rng_below(rng, ceiling + 1));
}
