#include "cache/estimate.h"

#include <math.h>

static const double errors_at_95_percent = 1.96;
static const double rule_of_three = 3;

void hf_sample_add(struct hf_sample *s, double x)
{
    s->sum += x;
    s->squares += x * x;
    if (x > s->max) s->max = x;
}

struct hf_estimate hf_sample_estimate(const struct hf_sample *s, uint64_t seen, uint64_t all)
{
    const double n = (double)seen, total = (double)all;
    if (seen >= all) return (struct hf_estimate){ s->sum, s->sum, s->sum };
    if (seen < 2) return (struct hf_estimate){ s->sum, s->sum, HUGE_VAL };

    const double mean = s->sum / n;
    const double variance = fmax(0, (s->squares - s->sum * mean) / (n - 1));
    const double error = total * sqrt(variance / n * (1 - n / total));
    const double value = total * mean;
    if (s->sum == 0) return (struct hf_estimate){ 0, 0, total * rule_of_three / n };
    return (struct hf_estimate){
        .value = value,
        .low = fmax(s->sum, value - errors_at_95_percent * error),
        .high = value + errors_at_95_percent * error,
    };
}
