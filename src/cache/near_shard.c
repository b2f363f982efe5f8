#include "cache/near_shard.h"

#include "core/alloc.h"
#include "core/assert.h"

#include <string.h>

enum {
    FIRST_BUCKETS = 16,
    ENTRIES_A_BUCKET = 2, /* Before there are twice as many buckets. */
    GHOSTS_A_BUCKET = 2,
    SMALL_SHARE = 10, /* One part in ten. */
    ENTRY_SHARE = 8,
    FREQUENCY_MAX = 3,
    FREQUENCY_MAIN =
        2,          /* Asked for so often in the small queue, it goes on to the main one. */
    IN_MAIN = 0x80, /* In the byte of the frequency. */
    MALLOC_ALIGN = 16,
    MALLOC_HEADER = 8,
    COPIED_MAX = 256, /* Bytes; the rest is shared. */
};

enum {
    BUCKET_BYTES = sizeof(struct hf_inline_value *) + GHOSTS_A_BUCKET * sizeof(uint16_t),
};

/* ---- Entries ------------------------------------------------------------------- */

static size_t block_size(const struct hf_value *value)
{
    return sizeof(struct hf_inline_value) + value->size + value->key_size +
           (value->is_sliding ? sizeof(int64_t) : 0);
}

static size_t charge_of(size_t size)
{
    return (size + MALLOC_HEADER + MALLOC_ALIGN - 1) / MALLOC_ALIGN * MALLOC_ALIGN;
}

static unsigned char *key_of(struct hf_inline_value *e)
{
    return e->bytes + e->value.size;
}

int64_t hf_near_shard_half_left_ms(const struct hf_value *value)
{
    const struct hf_inline_value *e = (const struct hf_inline_value *)value;
    int64_t                       whole_ms;
    memcpy(&whole_ms, e->bytes + value->size + value->key_size, sizeof whole_ms);
    return value->expires_ms - whole_ms / 2;
}

static struct hf_inline_value *make(const struct hf_near_shard *s,
                                    const struct hf_near_key   *key,
                                    const struct hf_near_entry *entry, size_t size)
{
    const size_t            front = hf_value_marks_size(entry->tag_count);
    struct hf_inline_value *e = hf_alloc(s->allocator, size);
    if (!e) return NULL;
    e->value = (struct hf_value){
        .allocator = s->allocator,
        .created_ms = entry->created_ms,
        .expires_ms = entry->expires_ms,
        .is_absent = entry->is_absent,
        .has_metadata = entry->has_metadata,
        .is_tagged = entry->tag_count > 0,
        .is_inline = true,
        .is_sliding = entry->sliding_ms > 0,
        .key_size = (uint16_t)key->bytes.size,
        .tag = (uint32_t)key->hash,
        .size = (uint32_t)(front + entry->data.size),
    };
    atomic_init(&e->value.references, 1);
    hf_value_marks_write(entry->tags, entry->tag_count, e->bytes);
    if (entry->data.size) memcpy(e->bytes + front, entry->data.data, entry->data.size);
    memcpy(key_of(e), key->bytes.data, key->bytes.size);
    if (entry->sliding_ms > 0) {
        memcpy(key_of(e) + key->bytes.size, &entry->sliding_ms, sizeof entry->sliding_ms);
    }
    return e;
}

/* ---- Queues -------------------------------------------------------------------- */

static struct hf_near_queue *queue_of(struct hf_near_shard         *s,
                                      const struct hf_inline_value *e)
{
    return e->value.frequency & IN_MAIN ? &s->main : &s->small;
}

static void push(struct hf_near_shard *s, struct hf_inline_value *e, bool to_main)
{
    struct hf_near_queue *q = to_main ? &s->main : &s->small;
    e->value.frequency = to_main ? IN_MAIN : 0;
    e->newer = NULL;
    e->older = q->newest;
    if (q->newest) q->newest->newer = e;
    if (!q->oldest) q->oldest = e;
    q->newest = e;
    q->bytes += charge_of(block_size(&e->value));
}

static void take_out(struct hf_near_shard *s, struct hf_inline_value *e)
{
    struct hf_near_queue *q = queue_of(s, e);
    if (e->older) e->older->newer = e->newer;
    if (e->newer) e->newer->older = e->older;
    if (q->oldest == e) q->oldest = e->newer;
    if (q->newest == e) q->newest = e->older;
    q->bytes -= charge_of(block_size(&e->value));
}

/* ---- The table ----------------------------------------------------------------- */

static struct hf_inline_value **bucket_of(const struct hf_near_shard *s, uint32_t tag)
{
    return &s->buckets[tag & s->bucket_mask];
}

/* Never 0, which stands for none. */
static uint16_t fingerprint(uint32_t tag)
{
    return (uint16_t)((tag >> 16) | 1);
}

