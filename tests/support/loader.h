/* loader.h - a loader for a test to hold, and to fail.
 *
 *     struct loader loader = loader_at_once(&f, "loaded");
 *     loader.may_go_on = false;            it hangs until this is set
 *     assert_int_equal(loader_get(&loader, NULL, NULL, "loaded"), HF_OK);
 *
 * Threads:  what is atomic may be changed while it runs. */

#ifndef HF_TESTS_LOADER_H
#define HF_TESTS_LOADER_H

#include "support/cache_fixture.h"

#include <stdatomic.h>

/* What a loader does, and what it saw. */
struct loader {
    struct cache_fixture *f;
    atomic_int            calls;
    atomic_int            released; /* Times that its context was; see loader_release(). */
    hf_err                err;      /* What it gives instead of the text. */
    const char           *text;
    atomic_bool           is_running;
    bool                  is_shared; /* By threads: what an error says is not kept. */
    atomic_bool           may_go_on; /* It waits for this, for a minute at most. */
    bool (*meanwhile)(struct loader *loader);
};

struct loader loader_at_once(struct cache_fixture *f, const char *text);

/* hf_load_fn, and release_ctx; ctx is the struct loader. */
hf_err loader_load(struct hf_bytes key, struct hf_loaded *loaded, void *ctx);
void   loader_release(void *ctx);

/* Conditions for wait_until(); ctx is the struct loader. */
bool loader_is_running(void *ctx);
bool loader_is_released(void *ctx);

/* Loads "k": HF_OK when the value is this text, HF_E_INVALID when it is another. */
hf_err loader_get(struct loader *loader, const struct hf_call *call,
                  const struct hf_load *how, const char *expected);

/* Leaves "stale" under "k", past its expiry; the fixture's cache has a stale limit. */
void loader_store_stale(struct cache_fixture *f);

#endif
