#include "cache/value.h"

#include "cache/metadata.h"
#include "core/alloc.h"
#include "core/assert.h"
#include "core/wall_clock.h"

#include <string.h>

/* One whose bytes lie elsewhere. */
struct read_value {
    struct hf_value        value; /* First. */
    struct hf_value_source source;
    const void            *bytes; /* In the source. */
    int64_t                sliding_ms;
    int64_t                read_ms;
    size_t                 tag_count;
    struct hf_tag_mark     tags[];
};

static void free_reply(void *reply)
{
    hf_reply_free(reply);
}

struct hf_value_source hf_value_from_reply(struct hf_reply *reply)
{
    return (struct hf_value_source){ free_reply, reply };
}

static const struct read_value *as_read(const struct hf_value *value)
{
    hf_assert(!value->is_inline);
    return (const struct read_value *)value;
}

hf_err hf_value_open(const struct hf_allocator *a, struct hf_value_source source,
                     const struct hf_envelope *e, int64_t now_ms, int64_t expires_ms,
                     struct hf_value **value)
{
    struct hf_tag tags[HF_TAGS_MAX];
    const size_t  count = e->tags.size ? hf_tag_block_read(e->tags, e->key_hash, tags) : 0;
    const size_t  size = sizeof(struct read_value) + count * sizeof(struct hf_tag_mark);
    struct read_value *v = e->body.size <= UINT32_MAX ? hf_alloc(a, size) : NULL;
    if (!v) return HF_E_NOMEM;

    *v = (struct read_value){
        .value = { .allocator = a,
                   .created_ms = e->created_ms,
                   .expires_ms = expires_ms,
                   .is_absent = e->is_absent,
                   .is_sliding = e->sliding,
                   .is_tagged = e->tags.size > 0,
                   .is_large = e->is_large,
                   .has_metadata = e->has_metadata,
                   .size = (uint32_t)e->body.size },
        .source = source,
        .bytes = e->body.data,
        .sliding_ms = e->sliding ? e->expires_ms - e->created_ms : 0,
        .read_ms = now_ms,
        .tag_count = count,
    };
    for (size_t i = 0; i < count; i++) v->tags[i] = hf_tag_mark(&tags[i]);
    atomic_init(&v->value.references, 1);
    *value = &v->value;
    return HF_OK;
}

static void release_kept(void *kept)
{
    hf_value_release(kept);
}

hf_err hf_value_open_stale(struct hf_value *kept, int64_t now_ms, struct hf_value **value)
{
    const struct hf_value_source source = { release_kept, kept };
    const struct hf_envelope     envelope = { .created_ms = kept->created_ms,
                                              .expires_ms = kept->expires_ms,
                                              .is_absent = kept->is_absent,
                                              .sliding = kept->is_sliding,
                                              .has_metadata = kept->has_metadata,
                                              .body = hf_value_whole(kept) };
    const int64_t expires_ms = kept->expires_ms < now_ms ? kept->expires_ms : now_ms;
    return hf_value_open(kept->allocator, source, &envelope, now_ms, expires_ms, value);
}

/* Another machine's clock may be ahead of ours, so either may come first. */
static hf_duration span(int64_t from_ms, int64_t to_ms)
{
    int64_t ns;
    if (to_ms <= from_ms) return hf_ns(0);
    if (__builtin_mul_overflow(to_ms - from_ms, 1000000, &ns)) ns = INT64_MAX;
    return hf_ns(ns);
}

static int64_t as_of_ms(const struct hf_value *value)
{
    return value->is_inline ? hf_unix_ms() : as_read(value)->read_ms;
}

static const unsigned char *inline_bytes(const struct hf_value *value)
{
    return ((const struct hf_inline_value *)value)->bytes;
}

static size_t mark_count(const struct hf_value *value)
{
    uint64_t count = 0;
    if (!value->is_inline) return as_read(value)->tag_count;
    if (value->is_tagged) memcpy(&count, inline_bytes(value), sizeof count);
    return (size_t)count;
}

size_t hf_value_marks_size(size_t count)
{
    return count ? sizeof(uint64_t) + count * sizeof(struct hf_tag_mark) : 0;
}

void hf_value_marks_write(const struct hf_tag_mark *marks, size_t count, unsigned char *at)
{
    const uint64_t number = count;
    if (count == 0) return;
    memcpy(at, &number, sizeof number);
    memcpy(at + sizeof number, marks, count * sizeof *marks);
}

size_t hf_value_tags(const struct hf_value *value, struct hf_tag_mark marks[HF_TAGS_MAX])
{
    const size_t count = mark_count(value);
    const void  *from = value->is_inline
                            ? (const void *)(inline_bytes(value) + sizeof(uint64_t))
                            : (const void *)as_read(value)->tags;
    if (count) memcpy(marks, from, count * sizeof *marks);
    return count;
}

struct hf_bytes hf_value_whole(const struct hf_value *value)
{
    if (!value->is_inline) return hf_bytes(as_read(value)->bytes, value->size);
    const size_t front = value->is_tagged ? hf_value_marks_size(mark_count(value)) : 0;
    return hf_bytes(inline_bytes(value) + front, value->size - front);
}

struct hf_bytes hf_value_data(const struct hf_value *value)
{
    const struct hf_bytes whole = hf_value_whole(value);
    return value->has_metadata ? hf_metadata_skip(whole) : whole;
}

struct hf_bytes hf_value_metadata(const struct hf_value *value)
{
    return value->has_metadata ? hf_metadata_of(hf_value_whole(value)) : hf_bytes(NULL, 0);
}

hf_duration hf_value_age(const struct hf_value *value)
{
    return span(value->created_ms, as_of_ms(value));
}

hf_duration hf_value_ttl(const struct hf_value *value)
{
    return span(as_of_ms(value), value->expires_ms);
}

bool hf_value_is_stale(const struct hf_value *value)
{
    return !value->is_inline && value->expires_ms <= as_read(value)->read_ms;
}

bool hf_value_is_absent(const struct hf_value *value)
{
    return value->is_absent;
}

bool hf_value_is_tagged(const struct hf_value *value)
{
    return value->is_tagged;
}

bool hf_value_is_large(const struct hf_value *value)
{
    return value->is_large;
}

bool hf_value_is_sliding(const struct hf_value *value)
{
    return value->is_sliding;
}

int64_t hf_value_sliding_ms(const struct hf_value *value)
{
    return value->is_inline ? 0 : as_read(value)->sliding_ms;
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
    const bool is_last = atomic_load_explicit(&value->references, memory_order_acquire) == 1;
    if (!is_last &&
        atomic_fetch_sub_explicit(&value->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    if (!value->is_inline) {
        const struct hf_value_source source = as_read(value)->source;
        source.release(source.object);
    }
    hf_free(value->allocator, value);
}
