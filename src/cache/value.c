#include "cache/value.h"

#include "core/alloc.h"
#include "core/assert.h"

#include <stdatomic.h>

struct hf_value {
    const struct hf_allocator *allocator;
    atomic_uint                references;
    struct hf_value_source     source;
    struct hf_bytes            data; /* In the source. */
    bool                       is_absent;
    int64_t                    sliding_ms;
    int64_t                    created_ms;
    int64_t                    expires_ms;
    int64_t                    read_ms;
};

static void free_reply(void *reply)
{
    hf_reply_free(reply);
}

struct hf_value_source hf_value_from_reply(struct hf_reply *reply)
{
    return (struct hf_value_source){ free_reply, reply };
}

hf_err hf_value_open(const struct hf_allocator *a, struct hf_value_source source,
                     const struct hf_envelope *e, int64_t now_ms, int64_t expires_ms,
                     struct hf_value **value)
{
    struct hf_value *v = hf_alloc(a, sizeof *v);
    if (!v) return HF_E_NOMEM;

    v->allocator = a;
    atomic_init(&v->references, 1);
    v->source = source;
    v->data = e->body;
    v->is_absent = e->is_absent;
    v->sliding_ms = e->sliding ? e->expires_ms - e->created_ms : 0;

    v->created_ms = e->created_ms;
    v->expires_ms = expires_ms;
    v->read_ms = now_ms;
    *value = v;
    return HF_OK;
}

/* Another machine's clock may be ahead of ours, so either may come first. */
static hf_duration span(int64_t from_ms, int64_t to_ms)
{
    int64_t ns;
    if (to_ms <= from_ms) return hf_ns(0);
    if (__builtin_mul_overflow(to_ms - from_ms, 1000000, &ns)) ns = INT64_MAX;
    return hf_ns(ns);
}

struct hf_bytes hf_value_data(const struct hf_value *value)
{
    return value->data;
}

hf_duration hf_value_age(const struct hf_value *value)
{
    return span(value->created_ms, value->read_ms);
}

hf_duration hf_value_ttl(const struct hf_value *value)
{
    return span(value->read_ms, value->expires_ms);
}

bool hf_value_is_stale(const struct hf_value *value)
{
    return value->expires_ms <= value->read_ms;
}

bool hf_value_is_absent(const struct hf_value *value)
{
    return value->is_absent;
}

int64_t hf_value_sliding_ms(const struct hf_value *value)
{
    return value->sliding_ms;
}

bool hf_value_is_same(const struct hf_value *a, const struct hf_value *b)
{
    return a->created_ms == b->created_ms;
}

struct hf_value *hf_value_acquire(struct hf_value *value)
{
    const unsigned before = atomic_fetch_add_explicit(&value->references, 1,
                                                      memory_order_relaxed);
    hf_assert(before > 0);
    (void)before;
    return value;
}

void hf_value_release(struct hf_value *value)
{
    if (!value) return;
    if (atomic_fetch_sub_explicit(&value->references, 1, memory_order_acq_rel) > 1) return;
    value->source.release(value->source.object);
    hf_free(value->allocator, value);
}
