/* wait.h - waits for something to become true, with a bound.
 *
 *     assert_true(wait_until(server_is_gone, &server, hf_seconds(5)));
 *
 * The one place in the tests that naps: a millisecond between two looks. */

#ifndef HF_TESTS_WAIT_H
#define HF_TESTS_WAIT_H

#include <holdfast/time.h>

typedef bool (*wait_condition_fn)(void *ctx);

/* True as soon as the condition holds; false when it did not within the bound. */
bool wait_until(wait_condition_fn condition, void *ctx, hf_duration bound);

/* True when the condition held at every look during the whole span: nothing happened. */
bool stays_true(wait_condition_fn condition, void *ctx, hf_duration span);

#endif
