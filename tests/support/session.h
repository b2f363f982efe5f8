/* session.h - one session of everything a client does, for those who make things fail in it.
 *
 *     session_play(&(struct session){ .url = url, .allocator = &memory.base });
 *
 * Opens a client, waits for it, counts, writes and reads small and large values, batches,
 * a transaction and an asynchronous call, and closes. Whatever fails meanwhile, each call
 * must end, honestly, and closing must be quick. The counter "n" is 0 before.
 *
 * Threads:  one at a time.
 * Errors:   fails the test that calls it. */

#ifndef HF_TESTS_SESSION_H
#define HF_TESTS_SESSION_H

#include <holdfast/alloc.h>

struct session {
    const char                *url;
    const struct hf_allocator *allocator;
    /* Makes nothing fail any more; then all must be well again within seconds, and the
     * counter as the calls said. NULL: it goes on to the end. */
    void (*relent)(void *ctx);
    void *ctx;
};

void session_play(const struct session *session);

#endif
