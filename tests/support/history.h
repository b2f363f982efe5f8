/* history.h - what callers did and were told, and whether it can have been so.
 *
 *     struct history *history = history_open();
 *     history_note(history, &(struct deed){ .kind = DEED_WRITE, .key = 7, .value = 41, ...
 * }); assert_int_equal(history_check(history), 0); history_close(history);
 *
 * Each write has a value of its own. A register begins absent, which is value 0. Checked for
 * every read, by time alone, knowing nothing of how the client works:
 *   - its value was written to that key, by a write that had begun, and that was not told
 *     "not applied";
 *   - nothing newer had been acknowledged: no acknowledged write (or erasure) began after the
 *     write of this value had ended, and had itself ended before the read began. So a write
 *     whose outcome is unknown may land late, but not after a later one was acknowledged;
 *   - a loaded value, moreover, is not read once a key was erased since its load began;
 *   - absent means never written, or erased since: but for a cache, which may always miss.
 * A read that was marked stale need only have been written once.
 *
 * Threads:  any may note; checking is for one, when all have ended.
 * Memory:   grows with the deeds.
 * Errors:   aborts when out of memory; what is wrong is printed, the first few in full. */

#ifndef HF_TESTS_HISTORY_H
#define HF_TESTS_HISTORY_H

#include <holdfast/error.h>
#include <holdfast/time.h>
#include <stddef.h>

enum deed_kind {
    DEED_READ,  /* Of `value`, 0 for absent. */
    DEED_WRITE, /* Of `value`. */
    DEED_ERASE,
    DEED_LOAD, /* `value` was computed, from `began` on; stored at some time or never. */
};

enum deed_outcome {
    DEED_ACKNOWLEDGED,
    DEED_UNKNOWN,     /* May have been applied, or may be later. */
    DEED_NOT_APPLIED, /* Was said never to be. A read without an answer is not noted. */
};

struct deed {
    enum deed_kind    kind;
    enum deed_outcome outcome;
    unsigned          key;
    bool              is_cached; /* The key is a cache's: absent is always right. */
    bool              is_stale;
    uint64_t          value;
    hf_instant        began;
    hf_instant        ended;
    const char       *call; /* Printed with it, and how it ended; NULL: nothing. */
    hf_err            err;
};

struct history;

struct history *history_open(void);
void            history_close(struct history *history);

void   history_note(struct history *history, const struct deed *deed);
size_t history_size(struct history *history);

/* How many reads cannot have been; 0 is what is wanted. */
size_t history_check(struct history *history);

#endif
