#include "cache/pending.h"

#include "core/alloc.h"
#include "core/assert.h"
#include "core/hash.h"

#include <string.h>

enum { SLOTS = 4096 };

static void check_invariant(const struct hf_pending *p)
{
    hf_assert(p->count <= HF_PENDING_KEYS_MAX && p->bytes <= HF_PENDING_BYTES_MAX);
    hf_assert((p->count == 0) == (p->oldest == NULL));
    hf_assert((p->oldest == NULL) == (p->newest == NULL));
    hf_assert(p->table || p->count == 0);
}

void hf_pending_init(struct hf_pending *p, const struct hf_allocator *a)
{
    *p = (struct hf_pending){ .allocator = a };
}

void hf_pending_deinit(struct hf_pending *p)
{
    hf_pending_clear(p);
}

static struct hf_pending_key **slot_of(const struct hf_pending *p, uint64_t hash)
{
    return &p->table[hash % SLOTS];
}

static struct hf_pending_key *find(const struct hf_pending *p, struct hf_bytes key)
{
    if (!p->table) return NULL;

    const uint64_t         hash = hf_hash64(key, 0);
    struct hf_pending_key *k = *slot_of(p, hash);
    while (k && !(k->hash == hash && k->size == key.size &&
                  memcmp(k->bytes, key.data, key.size) == 0)) {
        k = k->chain;
    }
    return k;
}

static void append(struct hf_pending *p, struct hf_pending_key *k)
{
    k->ticket = ++p->tickets;
    k->next = NULL;
    k->prev = p->newest;
    if (p->newest) p->newest->next = k;
    if (!p->oldest) p->oldest = k;
    p->newest = k;
}

static void detach(struct hf_pending *p, struct hf_pending_key *k)
{
    if (k->prev) k->prev->next = k->next;
    if (k->next) k->next->prev = k->prev;
    if (p->oldest == k) p->oldest = k->next;
    if (p->newest == k) p->newest = k->prev;
}

hf_err hf_pending_add(struct hf_pending *p, struct hf_bytes key)
{
    check_invariant(p);
    struct hf_pending_key *k = find(p, key);
    if (k) {
        detach(p, k);
        append(p, k);
        return HF_OK;
    }
    if (p->count == HF_PENDING_KEYS_MAX) return HF_E_OVERLOAD;
    if (key.size > HF_PENDING_BYTES_MAX - p->bytes) return HF_E_OVERLOAD;

    if (!p->table)
        p->table = hf_alloc_zero(p->allocator, SLOTS, sizeof(struct hf_pending_key *));
    if (!p->table) return HF_E_NOMEM;
    k = hf_alloc(p->allocator, sizeof *k + key.size);
    if (!k) return HF_E_NOMEM;

    k->hash = hf_hash64(key, 0);
    k->size = key.size;
    memcpy(k->bytes, key.data, key.size);
    k->chain = *slot_of(p, k->hash);
    *slot_of(p, k->hash) = k;
    append(p, k);
    p->count++;
    p->bytes += key.size;
    check_invariant(p);
    return HF_OK;
}

uint64_t hf_pending_ticket(const struct hf_pending *p, struct hf_bytes key)
{
    const struct hf_pending_key *k = find(p, key);
    return k ? k->ticket : 0;
}

void hf_pending_remove(struct hf_pending *p, struct hf_bytes key, uint64_t ticket)
{
    struct hf_pending_key *k = find(p, key);
    if (!k || k->ticket != ticket) return;

    struct hf_pending_key **at = slot_of(p, k->hash);
    while (*at != k) at = &(*at)->chain;
    *at = k->chain;
    detach(p, k);
    p->count--;
    p->bytes -= k->size;
    hf_free(p->allocator, k);
    if (p->count == 0) hf_pending_clear(p);
    check_invariant(p);
}

void hf_pending_clear(struct hf_pending *p)
{
    while (p->oldest) {
        struct hf_pending_key *k = p->oldest;
        p->oldest = k->next;
        hf_free(p->allocator, k);
    }
    hf_free(p->allocator, p->table);
    p->table = NULL;
    p->newest = NULL;
    p->count = 0;
    p->bytes = 0;
    check_invariant(p);
}
