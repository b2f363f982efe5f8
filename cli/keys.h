/* keys.h - the keys that values are encrypted with, from where nobody else can read them.
 *
 * HOLDFAST_CACHE_KEYS has them, or HOLDFAST_CACHE_KEYS_FILE names a file that has; never an
 * argument, for those can be seen by everyone on the machine.
 *
 * Memory:   to be wiped with hf_cache_keys_wipe() once a cache has them.
 * Errors:   false, after complaining. */

#ifndef CLI_KEYS_H
#define CLI_KEYS_H

#include <holdfast/seal.h>
#include <stdbool.h>

/* *count is 0 when no keys are set. Warns when others can read the file. */
bool keys_read(struct hf_cache_key keys[HF_CACHE_KEYS_MAX], size_t *count);

#endif
