/* futex.h - waiting for a word to change, with a deadline.
 *
 * Threads:  any. The word belongs to this process.
 * Time:     CLOCK_MONOTONIC, absolute, so that signals do not prolong a wait. */

#ifndef HF_NET_FUTEX_H
#define HF_NET_FUTEX_H

#include <holdfast/time.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Sleeps while *word is expected; returns on a wake, a signal, or at the deadline, so the
 * caller looks again. False when the deadline passed. */
bool hf_futex_wait(const _Atomic uint32_t *word, uint32_t expected, hf_instant deadline);

void hf_futex_wake_one(const _Atomic uint32_t *word);
void hf_futex_wake_all(const _Atomic uint32_t *word);

#endif
