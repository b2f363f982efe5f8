#include "cache/access.h"
#include "cache/access_names.h"
#include "core/alloc.h"
#include "core/error.h"
#include "core/wall_clock.h"

#include <holdfast/batch.h>
#include <stdlib.h>

struct hf_hot {
    const struct hf_allocator *allocator;
    struct hf_batch           *batch; /* The keys lie in its replies. */
    size_t                     count;
    struct hf_hot_key          keys[];
};

static bool read_number(const struct hf_reply *node, int64_t *value)
{
    struct hf_bytes text;
    char            copy[24];
    double          score;
    if (!hf_reply_double(node, &score)) {
        *value = (int64_t)score;
        return true;
    }
    if (hf_reply_bytes(node, &text) || text.size == 0 || text.size >= sizeof copy)
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    *value = strtoll(copy, NULL, 10);
    return *value >= 0;
}

hf_err hf_cache_access(struct hf_cache *cache, const struct hf_call *call,
                       struct hf_bytes key, struct hf_access *access, struct hf_error *error)
{
    char                        room[HF_ACCESS_KEY_ROOM];
    const struct hf_cache_limit limit = hf_cache_limit(cache, call, hf_now());
    const struct hf_call        with = hf_cache_call(&limit, HF_COMMAND_READ);
    if (key.size == 0) return hf_fail(error, HF_E_INVALID, "cache access: empty key");
    if (key.size > HF_HEAVY_KEY_MAX) return HF_MISS;

    const struct hf_bytes argv[] = { hf_str("HMGET"),
                                     hf_access_key(room, cache, "/access:", key), hf_str("n"),
                                     hf_str("t") };
    struct hf_reply      *reply;
    int64_t               reads, last;
    hf_err err = hf_client_command(cache->client, &with, argv, 4, &reply, error);
    if (err) return hf_fail_in(error, err, "cache access");
    if (read_number(hf_reply_at(reply, 0), &reads) &&
        read_number(hf_reply_at(reply, 1), &last)) {
        *access = (struct hf_access){ (uint64_t)reads, last };
    } else {
        err = HF_MISS;
    }
    hf_reply_free(reply);
    return err;
}

/* ---- Hot keys ------------------------------------------------------------------ */

/* From the answer of one window: pairs side by side, or, in RESP3, each an array. */
static bool take_pair(const struct hf_reply *list, size_t index, struct hf_hot_key *pair)
{
    const struct hf_reply *first = hf_reply_at(list, 0);
    const bool             is_nested = hf_reply_type(first) == HF_REPLY_ARRAY;
    const struct hf_reply *both = is_nested ? hf_reply_at(list, index) : list;
    const size_t           at = is_nested ? 0 : 2 * index;
    int64_t                reads;
    if (!both || hf_reply_bytes(hf_reply_at(both, at), &pair->key)) return false;
    if (!read_number(hf_reply_at(both, at + 1), &reads)) return false;
    pair->reads = (uint64_t)reads;
    return true;
}

static int by_key(const void *a, const void *b)
{
    const struct hf_hot_key *x = a, *y = b;
    if (x->key.size != y->key.size) return x->key.size < y->key.size ? -1 : 1;
    return memcmp(x->key.data, y->key.data, x->key.size);
}

static int by_reads(const void *a, const void *b)
{
    const struct hf_hot_key *x = a, *y = b;
    if (x->reads != y->reads) return x->reads < y->reads ? 1 : -1;
    return by_key(a, b);
}

/* Adds up what stands in both windows. */
static void merge(struct hf_hot *hot)
{
    size_t kept = 0;
    qsort(hot->keys, hot->count, sizeof hot->keys[0], by_key);
    for (size_t i = 0; i < hot->count; i++) {
        if (kept && by_key(&hot->keys[kept - 1], &hot->keys[i]) == 0) {
            hot->keys[kept - 1].reads += hot->keys[i].reads;
        } else {
            hot->keys[kept++] = hot->keys[i];
        }
    }
    hot->count = kept;
    qsort(hot->keys, hot->count, sizeof hot->keys[0], by_reads);
}

static hf_err ask(struct hf_hot *hot, struct hf_cache *cache, const struct hf_call *call,
                  struct hf_error *error)
{
    const struct hf_cache_limit limit = hf_cache_limit(cache, call, hf_now());
    const int64_t               window = hf_access_window();
    hf_err                      err = HF_OK;
    for (int64_t back = 0; back < 2 && !err; back++) {
        char                  room[HF_ACCESS_KEY_ROOM];
        const struct hf_bytes key = hf_access_window_key(room, cache, window - back);
        const struct hf_bytes argv[] = { hf_str("ZREVRANGE"), key, hf_str("0"), hf_str("999"),
                                         hf_str("WITHSCORES") };
        err = hf_batch_add(hot->batch, argv, 5);
    }
    const struct hf_call with = hf_cache_call(&limit, HF_COMMAND_READ);
    if (!err) err = hf_client_batch(cache->client, &with, hot->batch, error);
    for (size_t i = 0; i < 2 && !err; i++) {
        const struct hf_reply *list;
        err = hf_batch_result(hot->batch, i, &list, error);
        for (size_t at = 0; !err && at < HF_HOT_MAX; at++) {
            if (!take_pair(list, at, &hot->keys[hot->count])) break;
            hot->count++;
        }
    }
    return err;
}

hf_err hf_cache_hot(struct hf_cache *cache, const struct hf_call *call, size_t max,
                    struct hf_hot **hot, struct hf_error *error)
{
    const struct hf_allocator *a = cache->allocator;
    const size_t   size = sizeof(struct hf_hot) + 2 * HF_HOT_MAX * sizeof(struct hf_hot_key);
    struct hf_hot *made = hf_alloc_zero(a, 1, size);
    if (!made) return hf_fail(error, HF_E_NOMEM, "cache hot");
    made->allocator = a;
    hf_err err = hf_batch_open(cache->client, &made->batch);
    if (!err) err = ask(made, cache, call, error);
    if (err) {
        hf_hot_free(made);
        return hf_fail_in(error, err, "cache hot");
    }
    merge(made);
    if (made->count > HF_HOT_MAX) made->count = HF_HOT_MAX;
    if (made->count > max) made->count = max;
    *hot = made;
    return HF_OK;
}

size_t hf_hot_count(const struct hf_hot *hot)
{
    return hot->count;
}

const struct hf_hot_key *hf_hot_at(const struct hf_hot *hot, size_t index)
{
    return index < hot->count ? &hot->keys[index] : NULL;
}

void hf_hot_free(struct hf_hot *hot)
{
    if (!hot) return;
    hf_batch_close(hot->batch);
    hf_free(hot->allocator, hot);
}
