/* step.h - how long something short takes.
 *
 * Threads:  any, each for itself. */

#ifndef BENCH_STEP_H
#define BENCH_STEP_H

#include <holdfast/time.h>

enum { STEP_ROUND = 1000 }; /* Steps between two looks at the clock. */

/* How long a step takes, in ns, when round() takes STEP_ROUND of them: the median of many
 * rounds, so that the moments in which somebody else had the processor do not count. */
double ns_per_step(hf_duration slice, void (*round)(void *ctx), void *ctx);

#endif