static uint16_t *ghost_of(const struct hf_near_shard *s, uint32_t tag)
{
    return &s->ghosts[tag & (s->bucket_mask * GHOSTS_A_BUCKET + GHOSTS_A_BUCKET - 1)];
}

static bool is_key(struct hf_inline_value *e, const struct hf_near_key *key)
{
    return e->value.tag == (uint32_t)key->hash && e->value.key_size == key->bytes.size &&
           memcmp(key_of(e), key->bytes.data, key->bytes.size) == 0;
}

static struct hf_inline_value **find(const struct hf_near_shard *s,
                                     const struct hf_near_key   *key)
{
    struct hf_inline_value **at = bucket_of(s, (uint32_t)key->hash);
    while (*at && !is_key(*at, key)) at = &(*at)->next;
    return at;
}

/* Out of the bucket, out of the queue, and the shard's reference given up. */
static void drop(struct hf_near_shard *s, struct hf_inline_value **at)
{
    struct hf_inline_value *e = *at;
    *at = e->next;
    take_out(s, e);
    s->bytes -= charge_of(block_size(&e->value));
    s->count--;
    hf_value_release(&e->value);
}

/* What was remembered is forgotten, and new tables are not filled but by what comes. Without
 * memory the buckets stay as they are, and get longer. */
static void grow(struct hf_near_shard *s)
{
    const size_t old = (size_t)s->bucket_mask + 1;
    const size_t extra = old * BUCKET_BYTES;
    if (s->bytes + extra > s->bytes_max || old > UINT32_MAX / 4) return;
    struct hf_inline_value **buckets = hf_alloc_zero(s->allocator, 2 * old, sizeof *buckets);
    uint16_t *ghosts = hf_alloc_zero(s->allocator, 2 * old * GHOSTS_A_BUCKET, sizeof *ghosts);
    if (!buckets || !ghosts) {
        hf_free(s->allocator, buckets);
        hf_free(s->allocator, ghosts);
        return;
    }
    const uint32_t mask = (uint32_t)(2 * old - 1);
    for (size_t i = 0; i < old; i++) {
        for (struct hf_inline_value *e = s->buckets[i], *next; e; e = next) {
            next = e->next;
            e->next = buckets[e->value.tag & mask];
            buckets[e->value.tag & mask] = e;
        }
    }
    hf_free(s->allocator, s->buckets);
    hf_free(s->allocator, s->ghosts);
    s->buckets = buckets;
    s->ghosts = ghosts;
    s->bucket_mask = mask;
    s->bytes += extra;
}

/* ---- Eviction ------------------------------------------------------------------ */

static void evict(struct hf_near_shard *s, struct hf_inline_value *e)
{
    struct hf_inline_value **at = bucket_of(s, e->value.tag);
    while (*at != e) at = &(*at)->next;
    drop(s, at);
    s->evictions++;
}

static bool evict_from_main(struct hf_near_shard *s)
{
    struct hf_inline_value *e = s->main.oldest;
    while (e && (e->value.frequency & ~IN_MAIN) > 0) {
        const uint8_t left = (uint8_t)(e->value.frequency - 1);
        take_out(s, e);
        push(s, e, true);
        e->value.frequency = left;
        e = s->main.oldest;
    }
    if (!e) return false;
    evict(s, e);
    return true;
}

static bool evict_from_small(struct hf_near_shard *s)
{
    for (struct hf_inline_value *e = s->small.oldest; e; e = s->small.oldest) {
        if (e->value.frequency < FREQUENCY_MAIN) {
            *ghost_of(s, e->value.tag) = fingerprint(e->value.tag);
            evict(s, e);
            return true;
        }
        take_out(s, e);
        push(s, e, true);
        if (s->main.bytes > s->bytes_max / SMALL_SHARE * (SMALL_SHARE - 1)) {
            return evict_from_main(s);
        }
    }
    return false;
}

static void evict_one(struct hf_near_shard *s)
{
    const bool is_small_due = s->small.bytes >= s->bytes_max / SMALL_SHARE;
    if (is_small_due && evict_from_small(s)) return;
    if (evict_from_main(s)) return;
    (void)evict_from_small(s);
}

/* ---- What the owner calls ------------------------------------------------------ */

hf_err hf_near_shard_init(struct hf_near_shard *s, const struct hf_allocator *a,
                          size_t bytes_max)
{
    hf_assert(bytes_max >= HF_NEAR_SHARD_BYTES_MIN);
    *s = (struct hf_near_shard){
        .allocator = a,
        .bytes_max = bytes_max,
        .bytes = FIRST_BUCKETS * BUCKET_BYTES + 2 * MALLOC_ALIGN,
        .bucket_mask = FIRST_BUCKETS - 1,
    };
    s->buckets = hf_alloc_zero(a, FIRST_BUCKETS, sizeof(struct hf_inline_value *));
    s->ghosts = hf_alloc_zero(a, FIRST_BUCKETS * GHOSTS_A_BUCKET, sizeof *s->ghosts);
    if (s->buckets && s->ghosts) return HF_OK;
    hf_near_shard_deinit(s);
    return HF_E_NOMEM;
}

