#include "resilience/dial_pace.h"

#include "resilience/backoff.h"

enum {
    GAP_MIN_MS = 100,
    GAP_SPREAD_MS = 100,
    DIAL_COST_MS = 1000 / HF_DIALS_PER_SECOND,
};

static const struct hf_backoff after_refusals = { .base = { 1000000000 },
                                                  .cap = { 30000000000 } };

static hf_duration up_to(struct hf_rng *rng, hf_duration most)
{
    return hf_ns((int64_t)hf_rng_below(rng, (uint64_t)most.ns));
}

void hf_dial_pace_init(struct hf_dial_pace *p, uint64_t seed)
{
    *p = (struct hf_dial_pace){ .rng = { seed } };
}

hf_instant hf_dial_pace_next(const struct hf_dial_pace *p)
{
    const hf_duration credit = hf_ms((HF_DIALS_AT_ONCE - 1) * DIAL_COST_MS);
    const hf_instant  room_at = { p->paid_at.ns - credit.ns };
    return hf_before(p->next_at, room_at) ? room_at : p->next_at;
}

void hf_dial_pace_started(struct hf_dial_pace *p, hf_instant now)
{
    const hf_instant unpaid_from = hf_before(p->paid_at, now) ? now : p->paid_at;
    p->paid_at = hf_later(unpaid_from, hf_ms(DIAL_COST_MS));
    p->next_at = hf_later(hf_later(now, hf_ms(GAP_MIN_MS)),
                          up_to(&p->rng, hf_ms(GAP_SPREAD_MS)));
}

void hf_dial_pace_ended(struct hf_dial_pace *p, hf_instant now, hf_err err)
{
    if (err == HF_OK) {
        p->refusals = 0;
        p->next_at = now;
    } else if (hf_err_category(err) == HF_CATEGORY_AUTH) {
        const hf_duration pause = hf_backoff_ceiling(after_refusals, ++p->refusals);
        p->next_at = hf_later(hf_later(now, pause), up_to(&p->rng, hf_ns(pause.ns / 4)));
    }
}

void hf_dial_pace_hurry(struct hf_dial_pace *p)
{
    p->next_at.ns = 0;
}
