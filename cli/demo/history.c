#include "history.h"

void history_add(struct history *h, const struct tally *tally, const struct tally *earlier,
                 enum breaker breaker, int fault)
{
    if (h->count == HISTORY_MAX) return;
    h->steps[h->count++] = (struct step){
        .requests = (uint32_t)(tally->counts[METER_REQUESTS] -
                               earlier->counts[METER_REQUESTS]),
        .hits = (uint32_t)(tally->counts[METER_HITS] - earlier->counts[METER_HITS]),
        .p50 = meter_quantile(tally, earlier, 0.50),
        .p99 = meter_quantile(tally, earlier, 0.99),
        .max = tally->max,
        .breaker = breaker,
        .fault = fault,
    };
}

static void keep_longer(hf_duration *kept, hf_duration other)
{
    if (other.ns > kept->ns) *kept = other;
}

struct step history_merge(const struct history *h, size_t from, size_t to)
{
    struct step sum = { .fault = -1 };
    for (size_t i = from; i < to; i++) {
        const struct step *s = &h->steps[i];
        sum.requests += s->requests;
        sum.hits += s->hits;
        keep_longer(&sum.p50, s->p50);
        keep_longer(&sum.p99, s->p99);
        keep_longer(&sum.max, s->max);
        if (s->breaker > sum.breaker) sum.breaker = s->breaker;
        if (s->fault >= 0) sum.fault = s->fault;
    }
    return sum;
}

double step_hit_rate(const struct step *s)
{
    return s->requests ? (double)s->hits / s->requests : 0;
}

const char *breaker_name(enum breaker breaker)
{
    switch (breaker) {
    case BREAKER_CLOSED: return "closed";
    case BREAKER_HALF_OPEN: return "half open";
    case BREAKER_OPEN: return "open";
    }
    return "unknown";
}
