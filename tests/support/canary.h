/* canary.h - a thread that measures how late the machine wakes sleepers.
 *
 *     struct canary *canary = canary_open();
 *     hf_instant from = hf_now();
 *     call_with_a_deadline_of_100_ms();
 *     hf_instant to = hf_now();
 *     hf_duration late = canary_worst_delay(canary, from, to);
 *     assert_true(hf_between(from, to).ns - late.ns <= hf_ms(120).ns);
 *     canary_close(canary);
 *
 * A call that overran its deadline because the machine was busy was woken late, once; so
 * what a test may take off is the worst single delay meanwhile, not their sum.
 *
 * Threads:  any may ask. One thread naps a millisecond at a time.
 * Memory:   the last CANARY_NAPS late naps are kept.
 * Errors:   aborts with a message when the thread cannot be started. */

#ifndef HF_TESTS_CANARY_H
#define HF_TESTS_CANARY_H

#include <holdfast/time.h>
#include <sys/types.h>

enum { CANARY_NAPS = 4096 };

struct canary;

struct canary *canary_open(void);
void           canary_close(struct canary *canary);

/* The longest that one nap was overdue inside [from, to]; the part outside does not count.
 * Waits until the nap under way at `to` is over. */
hf_duration canary_worst_delay(struct canary *canary, hf_instant from, hf_instant to);

/* How long the calling thread has waited for a processor although it could have run, since it
 * last asked, or began. Sees what a sleeper beside it does not: a thread that was preempted.
 */
hf_duration canary_own_delay(void);

/* The same of all threads that the process has, since each began. */
hf_duration canary_delays_of(pid_t process);

#endif
