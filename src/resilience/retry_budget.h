/* retry_budget.h - how many commands an endpoint may still be sent a second time.
 *
 * Each call earns a twentieth of a retry, and at most a hundred are saved up: N calls never
 * cause more than N / 20 + 100 retries, however they fail. So an outage is not multiplied:
 * commands sent stay under 1.1 times the calls made from 2000 calls on. The hundred are for
 * one connection that breaks under many callers, whose calls may then all be sent again.
 *
 * Threads:  any.
 * Memory:   caller-allocated, no cleanup.
 * Cost:     one load for a call while the budget is full, which it is when all is well. */

#ifndef HF_RESILIENCE_RETRY_BUDGET_H
#define HF_RESILIENCE_RETRY_BUDGET_H

#include "core/rng.h"

#include <stdatomic.h>
#include <stdbool.h>

enum {
    HF_RETRY_CALLS = 20,  /* Calls that earn one retry. */
    HF_RETRY_BURST = 100, /* Retries that can be saved up. */
};

struct hf_retry_budget {
    _Atomic uint32_t debt;  /* Calls to come until it is full, <= CALLS * BURST. */
    _Atomic uint64_t noise; /* State of a generator that all threads share. */
};

/* Full. */
void hf_retry_budget_init(struct hf_retry_budget *b, uint64_t seed);

/* A call begins. */
void hf_retry_budget_earn(struct hf_retry_budget *b);

/* Takes one retry out; false when there is none. */
bool hf_retry_budget_spend(struct hf_retry_budget *b);

/* Retries that could be spent now. */
uint32_t hf_retry_budget_left(const struct hf_retry_budget *b);

/* A generator for one draw or a few, different at each call. */
struct hf_rng hf_retry_budget_rng(struct hf_retry_budget *b);

#endif
