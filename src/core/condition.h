/* condition.h - condition variables that are waited on until an instant.
 *
 *     while (!is_ready && hf_condition_wait(&ready, &lock, end)) continue;
 *
 * Threads:  as those of pthreads.
 * Time:     CLOCK_MONOTONIC, which a change of the time of day does not move. */

#ifndef HF_CORE_CONDITION_H
#define HF_CORE_CONDITION_H

#include <holdfast/time.h>
#include <pthread.h>
#include <stdbool.h>

/* Ended by pthread_cond_destroy(). */
void hf_condition_init(pthread_cond_t *condition);

/* With the mutex locked: gives it up until somebody signals, or for no reason at all, or
 * until then. False when it is that late. */
bool hf_condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, hf_instant until);

#endif