void hf_near_shard_deinit(struct hf_near_shard *s)
{
    if (s->buckets) hf_near_shard_clear(s);
    hf_free(s->allocator, s->buckets);
    hf_free(s->allocator, s->ghosts);
    *s = (struct hf_near_shard){ 0 };
}

struct hf_value *hf_near_shard_find(struct hf_near_shard *s, const struct hf_near_key *key)
{
    struct hf_inline_value *e = *find(s, key);
    if (!e) return NULL;
    const uint8_t frequency = atomic_load_explicit(&e->value.frequency, memory_order_relaxed);
    if ((frequency & ~IN_MAIN) < FREQUENCY_MAX) { /* One of two at once may get lost. */
        atomic_store_explicit(&e->value.frequency, frequency + 1, memory_order_relaxed);
    }
    return &e->value;
}

struct hf_value *hf_near_shard_share(struct hf_value *found)
{
    if (found->size > COPIED_MAX) {
        hf_value_hold(found);
        return found;
    }
    const struct hf_inline_value *e = (const struct hf_inline_value *)found;
    struct hf_inline_value *copy = hf_alloc(found->allocator, sizeof *copy + found->size);
    if (!copy) return NULL;
    copy->value.allocator = found->allocator;
    copy->value.created_ms = found->created_ms;
    copy->value.expires_ms = found->expires_ms;
    copy->value.is_absent = found->is_absent;
    copy->value.is_inline = true;
    copy->value.is_sliding = found->is_sliding;
    copy->value.is_tagged = found->is_tagged;
    copy->value.is_large = found->is_large;
    copy->value.has_metadata = found->has_metadata;
    copy->value.size = found->size;
    atomic_init(&copy->value.references, 1);
    memcpy(copy->bytes, e->bytes, found->size);
    return &copy->value;
}

bool hf_near_shard_put(struct hf_near_shard *s, const struct hf_near_key *key,
                       const struct hf_near_entry *entry)
{
    struct hf_inline_value **at = find(s, key);
    bool                     to_main = *at && (*at)->value.frequency & IN_MAIN;
    if (*at) drop(s, at);

    if (key->bytes.size > HF_NEAR_KEY_MAX || entry->data.size > UINT32_MAX / 2) return false;
    const size_t size = sizeof(struct hf_inline_value) +
                        hf_value_marks_size(entry->tag_count) + entry->data.size +
                        key->bytes.size +
                        (entry->sliding_ms > 0 ? sizeof entry->sliding_ms : 0);
    const size_t charge = charge_of(size);
    if (charge > s->bytes_max / ENTRY_SHARE) return false;

    if (s->count >= ((size_t)s->bucket_mask + 1) * ENTRIES_A_BUCKET) grow(s);
    while (s->bytes + charge > s->bytes_max && s->count > 0) evict_one(s);
    struct hf_inline_value *e = make(s, key, entry, size);
    if (!e) return false;

    uint16_t *ghost = ghost_of(s, e->value.tag);
    if (*ghost == fingerprint(e->value.tag)) {
        to_main = true;
        *ghost = 0;
    }
    at = bucket_of(s, e->value.tag);
    e->next = *at;
    *at = e;
    push(s, e, to_main);
    s->bytes += charge;
    s->count++;
    hf_assert(s->bytes <= s->bytes_max);
    return true;
}

static uint32_t stripe_of(const struct hf_near_key *key)
{
    return (uint32_t)key->hash >> 26; /* Bits that the buckets use last. */
}

bool hf_near_shard_remove(struct hf_near_shard *s, const struct hf_near_key *key)
{
    struct hf_inline_value **at = find(s, key);
    _Static_assert(HF_NEAR_STRIPES == 1 << (32 - 26), "a stripe for each value of its bits");
    s->versions[stripe_of(key)]++;
    if (!*at) return false;
    drop(s, at);
    return true;
}

void hf_near_shard_clear(struct hf_near_shard *s)
{
    for (size_t i = 0; i <= s->bucket_mask; i++) {
        while (s->buckets[i]) drop(s, &s->buckets[i]);
    }
    for (size_t i = 0; i < HF_NEAR_STRIPES; i++) s->versions[i]++;
    hf_assert(s->count == 0 && s->small.bytes == 0 && s->main.bytes == 0);
}

uint32_t hf_near_shard_version(const struct hf_near_shard *s, const struct hf_near_key *key)
{
    return s->versions[stripe_of(key)];
}
