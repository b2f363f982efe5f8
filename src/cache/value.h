/* value.h - what a read gives out: a counted reference into the replies it came in.
 *
 * Threads:  the count is atomic, the rest is read-only.
 * Memory:   one small block; the replies are released with the last reference. */

#ifndef HF_CACHE_VALUE_H
#define HF_CACHE_VALUE_H

#include "cache/envelope.h"

#include <holdfast/alloc.h>
#include <holdfast/cache.h>

/* What the bytes of a value live in. */
struct hf_value_source {
    void (*release)(void *object);
    void *object;
};

/* The source of a value that came alone. */
struct hf_value_source hf_value_from_reply(struct hf_reply *reply);

/* Takes the source over on HF_OK only; e->body points into it. expires_ms is
 * what holds, whatever *e says. HF_E_NOMEM. */
HF_NODISCARD hf_err hf_value_open(const struct hf_allocator *a, struct hf_value_source source,
                                  const struct hf_envelope *e, int64_t now_ms,
                                  int64_t expires_ms, struct hf_value **value);

/* True when what was read says that there is no value. */
bool hf_value_is_absent(const struct hf_value *value);

/* The whole TTL of an entry that reading prolongs; 0 for any other. */
int64_t hf_value_sliding_ms(const struct hf_value *value);

/* True when both were read from an entry stored at the same moment. */
bool hf_value_is_same(const struct hf_value *a, const struct hf_value *b);

#endif
