/* cache_fixture.h - a server, a client and a cache of one's own, for a test to hurt.
 *
 *     struct cache_fixture f;
 *     cache_fixture_open(&f, &(struct hf_cache_options){ .stale_limit = hf_seconds(60) });
 *     assert_int_equal(cache_fixture_set(&f, "key", "value"), HF_OK);
 *     cache_fixture_close(&f);        fails the test if a block of memory is left
 *
 * Threads:  as the parts. */

#ifndef HF_TESTS_CACHE_FIXTURE_H
#define HF_TESTS_CACHE_FIXTURE_H

#include "support/counting_allocator.h"
#include "support/redis_server.h"

#include <holdfast/holdfast.h>

struct cache_fixture {
    struct counting_allocator memory;
    struct redis_server      *server;
    struct hf_client         *client;
    struct hf_cache          *cache;
    struct hf_error           error; /* Of the last call of the functions below. */
};

/* Ready to be called; the key prefix is "t" unless options say otherwise. */
void cache_fixture_open(struct cache_fixture *f, const struct hf_cache_options *options);
/* The same with more arguments for the server, NULL at the end. */
void cache_fixture_open_with(struct cache_fixture *f, const struct hf_cache_options *options,
                             const char *const *args);

void cache_fixture_close(struct cache_fixture *f);

/* Text under text, with the default TTL. */
hf_err cache_fixture_set(struct cache_fixture *f, const char *key, const char *value);

/* HF_OK when the value is exactly this text; HF_E_INVALID when it is another. */
hf_err cache_fixture_expect(struct cache_fixture *f, const char *key, const char *value);

struct hf_stats cache_fixture_stats(const struct cache_fixture *f);

/* The user may not delete, so that reads work and deletes do not, for as long as it pleases.
 */
void cache_fixture_forbid_deletes(struct cache_fixture *f);
void cache_fixture_allow_deletes(struct cache_fixture *f);

#endif
