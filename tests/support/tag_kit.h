/* tag_kit.h - entries with tags, for a test to invalidate.
 *
 * Threads:  as the cache. */

#ifndef HF_TESTS_TAG_KIT_H
#define HF_TESTS_TAG_KIT_H

#include "support/cache_fixture.h"

/* One entry with up to three tags, NULL for none. */
hf_err tag_set_in(struct hf_cache *cache, const char *key, const char *value, const char *a,
                  const char *b, const char *c);

/* One with one tag in the fixture's cache. */
hf_err tag_set(struct cache_fixture *f, const char *key, const char *value, const char *tag);

/* Within 100 ms. */
hf_err tag_invalidate(struct cache_fixture *f, const char *tag);

/* Another process, as far as Redis can tell. */
struct tag_other {
    struct hf_client *client;
    struct hf_cache  *cache;
};

void tag_other_open(struct tag_other *o, struct cache_fixture *f);
void tag_other_close(struct tag_other *o);

#endif
