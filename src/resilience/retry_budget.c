#include "resilience/retry_budget.h"

enum { DEBT_MAX = HF_RETRY_CALLS * HF_RETRY_BURST };

void hf_retry_budget_init(struct hf_retry_budget *b, uint64_t seed)
{
    atomic_init(&b->debt, 0);
    atomic_init(&b->noise, seed);
}

void hf_retry_budget_earn(struct hf_retry_budget *b)
{
    uint32_t debt = atomic_load_explicit(&b->debt, memory_order_relaxed);
    while (debt > 0 && !atomic_compare_exchange_weak_explicit(&b->debt, &debt, debt - 1,
                                                              memory_order_relaxed,
                                                              memory_order_relaxed)) {
    }
}

bool hf_retry_budget_spend(struct hf_retry_budget *b)
{
    uint32_t debt = atomic_load_explicit(&b->debt, memory_order_relaxed);
    while (debt <= DEBT_MAX - HF_RETRY_CALLS) {
        if (atomic_compare_exchange_weak_explicit(&b->debt, &debt, debt + HF_RETRY_CALLS,
                                                  memory_order_relaxed,
                                                  memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

uint32_t hf_retry_budget_left(const struct hf_retry_budget *b)
{
    const uint32_t debt = atomic_load_explicit(&b->debt, memory_order_relaxed);
    return (DEBT_MAX - debt) / HF_RETRY_CALLS;
}

struct hf_rng hf_retry_budget_rng(struct hf_retry_budget *b)
{
    const uint64_t stride = UINT64_C(0xD1342543DE82EF95);
    return (
        struct hf_rng){ atomic_fetch_add_explicit(&b->noise, stride, memory_order_relaxed) };
}
