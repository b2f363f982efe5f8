/* heavy.h - the keys that were asked for most, in a table that never grows: Space-Saving
 * (Metwally, Agrawal and El Abbadi, 2005).
 *
 * Each key in the table has a count. A key that is not there takes the place of the one with
 * the smallest, and inherits that count as its possible error. So of n that were counted:
 *
 *     count - error <= what it was really counted <= count        for each key in the table
 *     error <= n / HF_HEAVY_KEYS
 *     a key counted more than n / HF_HEAVY_KEYS is in the table
 *
 * and while no more than HF_HEAVY_KEYS keys came, all is exact.
 *
 * Threads:  none; the owner serialises.
 * Memory:   one block of about 150 KB for the table, from the owner.
 * Cost:     O(log HF_HEAVY_KEYS) for one count. */

#ifndef HF_CACHE_HEAVY_H
#define HF_CACHE_HEAVY_H

#include <holdfast/bytes.h>
#include <stdint.h>

enum {
    HF_HEAVY_KEYS = 512,
    HF_HEAVY_KEY_MAX = 240, /* Bytes; longer keys are not counted. */
    HF_HEAVY_BUCKETS = 1024,
};

struct hf_heavy_key {
    uint64_t hash;
    uint64_t count;
    uint64_t error;
    int64_t  last_ms; /* When it was counted last. */
    uint16_t next;    /* Of its bucket, from 1; 0: none. */
    uint16_t place;   /* In the heap. */
    uint8_t  size;
    char     bytes[HF_HEAVY_KEY_MAX];
};

/* Zero-initialised is empty. */
struct hf_heavy {
    uint64_t            total; /* Counted so far. */
    size_t              count; /* Of keys. */
    struct hf_heavy_key keys[HF_HEAVY_KEYS];
    uint16_t            heap[HF_HEAVY_KEYS]; /* Keys, the smallest count first. */
    uint16_t            buckets[HF_HEAVY_BUCKETS];
};

/* `by` more of that key, at now_ms. */
void hf_heavy_add(struct hf_heavy *h, struct hf_bytes key, uint64_t by, int64_t now_ms);

void hf_heavy_clear(struct hf_heavy *h);

#endif
