#include "cache/heavy.h"

#include "core/hash.h"

static uint16_t *bucket_of(struct hf_heavy *h, uint64_t hash)
{
    return &h->buckets[hash % HF_HEAVY_BUCKETS];
}

static struct hf_heavy_key *find(struct hf_heavy *h, struct hf_bytes key, uint64_t hash)
{
    for (uint16_t at = *bucket_of(h, hash); at; at = h->keys[at - 1].next) {
        struct hf_heavy_key *k = &h->keys[at - 1];
        if (k->hash == hash && k->size == key.size && !memcmp(k->bytes, key.data, key.size)) {
            return k;
        }
    }
    return NULL;
}

static void put_in_place(struct hf_heavy *h, size_t place, uint16_t key)
{
    h->heap[place] = key;
    h->keys[key].place = (uint16_t)place;
}

static uint64_t count_at(const struct hf_heavy *h, size_t place)
{
    return h->keys[h->heap[place]].count;
}

/* A new key, whose count is smaller than its parents'. */
static void rise(struct hf_heavy *h, size_t place)
{
    const uint16_t key = h->heap[place];
    for (; place > 0 && count_at(h, (place - 1) / 2) > h->keys[key].count;
         place = (place - 1) / 2) {
        put_in_place(h, place, h->heap[(place - 1) / 2]);
    }
    put_in_place(h, place, key);
}

/* A key whose count has grown. */
static void sink(struct hf_heavy *h, size_t place)
{
    const uint16_t key = h->heap[place];
    for (;;) {
        size_t child = 2 * place + 1;
        if (child >= h->count) break;
        if (child + 1 < h->count && count_at(h, child + 1) < count_at(h, child)) child++;
        if (count_at(h, child) >= h->keys[key].count) break;
        put_in_place(h, place, h->heap[child]);
        place = child;
    }
    put_in_place(h, place, key);
}

static void take_out_of_bucket(struct hf_heavy *h, const struct hf_heavy_key *key)
{
    const uint16_t number = (uint16_t)(key - h->keys + 1);
    uint16_t      *at = bucket_of(h, key->hash);
    while (*at != number) at = &h->keys[*at - 1].next;
    *at = key->next;
}

/* Room for one more: a place of its own, or that of the smallest, with its count. */
static struct hf_heavy_key *make_room(struct hf_heavy *h)
{
    struct hf_heavy_key *k;
    if (h->count < HF_HEAVY_KEYS) {
        k = &h->keys[h->count];
        k->count = 0;
        put_in_place(h, h->count, (uint16_t)h->count);
        h->count++;
        rise(h, h->count - 1);
    } else {
        k = &h->keys[h->heap[0]];
        take_out_of_bucket(h, k);
    }
    k->error = k->count;
    return k;
}

void hf_heavy_add(struct hf_heavy *h, struct hf_bytes key, uint64_t by, int64_t now_ms)
{
    if (key.size == 0 || key.size > HF_HEAVY_KEY_MAX) return;
    const uint64_t       hash = hf_hash64(key, 0);
    struct hf_heavy_key *k = find(h, key, hash);
    if (!k) {
        k = make_room(h);
        k->hash = hash;
        k->size = (uint8_t)key.size;
        memcpy(k->bytes, key.data, key.size);
        k->next = *bucket_of(h, hash);
        *bucket_of(h, hash) = (uint16_t)(k - h->keys + 1);
    }
    h->total += by;
    k->count += by;
    k->last_ms = now_ms;
    sink(h, k->place);
}

void hf_heavy_clear(struct hf_heavy *h)
{
    h->total = 0;
    h->count = 0;
    memset(h->buckets, 0, sizeof h->buckets);
}
