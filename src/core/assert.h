/* assert.h - checks of our own mistakes, never of a peer's or a user's.
 *
 * On in tests, fuzzing and the command line tool; off (NDEBUG) in the library that ships:
 * there the condition is compiled but not evaluated, so it cannot rot. */

#ifndef HF_CORE_ASSERT_H
#define HF_CORE_ASSERT_H

#include <assert.h>

#ifdef NDEBUG
#define hf_assert(condition) ((void)(1 || (condition)))
#else
#define hf_assert(condition) assert(condition)
#endif

#endif
